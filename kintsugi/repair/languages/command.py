"""Tests of any language by their command: told by TAP on its output, or by JUnit's files that it writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kintsugi.repair.languages import Machine, Overlay, PlainSuite
from kintsugi.repair.languages.collected import Told, collecting, results, told
from kintsugi.repair.languages.reports import junit, tap
from kintsugi.repair.languages.results import Results, TestResult, by_status
from kintsugi.repair.sandbox import Job, Outcome

_REPORTS = ("**/*.xml", "{tmp}/*.xml")


@dataclass(frozen=True, slots=True)
class CommandSuite(PlainSuite):
    """A command of which nothing is known but what it prints and writes. Where that is no report, only its exit status
    is known, which proves nothing.
    """

    command: tuple[str, ...]
    files: tuple[str, ...]
    machine: Machine
    lacks: str = ""

    @property
    def takes_files(self) -> bool:
        return False

    @property
    def says(self) -> str:
        return " ".join(self.command)

    @property
    def knows(self) -> str:
        return (
            f"Tests are told apart by what `{self.says}` prints or writes; the program that is tested can do that too, "
            "so that it could write a result itself."
        )

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        return ()

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        return ()

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        found = ":".join(["{tree}/src", "{tree}"] if (tree / "src").is_dir() else ["{tree}"])
        python = self.machine.interpreter.python
        return collecting(python, self.command, changes, reports=_REPORTS, environment={"PYTHONPATH": found})

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        return self.command

    def read(self, outcome: Outcome) -> Results:
        found = results(outcome, _tests, range(256), status_tells=False)
        if found.tests or found.forged:
            return found
        collected = told(outcome)
        return by_status(outcome) if isinstance(collected, Told) else collected


def _tests(collected: Told) -> Iterator[TestResult]:
    for text in collected.reports.values():
        try:
            yield from list(junit(text, collected.tree))
        except ValueError:  # another kind of file
            continue
    try:
        yield from list(tap(collected.out, collected.tree))
    except ValueError:
        return
