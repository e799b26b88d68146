"""Fixes out of public histories in Go and Node, each replayed: the true one, and patches made from it that are none.

    python -m bench.languages DIR … --choose [--most 5]
    python -m bench.languages DIR … [--fixes FILE] [--most 5] [--only WORD] [--verbose]

A DIR is a git repository whose dependencies are installed (`npm install`, `go mod download`). A commit counts where it
changes code and tests, and the project's own command, run as it is, fails on its parent with its tests and passes on
the commit; in Go it must be a test that fails, and not the build. With --choose these are listed and nothing is proven,
so that a list can be made before anything is known of it (`bench/fixes.txt`); --fixes replays that list. What a
proof takes is told beside that command. Exits with 1 when a target is missed.
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
from dataclasses import dataclass, field, replace
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
_BARE_SECONDS = 300
_NICER = 10  # as the box is, so that both take what they take in the same crowd
Files = dict[str, bytes | None]
Took = tuple[float, float]
"""Seconds, and seconds of the processor."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A commit that mends something: the tree before it, what it changes, and what its tests take as they are."""

    name: str
    language: Language
    base: Path
    repository: Path
    files: Files
    took: Took

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
    parser.add_argument("--choose", action="store_true", help="only list the fixes")
    parser.add_argument("--fixes", type=Path, help="replay these: a repository and a commit a line")
    parser.add_argument("--only", default="")
    parser.add_argument("--verbose", action="store_true")
    return asyncio.run(_measured(parser.parse_args()))


@dataclass
class Table:
    """What became of each patch, and what each true fix took: the bare command and the proof."""

    proven: Counter[tuple[str, str]] = field(default_factory=Counter)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    took: dict[str, list[tuple[Took, Took]]] = field(default_factory=dict)

    def told(self) -> bool:
        """Print it; whether a target is missed."""
        missed = False
        for language, what in sorted(self.tried):
            count, of = self.proven[language, what], self.tried[language, what]
            is_missed = count < TRUE_AT_LEAST * of if what == TRUE else count > 0
            missed = missed or is_missed
            print(f"{language:6} {what:20} proven {count:3} of {of:3}{'   missed' if is_missed else ''}")
        for language, each in sorted(self.took.items()):
            for at, what in enumerate(("seconds", "of the processor")):
                bare, proof = (statistics.median(one[at] for one in took) for took in zip(*each, strict=True))
                times = statistics.median(took[at] / alone[at] for alone, took in each)
                print(f"{language:6} {what}, median of {len(each)}: {bare:.1f} the bare command, ", end="")
                print(f"{proof:.1f} a proof ({times:.1f} times)")
        return missed


async def _measured(asked: argparse.Namespace) -> int:
    settings = ProofSettings(seconds=600)
    settings = replace(settings, box=await probe(settings.python, settings.limits))
    table = Table()
    commits = {path.resolve(): _commits(path, asked.fixes) for path in asked.repositories}
    gate = asyncio.Lock()  # by turns, one fix of each repository
    with tempfile.TemporaryDirectory() as scratch:

        async def all_of(repository: Path) -> None:
            found = 0
            for commit, subject in commits[repository]:
                if found == asked.most and not asked.fixes:
                    return
                async with gate:
                    base = Path(scratch) / f"{repository.name}-{commit[:10]}"
                    fix = await asyncio.to_thread(_fix, repository, commit, subject, base)
                    if fix is not None:
                        found += 1
                        await (_listed(fix) if asked.choose else _replayed(fix, asked, settings, table))
                        shutil.rmtree(base, ignore_errors=True)
                    elif asked.fixes:
                        print(f"  {repository.name} {commit[:10]}: no fix by the bare command here", flush=True)

        await asyncio.gather(*map(all_of, commits))
    return int(table.told())


def _now() -> Took:
    times = os.times()
    return time.monotonic(), times.children_user + times.children_system


def _since(began: Took) -> Took:
    now = _now()
    return now[0] - began[0], now[1] - began[1]


async def _listed(fix: Fix) -> None:
    print(f"{fix.name}  # {fix.language.name}, {fix.took[0]:.1f} s", flush=True)


async def _replayed(fix: Fix, asked: argparse.Namespace, settings: ProofSettings, table: Table) -> None:
    for what, files in _patches(fix):
        if asked.only not in what:
            continue
        began = _now()
        tier, says = await _verdict(fix, files, settings)
        took = _since(began)
        key = (fix.language.name, what)
        table.tried[key] += 1
        table.proven[key] += tier in (Tier.E1, Tier.E2) if what != TRUE else tier is Tier.E2
        if what == TRUE:
            table.took.setdefault(fix.language.name, []).append((fix.took, took))
        if asked.verbose or (tier is not Tier.E2) == (what == TRUE):
            beside = f"{took[0]:.1f} s ({took[1]:.1f} of the processor) beside {fix.took[0]:.1f} ({fix.took[1]:.1f})"
            print(f"  {fix.name}: {what}: {tier or 'refused'}, {beside}: {says}", flush=True)


def _git(repository: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True).stdout


def _commits(repository: Path, fixes: Path | None) -> list[tuple[str, str]]:
    """Those of the list, or else all whose subject speaks of a fix, the newest first."""
    told = _git(repository, "log", "--no-merges", "--format=%H %s").decode("utf-8", "replace").splitlines()
    found = [(commit, subject) for commit, _, subject in (line.partition(" ") for line in told)]
    if fixes is None:
        return [(commit, subject) for commit, subject in found if _FIXES.search(subject)]
    words = [line.split() for line in fixes.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    asked = [commit for name, commit, *_ in words if name.rpartition("/")[2] == repository.resolve().name]
    return [(commit, subject) for commit, subject in found if commit.startswith(tuple(asked))] if asked else []


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
    red, printed, _ = _bare(base, only_tests, suite)
    green, _, took = (False, "", (0.0, 0.0)) if red or not _by_a_test(language, printed) else _bare(base, files, suite)
    if not green:
        shutil.rmtree(base)
        return None
    return Fix(f"{repository.name} {commit[:10]} {subject[:50]}", language, base, repository, files, took)


def _by_a_test(language: Language, printed: str) -> bool:
    return language.name != "Go" or "--- FAIL" in printed or "panic: " in printed


def _bare(base: Path, changes: Mapping[str, bytes | None], suite: Suite) -> tuple[bool, str, Took]:
    """Whether the project's command ends well as anybody would run it, what it prints, and what it takes."""
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
        words = ["nice", f"-n{_NICER}", *suite.shown(())]
        words += ["-count=1"] if suite.says.startswith("go test") else []
        began = _now()
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
            return False, "", (0.0, 0.0)
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        return done.returncode == 0, printed, _since(began)


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
