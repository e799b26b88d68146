"""What no rule can judge and a human has to see in one line: an inverted comparison, a lifted limit, another default.

Facts of the touched statements are compared, before and after, so that moved and renamed code is silent. A flag never
refuses. Other languages are compared as Python's syntax (`translated/`).
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.expressions import is_stricter
from kintsugi.repair.policy.facts import Facts
from kintsugi.repair.policy.safeguards import Told, loosened
from kintsugi.repair.policy.safeguards.about import About
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.safeguards.points import BAR, CERTAIN, points
from kintsugi.repair.policy.translated import as_written, could_be_read, is_by_machine, translated
from kintsugi.repair.policy.vocabulary import WHO
from kintsugi.repair.syntax import Source, walked
from kintsugi.telemetry import lazy_re as re

_PAGE = re.compile(
    r"\bfrom ['\"](?:react|vue|preact|svelte|@angular/\w+|pinia)(?:/\w+)?['\"]|\bwindow\.\w"
    r"|\bdocument\.(?:getElement\w*|querySelector\w*|createElement\w*|addEventListener|cookie)\b"
)
_SERVES = re.compile(
    r"\bres\.(?:send|json|status|render|redirect|end)\(|\breq\.(?:body|params|query|headers|user|session)\b"
    r"|['\"]use server['\"]|\bgetServerSideProps\b"
    r"|\bexport (?:async )?function (?:loader|action|GET|POST|PUT|PATCH|DELETE)\b"
)
_BEYOND = ("BaseException", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
_OF_CONDITIONS = frozenset(
    (
        "It asks about something else.",
        "It asks less than before.",
        "It asks something else.",
        "It decides nothing any more.",
        "It goes on where it left before.",
        "It lets in more than before.",
        "It lists more than before.",
        "It takes less care than before.",
        "It turns a condition.",
        "It turns away less than before.",
    )
)
_ALL = frozenset(("BaseException", "Exception"))  # kinds of failures
_SENTENCE = 5  # words
_SPOKEN = re.compile(r"[^\W\d]{2,}(?: |$)")
_NOTHING = ("False", "None", "''", "")
_MOST = 5  # flags that a human reads on a card
_SAME_NOTHING = frozenset(f"{one} → {other}" for one in _NOTHING for other in _NOTHING)
_WORD = re.compile(r"\b(?!(?:not|and|or|is|in|None|True|False|self|cls|len|await)\b)\w+")


class Flag(NamedTuple):
    """One thing that a human should look at; `worth` says how telling it is, `function` where it is, if known."""

    worth: int
    path: str
    sentence: str
    function: str = ""


def flags(change: Change) -> list[Flag]:
    """What a human should look at, the most serious first."""
    if change.before is None or change.after is None:
        return []
    try:
        return sorted(_said(change), key=lambda one: -one.worth)
    except RecursionError:
        return [Flag(CERTAIN, change.path, "It is nested so deep that nothing can be told of it.")]


def shown(found: list[Flag]) -> Iterator[Flag]:
    """What a card has room for, and how many more there are.

    The most serious flag of each function comes first, so that many of one do not hide the only one of another.
    """
    first = _by_functions(found)
    yield from first[:_MOST]
    if more := first[_MOST:]:
        are = "change is looser" if len(more) == 1 else "changes are looser"
        yield Flag(0, more[0].path, f"{len(more)} more {are} than before and not listed. Read the whole patch.")


def _by_functions(found: list[Flag]) -> list[Flag]:
    """The first of each, the second of each, …; what the file shows as a whole, by what is said of it."""
    told = Counter[tuple[str, str]]()
    turns = list[tuple[int, Flag]]()
    for one in sorted(found, key=lambda one: -one.worth):
        place = (one.path, one.function or one.sentence.partition(" (")[0])
        turns.append((told[place], one))
        told[place] += 1
    return [one for _, one in sorted(turns, key=lambda each: each[0])]


def _said(change: Change) -> Iterator[Flag]:
    if not could_be_read(change):
        yield Flag(CERTAIN, change.path, "It could not be read before, so that nothing can be told of it.")
    elif change.path.endswith((".py", ".pyw")):
        for worth, sentence, told, function in _compared(*change.touched, change.path, is_page=False):
            yield Flag(worth, change.path, f"{sentence} ({short(told)})", function)
    elif is_by_machine(change):
        yield Flag(CERTAIN, change.path, "It has lines so long that nothing can be told of them. (nobody writes these)")
    elif (found := translated(change)) is not None:
        before, after, translator = found
        for worth, sentence, told, function in _compared(before, after, change.path, is_page=_is_page(change)):
            yield Flag(worth, change.path, f"{sentence} ({short(as_written(told, translator))})", function)


def _is_page(change: Change) -> bool:
    """Whether it runs in a browser, where whoever is asked can answer as they like: what it asks decides nothing.

    A file that answers requests too is none, though it has a page in a text.
    """
    is_page = change.path.endswith((".jsx", ".tsx", ".vue")) or _PAGE.search(change.old) is not None
    return is_page and _SERVES.search(change.old) is None


def _compared(before: Source, after: Source, path: str, *, is_page: bool) -> Iterator[Told]:
    if before.tree is None or after.tree is None:
        return
    old, new = Facts(before), Facts(after)
    rules = chain(
        _of_conditions(old, new, is_page=is_page), _of_values(old, new), _of_effects(old, new, is_page=is_page)
    )
    file = points(About("", path, after.tree, is_page).signs())
    by_rule = [
        Told(worth, sentence, told)
        for sign, sentence, listed in rules
        if (worth := file + points([sign])) >= BAR
        for told in listed
        if told
    ]
    found = [*by_rule, *loosened(before, after, path, is_page=is_page)]
    known = set[frozenset[str]]()
    for worth, sentence, told, function in sorted(found, key=lambda one: -one.worth):
        if _place(told) not in known:
            known.add(_place(told))
            said = "It touches who may." if sentence in _OF_CONDITIONS and WHO.search(told) else sentence
            yield Told(worth, said, told, function)


def _place(told: str) -> frozenset[str]:
    """What a flag is about, by its names: nobody reads the same twice."""
    return frozenset(_WORD.findall(told.partition(" → ")[0].removesuffix(" is gone")))


def _of_conditions(old: Facts, new: Facts, *, is_page: bool) -> Iterator[tuple[str, str, Iterator[str]]]:
    """Who and what is let through."""
    if not is_page:
        yield "touches who may", "It touches who may.", _changed(old.told["who"], new.told["who"])
    added = (how for name, how in new.told["who"] - old.told["who"] if name in old.defined)
    yield "touches who may", "It touches who may.", (f"{short(how)} is new" for how in added)
    yield "any text fits", "It lets any text through.", _come(old.told["anything"], new.told["anything"])
    yield "more texts fit", "It lets more text through.", _altered(old.told["pattern"], new.told["pattern"])


def _of_values(old: Facts, new: Facts) -> Iterator[tuple[str, str, Iterator[str]]]:
    yield "one for all", "It no longer tells users apart.", _altered(old.told["keyed"], new.told["keyed"])
    for name in ("default", "default value"):
        altered = _altered(_plain(old.told[name]), _plain(new.told[name]))
        yield (
            "another default",
            "It changes the default of a setting.",
            (told for told in altered if told not in _SAME_NOTHING),
        )


def _of_effects(old: Facts, new: Facts, *, is_page: bool) -> Iterator[tuple[str, str, Iterator[str]]]:
    protects = "It changes what protects a call."
    yield "protects less", protects, _fewer(old.told["header"], new.told["header"])
    yield "protects less", protects, _fewer(old.told["set"], new.told["set"])
    yield "protects less", protects, _altered(old.told["setting"], new.told["setting"])
    for sign, are_all in (("catches all", True), ("catches more", False)):
        yield sign, "It catches more than before.", _widened(old.handlers, new.handlers, are_all=are_all)
    yield "catches all", "It catches more than before.", _come(old.told["caught"], new.told["caught"])
    yield "logs a secret", "It changes what is logged about a secret.", _come(old.told["logged"], new.told["logged"])
    if not is_page:
        yield "runs on import", "It runs on import.", _come(_by_head(old), _by_head(new))


def _plain(told: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Without sentences, which are for people to read."""
    return Counter({one: count for one, count in told.items() if len(_SPOKEN.findall(one[1])) < _SENTENCE})


def _changed(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> Iterator[str]:
    """What stood before and stands otherwise now, or no longer; what only came is no change of anything."""
    come = dict(reversed((new - old).keys()))
    for about, how in old - new:
        to = come.get(about)
        if to is None or not is_stricter(about, how, to):
            yield short(f"{how or about} → {to}" if to is not None else f"{how or about} is gone")


def _altered(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> Iterator[str]:
    """What stands otherwise now; what only went is no change of it."""
    come = dict(reversed((new - old).keys()))  # by what it is about, the first
    return (short(f"{how} → {come[about]}") for about, how in old - new if about in come)


def _come(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> Iterator[str]:
    return (short(about) for about, _ in new - old)


def _by_head(facts: Facts) -> Counter[tuple[str, str]]:
    """What runs on import, by what is called: the same call with other arguments is not new."""
    return Counter({(about.partition("(")[0], ""): 1 for about, _ in facts.told["on import"]})


def _fewer(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> Iterator[str]:
    """What is done at fewer places, where nothing else is done in its stead."""
    gone, come = old - new, new - old
    if gone.total() > come.total():
        yield from (kind.replace(" ", ".") for kind, _ in gone)


def _widened(old: list[ast.ExceptHandler], new: list[ast.ExceptHandler], *, are_all: bool) -> Iterator[str]:
    """A handler that stood there and takes more kinds of failures now, or all of them."""
    for before, after in zip(old, new, strict=False) if len(old) == len(new) else _of_same_body(old, new):
        less, more = _caught(before), _caught(after)
        if less == more or _covers(less, more) or are_all == _ALL.isdisjoint(more):
            continue
        if not any(isinstance(one, ast.Raise) for one in walked(after)) and _covers(more, less):
            yield short(f"{' '.join(less)} → {' '.join(more)}")


def _of_same_body(
    old: list[ast.ExceptHandler], new: list[ast.ExceptHandler]
) -> Iterator[tuple[ast.ExceptHandler, ast.ExceptHandler]]:
    """The handlers that do the same, where no other does."""
    was, now = ({_done(one): one for one in listed} for listed in (old, new))
    counted = [Counter(map(_done, listed)) for listed in (old, new)]
    return ((was[done], now[done]) for done in was if counted[0][done] == counted[1][done] == 1)


def _done(handler: ast.ExceptHandler) -> str:
    return "\n".join(map(ast.unparse, handler.body))


def _caught(handler: ast.ExceptHandler) -> tuple[str, ...]:
    if handler.type is None:
        return ("BaseException",)
    listed = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return tuple(sorted(ast.unparse(one) for one in listed))


def _covers(more: tuple[str, ...], less: tuple[str, ...]) -> bool:
    """Whether each kind of the one is a kind of the other."""
    return all(any(_is_kind(one, other) for other in more) for one in less)


def _is_kind(name: str, of: str) -> bool:
    kind, wide = getattr(builtins, name, None), getattr(builtins, of, None)
    if of in (name, "BaseException") or (of == "Exception" and name not in _BEYOND):
        return True
    return isinstance(kind, type) and isinstance(wide, type) and issubclass(kind, wide)
