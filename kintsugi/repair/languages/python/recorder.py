# Why: it lives in old interpreters and beside unittest, whose names are given.
# ruff: noqa: PLC0415, N802, PTH103, PTH109, PTH110, PTH111, PTH118, PTH119, PTH120, PTH123, E402
"""Runs a project's tests and writes down how each ended, exactly: no guessing from printed lines.

Stands alone: the project's interpreter gets it on its standard input, so that no file and no variable names it. The
record is a socket that the referee holds the other end of. A key comes through it first, before anything of the project
can be imported; each line is then signed with the key and its number, so that what another writes there, leaves out
or repeats is seen. The last line says that the runner came to its end.

A line is one JSON object: id, file, outcome, whether the watched function was entered and the watched exception seen
in it, and for a failure kind, message, assertion, frames (in the project, the innermost last: path, line, function)
and causes; of a failing call also its classes, and whether a `raise` of the project's made it.
"""

from __future__ import annotations

import sys

sys.path[:] = [entry for entry in sys.path if entry]  # nothing of the project stands before the standard library

import builtins
import contextlib
import dis
import gc
import importlib.util
import json
import os
import re
import threading
import traceback
import types
import unittest
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Write = Callable[..., None]

CHANNEL = 3
KEY_BYTES = 32
_LONGEST, _MOST_PLACES = 2000, 20
_CAPSULE = "capsule"  # the name of a failing call's file
_STANDS_FOR = "NotRebuiltValue"  # the class of what stands there for a value that is missing
_FRAME = re.compile(r'^\s*File "(?P<a>[^"]+\.py)", line (?P<b>\d+)|^(?P<c>\S+\.py):(?P<d>\d+): in', re.MULTILINE)
_RAISED = re.compile(
    r"^(?:E\s+)?(?P<kind>[\w.]*(?:Error|Exception|Warning|Exit|Interrupt))(?:: (?P<message>.*))?$", re.M
)
_MACHINERY = """
unittest.case unittest.result unittest.suite _pytest.runner _pytest.python _pytest.python_api _pytest.raises
_pytest.reports _pytest.outcomes _pytest.unittest _pytest.assertion.rewrite _pytest.assertion.util
pluggy._callers pluggy._hooks"""


def opened(channel: int) -> Write:
    """The one way to the record. What it needs is in this closure; a forked child has no say."""
    key = b""
    while len(key) < KEY_BYTES:
        part = os.read(channel, KEY_BYTES - len(key))
        if not part:
            raise SystemExit("the referee is gone")
        key += part
    own, lock, count = os.getpid(), threading.Lock(), [0]
    encode, send, pid = json.JSONEncoder().encode, os.write, os.getpid

    def write(**facts: object) -> None:
        if pid() != own:
            return
        with lock:
            body = encode(facts).encode()
            sign = blake2b(b"%d " % count[0] + body, key=key, digest_size=16).hexdigest().encode()
            line = sign + b" " + body + b"\n"
            while line:
                line = line[send(channel, line) :]
            count[0] += 1

    return write


class Watch:
    """Sees whether the function that crashed is entered, and whether the crash's exception comes by in it.

    `crash` has kind, path and function; empty where nothing is to be watched. An exception that comes to the frame
    of a test is told apart from one that the program answers itself. `came`: whether any of the crash's `lines` of its
    file was run; `failed`: the lines of its function that the exception came by; `others`: functions of the same file
    that it came by, or with `everywhere` of any, each with its line.
    """

    def __init__(self, tree: str, crash: dict[str, Any]) -> None:
        self._tree = tree
        about = ("kind", "path", "function", "everywhere")
        self._kind, self._path, self._function, self._everywhere = (crash.get(name, "") for name in about)
        self._lines = frozenset(crash.get("lines", ()))
        self._steps: dict[str, Any] = {}  # by file
        self._entered = self._raised = self._caught = self._came = False
        self._failed: set[int] = set()
        self._others: set[str] = set()
        self.lacked: BaseException | None = None  # what a failing call came to that could not be written down

    def start(self) -> None:
        if self._path:
            threading.settrace(self._called)
            sys.settrace(self._called)

    def taken(self) -> dict[str, Any]:
        """What was seen since the last time."""
        if not self._path:
            return {}
        seen = {
            "entered": self._entered,
            "raised": self._raised,
            "caught": self._caught,
            "came": self._came,
            "failed": sorted(self._failed)[:_MOST_PLACES],
            "others": sorted(self._others)[:_MOST_PLACES],
        }
        self._entered = self._raised = self._caught = self._came = False
        self._failed, self._others = set(), set()
        return seen

    def _called(self, frame: types.FrameType, _event: str, _argument: object) -> Any:
        path = frame.f_code.co_filename
        stepped = (
            self._steps[path] if path in self._steps else self._step_in(path)
        )  # each call of anything comes by here
        if stepped is not None and stepped == self._stepped:
            self._entered = self._entered or self._is_its(frame.f_code)
            frame.f_trace_lines = not self._everywhere  # each line of a whole program would take too long
        return stepped

    def _step_in(self, path: str) -> Any:
        """What is called at each step in this file, if anything."""
        own = inside(self._tree, path)
        if own == self._path or (own and self._everywhere):
            found: Any = self._stepped
        else:
            name = os.path.basename(own)
            is_test = name.startswith("test") or name.endswith(("_test.py", "_tests.py"))
            found = self._stepped_in_test if is_test else None
        self._steps[path] = found
        return found

    def _stepped_in_test(self, _frame: types.FrameType, event: str, argument: Any) -> Any:
        if event == "exception" and self._raised and getattr(argument[0], "__name__", "") == self._kind:
            self._caught = True
        return self._stepped_in_test

    def _stepped(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._came = self._came or frame.f_lineno in self._lines
        elif event == "exception" and self._everywhere and (lacked := _what_is_missing(*argument[:2])) is not None:
            self.lacked = lacked
        elif event == "exception" and getattr(argument[0], "__name__", "") == self._kind:
            if self._is_its(frame.f_code):
                self._raised = True
                self._failed.add(frame.f_lineno)
            else:
                self._others.add(frame.f_code.co_name + f":{frame.f_lineno}" * bool(self._everywhere))
        return self._stepped

    def _is_its(self, code: types.CodeType) -> bool:
        return self._function in ("", code.co_name)


class NotRebuilt(BaseException):
    """A call came to something that could not be written down."""


def _what_is_missing(kind: object, error: Any) -> BaseException | None:
    """Where that says so itself; and where code in C asks for a text, and names what it got."""
    if getattr(kind, "__name__", "") == "NotRebuilt" and getattr(kind, "__module__", "") == _CAPSULE:
        return error  # type: ignore[no-any-return]
    if isinstance(getattr(kind, "__str__", None), types.FunctionType):  # the project's own code
        return None
    try:
        text = str(error)
    except BaseException:  # what is missing is an argument of it, and was not asked for anything
        return None
    return NotRebuilt(f"a value that could not be written down: {text}") if _STANDS_FOR in text else None


def told(tree: str, error: BaseException) -> dict[str, object]:
    """What there is to say of an exception: of a group, its first."""
    error = first_of(error)
    text, own = said(error), frames(tree, error)
    if not own and ("Traceback (most recent call last)" in text or "ImportError while importing" in text):
        return told_by_text(tree, text)
    return {
        "kind": type(error).__name__,
        "message": text[:_LONGEST],
        "assertion": isinstance(error, AssertionError) or type(error).__name__ == "Failed",
        "frames": own,
        "causes": [[type(cause).__name__, frames(tree, cause)] for cause in causes(error)],
    }


def first_of(error: Any) -> Any:
    """Of a group its first. Others may hold something else under that name."""
    with contextlib.suppress(Exception):
        if isinstance(error.exceptions[0], BaseException):
            return first_of(error.exceptions[0])
    return error


def said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(it cannot be printed)"


def told_by_text(tree: str, text: str) -> dict[str, object]:
    """Where a test file could not be imported there is only the text of the traceback."""
    found = [
        [inside(tree, match["a"] or match["c"]), int(match["b"] or match["d"]), ""] for match in _FRAME.finditer(text)
    ]
    raised = list(_RAISED.finditer(text))
    return {
        "kind": raised[-1]["kind"].rpartition(".")[2] if raised else "ImportError",
        "message": (raised[-1]["message"] or "")[:_LONGEST] if raised else text[:_LONGEST],
        "assertion": False,
        "frames": [frame for frame in found if frame[0]],
        "causes": [],
    }


def frames(tree: str, error: BaseException) -> list[list[object]]:
    steps = traceback.walk_tb(error.__traceback__)
    found = [(inside(tree, frame.f_code.co_filename), line, frame.f_code.co_name) for frame, line in steps]
    return [[*each] for each in found if each[0]][-50:]


def inside(tree: str, path: str) -> str:
    """The path as in the project; empty for what is not of the project."""
    relative = os.path.relpath(os.path.join(tree, path), tree)
    is_other = path.startswith("<") or relative.startswith("..") or "site-packages" in relative
    return "" if is_other else relative.replace(os.sep, "/")


def raising(tree: str, error: BaseException) -> dict[str, object]:
    """The names of an exception's classes, and whether a `raise` of the project's own made it, where it began."""
    error = first_of(error)
    names = [f"{one.__module__}.{one.__qualname__}" for one in type(error).__mro__]
    step: Any = error.__traceback__  # of a group's, which may never have been raised, None
    while step and step.tb_next:
        step = step.tb_next
    code, at = (step.tb_frame.f_code, step.tb_lasti) if step else (first_of.__code__, 0)
    by_raise = code.co_code[at] == dis.opmap["RAISE_VARARGS"] and code.co_code[at + 1] > 0
    return {"classes": names[:50], "by_raise": by_raise and bool(inside(tree, code.co_filename))}


def causes(error: BaseException) -> list[BaseException]:
    seen = [error]
    while (before := seen[-1].__cause__ or seen[-1].__context__) is not None and len(seen) < 11:
        seen.append(before)
    return seen[1:]


def machinery() -> dict[str, object]:
    """What decides how a test ends, by name. Whoever changes it while tests run makes a verdict of their own."""
    found: dict[str, object] = {f"builtins.{name}": value for name, value in vars(builtins).items() if name != "_"}
    for name in _MACHINERY.split():
        for inner, value in list(vars(sys.modules.get(name, types)).items()) if name in sys.modules else ():
            if isinstance(value, type) and value.__module__ == name:
                found.update((f"{name}.{inner}.{one}", part) for one, part in vars(value).items() if callable(part))
            elif isinstance(value, types.FunctionType) and value.__module__ == name:
                found |= {f"{name}.{inner}": value, f"{name}.{inner}.__code__": value.__code__}
    return found


def changed_machinery(before: dict[str, object]) -> list[str]:
    now = machinery()
    return sorted(name for name, value in before.items() if now.get(name) is not value)[:20]


class Plugin:
    """pytest's hooks."""

    def __init__(self, tree: str, write: Write, watch: Watch) -> None:
        import pytest

        def write_report(item: Any, call: Any) -> Generator[None, Any, None]:
            report = (yield).get_result()
            outcome = report.outcome
            if hasattr(report, "wasxfail"):
                outcome = "xfailed" if outcome == "skipped" else outcome
            elif outcome == "failed" and report.when != "call":
                outcome = "error"
            if report.when == "call" or outcome != "passed":
                failed = call.excinfo is not None and outcome in ("failed", "error")
                about = told(tree, call.excinfo.value) if failed else {}
                file = item.nodeid.partition("::")[0]
                write(id=item.nodeid, file=file, outcome=outcome, **watch.taken(), **about)

        def write_collected(collector: Any) -> Generator[None, Any, None]:
            report = (yield).get_result()
            excinfo = getattr(getattr(report, "call", None), "excinfo", None)
            file = collector.nodeid.partition("::")[0]
            if report.failed and excinfo is not None:
                about = told(tree, excinfo.value)
                write(id=collector.nodeid, file=file, outcome="uncollected", **watch.taken(), **about)
            elif report.skipped:
                write(id=collector.nodeid, file=file, outcome="skipped")

        def write_deselected(items: list[Any]) -> None:
            for item in items:
                write(id=item.nodeid, file=item.nodeid.partition("::")[0], outcome="deselected")

        def stay_one_process(config: Any) -> Generator[None, None, None]:
            if hasattr(config.option, "numprocesses"):  # of xdist: workers of its own would not be heard
                config.option.numprocesses = 0
            yield

        self.pytest_cmdline_main = pytest.hookimpl(hookwrapper=True)(stay_one_process)
        self.pytest_runtest_makereport = pytest.hookimpl(hookwrapper=True)(write_report)
        self.pytest_make_collect_report = pytest.hookimpl(hookwrapper=True)(write_collected)
        self.pytest_deselected = write_deselected


def run_pytest(tree: str, arguments: list[str], write: Write, watch: Watch) -> int:
    """`python -m pytest` with these arguments: its exit status."""
    import pytest

    return int(pytest.main(arguments, plugins=[Plugin(tree, write, watch)]))


def run_unittest(tree: str, form: str, arguments: list[str], write: Write, watch: Watch) -> int:
    """`python -m unittest` with these arguments, or all tests of these files; 0 when all went well."""
    files: dict[str, str] = {}
    runner = unittest.TextTestRunner(resultclass=recording(tree, files, write, watch), verbosity=2)
    if form == "unittest":
        program = unittest.main(module=None, argv=["python -m unittest", *arguments], testRunner=runner, exit=False)
        result = program.result
    else:
        result = runner.run(suite_of(tree, arguments, files))
    return 0 if result.wasSuccessful() else 1


def run_django(tree: str, root: str, arguments: list[str], write: Write, watch: Watch) -> int:
    """`manage.py test` with these arguments, by the project's own runner; 0 when all went well."""
    os.chdir(os.path.join(tree, root))
    try:
        return django_failures(tree, arguments, recording(tree, {}, write, watch))
    except Exception as error:
        traceback.print_exc()
        write(id="manage.py test", file="", outcome="uncollected", **told(tree, error))
        return 1


def django_failures(tree: str, arguments: list[str], resultclass: Any) -> int:
    loaded: Any = importlib.import_module
    loaded("django").setup()
    command = loaded("django.core.management.commands.test").Command()
    options = vars(command.create_parser("manage.py", "test").parse_args(arguments))
    labels = options.pop("args", ())
    settings = loaded("django.conf").settings
    base: Any = loaded("django.test.utils").get_runner(settings, options.get("testrunner"))

    class Runner(base):  # type: ignore[misc]
        def get_resultclass(self) -> Any:
            return resultclass

    options["interactive"] = False
    options["parallel"] = 0  # workers of its own would not be heard
    return 1 if Runner(**options).run_tests(list(labels)) else 0


def recording(tree: str, files: dict[str, str], write: Write, watch: Watch) -> Any:
    """A result class of unittest that writes each test down; `files` by test id, where they are known."""

    class Recording(unittest.TextTestResult):
        def _write(self, test: unittest.TestCase, outcome: str, error: Any = None) -> None:
            module = sys.modules.get(type(test).__module__)
            file = files.get(test.id()) or inside(tree, getattr(module, "__file__", "") or "")
            failed_import = type(test).__name__ == "_FailedTest"
            if failed_import and not file:
                file = file_of_module(tree, getattr(test, "_testMethodName", ""))
            about = told(tree, error[1]) if error is not None else {}
            how = "uncollected" if failed_import else outcome
            write(id=test.id(), file=file, outcome=how, **watch.taken(), **about)

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

    return Recording


def run_call(tree: str, settings: str, arguments: list[str], write: Write, watch: Watch) -> int:
    """The test of a crash capsule, whose text is the first argument: 0 where it comes to its end, 1 where it fails.

    The project may catch what says that something is missing: however it goes on from there, it went another way.
    """
    ended: BaseException | None = None
    try:
        if settings:
            importlib.import_module("django").setup()
        names: dict[str, Any] = {"__name__": _CAPSULE}
        exec(compile(arguments[0], "<capsule>", "exec"), names)  # noqa: S102 (what the box is for)
        names[arguments[1]]()
    except BaseException as err:
        traceback.print_exc()
        ended = err
    ended = watch.lacked or ended
    if ended is None:
        write(id="failing call", file="", outcome="passed", **watch.taken())
        return 0
    write(id="failing call", file="", outcome="failed", **watch.taken(), **told(tree, ended), **raising(tree, ended))
    return 1


def file_of_module(tree: str, module: str) -> str:
    """Where a module that could not be imported would lie; empty where it is not there."""
    path = os.path.join(os.getcwd(), module.replace(".", os.sep) + ".py")
    return inside(tree, path) if os.path.exists(path) else ""


def suite_of(tree: str, paths: list[str], files: dict[str, str]) -> unittest.TestSuite:
    """The tests of these files, each named from the outermost package around it; fills `files` by test id."""
    suite = unittest.TestSuite()
    for path in paths:
        top = folder = os.path.dirname(os.path.join(tree, path))
        while os.path.exists(os.path.join(top, "__init__.py")):
            top = os.path.dirname(top)
        found = unittest.TestLoader().discover(folder, pattern=os.path.basename(path), top_level_dir=top)
        for test in flat(found):
            files[test.id()] = path
            suite.addTest(test)
    return suite


def flat(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        yield from flat(test) if isinstance(test, unittest.TestSuite) else (test,)


def look_installed(name: str, version: str, entry_points: str) -> list[str]:
    """What `pip install --user -e .` would tell of the project, unless it is installed: the folder it is told in."""
    import importlib.metadata

    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        home = os.path.expanduser("~/.local/lib/python{}.{}/site-packages".format(*sys.version_info[:2]))
        folder = os.path.join(home, "{}-{}.dist-info".format(re.sub(r"[-_.]+", "_", name), version))
        os.makedirs(folder, exist_ok=True)
        told_there = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
        for file, text in {**told_there, "entry_points.txt": entry_points, "INSTALLER": "pip\n"}.items():
            with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                out.write(text)
        return [home]
    return []


def look_built(tree: str, files: list[str]) -> None:
    """What a build would write of the version into the modules for it, where they are not there."""
    for file in files:
        path = os.path.join(tree, file)
        with contextlib.suppress(OSError), open(path, "x", encoding="utf-8") as out:
            out.write("__version__ = version = '0'\n__version_tuple__ = version_tuple = (0,)\n")


def look_like(module: str, tree: str, source: list[str], arguments: list[str]) -> None:
    """The process as `python -m MODULE ARGUMENT…` would have it, and nothing of ours in its main module."""
    spec = importlib.util.find_spec(f"{module}.__main__")
    main = types.ModuleType("__main__")
    main.__spec__, main.__file__ = spec, spec.origin if spec else None
    sys.modules["__main__"] = main
    sys.argv = [main.__file__ or module, *arguments]
    sys.path[:0] = [tree, *source]
    os.environ["PYTHONPATH"] = os.pathsep.join([*source, tree])  # for what the tests start themselves
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def run(form: str, arguments: list[str], set_up: dict[str, Any], crash: dict[str, Any]) -> None:
    """Run the tests and leave with the runner's exit status. `set_up`: what they need beside the project's files."""
    tree = os.getcwd()
    named = {"DJANGO_SETTINGS_MODULE": set_up["settings"]} if form == "django" else {}
    for name, value in {**set_up["variables"], **named}.items():
        os.environ.setdefault(name, value)
    os.set_inheritable(CHANNEL, False)
    write = opened(CHANNEL)
    if form == "pytest":
        import pytest  # noqa: F401  # loaded before its parts are looked at
    gc.freeze()  # what is loaded so far is no garbage: to look for some in it is a fifth of a short run
    gc.enable()
    before = machinery()
    watch = Watch(tree, crash)
    source = [os.path.join(tree, one) for one in set_up["folders"]]
    look_like("pytest" if form == "pytest" else "unittest", tree, source, [] if form == "call" else arguments)
    installed = look_installed(*set_up["installed"]) if set_up["installed"] else []
    look_built(tree, set_up["built"])
    sys.path += installed
    os.environ["PYTHONPATH"] = os.pathsep.join([os.environ["PYTHONPATH"], *installed])
    watch.start()
    if form == "pytest":
        status = run_pytest(tree, arguments, write, watch)
    elif form == "call":
        status = run_call(tree, set_up["settings"], arguments, write, watch)
    elif form == "django":
        status = run_django(tree, set_up["root"], arguments, write, watch)
    else:
        status = run_unittest(tree, form, arguments, write, watch)
    sys.settrace(None)
    write(finished=status, changed=changed_machinery(before))
    os.close(CHANNEL)
    sys.exit(status)
