"""Python behind the protocol: its own syntax trees, pytest and unittest, a recorder in the project's interpreter."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from kintsugi.parsing import parsed
from kintsugi.repair.languages import Machine, Overlay, Suite, Texts
from kintsugi.repair.languages.command import CommandSuite
from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.python.command import SuiteKind, find_suite, is_test_file, is_test_path
from kintsugi.repair.languages.python.missing import missing
from kintsugi.repair.languages.python.suspicions import is_round_tests, suspicions, suspicions_of_tests
from kintsugi.repair.languages.python.swallow import essence, swallowing
from kintsugi.repair.languages.python.tests import asserts_a_value, count_tests, function_text, loosened
from kintsugi.repair.languages.python.turned_round import turned_round
from kintsugi.repair.languages.results import Crash, Failure, TestResult
from kintsugi.repair.sandbox import Job
from kintsugi.repair.syntax import same_lines, why_unreadable
from kintsugi.telemetry import lazy_re as re

_COMPILE = "import sys; [compile(open(path, 'rb').read(), path, 'exec') for path in sys.argv[1:]]"
_RUNNERS = {"pytest", "_pytest", "pluggy", "nose", "hypothesis", "mock", "sitecustomize", "usercustomize"}
_NOT_THERE = {"ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "IndentationError", "TabError"}
_FIXTURE = {"FixtureLookupError"}
# A test that asks for what is not there yet: it would fail for any patch that adds the name.
_NO_SUCH_NAME = re.compile(
    r"^(module '.*' has no attribute|type object '.*' has no attribute|.*got an unexpected keyword argument"
    r"|.*missing \d+ required|.*takes .* positional argument|'(?!NoneType)\w+' object has no attribute)"
)


class Python:
    name = "Python"

    def reads(self, path: str) -> bool:
        return path.endswith(".py")

    def is_test_file(self, path: str) -> bool:
        return is_test_file(path)

    def is_test_path(self, path: str) -> bool:
        return is_test_path(path)

    def is_round_tests(self, path: str) -> bool:
        return is_round_tests(path)

    def find_suite(self, tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        found = find_suite(tree, overlay, machine.interpreter, None)
        if found.kind is SuiteKind.OTHER:
            return CommandSuite(found.arguments, found.files, machine, found.lacks)
        return None if found.kind is SuiteKind.NONE else found

    def suite_of(self, command: Sequence[str], tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        found = find_suite(tree, overlay, machine.interpreter, command)
        return found if found.takes_files else None

    def compiling(self, paths: Sequence[str], changes: Overlay, machine: Machine) -> Job:
        return Job(
            (str(machine.interpreter.python), "-I", "-W", "ignore", "-c", _COMPILE, *paths), changes, served=False
        )

    def can_read(self, source: str) -> bool:
        return parsed(source) is not None

    def why_unreadable(self, path: str, before: bytes | None, after: bytes) -> str | None:
        if (why := why_unreadable(before, after)) is not None:
            return f"{path} {why}"
        if before is None and _is_shadowing(path):
            return f"{path} would stand before the standard library's module of that name"
        return None

    def runs_the_same(self, before: str, after: str) -> bool:
        old, new = parsed(before), parsed(after)
        return before == after if old is None or new is None else essence(old) == essence(new)

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        return swallowing(before, after)

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        return loosened(before, after)

    def suspicions(self, before: Texts, after: Texts, tests: Texts) -> tuple[str, ...]:
        return suspicions(before, after, tests)

    def suspicions_of_tests(self, before: Texts, tests: Texts, names: frozenset[str]) -> tuple[str, ...]:
        return suspicions_of_tests(before, tests, names)

    def same_lines(self, before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
        return same_lines(before, after, numbers)

    def name_of(self, id: str) -> str:
        """The function of a test's id, as pytest or unittest write it."""
        return id.partition("[")[0].rpartition("::")[2].rpartition(".")[2]

    def is_called(self, id: str, name: str) -> bool:
        bare = id.partition("[")[0].replace("::", ".")
        return bare == name or bare.endswith(f".{name}")

    def stem_of(self, id: str, source: str) -> str:
        stem, bracket, _ = id.partition("[")
        return stem if bracket else ""

    def text_of(self, source: str, name: str) -> str:
        return function_text(source, name)

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        return asserts_a_value(sources, name)

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        return turned_round(source, names)

    def without_unbuilt(self, tests: Texts, failures: Collection[TestResult]) -> dict[str, str]:
        return {}

    def why_wrong(self, test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
        """What a test raises by a name that is not there says nothing of the code, unless it is the very crash."""
        failure = test.failure
        if failure is None or failure.assertion or failure.is_the_very(crash):
            return None
        innermost = failure.frames[-1].path if failure.frames else ""
        if innermost and innermost not in tests and not is_test_path(innermost):
            return None
        if failure.kind in _NOT_THERE | _FIXTURE:
            return f"{test.id} fails before the patch only because the test itself is broken there: {failure.said}"
        if failure.kind in ("AttributeError", "TypeError") and _NO_SUCH_NAME.search(failure.message):
            return f"{test.id} fails before the patch only because it uses what the patch adds: {failure.said}"
        return None

    def missing(self, failure: Failure | None, tree: Path) -> str | None:
        return missing(failure, tree)

    def count(self, path: str, source: str) -> int:
        return count_tests(source)


def _is_shadowing(path: str) -> bool:
    """Whether a new file is imported in place of a module of the interpreter or the test runner.

    A folder without __init__.py is not: what is installed goes before it.
    """
    name = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
    return name in sys.stdlib_module_names | _RUNNERS and name != "test"
