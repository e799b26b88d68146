"""Whether a searcher with the model's tools comes to the functions that a true fix changes in other files.

`python -m bench.look_across REPOSITORY…` takes the fixes in the histories of cloned repositories that change functions
in several files. One of these functions, drawn by the commit's name, is the only frame of a failure at the commit's
parent; its message is the commit's subject, as nobody knows what was raised. A scripted searcher looks for those that
changed elsewhere, within a model's bounds. It knows the subject and the function that failed, and has no model: it asks
where the failing function is used and where what that uses is written, and reads what most answers point at.

No patch is written, so what is counted is what each fix took of which a changed function in another file was read.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import builtins
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from bench.context import git
from bench.context_across import Changed, Fix, fixes_of
from kintsugi.integrations.git import Git
from kintsugi.integrations.look_tools import LookTools
from kintsugi.integrations.model.looking import Found, LookPolicy, LookPort
from kintsugi.integrations.workbench import Workbench
from kintsugi.repair.context import build_context, tokens_in
from kintsugi.repair.context.sources import is_test
from kintsugi.repair.proof import ProofSettings
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.looks import Unkept
from kintsugi.workflow.payload import About, Failure, Frame, Occurred, Payload, Raised
from kintsugi.workflow.ports import Case
from tests.world.make import an_incident

_NO_FIX = re.compile(
    r"ruff|lint|flake|mypy|pylint|isort|\bblack\b|\bpep ?\d|auto-?fix|formatt?ing|more specific|rename|refactor"
    r"|docstring|typos?\b|\bdocs?\b|typing|type (?:hint|annot)|deprecat|clean ?up|merge|revert",
    re.IGNORECASE,
)
_HIT = re.compile(r"^([^\s:]+):(\d+)[:\t ]", re.MULTILINE)
_LIKELY = re.compile(r"^(\S+):(\d+)-(\d+) ", re.MULTILINE)
_FINDS = 5  # calls of the twelve; the others read
_WINDOW = 400  # lines of one read
_NEAR = 150  # lines before what is read for
_COMMON = frozenset(dir(builtins)) | {"self", "cls"}


@dataclass(frozen=True, slots=True)
class Looked:
    """Of the changed functions in other files: those that the context shows, and those that were read."""

    fix: Fix
    wanted: tuple[Changed, ...]
    shown: frozenset[Changed]
    read: frozenset[Changed]
    calls: int
    tokens: int
    at_call: int  # … that the first of them was read by; 0 where none was


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=12, help="fixes taken of each repository, the newest first")
    parser.add_argument("--tokens", type=int, default=8000, help="of the context that is shown first")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    fixes = [fix for one in arguments.repositories for fix in islice(_elsewhere(one), arguments.most)]
    looked: list[Looked] = []
    with ProcessPoolExecutor(arguments.workers) as pool:
        for one in pool.map(partial(_looked, tokens=arguments.tokens), fixes):
            looked.append(one)
            marks = "".join("c" if each in one.shown else "r" if each in one.read else "-" for each in one.wanted)
            where = f"{one.fix.repository.parent.name} {one.fix.commit[:10]} {one.fix.subject[:70]}"
            print(f"{marks:16} {one.calls:2} calls {one.tokens:6,} tokens  {where}", flush=True)
    _sum_up(looked)


def _elsewhere(repository: Path) -> Iterator[Fix]:
    """Those that mend something: a change of style has its functions anywhere."""
    return (
        fix
        for fix in fixes_of(repository)
        if not _NO_FIX.search(fix.subject) and any(one.path != fix.failed.path for one in fix.others)
    )


def _sum_up(looked: Sequence[Looked]) -> None:
    fixes, functions = len(looked), [(each in one.shown, each in one.read) for one in looked for each in one.wanted]
    if not fixes:
        print("no such fix")
        return
    shown, read = sum(bool(one.shown) for one in looked), [one for one in looked if one.read]
    either = sum(bool(one.shown or one.read) for one in looked)
    print(f"{fixes} fixes that change {len(functions)} functions in other files than the one that failed:")
    print(f"  the context shows some in {shown / fixes:.0%} of the fixes, {_share(f[0] for f in functions)} of all")
    print(f"  the searcher reads some in {len(read) / fixes:.0%}, {_share(f[1] for f in functions)} of all")
    print(f"  one or the other in {either / fixes:.0%}, {_share(any(f) for f in functions)} of all")
    calls, tokens = sum(one.calls for one in looked), sum(one.tokens for one in looked)
    found, first = max(len(read), 1), sum(one.at_call for one in read)
    print(f"  for each fix with some: {calls / found:.1f} calls, {tokens / found:,.0f} tokens read in all,")
    print(f"  and {first / found:.1f} calls until the first of them was read")


def _share(found: Iterator[bool]) -> str:
    each = list(found)
    return f"{sum(each) / len(each):.0%}"


def _looked(fix: Fix, tokens: int) -> Looked:
    failure = _failure(fix)
    context = build_context(failure, fix.repository, tokens=tokens, rev=fix.parent)
    shown = {(region.path, line) for region in context.regions for line in range(region.start, region.end + 1)}
    searcher = Searcher(fix, _tools(fix, failure))
    asyncio.run(searcher.search())
    wanted = tuple(one for one in fix.others if one.path != fix.failed.path)
    by_context, by_reading = (
        frozenset(one for one in wanted if all((one.path, line) in lines for line in one.lines))
        for lines in (shown, searcher.read)
    )
    lines = {(one.path, line) for one in by_reading for line in one.lines}
    first = next((call for call, read in searcher.reads if read & lines), 0)
    return Looked(fix, wanted, by_context, by_reading, searcher.calls, searcher.tokens, first)


def _failure(fix: Fix) -> Failure:
    failed = fix.failed
    frame = Frame(path=failed.path, line=failed.lines[0], function=failed.name.rpartition(".")[2], in_project=True)
    return Failure(chain=(Raised(type="RuntimeError", message=fix.subject, frames=(frame,)),))


def case_of(fix: Fix, failure: Failure) -> Case:
    now = datetime.now(UTC)
    about = About(fingerprint="bench", summary=fix.subject, opened_by="bench")
    payload = Payload(incident=about, occurred=Occurred(first=now, last=now), exception=failure)
    return Case(an_incident(build_sha=fix.parent), payload, looks=Unkept())


def _tools(fix: Fix, failure: Failure) -> LookTools:
    repository = Git(fix.repository)
    bench = Workbench(repository, "HEAD", ProofSettings(), redact)
    return LookTools(repository, "HEAD", bench, case_of(fix, failure), redact)


class Searcher:
    """Asks for words and names, adds up what the answers point at, and reads where most do."""

    def __init__(self, fix: Fix, tools: LookPort, policy: LookPolicy | None = None) -> None:
        self._tools = tools
        self._fix, self._policy = fix, policy or LookPolicy()
        self._points: dict[tuple[str, int], float] = defaultdict(float)  # by file and line
        self.calls = self.tokens = 0
        self.reads: list[tuple[int, set[tuple[str, int]]]] = []  # by the number of the call

    @property
    def read(self) -> set[tuple[str, int]]:
        return set().union(*(lines for _, lines in self.reads))

    async def search(self) -> None:
        await self._find_words()
        for name in self._names()[: _FINDS - 1]:
            await self._find_name(name)
        while self._may_go_on() and (place := self._best()):
            await self._read(*place)

    async def _find_words(self) -> None:
        """The functions that the tool itself holds for the likeliest, by the words of the failure."""
        said = await self._ask(self._tools.find(f"{self._fix.subject} {self._own_name}"[:200]))
        for at, (path, first, _) in enumerate(_LIKELY.findall(said)):
            self._point(path, int(first), 6 / (at + 2))

    async def _find_name(self, name: str) -> None:
        """Where it is written counts most, then where it is used; a name that is everywhere says little."""
        said = await self._ask(self._tools.find(name))
        hits = [(path, int(line)) for path, line in _HIT.findall(said) if path.endswith(".py")]
        written = {
            (path, int(line))
            for path, line in re.findall(rf"^(\S+?):(\d+)\W+(?:async )?(?:def|class) {name}\b", said, re.M)
        }
        for path, line in hits:
            self._point(path, line, (3.0 if (path, line) in written else 1.0) * 4 / (len(hits) + 3))

    async def _read(self, path: str, line: int) -> None:
        first = max(line - _NEAR, 1)
        said = await self._ask(self._tools.read(path, first, first + _WINDOW - 1))
        lines = {(path, int(found)) for found in re.findall(r"^(\d+)\t", said, re.MULTILINE)}
        self.reads.append((self.calls, lines or {(path, line)}))

    def _names(self) -> list[str]:
        """The failing function's own, then what it uses, rarest in its file first."""
        text = git(self._fix.repository, "show", f"{self._fix.parent}:{self._fix.failed.path}")
        counted = Counter(re.findall(r"\w+", text))
        used = [name for name in _used(text, self._fix.failed) if name not in _COMMON and len(name) > 3]
        ranked = sorted(dict.fromkeys(used), key=lambda name: (counted[name], -len(name)))
        own = [self._own_name] if len(self._own_name) > 3 and not self._own_name.startswith("__") else []
        return [*own, *(name for name in ranked if name != self._own_name)]

    @property
    def _own_name(self) -> str:
        return self._fix.failed.name.rpartition(".")[2]

    def _point(self, path: str, line: int, weight: float) -> None:
        if path != self._fix.failed.path and not is_test(path):
            self._points[(path, line)] += weight

    def _best(self) -> tuple[str, int] | None:
        """The place with the most points in reach of one read, that was not read yet."""
        known = self.read
        left = {place: weight for place, weight in self._points.items() if place not in known}
        windows = {
            (path, line): sum(w for (p, at), w in left.items() if p == path and line <= at < line + _WINDOW - _NEAR)
            for path, line in left
        }
        return max(windows, key=lambda place: (windows[place], place), default=None)

    def _may_go_on(self) -> bool:
        return self.calls < self._policy.calls and self.tokens < self._policy.tokens

    async def _ask(self, call: Awaitable[Found]) -> str:
        self.calls += 1
        text = (await call).text
        self.tokens += tokens_in(text)
        return text


def _used(text: str, failed: Changed) -> Iterator[str]:
    """The names in the body of the function that failed: what it calls and reads."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= failed.lines[0] <= (
            node.end_lineno or 0
        ):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute):
                    yield inner.attr
                elif isinstance(inner, ast.Name):
                    yield inner.id


if __name__ == "__main__":
    main()
