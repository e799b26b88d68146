"""The languages whose patches are read and whose tests are told apart: one file or folder each behind one protocol.

`Language` is what the policy, the proof and the benches ask of a language; `Suite` is how the tests of one project are
run and how their record is read. `known` lists the languages and finds the suite of a patch. A language that is not
listed is proven by whatever its command tells (`other`): nothing of its patch is read then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.results import Crash, Failure, Results, TestResult
from kintsugi.repair.sandbox import Job, Outcome
from kintsugi.repair.sandbox.room import Interpreter

Overlay = Mapping[str, bytes | None]
"""Changes to a tree: content by path, None removes the file."""

Texts = Mapping[str, str]
"""Source by path."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a suite may need of the machine: the Python of the settings, and a folder like the tree with what git does
    not know of it, such as node_modules.
    """

    interpreter: Interpreter
    dependencies: Path | None = None


@dataclass(frozen=True, slots=True)
class Building:
    """Compiling a tree once for all runs on it: the job, which runs nothing of the tree, and the suite that reads what
    came of it. `prepare` puts what the machine has of that already into the folder for it.
    """

    job: Job
    suite: Suite
    prepare: Callable[[Path], None]


class Suite(Protocol):
    """How a project's tests are run, and what is known of them afterwards."""

    @property
    def files(self) -> tuple[str, ...]:
        """All test files, those that the patch brings and those that it removes among them."""
        ...

    @property
    def takes_files(self) -> bool:
        """Whether the tests of single files can be run, and are told apart."""
        ...

    @property
    def says(self) -> str:
        """The command in words."""
        ...

    @property
    def knows(self) -> str:
        """A sentence on where its results come from; empty where nobody but the referee writes them."""
        ...

    @property
    def leaves_out(self) -> str:
        """Why it collects nothing of files that it does not take; empty where it takes all."""
        ...

    @property
    def lacks(self) -> str:
        """A sentence on what the project asks for and this machine has not; empty where nothing is known of it."""
        ...

    @property
    def folders(self) -> tuple[Path, ...]:
        """What of the machine the tests need to read: the language's tools, what the project depends on."""
        ...

    @property
    def placed(self) -> tuple[tuple[Path, str], ...]:
        """Folders of the machine that must lie at a path of the tree, which git does not know."""
        ...

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        """Those of its files that most likely test the changed ones."""
        ...

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        """The files to name in a run of these, or of all where there are none."""
        ...

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        """Running these test files, or all. `crash` is what to watch for: kind, path, function, lines."""
        ...

    def building(self, tree: Path) -> Building | None:
        """How what the tests need is compiled beforehand; None where that saves nothing."""
        ...

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        """The command as people would type it."""
        ...

    def read(self, outcome: Outcome) -> Results:
        """How the tests of a run ended."""
        ...


class PlainSuite:
    """The answers of a suite that takes all its files and needs nothing of the machine but its interpreter."""

    __slots__ = ()

    @property
    def knows(self) -> str:
        return ""

    @property
    def leaves_out(self) -> str:
        return ""

    @property
    def lacks(self) -> str:
        return ""

    @property
    def folders(self) -> tuple[Path, ...]:
        return ()

    @property
    def placed(self) -> tuple[tuple[Path, str], ...]:
        return ()

    def building(self, tree: Path) -> Building | None:
        return None


class Language(Protocol):
    """What the referee asks of a language. Texts are whole files by path; nothing is run but by a `Suite`."""

    @property
    def name(self) -> str: ...

    def reads(self, path: str) -> bool:
        """Whether it is source of this language."""
        ...

    def is_test_file(self, path: str) -> bool:
        """Whether a runner would collect tests from it by its name."""
        ...

    def is_test_path(self, path: str) -> bool:
        """Whether it belongs to the tests: a test file, or what lies beside them."""
        ...

    def is_round_tests(self, path: str) -> bool:
        """Whether tests run with it: settings of a runner, what is loaded before them."""
        ...

    def find_suite(self, tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        """How the tests of `tree` with `overlay`, and of the tree without it, are run; None where that is not seen."""
        ...

    def suite_of(self, command: Sequence[str], tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        """The suite of a command that somebody gave; None where it is no command of this language."""
        ...

    def compiling(self, paths: Sequence[str], changes: Overlay, machine: Machine) -> Job | None:
        """Whether these files of a tree with `changes` compile, by the exit status; None where only tests tell."""
        ...

    def can_read(self, source: str) -> bool:
        """Whether it is syntax of this language."""
        ...

    def why_unreadable(self, path: str, before: bytes | None, after: bytes) -> str | None:
        """Why source says something else to the machine than to who reads it; the sentence begins with the path."""
        ...

    def runs_the_same(self, before: str, after: str) -> bool:
        """Whether nothing that runs differs: comments, layout, log lines."""
        ...

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        """What a patch drops; a file that is not in `before` is new."""
        ...

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        """What a patch did to tests: `before` holds the files that were there, `after` those that stay."""
        ...

    def suspicions(self, before: Texts, after: Texts, tests: Texts) -> tuple[str, ...]:
        """Sentences on how the program's own files could pass without being mended. `tests`: what shows the fix."""
        ...

    def suspicions_of_tests(self, before: Texts, tests: Texts, names: frozenset[str]) -> tuple[str, ...]:
        """Sentences on the tests of these names that are to show the fix, and on what is new around them."""
        ...

    def same_lines(self, before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
        """Where the statements in these lines stand in a changed source; none where one was changed, or none knows."""
        ...

    def name_of(self, id: str) -> str:
        """What a test is called in its file, by the runner's id."""
        ...

    def is_called(self, id: str, name: str) -> bool:
        """Whether a runner's id is that of a test which its file calls so, whatever its parameters."""
        ...

    def stem_of(self, id: str, source: str) -> str:
        """What the ids of all cases of a parametrised test have in common, by its file; empty for one that is none."""
        ...

    def text_of(self, source: str, name: str) -> str:
        """The text of the tests of this name, in one layout; empty where there is none."""
        ...

    def count(self, path: str, source: str) -> int:
        """How many tests a test file has by its text; the cases of a parametrised one count once."""
        ...

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        """Whether the test asserts more than that nothing fails. True for one that is not found."""
        ...

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        """The source with each assertion of these tests turned round; None where none is there."""
        ...

    def without_unbuilt(self, tests: Texts, failures: Collection[TestResult]) -> dict[str, str]:
        """The test files without the tests that only compile with the patch, where leaving these out may do; else {}.

        Of a language that is compiled with its tests, one such test takes all others of its package with it.
        """
        ...

    def why_wrong(self, test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
        """Why a test did not fail for the right reason: an assertion, or a crash in the code that is tested."""
        ...

    def missing(self, failure: Failure | None, tree: Path) -> str | None:
        """What this machine lacks, if that is why a test failed: "wcwidth is not installed"."""
        ...
