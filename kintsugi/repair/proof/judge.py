"""Judging a patch by its text, and a failing test by what it raised. Decisions only: nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages import Language
from kintsugi.repair.languages.found import Swallow, Swallowing
from kintsugi.repair.languages.known import LANGUAGES, is_test_file, is_test_path, language_of
from kintsugi.repair.languages.results import Crash, TestResult
from kintsugi.repair.syntax import read_source

_PROSE = {".md", ".rst", ".txt"}
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What the text of a patch says: why it is refused if it is, what to flag, what it swallows, and which tests it
    gave another name or place: (file, name) by what they were. `is_unread`: no language here reads any of its program.
    `changed`, `dropped` and `guarded`: the tests whose assertions are changed, as `Loosened` has them.
    """

    refusal: str | None = None
    flags: tuple[str, ...] = ()
    swallowing: Swallowing = field(default_factory=Swallowing)
    renamed: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    is_unread: bool = False
    changed: frozenset[tuple[str, str]] = frozenset()
    dropped: frozenset[tuple[str, str]] = frozenset()
    guarded: frozenset[tuple[str, str]] = frozenset()


def read_patch(base: Path, files: Mapping[str, bytes | None], shows: Mapping[str, str]) -> Reading:
    """Judge the changed files of a patch against those in `base`. `shows`: the text of the tests that are to show it.

    Nothing is run.
    """
    before = {path: _text(base, path) for path in files}
    each = [_Part.of(language, before, files, shows) for language in LANGUAGES]
    flags = tuple(flag for part in each for flag in part.flags)
    refusal = _why_unreadable(base, files) or _why_refused(before, files, each)
    renamed = {old: new for part in each for old, new in part.renamed.items()}
    program = [path for path in files if _is_program(path)]
    is_unread = bool(program) and not any(map(language_of, program))
    changed, dropped, guarded = (
        frozenset().union(*sets) for sets in zip(*((p.changed, p.dropped, p.guarded) for p in each), strict=True)
    )
    flags += _around_tests(before, files)
    return Reading(refusal, flags, _together(each), renamed, is_unread, changed, dropped, guarded)


def _why_unreadable(base: Path, files: Mapping[str, bytes | None]) -> str | None:
    """Source must say the same to the machine, to us and to a human who reads the patch."""
    for path, content in files.items():
        language = language_of(path)
        if language is None or content is None:
            continue
        if (why := language.why_unreadable(path, _bytes(base / path), content)) is not None:
            return why
    return None


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() and not file.is_symlink() else None


@dataclass(frozen=True, slots=True)
class _Part:
    """What a patch does in one language. `does`: whether its program does anything else than before."""

    loosened: tuple[str, ...]
    flags: tuple[str, ...]
    swallowing: Swallowing
    renamed: Mapping[tuple[str, str], tuple[str, str]]
    does: bool
    changed: frozenset[tuple[str, str]]
    dropped: frozenset[tuple[str, str]]
    guarded: frozenset[tuple[str, str]]

    @classmethod
    def of(
        cls,
        language: Language,
        before: Mapping[str, str | None],
        files: Mapping[str, bytes | None],
        shows: Mapping[str, str],
    ) -> _Part:
        own = [path for path in files if language.reads(path)]
        program = _Change.of([path for path in own if not is_test_path(path)], before, files)
        tests = _Change.of([path for path in own if is_test_path(path)], before, files)
        swallowed = language.swallowing(program.before, program.after)
        loose = language.loosened(tests.before, tests.after)
        flags = loose.flags + tuple(map(str, swallowed.places))
        flags += language.suspicions(program.before, program.after, shows)
        does = any(
            path not in program.after
            or path not in program.before
            or not language.runs_the_same(program.before[path], program.after[path])
            for path in {*program.before, *program.after}
        )
        return cls(loose.refusals, flags, swallowed, loose.renamed, does, loose.changed, loose.dropped, loose.guarded)


@dataclass(frozen=True, slots=True)
class _Change:
    """Files of one sort: as they were, and those that stay as they are to be."""

    before: dict[str, str]
    after: dict[str, str]

    @classmethod
    def of(cls, paths: list[str], before: Mapping[str, str | None], files: Mapping[str, bytes | None]) -> _Change:
        return cls(
            {path: text for path in paths if (text := before[path]) is not None},
            {path: read_source(content) for path in paths if (content := files[path]) is not None},
        )


def _text(base: Path, path: str) -> str | None:
    try:
        return None if (base / path).is_symlink() else read_source((base / path).read_bytes())
    except OSError:
        return None


def _together(each: list[_Part]) -> Swallowing:
    """What all of them swallow; it is all that the patch does where no language does anything else."""
    places: tuple[Swallow, ...] = tuple(place for part in each for place in part.swallowing.places)
    without = {path: text for part in each for path, text in part.swallowing.without.items()}
    is_all = bool(places) and all(part.swallowing.is_all for part in each if part.does)
    return Swallowing(places, without, is_all)


def _why_refused(before: Mapping[str, str | None], files: Mapping[str, bytes | None], each: list[_Part]) -> str | None:
    loose = [reason for part in each for reason in part.loosened]
    if loose:
        return f"the patch loosens tests: {'; '.join(loose)}"
    # Other files of a package may hold the fix as well: templates, queries, data.
    others = [path for path in files if _is_program(path) and language_of(path) is None]
    changed = any(before[path] != _after(files[path]) for path in others)
    if not changed and not any(part.does for part in each):
        return "the patch changes nothing that runs"
    swallowed = _together(each)
    if swallowed.is_all and not others:
        return f"the patch only makes the exception disappear: {'; '.join(map(str, swallowed.places))}"
    return None


def _is_program(path: str) -> bool:
    return not is_test_path(path) and PurePosixPath(path).suffix not in _PROSE


def _after(content: bytes | None) -> str | None:
    return None if content is None else read_source(content)


def _around_tests(before: Mapping[str, str | None], files: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """What a patch changes that tests run with: settings of the runner, helpers, cases, what is loaded before them."""
    touched = sorted(
        path
        for path in files
        if any(language.is_round_tests(path) for language in LANGUAGES)
        or (is_test_path(path) and (not is_test_file(path) or _is_case(path, before[path], files[path])))
    )
    if not touched:
        return ()
    more = f" and {len(touched) - _NAMED} more" if len(touched) > _NAMED else ""
    return (f"it changes what the tests run with: {', '.join(touched[:_NAMED])}{more}",)


def _is_case(path: str, before: str | None, after: bytes | None) -> bool:
    """Whether a file that was there has no tests of its own: others load it."""
    language = language_of(path)
    texts = [text for text in (before, _after(after)) if text is not None]
    return language is not None and before is not None and not any(language.count(path, text) for text in texts)


def reaches(test: TestResult, crash: Crash) -> bool:
    """Whether a failing test comes to the crash: its exception, through its function.

    The program may answer it itself, as web servers do; then it was seen there. A test that catches it and fails by
    something else has not failed by it: that came to the test is in what the failure came of.
    """
    if test.failure is not None and crash.is_in(test.failure.chain):
        return True
    return test.raised is True and not test.caught
