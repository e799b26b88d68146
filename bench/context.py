"""How well and how fast the context is found.

`python -m bench.context speed` makes a repository of 2,000 files and times the context, cold and warm.
`python -m bench.context replay --python PYTHON --out CASES REPOSITORY…` looks in the histories of cloned
repositories for commits whose changed tests crash at their parent, and keeps each crash with its true fix.
`python -m bench.context measure CASES` says in how many of them the context holds lines of that fix.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kintsugi.capture.source import locate
from kintsugi.capture.traceback import read_failure
from kintsugi.repair.context import build_context
from kintsugi.workflow.payload import Failure, Frame, Raised

_FIX_WORDS = re.compile(r"\b(?:fix|bug|crash|error|exception|traceback|regress|issue|handle)", re.IGNORECASE)
_TEST_PATH = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)test_[^/]*\.py$|_test\.py$|(?:^|/)conftest\.py$")
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+")
_SECTION = re.compile(r"^_{3,} (.*) _{3,}$", re.MULTILINE)
_OWN_COMPLAINTS = ("AssertionError", "Failed", "Skipped", "SystemExit", "ImportError", "ModuleNotFoundError")
_MOST_FIX_LINES = 150

LinesByPath = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Case:
    """A crash that a commit mended: `fix` has the old lines it changed, first and last, by path."""

    repository: str
    parent: str
    commit: str
    traceback: str
    fix: LinesByPath


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    replay = commands.add_parser("replay")
    replay.add_argument("repositories", nargs="+", type=Path)
    replay.add_argument("--python", default=sys.executable, help="the interpreter that can run their tests")
    replay.add_argument("--out", type=Path, required=True)
    replay.add_argument("--commits", type=int, default=60, help="candidates tried in each repository")
    replay.add_argument("--cases", type=int, default=10, help="kept of each repository")
    replay.set_defaults(run=_replay)
    measure = commands.add_parser("measure")
    measure.add_argument("cases", type=Path)
    measure.add_argument("--tokens", type=int, default=8000)
    measure.set_defaults(run=_measure)
    speed = commands.add_parser("speed")
    speed.add_argument("--files", type=int, default=2000)
    speed.set_defaults(run=_speed)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _replay(arguments: argparse.Namespace) -> None:
    with arguments.out.open("a") as out:
        for repository in arguments.repositories:
            for case in _cases(repository, arguments.python, arguments.commits, arguments.cases):
                print(json.dumps(asdict(case)), file=out, flush=True)


def _cases(repository: Path, python: str, commits: int, most: int) -> Iterator[Case]:
    found = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git(Path.cwd(), "clone", "--quiet", "--shared", str(repository), str(tree))
        for commit, parent in _candidates(tree):
            if tried == commits or found == most:
                break
            tried += 1
            case = _case(repository, tree, commit, parent, python)
            if case:
                found += 1
                yield case
    print(f"{repository}: {found} crashes in {tried} commits", file=sys.stderr)


def _candidates(tree: Path) -> Iterator[tuple[str, str]]:
    for line in git(tree, "log", "--no-merges", "--format=%H %P %s", "-n", "4000").splitlines():
        commit, parent, *rest = line.split(" ", 2)
        if not rest or not _FIX_WORDS.search(rest[0]):
            continue
        changed = git(tree, "diff", "--name-only", parent, commit).splitlines()
        python = [name for name in changed if name.endswith(".py")]
        tests = [name for name in python if _TEST_PATH.search(name)]
        if tests and len(tests) < len(python) and len(python) <= 12:
            yield commit, parent


def _case(repository: Path, tree: Path, commit: str, parent: str, python: str) -> Case | None:
    fix = fix_lines(tree, parent, commit)
    if not fix or sum(last - first + 1 for lines in fix.values() for first, last in lines) > _MOST_FIX_LINES:
        return None
    git(tree, "checkout", "--quiet", "--force", parent)
    git(tree, "clean", "-qfdx")
    changed = git(tree, "diff", "--name-only", "--diff-filter=AM", parent, commit).splitlines()
    helpers = [name for name in changed if _TEST_PATH.search(name)]
    if not helpers:
        return None
    git(tree, "checkout", "--quiet", commit, "--", *helpers)
    tests = [name for name in helpers if name.endswith(".py")]
    crashes = _crashes(_tests_output(tree, python, tests), tree)
    if not crashes:
        return None
    git(tree, "checkout", "--quiet", "--force", commit)
    still = _sections(_tests_output(tree, python, tests))
    mended = [traceback for name, traceback in crashes.items() if name not in still]
    return Case(str(repository), parent, commit, mended[0], fix) if mended else None


def fix_lines(tree: Path, parent: str, commit: str) -> LinesByPath:
    """The old lines that the commit changed outside the tests; an insertion counts as the line it follows."""
    fix: LinesByPath = {}
    path = ""
    for line in git(tree, "diff", "-U0", "--no-renames", "--diff-filter=M", parent, commit, "--", "*.py").splitlines():
        if line.startswith("--- a/"):
            path = line.removeprefix("--- a/")
        elif (hunk := _HUNK.match(line)) and not _TEST_PATH.search(path):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            fix.setdefault(path, []).append((max(first, 1), max(first + count - 1, first, 1)))
    return fix


def _tests_output(tree: Path, python: str, tests: Sequence[str]) -> str:
    command = [python, "-m", "pytest", "-q", "--tb=native", "--maxfail=5", "-p", "no:cacheprovider", "--timeout=20"]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{tree / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*command, "-o", "addopts=", "-o", "filterwarnings=default", *tests],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def _sections(output: str) -> dict[str, str]:
    """The report of each failing test, by its name."""
    reports = re.split(r"^={3,} ", output.partition("short test summary")[0], flags=re.MULTILINE)
    pieces = [piece for report in reports for piece in _SECTION.split(report)[1:]]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def _crashes(output: str, tree: Path) -> dict[str, str]:
    """The tracebacks that end in an exception of the program, not in a complaint of the test, by test."""
    found = {}
    for name, section in _sections(output).items():
        failure = read_failure(section)
        if failure is not None and _is_crash(locate(failure, tree)):
            found[name] = section.replace(f"{tree}/", "/srv/app/").strip()
    return found


def _is_crash(failure: Failure) -> bool:
    kind = failure.final.type.rpartition(".")[2]
    own = any(frame.in_project for frame in failure.final.frames)
    return own and failure.complete and kind not in _OWN_COMPLAINTS


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    return done.stdout.decode("utf-8", errors="replace")


def _measure(arguments: argparse.Namespace) -> None:
    """Prints, for each case, which share of the fix's lines is shown; then the share of cases with some, and all."""
    shares = []
    for line in arguments.cases.read_text().splitlines():
        case = Case(**json.loads(line))
        began = time.perf_counter()
        shares.append(_share(case, arguments.tokens))
        print(f"{shares[-1]:4.0%} {time.perf_counter() - began:5.2f} s  {case.repository} {case.commit[:10]}")
    some, whole = sum(share > 0 for share in shares), sum(share == 1 for share in shares)
    print(f"{len(shares)} crashes: some line of the fix in {some / len(shares):.0%}, all in {whole / len(shares):.0%}")


def _share(case: Case, tokens: int) -> float:
    """The share of the fix's lines within the regions."""
    root, failure = Path(case.repository), read_failure(case.traceback)
    assert failure is not None
    located = locate(failure, root, sha=case.parent)
    context = build_context(located, root, tokens=tokens, rev=case.parent)
    shown = {(region.path, line) for region in context.regions for line in range(region.start, region.end + 1)}
    fix = {(path, n) for path, lines in case.fix.items() for first, last in lines for n in range(first, last + 1)}
    return len(fix & shown) / len(fix)


_BODY = """\
import os

from package{other}.module{number} import total_{number}

LIMIT = {number}


class Basket{number}:
    def __init__(self, items):
        self.items = items

{methods}

def total_{number}_{other}(items, rate=LIMIT):
    basket = Basket{number}(items)
    return basket.step_1(rate) + os.getpid()
"""
_METHOD = """\
    def step_{at}(self, rate):
        prices = [item["price"] * rate for item in self.items]
        return sum(prices) / len(self.items) if prices else LIMIT * {at}
"""


def _speed(arguments: argparse.Namespace) -> None:
    """Times the context in a new process, as the command runs, and again in the same one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _project(root, arguments.files)
        failure = locate(_failure(root), root)
        for name in ("cold", "warm"):
            began = time.perf_counter()
            context = build_context(failure, root)
            spent = time.perf_counter() - began
            print(f"{name}: {spent:.2f} s for {arguments.files} files, {len(context.regions)} regions")


def _project(root: Path, files: int) -> None:
    for number in range(files):
        file = root / f"package{number % 20}" / f"module{number}.py"
        file.parent.mkdir(exist_ok=True)
        methods = "\n".join(_METHOD.format(at=at) for at in range(30))
        file.write_text(_BODY.format(number=number, other=(number + 1) % 20, methods=methods))
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "all")


def _failure(root: Path) -> Failure:
    frames = (
        Frame(path=f"{root}/package0/module20.py", line=105, function="total_20_1"),
        Frame(path=f"{root}/package1/module1.py", line=17, function="step_1"),
    )
    return Failure(chain=(Raised(type="ZeroDivisionError", message="division by zero", frames=frames),))


if __name__ == "__main__":
    main()
