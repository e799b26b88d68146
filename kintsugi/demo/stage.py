"""The demo's course: crash, capture, then whatever the incident owes, with a human (or --auto) at two places.

Every step looks first whether it was done, so that a run cut short goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from difflib import ndiff

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from kintsugi.app.bootstrap import Kintsugi, Ports, code_context
from kintsugi.app.connectors import Connector
from kintsugi.app.desk import Desk, opened
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.demo.recording import MODEL, serve
from kintsugi.demo.workspace import BRANCH, Workspace, example
from kintsugi.integrations.http_replay import HttpReplay
from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings
from kintsugi.integrations.local_git import LocalGit
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.port import Model
from kintsugi.integrations.terminal import Terminal, agreed, confirmation
from kintsugi.integrations.workbench import Workbench
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.repair.proof import ProofSettings
from kintsugi.telemetry.plain import plain_diff
from kintsugi.telemetry.redact import redact
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import Refusal, SettingsError, StepFailed
from kintsugi.workflow.incident import Incident, Price
from kintsugi.workflow.patch import Edit
from kintsugi.workflow.payload import Repository
from kintsugi.workflow.pull_requests import merged
from kintsugi.workflow.states import ENDED, Effect, State

GOOD_REQUEST = "/checkout?cart=teapot,cup,cup&coupon=SPRING10"
FAILING_REQUEST = "/checkout?cart=teapot,cup,cup&coupon=WELCOME5"
_RESTING = ENDED | {State.NEEDS_HUMAN, State.STUCK}
_ACTOR = "demo:you"
_TESTED_BY = ("python", "-m", "unittest")  # as the sample's tests are written, whatever is installed beside Kintsugi


class DemoChannel(Terminal):
    """The terminal, and a bell for whoever waits for the incident to move. `proposals`: each is shown as it is made."""

    def __init__(self, console: Console, *, proposals: bool) -> None:
        super().__init__(console)
        self._proposals = proposals
        self.token: str | None = None
        self.rung = asyncio.Event()

    async def announce(self, incident: Incident) -> None:
        await super().announce(incident)
        self.rung.set()

    def _show(self, incident: Incident) -> None:
        super()._show(incident)
        if self._proposals and incident.state is State.DIAGNOSED and incident.diagnosis:
            for edit in incident.diagnosis.edits:
                self._console.print(proposal(edit))

    async def ask(self, incident: Incident, token: str) -> None:
        self._console.print(confirmation(incident))
        self.token = token
        self.rung.set()


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of the demo: where, with which ending, and whether a human is there to be asked."""

    workspace: Workspace
    ending: str
    model: Connector[Model]
    console: Console
    ask_human: bool

    async def play(self) -> Incident:
        """From wherever an earlier run left off to the end. Answers the incident as it rests."""
        async with self._kintsugi() as (desk, kintsugi, channel, host):
            incident = await self._captured(desk)
            await self._stand_up_again(incident)
            await self._ask_again(desk, incident)
            working = asyncio.create_task(kintsugi.work())
            reviewing = asyncio.create_task(self._review(desk, channel, host, incident.id))
            try:
                await asyncio.wait({working, reviewing}, return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    await working  # it only ends by a failure
                return await reviewing
            finally:
                for task in (working, reviewing):
                    task.cancel()
                await asyncio.gather(working, reviewing, return_exceptions=True)

    # --- the crash ----------------------------------------------------------------------------------------------

    async def _captured(self, desk: Desk) -> Incident:
        """The demo's one incident: found, or made of a crash of the running program."""
        known = await desk.store.incidents(limit=1)
        if known:
            self._say(f"Going on with {known[0].name}, which is {known[0].state.words}.")
            return known[0]
        commit = self.workspace.git.resolve(BRANCH)
        assert commit
        await asyncio.to_thread(self._crash, commit)
        return await self._capture(desk, commit)

    def _crash(self, commit: str) -> None:
        self._say(f"The shop's repository: {self.workspace.origin}")
        self.workspace.deploy(commit)
        self._say(f"The shop runs at {self.workspace.base_url()} from commit {commit[:10]}.")
        for path in (GOOD_REQUEST, FAILING_REQUEST):
            status, body = self.workspace.get(path)
            answer = Text(f"  GET {path}  →  {status} {body}", style="green" if status == 200 else "bold red")
            self.console.print(answer)

    async def _capture(self, desk: Desk, commit: str) -> Incident:
        shop = Program(
            source=self.workspace.origin,
            build=commit,
            environment="demo",
            repository=Repository(name="shop", branch=BRANCH),
        )
        intake = Intake(fire=desk.engine.fire, clock=desk.clock, program=shop)
        payload = await intake.payload(self.workspace.log.read_text(errors="replace"), actor=_ACTOR)
        if self.ending == "useless-fix":  # the failing call itself would refuse that one
            payload = payload.model_copy(update={"capsule": None})
        incident = (await intake.take(payload, key=f"demo:{commit}", actor=_ACTOR)).incident
        failure = payload.exception
        frame = failure.innermost if failure else None
        if failure and frame:
            place = f"{frame.path}:{frame.line} in {frame.function}()"
            self._say(f"Captured as {incident.name}: {failure.final.type}: {failure.final.message} at {place}")
        if payload.capsule and payload.capsule.source:
            self._say(
                f"The failing call, {payload.capsule.module}.{payload.capsule.function}, was written down with it."
            )
        self._say(
            f"Fingerprint {incident.fingerprint}; the log slice, the request and the code around are kept with it."
        )
        return incident

    async def _stand_up_again(self, incident: Incident) -> None:
        """What was deployed runs, also where the machine was restarted in the meantime."""
        if incident.state in (State.DEPLOYED, State.HEALED) and incident.merge_sha:
            await asyncio.to_thread(self.workspace.deploy, incident.merge_sha)

    async def _ask_again(self, desk: Desk, incident: Incident) -> None:
        """The token of a confirmation that an earlier run asked for went with it."""
        if incident.state is State.AWAITING_CONFIRM:
            with suppress(Refusal):  # it was being asked for, and will be again once the work goes on
                await desk.engine.hasten(incident.id, Effect.ASK_CONFIRMATION)

    # --- the human ----------------------------------------------------------------------------------------------

    async def _review(self, desk: Desk, channel: DemoChannel, host: LocalGit, id: int) -> Incident:
        """Confirm and merge when it is time to, until the incident rests."""
        said: set[str] = set()
        while True:
            channel.rung.clear()
            incident = await desk.store.incident(id)
            await self._say_what_failed(desk, id, said)
            if incident.state in _RESTING:
                await asyncio.sleep(0.1)  # so that its announcement is on the terminal
                return incident
            if incident.state is State.AWAITING_CONFIRM and channel.token:
                await self._confirm(desk, incident, channel.token)
                channel.token = None
            elif incident.state is State.PR_OPENED:
                await self._merge(desk, host, incident)
            await self._next_ring(channel)

    async def _say_what_failed(self, desk: Desk, id: int, said: set[str]) -> None:
        """A step that will be tried again, and why: each reason once, and those that were `said` not again."""
        for owed in await desk.store.owed(id):
            if owed.status == "pending" and owed.attempts and owed.error and owed.error not in said:
                said.add(owed.error)
                self._say(f"{owed.kind.words.capitalize()}: {owed.error} Trying again at {owed.due:%H:%M:%S} UTC.")

    async def _confirm(self, desk: Desk, incident: Incident, token: str) -> None:
        answer: t.Trigger
        yes = await self._yes("Confirm this patch?")
        id, now = incident.id, desk.clock.now()
        if yes:
            answer = t.Confirmed(incident=id, key=f"demo:confirmed:{now}", at=now, actor=_ACTOR, token=token)
        else:
            answer = t.Rejected(incident=id, key=f"demo:rejected:{now}", at=now, actor=_ACTOR)
        await desk.engine.fire(answer)

    async def _merge(self, desk: Desk, host: LocalGit, incident: Incident) -> None:
        assert incident.pull_request
        number = incident.pull_request.number
        yes = await self._yes(f"Merge pull request #{number} ({incident.pull_request.branch})?")
        now = desk.clock.now()
        if not yes:
            key, why = f"demo:unmerged:{incident.seq}", "The pull request was not merged."
            await desk.engine.fire(t.Cancelled(incident=incident.id, key=key, at=now, actor=_ACTOR, why=why))
            return
        sha = await host.merge(number, now)
        await desk.engine.fire(merged(incident.id, host.name, number, sha, now))

    async def _yes(self, question: str) -> bool:
        if not self.ask_human:
            self._say(f"{question} Yes (nobody was asked: --auto, or not at a terminal).")
            return True
        return await agreed(self.console, question)

    async def _next_ring(self, channel: DemoChannel) -> None:
        try:
            async with asyncio.timeout(0.5):  # a move without an announcement, such as the token's, rings no bell
                await channel.rung.wait()
        except TimeoutError:
            return

    # --- the parts ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _kintsugi(self) -> AsyncIterator[tuple[Desk, Kintsugi, DemoChannel, LocalGit]]:
        database = Database.at(self.workspace.database)
        await asyncio.to_thread(upgrade, database)
        channel, host = DemoChannel(self.console, proposals=self.ending != "fix"), LocalGit(self.workspace.git, BRANCH)
        proof = ProofSettings(_TESTED_BY, without_walls=not self._asks_a_model)
        bench = Workbench(self.workspace.git, BRANCH, proof, redact)
        async with opened(database) as desk, self._model() as model:
            bench.warm_up()
            try:
                parts = self._parts(channel, host, bench, model)
                yield desk, Kintsugi(desk, parts, look_again=timedelta(seconds=0.2)), channel, host
            finally:
                await bench.close()

    def _parts(self, channel: DemoChannel, host: LocalGit, bench: Workbench, model: Model) -> Ports:
        command = LocalCommandSettings(self.workspace.deploy_command(), self.workspace.folder, self.workspace.base_url)
        return Ports(
            analyst=ModelAnalyst(model, code_context(self.workspace.origin), redact),
            checker=bench,
            code_host=host,
            deployer=LocalCommand(command, redact),
            monitor=HttpReplay(self.workspace.base_url),
            channel=channel,
        )

    @property
    def _asks_a_model(self) -> bool:
        """Whether somebody else writes the patch; the recording is ours."""
        return self.model.missing is None and self.ending == "fix"

    @asynccontextmanager
    async def _model(self) -> AsyncIterator[Model]:
        """A real model where a key is set and the ending is the ordinary one; else the recording."""
        if self._asks_a_model:
            model = self.model.make()
            self._say(f"The model: {await self._there(model)}; for real, as KINTSUGI_LLM_ settings name it.")
            yield model
            return
        async with serve(_recording(), self.ending) as address:
            self._say(f"The model: a recording, served at {address} to the real openai SDK.")
            yield OpenAIModel(ModelAccess(MODEL, api_key="recording", base_url=address, price=Price(0, 0)))

    async def _there(self, model: Model) -> str:
        """That it answers, in words. Raises SettingsError, as nobody wants to watch it being asked for hours."""
        try:
            return await model.check()
        except StepFailed as failed:
            raise SettingsError(f"{failed} Without any KINTSUGI_LLM_ setting the demo plays a recording.") from failed

    def _say(self, sentence: str) -> None:
        self.console.print(Text(sentence))


def proposal(edit: Edit) -> Syntax:
    """What the model wants to change, as lines taken away and added."""
    before, after = edit.search.splitlines(), edit.replace.splitlines()
    lines = [line.rstrip() for line in ndiff(before, after) if not line.startswith("?")]
    return Syntax(plain_diff("\n".join([f"  {edit.path}", *lines])), "diff", background_color="default", word_wrap=True)


def _recording() -> str:
    return (example("recordings") / "checkout.json").read_text(encoding="utf-8")
