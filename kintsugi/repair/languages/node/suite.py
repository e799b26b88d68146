"""The tests of one package: a runner with the project's own arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages import Machine, Overlay, PlainSuite
from kintsugi.repair.languages.collected import Told, collecting, results
from kintsugi.repair.languages.files import content_of, mentioning, that_exist
from kintsugi.repair.languages.node.calls import tree_of_file
from kintsugi.repair.languages.node.reporters import OF_JASMINE, OF_NODE
from kintsugi.repair.languages.node.runners import Runner
from kintsugi.repair.languages.results import Failure, Frame, Results, TestResult
from kintsugi.repair.languages.syntax import Node, nodes, text_of
from kintsugi.repair.sandbox import Job, Outcome

_NAMED = (
    *("function_declaration", "method_definition", "arrow_function", "function_expression"),
    "generator_function_declaration",
)


@dataclass(frozen=True, slots=True)
class NodeSuite(PlainSuite):
    """The tests of one package: a runner with the project's own arguments, in the folder of its package.json."""

    files: tuple[str, ...]
    tree: Path
    machine: Machine
    node: Path
    folder: str
    runner: Runner
    options: tuple[str, ...]
    paths: tuple[str, ...]
    placed: tuple[tuple[Path, str], ...]

    @property
    def takes_files(self) -> bool:
        return True

    @property
    def says(self) -> str:
        words = ("node", "--test") if self.runner.program == "node" else (self.runner.program,)
        return " ".join((*words, *self.options, *self.paths))

    @property
    def knows(self) -> str:
        return (
            f"Tests are told apart by what `{self.says}` reports; the program that is tested shares its process or its "
            "output, so that it could write a result itself."
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        real = self.node.resolve()
        return tuple({self.node.parent.parent, real.parent.parent} - {Path("/usr"), Path("/")})

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        return mentioning(tree, changes, self.files, changed)

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        """`node --test` finds its files by rules that differ from release to release: it is told them."""
        if not files and self.runner.program == "node" and not self.paths:
            return that_exist(self.files, tree, changes)
        return tuple(files)

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        command = self._command(self._own_arguments(), files)
        folders = dict.fromkeys(("{tree}/node_modules/.bin", f"{{tree}}/{self.folder}/node_modules/.bin"))
        variables = {"PATH": ":".join((*folders, str(self.node.parent), "/usr/local/bin:/usr/bin:/bin")), "CI": "true"}
        return collecting(
            self.machine.interpreter.python,
            command,
            changes,
            form=self.runner.form,
            reports=self.runner.reports,
            folder=self.folder,
            environment=variables | {"NODE_ENV": "test", "FORCE_COLOR": "0", "NO_COLOR": "1"},
        )

    def _own_arguments(self) -> tuple[str, ...]:
        if self.runner.program == "jasmine":
            return (f"--reporter={OF_JASMINE}",)
        if self.runner.program != "node":
            return self.runner.before
        shown = ("--test-reporter=spec", "--test-reporter-destination=stderr")
        return ("--test", f"--test-reporter={OF_NODE}", "--test-reporter-destination=stdout", *shown)

    def _command(self, own: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
        inner = [_relative(path, self.folder) for path in files]
        named = (*self.runner.files, *inner) if inner else self.paths
        return (self.runner.program, *own, *self.options, *named)

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        return self._command(("--test",) if self.runner.program == "node" else (), files)

    def read(self, outcome: Outcome) -> Results:
        return results(outcome, self.tests_in, self.runner.ended_well, is_whole=self.runner.is_whole)

    def tests_in(self, told: Told) -> Iterator[TestResult]:
        """How each test ended, of what its runner told."""
        for test in self.runner.read(told):
            file = test.file or self._path_of(test.id.partition(" > ")[0])  # tap names its tests by it
            own = file if file in self.files else test.file
            yield replace(test, file=own, failure=test.failure and self._located(test.failure))

    def _located(self, failure: Failure) -> Failure:
        """mocha shortens paths by the folder that it runs in; what jest transforms has the names of other steps."""
        frames = [replace(frame, path=self._path_of(frame.path)) for frame in failure.frames]
        if self.runner.program == "jest":
            frames = [replace(frame, function=_function_at(self.tree, frame)) for frame in frames]
        return replace(failure, frames=tuple(frames))

    def _path_of(self, path: str) -> str:
        inner = str(PurePosixPath(self.folder) / path)
        return path if (self.tree / path).is_file() or not (self.tree / inner).is_file() else inner


def _function_at(tree: Path, frame: Frame) -> str:
    """The innermost function with a name around a line of the tree; as it was told where that cannot be read."""
    source = content_of(frame.path, tree, {}).decode("utf-8", "replace")
    top = tree_of_file(frame.path, source) if source else None
    if top is None:
        return frame.function
    around = [one for one in nodes(top, *_NAMED) if one.start_point[0] < frame.line <= one.end_point[0] + 1]
    names = [name for one in around if (name := _name_of(one))]
    return names[-1] if names else frame.function


def _name_of(function: Node) -> str:
    """Its own, or that of what it is assigned to."""
    own = function.child_by_field_name("name")
    if own is None and function.parent.type in ("variable_declarator", "pair", "assignment_expression"):
        named = ("name", "key", "left")
        own = next((one for field in named if (one := function.parent.child_by_field_name(field)) is not None), None)
    return str(text_of(own).rpartition(".")[2])


def _relative(path: str, folder: str) -> str:
    return path if folder == "." else path.removeprefix(f"{folder}/")
