"""Which failures are one: what an incident is grouped by, and its name. Version 2.

Exceptions go by their types, the project's frames, and what their words name of the code or a schema (`marks.py`): a
status, a constraint, a field. Other words do not count there: a name or a number that a message carries would open an
incident for each customer. What is one by that is told apart by a fingerprint that the program gives. Without a frame
of the project the fixed words of the message count, and log calls go by their template. The names of version 1 are told
beside, so that what is known by one keeps it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from kintsugi.capture.fixed_words import fixed_words, fixed_words_before
from kintsugi.capture.marks import marks_of
from kintsugi.capture.report import LOGGED_TYPE
from kintsugi.capture.source import is_library
from kintsugi.capture.spellings import plain, unhashed
from kintsugi.capture.tidied import tidied
from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.fingerprint import fingerprint as version_1
from kintsugi.telemetry.fingerprint import plain_message
from kintsugi.workflow.payload import Failure, Frame, Raised

VERSION = "v2"
_MOST_FRAMES = 5
_SHORT = 300  # characters of a path
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")
_HASH = re.compile(r"(?:\d+\.)?(?=[a-f]*\d)[0-9a-f]{6,40}(?=\.)")
_ANONYMOUS = re.compile(
    r"^\W*$|anonymous|^(?:lambda|listcomp|dictcomp|setcomp|genexpr|module|unknown|eval|closure)$", re.I
)
_GENERATED = re.compile(r"^(?:func\d+|lambda\$.*|lambda_method\d*|.*\$lambda.*|__lambda_\w+|b__\w+|MoveNext|invoke)$")
_NUMBERED = re.compile(r"::h[0-9a-f]{16}$|/\d{1,3}$|_{2,3}\d+_\d+$")  # Rust's hash, Elixir's arity, a template's id
_STATE_MACHINE = re.compile(r"<(\w+)>[bd]__\w+")  # .NET's, of a lambda or an async method
_BLOCK = re.compile(r"^(?:block|rescue|ensure)(?: \(\d+ levels\))? in ")  # Ruby's
_STDLIB = ("java/", "javax/", "jdk/", "sun/", "kotlin/", "scala/", "node:", "internal/")


@dataclass(frozen=True, slots=True)
class Group:
    """`fingerprint` names it, `earlier` are its names under older versions, `by` tells what it was made of.

    `kin` is the same without words and without what the program gave: failures that differ in these alone share it.
    """

    fingerprint: str
    earlier: tuple[str, ...]
    by: str
    kin: str


def group_of(
    failure: Failure | None,
    words: str,
    *,
    template: str = "",
    given: Sequence[str] = (),
    program: str = "",
    logger: str = "",
) -> Group:
    """`words` is what was said where there is no exception, `template` the log call's before it was filled in.

    `given` is the program's own fingerprint, in which `{{ default }}` stands for what it would be without. `program`
    parts what several programs report; it counts where no file of the repository tells which one it is. `logger` is
    where words were said, which only parts their kin.
    """
    said = template or words
    tidy = tidied(failure)
    parts, wordless, by = _parts(tidy, said, logger, fixed_words)
    marks = marks_of(failure) if failure else ()
    if tidy and (said_there := _words_of_panic(tidy)):
        marks = (*marks, f"saying={said_there}")
    # As it was named when each member of a group counted; before what is tidied was, and before marks counted, and
    # words only without what varies in them.
    before = (
        (_parts(tidy, said, logger, fixed_words, _each)[0], marks),
        (
            _parts(failure, said, logger, fixed_words_before, _each)[0],
            marks_of(failure, as_before=True) if failure else (),
        ),
        (_parts(failure, said, logger, plain_message, _each)[0], ()),
    )
    if is_given := any(not _DEFAULT.fullmatch(part.strip()) for part in given):
        parts, by = _given(given, parts), f"the program's own fingerprint: {', '.join(given)}"
    name = _named([program, *_marked(parts, marks)])
    older = (_named([program, *_marked(_given(given, one) if is_given else one, marked)]) for one, marked in before)
    earlier = (*dict.fromkeys(each for each in older if each != name), _version_1(failure, words))
    if parts[0] == "raised" and marks:
        by = f"{by}; {', '.join(map(_told, marks))}"
    return Group(name, earlier, by, _named([program, "kin", *wordless]))


def _marked(parts: list[str], marks: Sequence[str]) -> list[str]:
    return [*parts, "with", *marks] if marks and parts[0] == "raised" else parts


def _words_of_panic(failure: Failure) -> str:
    """The fixed words, where a panic's file is all that is known, as without a backtrace."""
    frames = [frame for raised in failure.chain for frame in raised.frames]
    is_bare = failure.language == "rust" and len(frames) == 1 and not frames[0].function
    return fixed_words(failure.final.message) if is_bare else ""


def _given(given: Sequence[str], parts: list[str]) -> list[str]:
    default = "\x1f".join(parts)
    return ["given", *(_DEFAULT.sub(lambda _: default, part) for part in given)]


def group_of_job(slug: str, environment: str, *, program: str, ran_too_long: bool) -> Group:
    """Of a scheduled job that did not check in, or whose run did not end."""
    what = "overran" if ran_too_long else "missed"
    name = _named([program, what, slug, environment])
    return Group(name, (), f"the scheduled job {slug} in {environment}", name)


def group_of_words(words: str) -> Group:
    """What a person reports: the same words are the same report, and nothing else is."""
    named = _named(["told", " ".join(words.casefold().split())])
    return Group(named, (), "the words of the report", named)


def _told(mark: str) -> str:
    """A mark in words."""
    kind, _, name = mark.partition("=")
    return f"{name!r} on the line that failed" if kind == "in code" else f"{kind} {name}"


def _named(parts: Sequence[str]) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{VERSION}:{digest[:16]}"


def _distinct(failure: Failure) -> list[Raised]:
    """Of members of a group that failed in the same way the first: how many did, before all were stopped, is chance."""
    kept: list[Raised] = []
    seen: list[list[str]] = []
    member: list[Raised] = []  # with what it came of
    for raised in failure.chain:
        member.append(raised)
        if raised.link == "group":
            kinds = _kinds(member)
            if not any(one[-len(kinds) :] == kinds for one in seen):
                kept += member
            seen.append(kinds)
            member = []
    return kept + member


def _each(failure: Failure) -> list[Raised]:
    return list(failure.chain)


def _kinds(chain: Sequence[Raised]) -> list[str]:
    return [_plain_kind(raised.type) for raised in chain]


def _parts(
    failure: Failure | None,
    words: str,
    logger: str,
    fixed: Callable[[str], str],
    counted: Callable[[Failure], list[Raised]] = _distinct,
) -> tuple[list[str], list[str], str]:
    """What it is grouped by, the same without words, and in a sentence. `fixed` takes out of words what varies."""
    if failure is None or failure.final.type == LOGGED_TYPE:
        said = fixed(words)
        return ["said", said], ["said", logger, str(len(said.split()))], f"the fixed words: {said}"
    chain = counted(failure)
    kinds = _kinds(chain)
    places = _places(failure)
    if places:
        parts = ["raised", *kinds, "in", *places]
        return parts, parts, f"types and project frames: {', '.join(kinds)}; {', '.join(places)}"
    said = fixed(failure.final.message)
    library = [_plain_function(frame.function) for raised in chain for frame in raised.frames]
    last = [name for name in library if name][-_MOST_FRAMES:]
    wordless = ["raised", *kinds, "in", *last]
    return (
        ["raised", *kinds, "saying", said, "in", *last],
        wordless,
        f"types and fixed words: {', '.join(kinds)}; {said}",
    )


def _places(failure: Failure) -> list[str]:
    """The innermost frames of the project, each once: how deep a recursion was is not part of the failure."""
    stacks = [[frame for frame in raised.frames if frame.in_project] for raised in failure.chain]
    if not any(stacks):
        stacks = [[frame for frame in raised.frames if not _is_librarys(frame)] for raised in failure.chain]
    places = [[(_plain_path(frame.path), _plain_function(frame.function)) for frame in stack] for stack in stacks]
    counted = list(reversed(list(dict.fromkeys(reversed(_telling(places))))[:_MOST_FRAMES]))
    shared = _shared([PurePosixPath(path).parts[:-1] for path, _ in counted if path.startswith("/")])
    return [f"{_without(path, shared)}:{function}" for path, function in counted]


def _telling(stacks: Sequence[Sequence[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The calls of named functions, and where it failed in one without a name, if no other call is of that file."""
    files = {path for stack in stacks for path, function in stack if function}
    return [
        (path, function)
        for stack in stacks
        for left, (path, function) in zip(range(len(stack) - 1, -1, -1), stack, strict=True)
        if function or not files or (not left and path not in files)
    ]


def _is_librarys(frame: Frame) -> bool:
    told = [frame.path, frame.reported]
    return any(is_library(path) or path.startswith(_STDLIB) for path in told if path) or frame.path[:1] in (
        "<",
        "…",
        "?",
    )


def _plain_path(path: str) -> str:
    return _short_path(path) if len(path) <= _SHORT else _plainly(path)


@lru_cache(4096)
def _short_path(path: str) -> str:
    """The frames of a program are few, and come again with each event."""
    return _plainly(path)


def _plainly(path: str) -> str:
    shown = plain(path)
    folder, _, name = shown.rpartition("/")
    name = _HASH.sub("<hash>", unhashed(name))
    return f"{folder}/{name}" if folder or shown.startswith("/") else name


def _without(path: str, shared: int) -> str:
    return "/".join(PurePosixPath(path).parts[shared:]) if path.startswith("/") else path


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many leading folders absolute paths have in common: that is where the deploy put the program."""
    apart = (depth for depth, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1)
    return next(apart, min(map(len, folders), default=0))


def _plain_kind(kind: str) -> str:
    return re.split(r"\.|::|\\", kind)[-1]


def _plain_function(function: str) -> str:
    return _short_function(function) if len(function) <= _SHORT else _plainly_called(function)


@lru_cache(4096)
def _short_function(function: str) -> str:
    return _plainly_called(function)


def _plainly_called(function: str) -> str:
    """`Cog.run.<locals>.inner`, `(*Cog).inner`, `void Cog.inner(int)` and `Cog.inner/1` are `inner`; generated names
    are none."""
    function = _NUMBERED.sub("", function.strip())
    name = _STATE_MACHINE.sub(r"\1", _BLOCK.sub("", function)).removesuffix(".MoveNext")
    name = re.sub(r"\((?!\*)[^()]*\)$", "", name)
    name = re.split(r"::|[.#/\s]", name)[-1].strip("<>{}()[]*&")
    return "" if _ANONYMOUS.search(name) or _GENERATED.match(name) else name


def _version_1(failure: Failure | None, words: str) -> str:
    if failure is None:
        return version_1((), words, ())
    frames = [frame for raised in failure.chain for frame in raised.frames]
    counted = [frame for frame in frames if frame.in_project] or frames
    places = [(frame.path, frame.function) for frame in counted]
    return version_1([raised.type for raised in failure.chain], failure.final.message, places)
