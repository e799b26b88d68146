"""Whether the context shows the functions that a true fix changes beside the one that failed.

`python -m bench.context_across REPOSITORY…` takes the fixes in the histories of cloned repositories that change
functions in several files. One of these functions, drawn by the commit's name, is the only frame of a failure at the
commit's parent, and the other changed functions are looked for in what the model would be shown. A function is shown
where all its lines that the fix changed are.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path

from kintsugi.repair.context import build_context
from kintsugi.repair.context.sources import is_test
from kintsugi.workflow.payload import Failure, Frame, Raised

_FIXES = re.compile(r"\b(?:fix|bug|crash|error|exception|regress|issue|handle|wrong|correct)", re.IGNORECASE)
_MOST_FILES = 8
_MOST_FUNCTIONS = 16  # more is a rename or a rewrite


@dataclass(frozen=True, slots=True)
class Changed:
    """A function at the parent: its name, and the lines of it that the fix changed."""

    path: str
    name: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    repository: Path
    parent: str
    commit: str
    subject: str
    failed: Changed
    others: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Of the other changed functions, which are shown."""

    fix: Fix
    shown: frozenset[Changed]
    seconds: float

    def of(self, *, elsewhere: bool) -> list[bool]:
        here = self.fix.failed.path
        return [one in self.shown for one in self.fix.others if (one.path != here) == elsewhere]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=30, help="fixes taken of each repository, the newest first")
    parser.add_argument("--tokens", type=int, default=8000)
    parser.add_argument("--missed", action="store_true", help="name what is not shown")
    arguments = parser.parse_args()
    fixes = [fix for one in arguments.repositories for fix in _first(fixes_of(one), arguments.most)]
    with ProcessPoolExecutor(2) as pool:
        seen = list(pool.map(partial(_seen, tokens=arguments.tokens), fixes))
    for one in seen if arguments.missed else ():
        _print_missed(one)
    for repository in arguments.repositories:
        print(_summary(repository.parent.name, [one for one in seen if one.fix.repository == repository]))
    print(_summary("all", seen))


def _first(fixes: Iterator[Fix], most: int) -> Iterator[Fix]:
    for at, fix in enumerate(fixes):
        if at == most:
            return
        yield fix


def fixes_of(repository: Path) -> Iterator[Fix]:
    listed = _git(repository, "log", "--no-merges", "--format=%x01%H %P %s", "--name-only", "HEAD", "--", "*.py")
    for entry in listed.split("\1")[1:]:
        about, *names = entry.strip().split("\n")
        commit, _, rest = about.partition(" ")
        parent, _, subject = rest.partition(" ")
        paths = [name for name in names if name and not is_test(name)]
        if not re.fullmatch("[0-9a-f]{40}", parent) or not _FIXES.search(subject) or not 1 < len(paths) <= _MOST_FILES:
            continue
        changed = [one for path in paths for one in _changed(repository, parent, commit, path)]
        if len({one.path for one in changed}) > 1 and len(changed) <= _MOST_FUNCTIONS:
            failed = random.Random(commit).choice(changed)
            others = tuple(one for one in changed if one != failed)
            yield Fix(repository, parent, commit, subject, failed, others)


def _changed(repository: Path, parent: str, commit: str, path: str) -> Iterator[Changed]:
    """The functions that are at both ends and do something else."""
    before, after = (_git(repository, "show", f"{sha}:{path}") for sha in (parent, commit))
    try:
        old, new = _functions(before), _functions(after)
    except (SyntaxError, ValueError):
        return
    for name in old.keys() & new.keys():
        if ast.dump(old[name]) != ast.dump(new[name]):
            lines = tuple(_changed_lines(_lines(before, old[name]), _lines(after, new[name])))
            if lines:
                yield Changed(path, name, tuple(old[name].lineno + line for line in lines))


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(source: str, within: str = "") -> dict[str, _Function]:
    tree = ast.parse(source)
    found: dict[str, _Function] = {}
    bodies: list[tuple[str, Sequence[ast.stmt]]] = [("", tree.body)]
    while bodies:
        owner, body = bodies.pop()
        for node in body:
            if isinstance(node, _Function):
                found[f"{owner}{node.name}"] = node
            elif isinstance(node, ast.ClassDef):
                bodies.append((f"{owner}{node.name}.", node.body))
    return found


def _lines(source: str, node: _Function) -> list[str]:
    return source.split("\n")[node.lineno - 1 : node.end_lineno]


def _changed_lines(old: list[str], new: list[str]) -> Iterator[int]:
    """The old lines that are gone or changed; of an insertion the line it follows. From 0."""
    for kind, start, end, _, _ in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "insert":
            yield max(start - 1, 0)
        elif kind != "equal":
            yield from range(start, end)


def _seen(fix: Fix, tokens: int) -> Seen:
    failed = fix.failed
    frame = Frame(path=failed.path, line=failed.lines[0], function=failed.name.rpartition(".")[2], in_project=True)
    failure = Failure(chain=(Raised(type="RuntimeError", message="", frames=(frame,)),))
    began = time.perf_counter()
    context = build_context(failure, fix.repository, tokens=tokens, rev=fix.parent)
    seconds = time.perf_counter() - began
    lines = {(region.path, line) for region in context.regions for line in range(region.start, region.end + 1)}
    shown = (one for one in fix.others if all((one.path, line) in lines for line in one.lines))
    return Seen(fix, frozenset(shown), seconds)


def _print_missed(seen: Seen) -> None:
    fix = seen.fix
    print(f"{fix.repository.parent.name} {fix.commit[:10]} {fix.subject[:70]}")
    print(f"    failed: {fix.failed.path}:{fix.failed.lines[0]} {fix.failed.name}")
    for one in fix.others:
        sign = "+" if one in seen.shown else "-"
        print(f"  {sign} {'' if one.path != fix.failed.path else '(same file) '}{one.path}:{one.lines[0]} {one.name}")


def _summary(name: str, seen: Sequence[Seen]) -> str:
    if not seen:
        return f"{name}: no such fix"
    elsewhere = [one.of(elsewhere=True) for one in seen]
    here = [shown for one in seen if (shown := one.of(elsewhere=False))]
    longest = max(one.seconds for one in seen)
    return f"{name}: {_rates(elsewhere)} in other files; {_rates(here)} in the frame's own; at most {longest:.1f} s"


def _rates(cases: Sequence[Sequence[bool]]) -> str:
    if not cases:
        return "no fix"
    some, whole = sum(map(any, cases)), sum(map(all, cases))
    return f"of {len(cases)} fixes some function shown in {some / len(cases):.0%}, all in {whole / len(cases):.0%}"


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
    return done.stdout.decode("utf-8", errors="replace")


if __name__ == "__main__":
    main()
