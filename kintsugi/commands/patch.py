"""`kintsugi patch`: apply a proposed patch, or hold it against the policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from kintsugi.commands.voice import say, say_json
from kintsugi.workflow.patch import ReplyFormat

if TYPE_CHECKING:
    from kintsugi.repair.apply import Applied
    from kintsugi.repair.policy import Finding
    from kintsugi.repair.trees import Tree

UNUSABLE, REFUSED = 2, 3

app = typer.Typer(help="Apply a proposed patch, or check it against the policy.", no_args_is_help=True)

Repo = Annotated[
    Path,
    typer.Option(help="A git work tree or a plain folder.", exists=True, file_okay=False, resolve_path=True),
]
Format = Annotated[ReplyFormat, typer.Option(help="How the patch is written; auto finds out.")]


@app.command()
def apply(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The patch or reply; - reads standard input.")],
    repo: Repo,
    format: Format = ReplyFormat.AUTO,
    base: Annotated[
        str | None, typer.Option(metavar="REV", help="Apply to this commit, and have git merge the result.")
    ] = None,
) -> None:
    """Apply a proposed patch to the files of a folder: all of it or nothing.

    Exit status 0 if it was applied; 3 if it is refused, with the reason on standard error and no file touched.

    Example: `kintsugi patch apply --repo . reply.md`

    Example: `kintsugi patch apply --repo . --base HEAD~3 fix.diff`
    """
    from kintsugi.repair.apply import write
    from kintsugi.repair.applying.changes import Refused
    from kintsugi.repair.trees import FolderTree, TreeError

    text = _read(file)
    try:
        tree = FolderTree(repo)
        applied = _on_base(text, format, repo, base, tree) if base else _applied(text, format, tree)
        write(applied, repo)
    except Refused as refused:
        _leave(f"Refused: {refused.reason}", REFUSED)
    except TreeError as error:
        _leave(str(error), UNUSABLE)
    except OSError as error:
        _leave(f"Nothing was written: {error.filename or repo}: {error.strerror}.", 1)
    for path, content in sorted(applied.files.items()):
        say(f"{'removed' if content is None else 'wrote'} {path}")


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Patches or replies; - reads standard input.")],
    repo: Repo,
    format: Format = ReplyFormat.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a FILE.")] = False,
) -> None:
    """Check patches against the policy, one line for each FILE. Writes nothing.

    Exit status 0 if all are clean, though a human may have to look at what is flagged; 3 if one is refused.

    Example: `kintsugi patch check --repo . reply.md`

    Example: `kintsugi patch check --repo . --json a.diff b.diff`
    """
    from kintsugi.repair.trees import FolderTree

    tree = FolderTree(repo)
    texts = [(file, _read(file)) for file in files]
    refused = False
    for file, text in texts:
        findings = _findings(text, format, tree)
        refused = refused or any(finding.refuses for finding in findings)
        say_json(_as_value(file, findings)) if as_json else say(_as_line(file, findings))
    if refused:
        raise typer.Exit(REFUSED)


def _applied(text: str, format: ReplyFormat, tree: Tree) -> Applied:
    from kintsugi.repair.apply import apply
    from kintsugi.repair.replies import read_reply

    return apply(read_reply(text, format), tree)


def _on_base(text: str, format: ReplyFormat, repo: Path, base: str, present: Tree) -> Applied:
    from kintsugi.repair.applying.onto import merged_onto
    from kintsugi.repair.trees import RevisionTree

    tree = RevisionTree(repo, base)
    return merged_onto(_applied(text, format, tree), tree, present)


def _findings(text: str, format: ReplyFormat, tree: Tree) -> tuple[Finding, ...]:
    """What the policy minds; a patch that cannot be applied is one that it refuses."""
    from kintsugi.repair.applying.changes import Refused
    from kintsugi.repair.policy import Finding, Rule, check

    try:
        return check(_applied(text, format, tree), tree)
    except Refused as refused:
        return (Finding("", Rule.UNUSABLE, refused.reason),)


def _as_value(file: str, findings: tuple[Finding, ...]) -> dict[str, Any]:
    refuses = any(finding.refuses for finding in findings)
    said = [{"path": one.path, "rule": one.rule, "sentence": one.sentence, "refuses": one.refuses} for one in findings]
    return {"file": file, "verdict": "refused" if refuses else "clean", "findings": said}


def _as_line(file: str, findings: tuple[Finding, ...]) -> str:
    refusals = [finding for finding in findings if finding.refuses]
    said = " ".join(" ".join(f"{one.path}: {one.sentence}".split()).removeprefix(": ") for one in refusals or findings)
    verdict = "refused" if refusals else "clean, to be looked at" if findings else "clean"
    return f"{file}: {verdict}{': ' if said else ''}{said}"


def _read(file: str) -> str:
    """The text of a file or of standard input. Leaves where there is none."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        _leave(f"{file} cannot be read: {error.strerror}.", UNUSABLE)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _leave(sentence: str, status: int) -> NoReturn:
    say(sentence, err=True)
    raise typer.Exit(status)
