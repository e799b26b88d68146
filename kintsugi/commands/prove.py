"""`kintsugi prove`: the referee alone, on any repository, for any patch and any author."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kintsugi.commands.voice import say, say_json

if TYPE_CHECKING:
    from kintsugi.repair.apply import Applied
    from kintsugi.repair.proof import Crash, ProofSettings
    from kintsugi.repair.trees import FolderTree, RevisionTree
    from kintsugi.workflow.patch import Evidence, Run


def prove(
    *,
    repo: Annotated[
        Path, typer.Option(help="A git repository or a plain folder.", exists=True, file_okay=False, resolve_path=True)
    ],
    patch: Annotated[str, typer.Option(metavar="FILE", help="The patch with its tests; - is standard input.")],
    failure: Annotated[
        str | None, typer.Option(metavar="FILE", help="A traceback or log: what the patch is to mend.")
    ] = None,
    base: Annotated[str, typer.Option(metavar="REV", help="The commit that the patch is for.")] = "HEAD",
    test_command: Annotated[
        str, typer.Option(metavar="COMMAND", help="How its tests are run, if that cannot be found out.")
    ] = "",
    python: Annotated[Path | None, typer.Option(help="The interpreter that has what the program needs.")] = None,
    seconds: Annotated[float, typer.Option(min=1, help="At most this long.")] = 300,
    memory_mb: Annotated[int, typer.Option(min=64, help="Memory for its tests.")] = 1024,
    dependencies: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="For Node: a checkout with its packages installed (node_modules). Without it: --repo.",
            exists=True,
            file_okay=False,
            resolve_path=True,
        ),
    ] = None,
    mount: Annotated[
        list[Path] | None, typer.Option(help="More of this machine that they may read.", exists=True)
    ] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable for its tests.")] = None,
    service: Annotated[
        list[str] | None, typer.Option(metavar="COMMAND", help="A program to start beside the tests in the sandbox.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """Prove a patch: policy, then red to green in a sandbox, then every test that passed before.

    Of a git repository, what is committed counts. Exit status 0 if it is proven (E1 or better); 3 if it is
    refused, with the reason; 1 if it could not be tried here. With --json: `{"tier", "says", "flags", "red",
    "green", "reproduced", "tests"}`, the runs as `{"command", "exit_status", "seconds", "output"}`, the tests as
    `{"known", "ran", "passed", "compared", "why_not"}`.

    Example: `kintsugi prove --repo . --patch fix.diff --failure crash.log`

    Example: `git diff main | kintsugi prove --repo . --base main --patch - --json`
    """
    from kintsugi.commands.outcome import run

    beside = _Beside(dependencies or repo, tuple(mount or ()), tuple(env or ()), tuple(service or ()))

    def asked() -> _Asked:
        return _Asked(repo, base, patch, failure, _settings(test_command, python, seconds, memory_mb, beside))

    run(lambda: _proven(asked(), as_json))


@dataclass(frozen=True, slots=True)
class _Asked:
    repo: Path
    base: str
    patch: str
    failure: str | None
    settings: ProofSettings


@dataclass(frozen=True, slots=True)
class _Verdict:
    """How it ended, and the exit status for it; without evidence the patch is refused or could not be tried."""

    status: int
    says: str
    evidence: Evidence | None = None
    red: Run | None = None
    green: Run | None = None

    def facts(self) -> dict[str, object]:
        found = self.evidence
        return {
            "tier": found.tier if found else None,
            "says": self.says,
            "flags": found.flags if found else (),
            "red": _facts(found.red if found else self.red),
            "green": _facts(found.green if found else self.green),
            "reproduced": found.reproduced if found else None,
            "tests": asdict(found.numbers) if found and found.numbers else None,
        }

    def as_text(self) -> str:
        if self.evidence is None:
            return self.says
        flags = "".join(f"\n! {flag}" for flag in self.evidence.flags)
        return f"{self.evidence.tier.spoken}: {self.says}\n{self.evidence.box}{flags}"


def _facts(run: Run | None) -> dict[str, object] | None:
    if run is None:
        return None
    return {"command": run.command, "exit_status": run.exit_status, "seconds": run.seconds, "output": run.output}


@dataclass(frozen=True, slots=True)
class _Beside:
    """What the tests find beside the tree."""

    dependencies: Path
    mounts: tuple[Path, ...]
    variables: tuple[str, ...]  # NAME=value
    services: tuple[str, ...]


def _settings(test_command: str, python: Path | None, seconds: float, memory_mb: int, beside: _Beside) -> ProofSettings:
    from kintsugi.repair.proof import ProofSettings

    return ProofSettings(
        tuple(shlex.split(test_command)) or None,
        python=python or Path(sys.executable),
        seconds=seconds,
        memory_mb=memory_mb,
        dependencies=beside.dependencies,
        mounts=tuple(path.resolve() for path in beside.mounts),
        variables=dict(_named(text) for text in beside.variables),
        services=beside.services,
    )


def _named(text: str) -> tuple[str, str]:
    from kintsugi.commands.outcome import UsageError

    name, is_one, value = text.partition("=")
    if not (is_one and name.isidentifier()):
        raise UsageError(f"--env {text}: write it as NAME=value.")
    return name, value


async def _proven(asked: _Asked, as_json: bool) -> int:
    verdict = await _verdict(asked)
    if as_json:
        say_json(verdict.facts())
    else:
        say(verdict.as_text(), err=verdict.status != 0)
    return verdict.status


async def _verdict(asked: _Asked) -> _Verdict:
    from kintsugi.commands.outcome import FAULT, REFUSED
    from kintsugi.repair.applying.changes import Refused
    from kintsugi.repair.proof import SandboxFailed, Unproven
    from kintsugi.workflow.patch import Tier

    tree = _tree(asked.repo, asked.base)
    crash = _crash(asked.failure, asked.repo)
    try:
        evidence = await _evidence(tree, _applied(asked.patch, tree), crash, asked.settings)
    except Refused as refused:
        return _Verdict(REFUSED, f"The patch does not apply: {refused.reason}")
    except Unproven as refused:
        return _Verdict(REFUSED, _sentence(refused.reason), None, refused.red, refused.green)
    except SandboxFailed as failed:
        return _Verdict(FAULT, f"The sandbox failed, which says nothing about the patch: {failed.reason}")
    return _Verdict(FAULT if evidence.tier is Tier.E0 else 0, evidence.says, evidence)


def _tree(repo: Path, base: str) -> FolderTree | RevisionTree:
    """The commit that the patch is for; a folder that is no repository, or has no commit yet, as it lies."""
    from kintsugi.commands.outcome import UsageError
    from kintsugi.repair.trees import FolderTree, RevisionTree, TreeError

    try:
        return RevisionTree(repo, base)
    except TreeError as error:
        if base != "HEAD":
            raise UsageError(str(error)) from error
        return FolderTree(repo)


def _applied(patch: str, tree: FolderTree | RevisionTree) -> Applied:
    from kintsugi.commands.files import read_bytes
    from kintsugi.repair.apply import apply
    from kintsugi.repair.replies import read_reply
    from kintsugi.workflow.patch import ReplyFormat

    content = read_bytes(patch)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return apply(read_reply(text, ReplyFormat.AUTO), tree)


def _crash(failure: str | None, repo: Path) -> Crash | None:
    from kintsugi.capture import locate, read_failure, read_text
    from kintsugi.commands.files import read_bytes
    from kintsugi.commands.outcome import UsageError
    from kintsugi.repair.referee import crash_of

    if failure is None:
        return None
    found = read_failure(read_text(read_bytes(failure)))
    if found is None:
        raise UsageError(f"There is no failure in {failure}. Give a traceback, or a log that holds one.")
    return crash_of(locate(found, repo))


async def _evidence(
    tree: FolderTree | RevisionTree, applied: Applied, crash: Crash | None, settings: ProofSettings
) -> Evidence:
    from kintsugi.repair.referee import its_tests, keeps_policy, proven, with_flags

    flags = keeps_policy(applied, tree)
    tests = its_tests(applied.files)
    evidence = await proven(tree.export, applied.files, tests, crash, settings=settings, progress=_progress)
    return with_flags(evidence, flags)


def _progress(step: str) -> None:
    say(f"… {step}", err=True)


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:].rstrip(".") + "."
