# Why: it lives in old interpreters and beside unittest, whose names are given.
# ruff: noqa: PLC0415, N802, PTH109, PTH110, PTH118, PTH119, PTH120
"""Writes down how each test ended, exactly: no guessing from printed lines.

Stands alone: it is copied into the box and used by the project's interpreter, either as a pytest plugin or as a
program, `kintsugi_recorder.py unittest ARGUMENT…` or `… files FILE…`, which runs unittest. Each line of the file
named by KINTSUGI_RECORD is one JSON object: id, file, outcome, and for a failure kind, message, assertion, frames
(in the project, the innermost last: path, line, function) and causes.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
import unittest
from collections.abc import Generator, Iterator
from typing import Any

_TREE = os.getcwd()
_LONGEST = 2000
_FRAME = re.compile(r'^\s*File "(?P<a>[^"]+\.py)", line (?P<b>\d+)|^(?P<c>\S+\.py):(?P<d>\d+): in', re.MULTILINE)
_RAISED = re.compile(
    r"^(?:E\s+)?(?P<kind>[\w.]*(?:Error|Exception|Warning|Exit|Interrupt))(?:: (?P<message>.*))?$", re.M
)


def write(**facts: object) -> None:
    """One line, appended in one call, as several processes may write."""
    handle = os.open(os.environ["KINTSUGI_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, json.dumps(facts).encode() + b"\n")
    os.close(handle)


def told(error: BaseException) -> dict[str, object]:
    """What there is to say of an exception: of a group, its first."""
    grouped = getattr(error, "exceptions", None)
    if grouped:
        return told(grouped[0])
    text = str(error)
    if "Traceback (most recent call last)" in text or "ImportError while importing" in text:
        return told_by_text(text)
    return {
        "kind": type(error).__name__,
        "message": text[:_LONGEST],
        "assertion": isinstance(error, AssertionError) or type(error).__name__ == "Failed",
        "frames": frames(error),
        "causes": [type(cause).__name__ for cause in causes(error)],
    }


def told_by_text(text: str) -> dict[str, object]:
    """Where a test file could not be imported there is only the text of the traceback."""
    found = [[inside(match["a"] or match["c"]), int(match["b"] or match["d"]), ""] for match in _FRAME.finditer(text)]
    raised = list(_RAISED.finditer(text))
    return {
        "kind": raised[-1]["kind"].rpartition(".")[2] if raised else "ImportError",
        "message": (raised[-1]["message"] or "")[:_LONGEST] if raised else text[:_LONGEST],
        "assertion": False,
        "frames": [frame for frame in found if frame[0]],
        "causes": [],
    }


def frames(error: BaseException) -> list[list[object]]:
    found: list[list[object]] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = inside(frame.f_code.co_filename)
        if path:
            found.append([path, line, frame.f_code.co_name])
    return found[-50:]


def inside(path: str) -> str:
    """The path as in the project; empty for what is not of the project."""
    if path.startswith("<"):
        return ""
    relative = os.path.relpath(os.path.join(_TREE, path), _TREE)
    return "" if relative.startswith("..") or "site-packages" in relative else relative.replace(os.sep, "/")


def causes(error: BaseException) -> list[BaseException]:
    seen: list[BaseException] = []
    before = error.__cause__ or error.__context__
    while before is not None and len(seen) < 10:
        seen.append(before)
        before = before.__cause__ or before.__context__
    return seen


def as_pytest_plugin() -> dict[str, Any]:
    """The hooks, made here as pytest is not there when unittest runs."""
    import pytest

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, None]:
        report = (yield).get_result()
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if outcome == "skipped" else outcome
        elif outcome == "failed" and report.when != "call":
            outcome = "error"
        if report.when == "call" or outcome != "passed":
            about = told(call.excinfo.value) if call.excinfo is not None and outcome in ("failed", "error") else {}
            write(id=item.nodeid, file=item.nodeid.partition("::")[0], outcome=outcome, **about)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(collector: Any) -> Generator[None, Any, None]:
        report = (yield).get_result()
        excinfo = getattr(getattr(report, "call", None), "excinfo", None)
        if report.failed and excinfo is not None:
            about = told(excinfo.value)
            write(id=collector.nodeid, file=collector.nodeid.partition("::")[0], outcome="uncollected", **about)
        elif report.skipped:
            write(id=collector.nodeid, file=collector.nodeid.partition("::")[0], outcome="skipped")

    def pytest_deselected(items: list[Any]) -> None:
        for item in items:
            write(id=item.nodeid, file=item.nodeid.partition("::")[0], outcome="deselected")

    def pytest_sessionfinish(session: Any) -> None:
        write(finished=True)

    return {name: hook for name, hook in locals().items() if name.startswith("pytest_")}


def run_unittest(form: str, arguments: list[str]) -> int:
    """`python -m unittest` with these arguments, or all tests of these files; 0 when all went well."""
    files: dict[str, str] = {}

    class Recording(unittest.TextTestResult):
        def _write(self, test: unittest.TestCase, outcome: str, error: Any = None) -> None:
            file = files.get(test.id()) or inside(getattr(sys.modules.get(type(test).__module__), "__file__", "") or "")
            failed_import = type(test).__name__ == "_FailedTest"
            about = told(error[1]) if error is not None else {}
            write(id=test.id(), file=file, outcome="uncollected" if failed_import else outcome, **about)

        def addSuccess(self, test: Any) -> None:
            super().addSuccess(test)
            self._write(test, "passed")

        def addFailure(self, test: Any, err: Any) -> None:
            super().addFailure(test, err)
            self._write(test, "failed", err)

        def addError(self, test: Any, err: Any) -> None:
            super().addError(test, err)
            self._write(test, "failed", err)

        def addSkip(self, test: Any, reason: str) -> None:
            super().addSkip(test, reason)
            self._write(test, "skipped")

        def addExpectedFailure(self, test: Any, err: Any) -> None:
            super().addExpectedFailure(test, err)
            self._write(test, "xfailed")

        def addUnexpectedSuccess(self, test: Any) -> None:
            super().addUnexpectedSuccess(test)
            self._write(test, "failed")

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            super().addSubTest(test, subtest, err)
            if err is not None:
                self._write(test, "failed", err)

    recording: Any = Recording
    runner = unittest.TextTestRunner(resultclass=recording, verbosity=2)
    if form == "unittest":
        program = unittest.main(module=None, argv=["python -m unittest", *arguments], testRunner=runner, exit=False)
        result = program.result
    else:
        result = runner.run(suite_of(arguments, files))
    write(finished=True)
    return 0 if result.wasSuccessful() else 1


def suite_of(paths: list[str], files: dict[str, str]) -> unittest.TestSuite:
    """The tests of these files, each named from the outermost package around it; fills `files` by test id."""
    suite = unittest.TestSuite()
    for path in paths:
        top = folder = os.path.dirname(os.path.join(_TREE, path))
        while os.path.exists(os.path.join(top, "__init__.py")):
            top = os.path.dirname(top)
        found = unittest.TestLoader().discover(folder, pattern=os.path.basename(path), top_level_dir=top)
        for test in flat(found):
            files[test.id()] = path
            suite.addTest(test)
    return suite


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


if __name__ == "__main__":
    sys.path[0] = _TREE
    sys.exit(run_unittest(sys.argv[1], sys.argv[2:]))
else:
    globals().update(as_pytest_plugin())
