"""`kintsugi demo`: sets the stage, plays, and shows at the end what is true now."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.commands.show import show
from kintsugi.demo.stage import FAILING_REQUEST, Stage
from kintsugi.demo.workspace import BRANCH, Workspace
from kintsugi.executors.lock import only_one
from kintsugi.integrations.clock import SystemClock
from kintsugi.integrations.terminal import PlainConsole, agreed
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import is_current
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Owed
from kintsugi.workflow.states import ENDED, State

FIX, BROKEN_FIX, USELESS_FIX = "fix", "broken-fix", "useless-fix"
_EXPECTED = {FIX: State.HEALED, BROKEN_FIX: State.NEEDS_HUMAN, USELESS_FIX: State.RECURRED}
_USUAL_FOLDER = Path(".kintsugi", "demo")  # where `kintsugi demo` keeps everything unless told otherwise


@dataclass(frozen=True, slots=True)
class Wishes:
    """The command's options."""

    auto: bool
    ending: str
    fresh: bool
    stop: bool
    folder: Path


async def demo(wishes: Wishes) -> int:
    """Play the demo. 0 when it came to the ending it was to show."""
    console = PlainConsole(highlight=False)
    # what fails is told in sentences; without a handler the bare names of events would stand between them
    logging.getLogger("kintsugi").addHandler(logging.NullHandler())
    workspace = Workspace(wishes.folder)
    workspace.lock.parent.mkdir(parents=True, exist_ok=True)
    with only_one(workspace.lock):
        if wishes.stop:
            workspace.stop()
            return 0
        ending = wishes.ending
        human = sys.stdin.isatty() and not wishes.auto
        if not await _goes_on(workspace, ending, wishes.fresh, human, console):
            if not await _may_replace(workspace, human and not wishes.fresh, console):
                return 0
            workspace.remove()
        workspace.prepare(ending)
        incident = await Stage(workspace, ending, Bootstrap.read().model, console, human).play()
        await _finale(console, workspace, incident)
    return 0 if incident.state is _EXPECTED[ending] else 1


async def _goes_on(workspace: Workspace, ending: str, fresh: bool, human: bool, console: Console) -> bool:
    """Whether an earlier run was cut short and is to be gone on with."""
    if fresh or workspace.ending != ending or not workspace.database.exists():
        return False
    incident = await _only_incident(workspace)
    if incident and (incident.state in ENDED or incident.state is State.NEEDS_HUMAN):
        return False
    return not human or await agreed(console, "An earlier run was interrupted. Go on with it?")


async def _may_replace(workspace: Workspace, human: bool, console: Console) -> bool:
    """What an earlier run came to is not taken away without a word; a human is asked."""
    earlier = await _only_incident(workspace) if workspace.database.exists() else None
    if earlier is None:
        return True
    says = f"This replaces the earlier demo in {workspace.folder}, whose {earlier.name} {earlier.state.says}."
    if human:
        return await agreed(console, f"{says} Go on? (To keep it, use --dir for another folder.)")
    console.print(Text(f"{says} To keep one, use --dir for another folder.", style="dim"))
    return True


async def _only_incident(workspace: Workspace) -> Incident | None:
    read = await _read(workspace)
    return read[0] if read else None


async def _read(workspace: Workspace) -> tuple[Incident, list[Step], list[Owed]] | None:
    database = Database.at(workspace.database)
    if not is_current(database):
        return None
    store = SqlStore(database, SystemClock())
    try:
        found = await store.incidents(limit=1)
        if not found:
            return None
        return found[0], await store.history(found[0].id), await store.owed(found[0].id)
    finally:
        await store.close()


async def _finale(console: Console, workspace: Workspace, incident: Incident) -> None:
    read = await _read(workspace)
    assert read
    console.print(Rule(f"{incident.name} {incident.state.words}"))
    show(console, *read)
    console.print(Rule("what is true now"))
    for fact in _facts(workspace, incident):
        console.print(Text(fact))
    for what, command in _places(workspace, incident):
        console.print(Text(what, style="dim"))
        console.print(Text(f"  {command}"), soft_wrap=True)  # in one piece, to be copied


def _facts(workspace: Workspace, incident: Incident) -> list[str]:
    """Looked up in the repository and asked of the program, not remembered."""
    git, merge = workspace.git, incident.merge_sha
    if merge is None or incident.patch is None:
        return [f"Nothing was pushed: {BRANCH} is at {(git.resolve(BRANCH) or '')[:10]} as before."]
    on_main = git.contains(BRANCH, merge)
    same_tree = git.tree_of(merge) == incident.patch.tree
    status, body = workspace.get(FAILING_REQUEST)
    running = workspace.get("/version")[1]["commit"]
    return [
        f"{_tick(on_main)} the merge commit {merge[:10]} is on {BRANCH}",
        f"{_tick(same_tree)} its tree is the confirmed one, {incident.patch.tree[:10]}",
        f"{_tick(running == merge)} the running program says it is {str(running)[:10]}",
        f"{_tick(status == 200)} GET {FAILING_REQUEST}  →  {status} {body}",
    ]


def _tick(true: bool) -> str:
    return "✔" if true else "✘"


def _places(workspace: Workspace, incident: Incident) -> list[tuple[str, str]]:
    """Where everything lies, as commands to copy."""
    here, kintsugi = Path.cwd(), _program()
    folder = workspace.folder.relative_to(here) if workspace.folder.is_relative_to(here) else workspace.folder
    database = f"KINTSUGI_DATABASE_URL=sqlite:///{folder / 'kintsugi.db'}"
    demo = f"{kintsugi} demo" if folder == _USUAL_FOLDER else f"{kintsugi} demo --dir {folder}"
    other = f"{demo} --broken-fix" if workspace.ending == FIX else demo
    return [
        ("the repository", f"git -C {folder / 'origin.git'} log --graph --stat"),
        ("the program, which stops by itself", f"curl '{workspace.base_url()}{FAILING_REQUEST}'"),
        ("its log", f"less {folder / 'runtime' / 'service.log'}"),
        ("the incident", f"{database} {kintsugi} incident show {incident.id} --json"),
        ("to stop the program now", f"{demo} --stop"),
        ("next, the other ending" if workspace.ending == FIX else "next, the good ending", other),
        ("then your own program: it asks a few questions", f"{kintsugi} init"),
    ]


def _program() -> str:
    """How this command is called from here."""
    called, here = Path(sys.argv[0]), Path.cwd()
    if which("kintsugi") or called.name != "kintsugi":
        return "kintsugi"
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)
