"""The languages that are known, whose a file is, and how the tests of a patch are run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from kintsugi.repair.languages import Language, Machine, Overlay, Suite
from kintsugi.repair.languages.command import CommandSuite
from kintsugi.repair.languages.go.language import Go
from kintsugi.repair.languages.node.language import JavaScript
from kintsugi.repair.languages.python.language import Python

PYTHON: Language = Python()
LANGUAGES: tuple[Language, ...] = (PYTHON, JavaScript(), Go())


def language_of(path: str) -> Language | None:
    """Whose source a file is; None for what none of them reads."""
    return next((language for language in LANGUAGES if language.reads(path)), None)


def is_test_file(path: str) -> bool:
    """Whether a runner of any language would collect tests from it by its name."""
    return any(language.is_test_file(path) for language in LANGUAGES)


def is_test_path(path: str) -> bool:
    """Whether it belongs to the tests of any language."""
    return any(language.is_test_path(path) for language in LANGUAGES)


def find_suite(
    tree: Path, overlay: Overlay, machine: Machine, given: Sequence[str] | None
) -> tuple[Language, Suite | None]:
    """How the tests of a patch are run: by the given command, else as its languages' projects do; None for no way.

    With it the language that the patch is read in: the suite's own, else the one that most of the patch is in.
    """
    ordered = _most_first(overlay)
    for language in ordered:
        suite = (
            language.suite_of(given, tree, overlay, machine) if given else language.find_suite(tree, overlay, machine)
        )
        if suite is not None:
            return language, suite
    if not given:
        return ordered[0], None
    tests = tuple(sorted(path for path in overlay if is_test_file(path)))
    return ordered[0], CommandSuite(tuple(given), tests, machine)


def _most_first(paths: Iterable[str]) -> list[Language]:
    """The languages by how much of a patch is in them: of its program first, then of its tests."""
    program: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for path in paths:
        language = language_of(path)
        if language is not None:
            (tests if is_test_path(path) else program)[language.name] += 1
    return sorted(LANGUAGES, key=lambda one: (-program[one.name], -tests[one.name]))
