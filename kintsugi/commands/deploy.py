"""`kintsugi deploy …`: what runs, the newest commit into production, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.commands.common import agreed_to, ask_for, at_a_terminal, incident_number
from kintsugi.commands.outcome import FAULT, UsageError
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.workflow import triggers as t
from kintsugi.workflow.ports import Rollout
from kintsugi.workflow.production import Plan, Production
from kintsugi.workflow.questions import before_a_deploy

_LOOK_EVERY = 5.0  # seconds
_SEEN_WITHIN = 300.0  # seconds, from when the deployer calls it done
_PRODUCTION = "production"
_LISTED = 20  # commits


async def latest(wait: bool, yes: bool) -> int:
    """Deploy the newest commit of the branch. 1 where that fails, 3 where nobody confirmed it."""
    bootstrap = Bootstrap.read()
    production, console = bootstrap.production(), PlainConsole(highlight=False)
    plan = await production.plan()
    _show(console, plan, bootstrap.settings.code.branch)
    rollout = plan.stands
    if rollout is None:
        if not yes:
            await _confirmed(plan, bootstrap.settings.program.env_name)
        rollout, _ = await production.deploy(plan.commit, lambda words: console.print(Text(words, style="dim")))
        console.print(Text(rollout.says))
    if wait:
        rollout = await _ended(production, plan.commit, rollout, console)
    return FAULT if rollout.done is False else 0


async def status() -> int:
    """How the newest commit stands."""
    bootstrap = Bootstrap.read()
    plan = await bootstrap.production().plan()
    _show(PlainConsole(highlight=False), plan, bootstrap.settings.code.branch)
    return 0


async def rollback(id: str, *, yes: bool = False) -> None:
    """Ask for what ran before an incident's fix; the service does it."""
    receipt = await ask_for(t.RollbackRequested, incident_number(id), yes=yes)
    name = receipt.incident.name
    PlainConsole().print(f"{name}: a rollback was asked for. `kintsugi run` carries it out.", highlight=False)


def _show(console: Console, plan: Plan, branch: str) -> None:
    for line in _lines(plan, branch):
        console.print(Text(line))


def _lines(plan: Plan, branch: str) -> Iterator[str]:
    runs = f"{plan.running[:10]} runs" if plan.running else "the program tells of no commit that it runs"
    yield f"{plan.commit[:10]} is the newest of {branch}; {runs}."
    if plan.found or not plan.runs_it:
        yield plan.says
    if plan.changes:
        yield f"New since {plan.running[:10]}:"
        yield from (f"  {commit.title}" for commit in plan.changes[:_LISTED])


async def _confirmed(plan: Plan, environment: str) -> None:
    """Somebody has to say yes; in a script too, where this is production. Raises Refusal."""
    if at_a_terminal():
        await agreed_to(before_a_deploy(plan, environment, datetime.now(UTC)))
    elif environment == _PRODUCTION:
        raise UsageError("This is production: say so with --yes.")


async def _ended(
    production: Production, commit: str, rollout: Rollout, console: Console, seen_within: float = _SEEN_WITHIN
) -> Rollout:
    """Follow it until it failed, or the program itself says that it runs; or for too long does not."""
    said, clock = rollout.says, asyncio.get_running_loop().time
    ends = clock() + seen_within
    while (rollout := await production.look(commit) or rollout).done is None:
        if rollout.says != said:
            console.print(Text(rollout.says, style="dim"))
        said = rollout.says
        if not rollout.unseen:
            ends = clock() + seen_within
        elif clock() >= ends:
            console.print(Text(f"The deployer calls it done, but {commit[:10]} was not seen to run within 5 minutes."))
            return replace(rollout, done=False)
        await asyncio.sleep(_LOOK_EVERY)
    console.print(Text(rollout.says))
    return rollout
