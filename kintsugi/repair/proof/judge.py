"""Judging a patch by its text, and a failing test by what it raised. Decisions only: nothing is run here."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages.python.command import is_test_path
from kintsugi.repair.languages.python.suspicions import around_tests, suspicions
from kintsugi.repair.languages.python.swallow import Swallowing, essence, swallowing
from kintsugi.repair.languages.python.tests import loosened
from kintsugi.repair.languages.results import Failure, Raised, TestResult
from kintsugi.repair.syntax import parsed, read_source, why_unreadable

_RUNNERS = {"pytest", "_pytest", "pluggy", "nose", "hypothesis", "mock", "sitecustomize", "usercustomize"}
_PROSE = {".md", ".rst", ".txt"}
_NOT_THERE = {"ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "IndentationError", "TabError"}
_FIXTURE = {"FixtureLookupError"}
# A test that asks for what is not there yet: it would fail for any patch that adds the name.
_NO_SUCH_NAME = re.compile(
    r"^(module '.*' has no attribute|type object '.*' has no attribute|.*got an unexpected keyword argument"
    r"|.*missing \d+ required|.*takes .* positional argument|'(?!NoneType)\w+' object has no attribute)"
)


@dataclass(frozen=True, slots=True)
class Crash:
    """The failure that the patch is to mend: the exception's class and, as far as they are known, its message and the
    innermost function of the project that it came through, with its file.
    """

    kind: str
    message: str = ""
    path: str = ""
    function: str = ""

    @property
    def watched(self) -> dict[str, str]:
        """What to look out for while tests run; nothing where the place is not known."""
        if not self.path:
            return {}
        return {"kind": self.short_kind, "path": self.path, "function": self.short_function}

    @property
    def short_kind(self) -> str:
        return self.kind.rpartition(".")[2]

    @property
    def short_function(self) -> str:
        """As the interpreter names it; empty for one without a name, such as a comprehension, which may come by any."""
        name = self.function.rpartition(".")[2]
        return "" if name.startswith("<") and name != "<module>" else name

    @property
    def place(self) -> str:
        return f"{self.path}, {self.function}" if self.function else self.path

    def is_in(self, chain: tuple[Raised, ...]) -> bool:
        """Whether one exception of a chain is it: of its type, and through its function where that is known."""
        return any(
            raised.kind == self.short_kind
            and (not self.path or any(self._is_at(frame.path, frame.function) for frame in raised.frames))
            for raised in chain
        )

    def _is_at(self, path: str, function: str) -> bool:
        return path == self.path and self.short_function in ("", function)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the text of a patch says: why it is refused if it is, what to flag, what it swallows, and which tests it
    gave another name or place: (file, name) by what they were.
    """

    refusal: str | None
    flags: tuple[str, ...]
    swallowing: Swallowing
    renamed: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


def read_patch(base: Path, files: Mapping[str, bytes | None], shows: Mapping[str, str]) -> Reading:
    """Judge the changed files of a patch against those in `base`. `shows`: the text of the tests that are to show it.

    Nothing is run.
    """
    before = {path: _text(base, path) for path in files}
    source = _Change.of(before, files, tests=False)
    tests = _Change.of(before, files, tests=True)
    swallowed = swallowing(source.before, source.after)
    loose = loosened(tests.before, tests.after)
    flags = loose.flags + tuple(str(place) for place in swallowed.places)
    flags += around_tests(files) + suspicions(source.before, source.after, shows)
    refusal = _why_unreadable(base, files) or _why_refused(before, files, source, swallowed, loose.refusals)
    return Reading(refusal, flags, swallowed, loose.renamed)


def _why_unreadable(base: Path, files: Mapping[str, bytes | None]) -> str | None:
    """Source must say the same to the interpreter, to us and to a human who reads the patch."""
    for path, content in files.items():
        if not path.endswith(".py") or content is None:
            continue
        before = _bytes(base / path)
        if (why := why_unreadable(before, content)) is not None:
            return f"{path} {why}"
        if before is None and _is_shadowing(path):
            return f"{path} would stand before the standard library's module of that name"
    return None


def _is_shadowing(path: str) -> bool:
    """Whether a new file is imported in place of a module of the interpreter or the test runner.

    A folder without __init__.py is not: what is installed goes before it.
    """
    name = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
    return name in sys.stdlib_module_names | _RUNNERS and name != "test"


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


@dataclass(frozen=True, slots=True)
class _Change:
    """Python files of one sort: as they were, and those that stay as they are to be."""

    before: dict[str, str]
    after: dict[str, str]

    @classmethod
    def of(cls, before: Mapping[str, str | None], files: Mapping[str, bytes | None], *, tests: bool) -> _Change:
        wanted = [path for path in files if path.endswith(".py") and is_test_path(path) == tests]
        return cls(
            {path: text for path in wanted if (text := before[path]) is not None},
            {path: read_source(content) for path in wanted if (content := files[path]) is not None},
        )


def _text(base: Path, path: str) -> str | None:
    try:
        return None if (base / path).is_symlink() else read_source((base / path).read_bytes())
    except OSError:
        return None


def _why_refused(
    before: Mapping[str, str | None],
    files: Mapping[str, bytes | None],
    source: _Change,
    swallowed: Swallowing,
    loose: tuple[str, ...],
) -> str | None:
    if loose:
        return f"the patch loosens tests: {'; '.join(loose)}"
    if not any(_changes_something(path, before[path], content) for path, content in files.items()):
        return "the patch changes nothing that runs"
    # Other files of a package may hold the fix as well: templates, queries, data.
    others = any(not path.endswith(".py") and not is_test_path(path) and _is_code(path) for path in files)
    if swallowed.is_all and not others:
        return f"the patch only makes the exception disappear: {'; '.join(map(str, swallowed.places))}"
    return None


def _is_code(path: str) -> bool:
    return PurePosixPath(path).suffix not in _PROSE


def _changes_something(path: str, before: str | None, content: bytes | None) -> bool:
    """Whether a file outside the tests does anything else than before."""
    if is_test_path(path) or not _is_code(path):
        return False
    after = None if content is None else read_source(content)
    if not path.endswith(".py") or after is None or before is None:
        return after != before
    old, new = parsed(before), parsed(after)
    if old is None or new is None:
        return after != before
    return essence(old) != essence(new)


def why_wrong(test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
    """None when the test failed for the right reason: an assertion, or a crash in the code that is tested.

    `tests` are the paths of the test files; what is raised in them by a name that is not there says nothing of the
    code, unless it is the very crash.
    """
    failure = test.failure
    if failure is None or failure.assertion or _is_the_very_crash(failure, crash):
        return None
    innermost = failure.frames[-1].path if failure.frames else ""
    if innermost and innermost not in tests and not is_test_path(innermost):
        return None
    if failure.kind in _NOT_THERE | _FIXTURE:
        return f"{test.id} fails before the patch only because the test itself is broken there: {_said(failure)}"
    if failure.kind in ("AttributeError", "TypeError") and _NO_SUCH_NAME.search(failure.message):
        return f"{test.id} fails before the patch only because it uses what the patch adds: {_said(failure)}"
    return None


def _is_the_very_crash(failure: Failure, crash: Crash | None) -> bool:
    """By its message too: by the class alone every missing name would pass for a crash of that class."""
    if crash is None or not any(raised.kind == crash.short_kind for raised in failure.chain):
        return False
    return bool(crash.message) and crash.message in failure.message


def reaches(test: TestResult, crash: Crash) -> bool:
    """Whether a failing test comes to the crash: its exception, through its function.

    The program may answer it itself, as web servers do; then it was seen there. A test that catches it and fails by
    something else has not failed by it: that came to the test is in what the failure came of.
    """
    if test.failure is not None and crash.is_in(test.failure.chain):
        return True
    return test.raised is True and not test.caught


def missing_package(failure: Failure | None, base: Path) -> str | None:
    """The name of a package that is not installed here and is not of the project, if that is why a test failed."""
    if failure is None or failure.kind != "ModuleNotFoundError":
        return None
    found = re.search(r"No module named '([\w.]+)'", failure.message)
    top = found[1].partition(".")[0] if found else ""
    ours = any((base / folder / name).exists() for folder in ("", "src", "lib") for name in (top, f"{top}.py"))
    return top if top and not ours else None


def _said(failure: Failure) -> str:
    return f"{failure.kind}: {failure.message}".strip()[:300]
