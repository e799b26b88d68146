"""Fixes out of public histories in Go and Node, each replayed: the true one, and patches made from it that are none.

    python -m bench.languages DIR … [--most 5] [--only WORD] [--verbose]

A DIR is a git repository whose dependencies are installed (`npm install`, `go mod download`). A commit counts where it
changes code and tests, and the project's own command, run as it is, fails on its parent with its tests and passes on
the commit. What a proof takes is told as a ratio to that command. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kintsugi.repair.languages import Language, Machine, Suite
from kintsugi.repair.languages.known import find_suite, is_test_file, is_test_path, language_of
from kintsugi.repair.proof import ProofSettings, SandboxFailed, Unproven
from kintsugi.repair.referee import keeps_policy, proven
from kintsugi.repair.sandbox.probe import probe
from kintsugi.repair.sandbox.room import interpreter
from kintsugi.repair.trees import FolderTree, RevisionTree, TreeError
from kintsugi.workflow.patch import Tier

TRUE = "true fix"
TRUE_AT_LEAST = 0.9
_FIXES = re.compile(r"\b(?:fix|bug|crash|panic|error|exception|fail|wrong|handl(?:e|es|ing)\b)", re.IGNORECASE)
_MOST_FILES = 10
_BARE_SECONDS = 120
Files = dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Fix:
    """A commit that mends something: the tree before it, what it changes, and how long its tests take as they are."""

    name: str
    language: Language
    base: Path
    repository: Path
    files: Files
    seconds: float

    @property
    def tests(self) -> Files:
        return {path: content for path, content in self.files.items() if is_test_path(path)}


@dataclass(frozen=True, slots=True)
class Patch:
    files: Mapping[str, bytes | None]
    modes: Mapping[str, str]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    return asyncio.run(_measured(parser.parse_args()))


async def _measured(asked: argparse.Namespace) -> int:
    settings = ProofSettings(seconds=600)
    settings = replace(settings, box=await probe(settings.python, settings.limits))
    proven_of: Counter[tuple[str, str]] = Counter()
    tried: Counter[tuple[str, str]] = Counter()
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for repository in asked.repositories:
            for fix in _fixes(repository.resolve(), Path(scratch), asked.most):
                for what, files in _patches(fix):
                    if asked.only not in what:
                        continue
                    began = time.monotonic()
                    tier, says = await _verdict(fix, files, settings)
                    key = (fix.language.name, what)
                    tried[key] += 1
                    proven_of[key] += tier in (Tier.E1, Tier.E2) if what != TRUE else tier is Tier.E2
                    if what == TRUE:
                        ratios.setdefault(fix.language.name, []).append((time.monotonic() - began) / fix.seconds)
                    if asked.verbose or (tier is not Tier.E2) == (what == TRUE):
                        print(f"  {fix.name}: {what}: {tier or 'refused'}: {says}", flush=True)
                shutil.rmtree(fix.base, ignore_errors=True)
    return _told(tried, proven_of, ratios)


def _told(
    tried: Counter[tuple[str, str]], proven_of: Counter[tuple[str, str]], ratios: Mapping[str, list[float]]
) -> int:
    missed = False
    for language, what in sorted(tried):
        count, of = proven_of[language, what], tried[language, what]
        is_missed = count < TRUE_AT_LEAST * of if what == TRUE else count > 0
        missed = missed or is_missed
        print(f"{language:6} {what:20} proven {count:3} of {of:3}{'   missed' if is_missed else ''}")
    for language, each in sorted(ratios.items()):
        print(
            f"{language:6} a proof takes {statistics.median(each):.1f} times the bare command (median of {len(each)})"
        )
    return int(missed)


def _fixes(repository: Path, scratch: Path, most: int) -> Iterator[Fix]:
    """The newest commits that the project's own command shows to be fixes."""
    found = 0
    for commit, subject in _commits(repository):
        fix = _fix(repository, commit, subject, scratch / f"{repository.name}-{commit[:10]}")
        if fix is not None:
            yield fix
            found += 1
        if found == most:
            return


def _git(repository: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True).stdout


def _commits(repository: Path) -> Iterator[tuple[str, str]]:
    for line in _git(repository, "log", "--no-merges", "--format=%H %s").decode("utf-8", "replace").splitlines():
        commit, _, subject = line.partition(" ")
        if _FIXES.search(subject):
            yield commit, subject


def _fix(repository: Path, commit: str, subject: str, base: Path) -> Fix | None:
    try:
        changes = _git(repository, "diff", "--name-status", "--no-renames", f"{commit}~1", commit).decode().splitlines()
        paths = [tuple(line.split("\t", 1)) for line in changes]
        code = [path for _, path in paths if language_of(path) and not is_test_path(path)]
        tested = [path for how, path in paths if is_test_file(path) and how != "D"]
        if not code or not tested or len(paths) > _MOST_FILES or any(path.endswith(".py") for path in code):
            return None
        files = {path: None if how == "D" else _git(repository, "show", f"{commit}:{path}") for how, path in paths}
        RevisionTree(repository, f"{commit}~1").export(base)
    except (subprocess.CalledProcessError, TreeError, UnicodeDecodeError):
        return None
    # Other files (documents, locks, settings of a linter) are no part of what is to be proven.
    files = {path: content for path, content in files.items() if language_of(path) or is_test_path(path)}
    machine = Machine(interpreter(Path(sys.executable)), repository)
    language, suite = find_suite(base, files, machine, None)
    if suite is None:
        return None
    only_tests = {path: content for path, content in files.items() if is_test_path(path)}
    red, _ = _bare(base, only_tests, suite, repository)
    green, seconds = _bare(base, files, suite, repository)
    if red or not green:
        shutil.rmtree(base)
        return None
    return Fix(f"{repository.name} {commit[:10]} {subject[:50]}", language, base, repository, files, seconds)


def _bare(base: Path, changes: Mapping[str, bytes | None], suite: Suite, repository: Path) -> tuple[bool, float]:
    """Whether the project's command ends well as anybody would run it, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(base, tree, symlinks=True)
        for path, content in changes.items():
            (tree / path).unlink(missing_ok=True)
            if content is not None:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_bytes(content)
        for source, path in suite.placed:
            (tree / path).symlink_to(source)
        top = tree / getattr(suite, "folder", ".")
        own = {
            **os.environ,
            "PATH": f"{top}/node_modules/.bin:{tree}/node_modules/.bin:{os.environ['PATH']}",
            "CI": "1",
        }
        words = [*suite.shown(()), *(["-count=1"] if suite.says.startswith("go test") else [])]
        began = time.monotonic()
        try:
            done = subprocess.run(
                words,
                cwd=top,
                env=own,
                capture_output=True,
                timeout=_BARE_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (subprocess.TimeoutExpired, OSError):
            return False, 0.0
        return done.returncode == 0, time.monotonic() - began


async def _verdict(fix: Fix, files: Files, settings: ProofSettings) -> tuple[Tier | None, str]:
    try:
        keeps_policy(Patch(files, {}), FolderTree(fix.base))
        evidence = await proven(
            FolderTree(fix.base).export,
            files,
            {path: content for path, content in files.items() if is_test_path(path)},
            None,
            settings=replace(settings, dependencies=fix.repository),
            progress=lambda _: None,
        )
    except Unproven as refused:
        return None, refused.reason[:300]
    except SandboxFailed as failed:
        return None, f"the sandbox failed: {failed.reason}"
    return evidence.tier, evidence.says[:200]


def _patches(fix: Fix) -> Iterator[tuple[str, Files]]:
    yield TRUE, fix.files
    source = next(
        (path for path in fix.files if language_of(path) and not is_test_path(path) and (fix.base / path).is_file()),
        None,
    )
    if source is not None:
        text = (fix.base / source).read_text("utf-8", "replace")
        yield "comments alone", {**fix.tests, source: f"{text}\n// mended\n".encode()}
        if swallowed := _swallowed(source, text, (fix.files[source] or b"").decode("utf-8", "replace")):
            yield "swallow", {**fix.tests, source: swallowed.encode()}
    tested = next(
        (path for path in fix.tests if is_test_file(path) and (fix.base / path).is_file() and fix.tests[path]), None
    )
    if tested is None:
        return
    before, after = (
        (fix.base / tested).read_text("utf-8", "replace"),
        (fix.tests[tested] or b"").decode("utf-8", "replace"),
    )
    for what, changed in _worse(tested, before, after):
        yield what, {**fix.files, tested: changed.encode()}


def _swallowed(path: str, before: str, after: str) -> str | None:
    """The body of the function around the first change, with whatever it raises dropped."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old) - 1)
    heads = re.compile(
        r"^func .*\{$"
        if path.endswith(".go")
        else r"^\s*(?:(?:export |async |static )*function\b.*|(?:async )?[\w$]+\([^)]*\) )\{$"
    )
    for at in range(min(first, len(old) - 1), -1, -1):
        if not heads.match(old[at].rstrip()):
            continue
        if path.endswith(".go"):
            return "".join([*old[: at + 1], "\tdefer func() { _ = recover() }()\n", *old[at + 1 :]])
        indent = re.match(r"\s*", old[at])
        assert indent
        end = next((k for k in range(at + 1, len(old)) if old[k].startswith(f"{indent[0]}}}")), None)
        if end is not None and end > first:
            return "".join([*old[: at + 1], "try {\n", *old[at + 1 : end], "} catch (e) {}\n", *old[end:]])
    return None


def _worse(path: str, before: str, after: str) -> Iterator[tuple[str, str]]:
    """The commit's tests with one that was there taken away, skipped, or emptied of what it asserts."""
    language = language_of(path)
    names = [match[0] for match in _TEST_LINES[path.endswith(".go")].finditer(before)]
    kept = next((line for line in names if after.count(line) == 1 and before.count(line) == 1), None)
    if language is None or kept is None:
        return
    at = after.index(kept)
    end = _end_of(after, at)
    body = after[at:end]
    yield "deleted test", after[:at] + after[end:]
    if path.endswith(".go"):
        yield "skipped test", after.replace(kept, f'{kept}\n\tt.Skip("later")', 1)
    else:
        yield "skipped test", after[:at] + re.sub(r"\b(it|test)\(", r"\1.skip(", body, count=1) + after[end:]
    emptied = re.sub(r"(?m)^\s*(?:assert|expect|should|s?t)\b[.(](?!end|plan|test|comment).*;\n", "", body)
    if path.endswith(".go"):
        check = re.compile(
            r"(?m)^(\s*)if (?!err)[^\n]*[!=]=[^\n]*\{\n(?:\1\t.*\n)*?\1\t+t\.(?:Error|Fatal).*\n(?:\1\t.*\n)*?\1\}\n"
        )
        emptied = check.sub("", body, count=1)
    if emptied != body:
        yield "loosened test", after[:at] + emptied + after[end:]


_TEST_LINES = {
    True: re.compile(r"^func Test\w+\(t \*testing\.T\) \{$", re.MULTILINE),
    False: re.compile(r"^[ \t]*(?:it|test)\(['\"`].*$", re.MULTILINE),
}


def _end_of(text: str, at: int) -> int:
    """Behind the line that closes what begins at `at`, by its indent."""
    indent = re.match(r"[ \t]*", text[at:])
    assert indent
    closing = re.compile(rf"^{re.escape(indent[0])}\}}.*\n?", re.MULTILINE).search(text, text.index("\n", at))
    return closing.end() if closing else len(text)


if __name__ == "__main__":
    sys.exit(main())
