"""Finding how a project's tests are run: settings, then pytest, unittest, tox, make test."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages import PlainSuite
from kintsugi.repair.languages.files import that_exist
from kintsugi.repair.languages.python.layout import SetUp, pytest_is_told, set_up_of
from kintsugi.repair.languages.python.script import script
from kintsugi.repair.languages.results import Results, read_results
from kintsugi.repair.sandbox import Job, Outcome
from kintsugi.repair.sandbox.room import Interpreter
from kintsugi.telemetry import lazy_re as re

_SKIPPED_FOLDERS = {"node_modules", "venv", "env", "build", "dist", "__pycache__", "site-packages"}
_TEST_FOLDERS = {"test", "tests", "testing"}
_UNITTEST = re.compile(rb"\bunittest\b|\bTestCase\b")
_MAKE_TEST = re.compile(r"^test\s*:", re.MULTILINE)
_FLAG = re.compile(r"-[hlqsvx]+|-r\w+")
_PYTEST_QUIET = ("-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:randomly", "--continue-on-collection-errors")


class SuiteKind(StrEnum):
    """How much a test command tells us."""

    PYTEST = "pytest"
    UNITTEST = "unittest"
    DJANGO = "django"  # unittest by `manage.py test`
    OTHER = "other"  # only its exit status
    NONE = "none"  # no way to run tests is known


@dataclass(frozen=True, slots=True)
class PythonSuite(PlainSuite):
    """How a project's tests are run.

    `arguments` are those of the command, for pytest without the `paths` it names; `files` are all test files, those
    that the patch brings and those that it removes among them. `leaves_out`: why some of these are not
    taken; `version`: the interpreter's. `has_pytest` is false where it lacks that, and nothing
    else is known to run the files.
    """

    kind: SuiteKind
    python: str
    arguments: tuple[str, ...]
    files: tuple[str, ...]
    paths: tuple[str, ...] = ()
    set_up: SetUp = field(default_factory=SetUp)
    leaves_out: str = ""
    version: tuple[int, int] | None = None
    has_pytest: bool = True

    @property
    def says(self) -> str:
        words = {
            SuiteKind.PYTEST: ("pytest",),
            SuiteKind.UNITTEST: ("unittest",),
            SuiteKind.DJANGO: ("manage.py", "test"),
        }.get(self.kind, ())
        return " ".join((*words, *self.arguments, *self.paths))

    @property
    def takes_files(self) -> bool:
        return self.kind in (SuiteKind.PYTEST, SuiteKind.UNITTEST, SuiteKind.DJANGO)

    @property
    def lacks(self) -> str:
        oldest, here = self.set_up.oldest, self.version
        why = "" if self.has_pytest else "Its tests are not unittest's, and their interpreter has no pytest"
        if oldest is not None and here is not None and here < oldest:
            why = f"The project needs Python {_dotted(oldest)}, and its tests run with {_dotted(here)}"
        return f"{why}: KINTSUGI_TEST_PYTHON names another interpreter." if why else ""

    def related(self, tree: Path, changes: Mapping[str, bytes | None], changed: Sequence[str]) -> tuple[str, ...]:
        return related_files(tree, changes, self.files, changed)

    def chosen(self, files: Sequence[str], tree: Path, changes: Mapping[str, bytes | None]) -> tuple[str, ...]:
        """unittest is told its files by name, where its command has no arguments of its own."""
        if self.kind is SuiteKind.UNITTEST and not files and not self.arguments:
            return that_exist(self.paths or self.files, tree, changes)
        return tuple(files) if self.takes_files else ()

    def read(self, outcome: Outcome) -> Results:
        return read_results(outcome)

    def job(
        self, tree: Path, changes: Mapping[str, bytes | None], files: Sequence[str], crash: Mapping[str, object]
    ) -> Job:
        """Running these test files, or all. `crash` is what to watch for: kind, path, function, lines."""
        if not self.takes_files:
            found = ":".join([*(f"{{tree}}/{one}" for one in self.set_up.folders), "{tree}"])
            return Job(self.arguments, changes, {"PYTHONPATH": found})
        form, arguments = self._form(files)
        return Job((self.python, "-"), changes, script=script(form, arguments, self.set_up, crash), recorded=True)

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        """The command as people would type it."""
        if not self.takes_files:
            return self.arguments
        form, arguments = self._form(files)
        if self.kind is SuiteKind.DJANGO:
            return (self.python, f"{self.set_up.root}/manage.py".lstrip("/"), "test", *arguments)
        return (self.python, "-m", "pytest" if form == "pytest" else "unittest", *arguments)

    def _form(self, files: Sequence[str]) -> tuple[str, list[str]]:
        if self.kind is SuiteKind.PYTEST:
            return "pytest", [*_PYTEST_QUIET, *self.arguments, *(files or self.paths)]
        if self.kind is SuiteKind.DJANGO:
            return "django", [*self.arguments, *(self._label(path) for path in files)]
        if self.arguments and not files:
            return "unittest", list(self.arguments)
        return "files", list(files or self.files)

    def _label(self, path: str) -> str:
        """A test file as Django names it: a module, from the folder of manage.py."""
        inside = path.removeprefix(f"{self.set_up.root}/") if self.set_up.root else path
        return inside.removesuffix(".py").replace("/", ".")


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def find_suite(
    tree: Path, overlay: Mapping[str, bytes | None], interpreter: Interpreter, given: Sequence[str] | None
) -> PythonSuite:
    """How the tests of `tree` with `overlay`, and of the tree without it, are run."""
    return replace(_found(tree, overlay, interpreter, given), version=interpreter.version)


def _found(
    tree: Path, overlay: Mapping[str, bytes | None], interpreter: Interpreter, given: Sequence[str] | None
) -> PythonSuite:
    files = tuple(sorted({*test_files(tree, {}), *test_files(tree, overlay)}))
    python, set_up = str(interpreter.python), set_up_of(tree)
    if given:
        return replace(_as_given(tuple(given), python, files, tree), set_up=set_up)
    by_pytest = interpreter.has("pytest") and (not set_up.settings or interpreter.has("pytest_django"))
    if set_up.settings and interpreter.has("django") and not by_pytest and files:
        return PythonSuite(SuiteKind.DJANGO, python, (), files, set_up=set_up)
    if interpreter.has("pytest") and files:
        return PythonSuite(SuiteKind.PYTEST, python, (), files, _odd(files, tree), set_up)
    unit = tuple(path for path in files if _UNITTEST.search(_content(tree, overlay, path)))
    if unit:
        left_out = "" if len(unit) == len(files) else "pytest is not installed"
        return PythonSuite(SuiteKind.UNITTEST, python, (), files, unit, set_up, left_out)
    if interpreter.has("tox") and (tree / "tox.ini").is_file():
        return PythonSuite(SuiteKind.OTHER, python, (python, "-m", "tox"), files, set_up=set_up, has_pytest=not files)
    if _has_make_test(tree):
        return PythonSuite(SuiteKind.OTHER, python, ("make", "test"), files, set_up=set_up, has_pytest=not files)
    if files and any(path.endswith(".py") for path in overlay):
        return PythonSuite(SuiteKind.PYTEST, python, (), files, set_up=set_up, has_pytest=False)
    return PythonSuite(SuiteKind.NONE, python, (), files)


def _odd(files: Sequence[str], tree: Path) -> tuple[str, ...]:
    """The test files, where pytest has to be told them: it would collect none by its name, and the project none."""
    by_name = any(PurePosixPath(path).name.startswith("test_") or path.endswith("_test.py") for path in files)
    return () if by_name or pytest_is_told(tree, "python_files") else tuple(files)


def test_files(tree: Path, overlay: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """The test files of the tree, as paths with forward slashes, sorted."""
    found = {path for path in _python_files(tree) if is_test_file(path)}
    found |= {path for path in overlay if is_test_file(path)}
    return tuple(sorted(path for path in found if overlay.get(path, b"") is not None))


def is_test_file(path: str) -> bool:
    """Whether a runner would collect tests from it by its name."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test") or name.endswith(("_test.py", "_tests.py")))


def is_test_path(path: str) -> bool:
    """Whether it belongs to the tests: a test file, or anything in their folders."""
    parts = PurePosixPath(path).parts
    return is_test_file(path) or parts[-1] == "conftest.py" or any(part in _TEST_FOLDERS for part in parts[:-1])


def related_files(
    tree: Path, overlay: Mapping[str, bytes | None], files: Iterable[str], changed: Iterable[str]
) -> tuple[str, ...]:
    """Those of the test files that name a changed module."""
    names = {_module_name(path) for path in changed}
    if not names:
        return ()
    mentions = re.compile(rb"\b(" + b"|".join(re.escape(name.encode()) for name in sorted(names)) + rb")\b")
    return tuple(path for path in files if mentions.search(_content(tree, overlay, path)))


def _module_name(path: str) -> str:
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem in ("__init__", "__main__") and pure.parent.name else pure.stem


def _content(tree: Path, overlay: Mapping[str, bytes | None], path: str) -> bytes:
    if (content := overlay.get(path)) is not None:
        return content
    try:
        return b"" if (tree / path).is_symlink() else (tree / path).read_bytes()
    except OSError:
        return b""


def _python_files(tree: Path) -> Iterable[str]:
    for parent, folders, names in os.walk(tree):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")]
        for name in names:
            if name.endswith(".py"):
                yield Path(parent, name).relative_to(tree).as_posix()


def _has_make_test(tree: Path) -> bool:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if (tree / name).is_file():
            return _MAKE_TEST.search((tree / name).read_text("utf-8", "replace")) is not None
    return False


def _as_given(words: tuple[str, ...], python: str, files: tuple[str, ...], tree: Path) -> PythonSuite:
    """A command from the settings. `python` in it means the interpreter of the settings."""
    name = PurePosixPath(words[0]).name
    if name in ("pytest", "py.test"):
        return _pytest_as_given(words[1:], python, files, tree)
    is_python = re.fullmatch(r"python[\d.]*", name) is not None
    if is_python and words[1:3] == ("-m", "pytest"):
        return _pytest_as_given(words[3:], python, files, tree)
    if is_python and words[1:3] == ("-m", "unittest"):
        return PythonSuite(SuiteKind.UNITTEST, python, words[3:], files)
    if is_python and len(words) > 2 and PurePosixPath(words[1]).name == "manage.py" and words[2] == "test":
        return PythonSuite(SuiteKind.DJANGO, python, words[3:], files)
    return PythonSuite(SuiteKind.OTHER, python, (python, *words[1:]) if name in ("python", "python3") else words, files)


def _pytest_as_given(words: tuple[str, ...], python: str, files: tuple[str, ...], tree: Path) -> PythonSuite:
    """Paths apart from options, as we sometimes say ourselves which files. What follows an option may be its value."""
    arguments: list[str] = []
    paths: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        may_be_value = before.startswith("-") and "=" not in before and not _FLAG.fullmatch(before)
        is_path = not word.startswith("-") and not may_be_value and (tree / word.partition("::")[0]).exists()
        (paths if is_path else arguments).append(word)
    return PythonSuite(SuiteKind.PYTEST, python, tuple(arguments), files, tuple(paths))
