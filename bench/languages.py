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
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.languages_false import Files, false_patches
from kintsugi.repair.languages import Language, Machine, Suite
from kintsugi.repair.languages.known import find_suite, is_test_path, language_of
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
    parser.add_argument("--tries", type=int, default=40, help="commits of a repository whose tests are run for that")
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
            found = tried = 0
            for commit, subject in commits[repository]:
                if not asked.fixes and (found == asked.most or tried == asked.tries):
                    return
                changes = _changes(repository, commit)
                if changes is None:
                    continue
                tried += 1
                async with gate:
                    base = Path(scratch) / f"{repository.name}-{commit[:10]}"
                    fix = await asyncio.to_thread(_fix, repository, commit, subject, changes, base)
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
    for what, files in ((TRUE, fix.files), *false_patches(fix.base, fix.files)):
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


def _changes(repository: Path, commit: str) -> list[tuple[str, str]] | None:
    """How each path is changed, where code and tests are and not too much is."""
    try:
        lines = _git(repository, "diff", "--name-status", "--no-renames", f"{commit}~1", commit).decode().splitlines()
    except (subprocess.CalledProcessError, UnicodeDecodeError):
        return None
    changes = [(how, path) for how, _, path in (line.partition("\t") for line in lines)]
    code = [path for _, path in changes if language_of(path) and not is_test_path(path)]
    tested = any(is_test_path(path) and how != "D" for how, path in changes)
    fits = code and tested and len(changes) <= _MOST_FILES and not any(path.endswith(".py") for path in code)
    return changes if fits else None


def _fix(repository: Path, commit: str, subject: str, changes: list[tuple[str, str]], base: Path) -> Fix | None:
    files: Files = {}
    try:
        for how, path in changes:
            files[path] = None if how == "D" else _git(repository, "show", f"{commit}:{path}")
        RevisionTree(repository, f"{commit}~1").export(base)
    except (subprocess.CalledProcessError, TreeError):
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


if __name__ == "__main__":
    sys.exit(main())
