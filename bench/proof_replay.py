"""Crashes out of real histories: a commit whose tests crash in the code at its parent, and pass at the commit.

For each such commit there is the true fix, and, made from it, patches that are none. Nothing is assumed of a commit:
its tests are run at both ends first, in the box, with the interpreter that is given.
"""

from __future__ import annotations

import ast
import difflib
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.proof_cases import Wrap
from kintsugi.integrations.git import Git, GitError
from kintsugi.repair.languages import Machine
from kintsugi.repair.languages.known import find_suite, is_test_file, is_test_path
from kintsugi.repair.languages.results import Crash, TestResult
from kintsugi.repair.proof.judge import Reading
from kintsugi.repair.proof.runs import Proposal, Proving, Seen
from kintsugi.repair.sandbox import Box, BoxFailed, ground

_FIXES = re.compile(r"fix|bug|crash|error|exception|fail|rais|handl", re.IGNORECASE)
_LIKELY = re.compile(
    r"[Cc]rash|NoneType|(?:Attribute|Type|Key|Index|Name|Recursion|Zero\w+|Unbound\w+|Unicode\w+)Error"
)
_MEANT = re.compile(r"\b[Rr]ais(?:e|es|ing)\b")
_MOST_FILES = 12
_SECONDS = 60.0
_SWALLOWS = {
    "swallow: except Exception, pass": "except Exception:\n    pass",
    "swallow: except Exception, a default": "except Exception:\n    return None",
    "swallow: the very class, pass": "except {kind}:\n    pass",
}
_Files = dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A commit that mends a crash: what to prove, and the patches made from it that must not be proven."""

    name: str
    true: Proposal
    false: tuple[tuple[str, Proposal], ...]


async def replayed(
    repository: Path,
    box: Box,
    folder: Path,
    most: int,
    *,
    false_too: bool = True,
    only: Sequence[str] = (),
    seconds: float = _SECONDS,
) -> AsyncIterator[Replayed]:
    """At most `most` crashes of a repository, their parents exported below `folder`: first the commits whose subject
    speaks of a crash, the newest first. `only`: nothing but these commits, where a crash was found before. `seconds`:
    of one run of the tests.

    The commit's tests are put into the base: they are the existing tests that show the failure.
    """
    async for mended in mended_crashes(repository, box, folder, most, only=only, seconds=seconds):
        known = _with_known_test(mended.proposal, mended.crash)
        name = f"{repository.parent.name} {mended.commit[:10]} {mended.subject[:60]}"
        yield Replayed(name, known, tuple(await _false(known, mended.crash, box)) if false_too else ())


@dataclass(frozen=True, slots=True)
class Mended:
    """A commit that mends a crash: the commit as a patch of its parent, and a test that crashes without it."""

    commit: str
    subject: str
    proposal: Proposal
    crash: TestResult


async def mended_crashes(
    repository: Path,
    box: Box,
    folder: Path,
    most: int,
    *,
    only: Sequence[str] = (),
    tries: int | None = None,
    seconds: float = _SECONDS,
) -> AsyncIterator[Mended]:
    """At most `most` of a repository. `tries`: the commits whose tests are run for that; None for all."""
    found = tried = 0
    for commit, subject in _commits(repository, only):
        proposal = _proposal(repository, commit, folder / commit[:12])
        if proposal is None:
            continue
        if tried == tries:
            return
        crash, tried = await _crash(proposal, box, seconds), tried + 1
        if crash:
            yield Mended(commit, subject, proposal, crash)
            found += 1
        if found == most:
            return


def _with_known_test(proposal: Proposal, crash: TestResult) -> Proposal:
    for path, content in proposal.tests.items():
        target = proposal.base / path
        target.unlink(missing_ok=True)
        if content is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    source = {path: content for path, content in proposal.files.items() if path not in proposal.tests}
    assert crash.failure
    place = crash.failure.frames[-1]
    known = Crash(crash.failure.kind, crash.failure.message, place.path, place.function)
    return Proposal(proposal.base, source, failing=(crash.id,), crash=known)


def _git(repository: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True).stdout


def _commits(repository: Path, only: Sequence[str]) -> Iterator[tuple[str, str]]:
    which = ("--no-walk", *only) if only else ("--no-merges", "--", "*.py")
    log = _git(repository, "log", "--format=%H %s", *which).decode("utf-8", "replace")
    fixes = [
        (commit, subject)
        for commit, _, subject in (line.partition(" ") for line in log.splitlines())
        if only or _FIXES.search(subject)
    ]
    yield from sorted(fixes, key=lambda fix: _LIKELY.search(fix[1]) is None or _MEANT.search(fix[1]) is not None)


def _proposal(repository: Path, commit: str, base: Path) -> Proposal | None:
    """The commit as a patch, if it changes code and tests and not too much; its parent is exported to `base`."""
    try:
        changes = _git(repository, "diff", "--name-status", "--no-renames", f"{commit}~1", commit).decode().splitlines()
        paths = [line.split("\t", 1) for line in changes]
        python = [path for _, path in paths if path.endswith(".py")]
        tested = [path for status, path in paths if is_test_file(path) and status != "D"]
        if not tested or all(is_test_path(path) for path in python) or len(paths) > _MOST_FILES:
            return None
        files = {path: None if how == "D" else _git(repository, "show", f"{commit}:{path}") for how, path in paths}
        Git(repository).export(f"{commit}~1", base)
    except (subprocess.CalledProcessError, GitError, UnicodeDecodeError):
        return None
    return Proposal(base, files, {path: content for path, content in files.items() if is_test_path(path)})


async def _crash(proposal: Proposal, box: Box, seconds: float) -> TestResult | None:
    """A test that crashes in the code without the patch and passes with it, if there is one."""
    try:
        red = await _tests(proposal, proposal.tests, box, seconds)
        crashes = [test for test in red.results.bad.values() if _is_crash(test)]
        green = await _tests(proposal, proposal.files, box, seconds) if crashes else None
    except BoxFailed:
        return None
    return next((test for test in crashes if green and test.id in green.results.passed), None)


def _is_crash(test: TestResult) -> bool:
    return test.failure is not None and not test.failure.assertion and _place(test) is not None


async def _tests(proposal: Proposal, overlay: object, box: Box, seconds: float = _SECONDS) -> Seen:
    assert isinstance(overlay, dict)
    language, suite = find_suite(proposal.base, proposal.files, Machine(box.interpreter), None)
    assert suite
    files = [path for path in proposal.tests if is_test_file(path) and proposal.tests[path]]
    async with ground(box, proposal.base) as on:
        proving = Proving(proposal, Reading(), on, language, suite, time.monotonic() + seconds, lambda _: None)
        return await proving.tests(overlay, files)


def _place(test: TestResult) -> tuple[str, int] | None:
    """Where the code crashed: the innermost frame, if it is not in a test."""
    frames = test.failure.frames if test.failure is not None else ()
    if not frames or is_test_path(frames[-1].path):
        return None
    return frames[-1].path, frames[-1].line


async def _false(proposal: Proposal, crash: TestResult, box: Box) -> list[tuple[str, Proposal]]:
    place = _place(crash)
    assert place is not None
    assert crash.failure is not None
    path, line = place
    source = (proposal.base / path).read_text("utf-8", "replace")
    made: list[tuple[str, _Files]] = [("no-op", {path: f"{source}\n# mended\n".encode()})]
    for what, handler in _SWALLOWS.items():
        swallowed = _swallowed(source, line, handler.format(kind=crash.failure.kind))
        if swallowed is not None:
            made.append((what, {path: swallowed.encode()}))
    if len(made) > 1:
        made.append(("deletes the test", {**made[1][1], crash.file: None}))
    half = await _half(proposal, crash, box)
    if half is not None:
        made.append(("half fix", half))
    return [(what, replace(proposal, files=files)) for what, files in made]


def _swallowed(source: str, line: int, handler: str) -> str | None:
    """The source with the innermost statement around a line in a try; None where that gives no program."""
    tree = ast.parse(source)
    around = [
        node for node in ast.walk(tree) if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    if not around:
        return None
    innermost = max(around, key=lambda node: (node.lineno, node.col_offset))
    text = ast.unparse(ast.fix_missing_locations(Wrap(innermost.lineno, handler).visit(tree)))
    try:
        compile(text, "swallowed", "exec")
    except SyntaxError:
        return None
    return text


async def _half(proposal: Proposal, crash: TestResult, box: Box) -> _Files | None:
    """The fix without one of its parts, if the crash is still there then."""
    for path, content in proposal.files.items():
        if is_test_path(path) or not path.endswith(".py") or content is None or not (proposal.base / path).is_file():
            continue
        before = (proposal.base / path).read_text("utf-8", "replace").splitlines(keepends=True)
        for half in _halves(before, content.decode("utf-8", "replace").splitlines(keepends=True)):
            files: _Files = {**proposal.files, path: half.encode()}
            seen = await _tests(proposal, files, box)
            if crash.id in seen.results.bad:
                return files
    return None


def _halves(before: list[str], after: list[str]) -> Iterator[str]:
    """The new text with one change left out, for each change, if there are several."""
    opcodes = difflib.SequenceMatcher(None, before, after).get_opcodes()
    changes = [change for change in opcodes if change[0] != "equal"]
    for _, old, old_end, new, new_end in changes if len(changes) > 1 else ():
        yield "".join([*after[:new], *before[old:old_end], *after[new_end:]])
