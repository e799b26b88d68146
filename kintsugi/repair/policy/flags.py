"""What no rule can judge and a human has to see in one line: an inverted comparison, a lifted limit, another default.

Facts of the touched statements are compared, before and after, so that moved and renamed code is silent. A flag never
refuses. Other languages are compared as Python's syntax (`translated/`).
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.expressions import is_stricter
from kintsugi.repair.policy.facts import Facts
from kintsugi.repair.policy.safeguards import exchanged, loosened
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.translated import as_written, is_by_machine, translated
from kintsugi.repair.policy.vocabulary import LIMIT, OF_PLATFORM, WHO
from kintsugi.repair.syntax import Source, walked

_PAGE = re.compile(
    r"\bfrom ['\"](?:react|vue|preact|svelte|@angular/\w+|pinia)(?:/\w+)?['\"]|\b(?:document|window)\.\w"
)
_NUMBER = re.compile(r"\d[\d_.]*")
_BEYOND = ("BaseException", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
_SMALL = re.compile(r"(?:(?:Lt|Gt|LtE|GtE) )?[-+]?[012](?:\.0)?(?: [-+]?[012](?:\.0)?)*")
_OF_CONDITIONS = frozenset(
    (
        "It asks about something else.",
        "It asks less than before.",
        "It goes on where it left before.",
        "It turns a comparison.",
        "It turns a condition.",
        "It turns away less than before.",
    )
)
_SENTENCE = 5
_DIGIT = re.compile(r"(?:(?:Lt|Gt|LtE|GtE) )?\d")
_WORD = re.compile(r"\b(?!(?:not|and|or|is|in|None|True|False|self|cls|len)\b)[^\W\d]\w*")


def flags(change: Change) -> Iterator[tuple[str, str]]:
    """(path, sentence) for each kind of thing that a human should look at."""
    if change.before is None or change.after is None:
        return
    try:
        said = [*_said(change)]
    except RecursionError:
        yield change.path, "It is nested so deep that nothing can be told of it."
        return
    for sentence, told in said:
        if told:
            yield change.path, f"{sentence} ({short(told)})"


def _said(change: Change) -> Iterator[tuple[str, str]]:
    if change.path.endswith((".py", ".pyw")):
        yield from _compared(*change.touched, decides=True)
    elif is_by_machine(change):
        yield "It has lines so long that nothing can be told of them.", "nobody writes these"
    elif (found := translated(change)) is not None:
        before, after, translator = found
        yield from (
            (sentence, as_written(told, translator))
            for sentence, told in _compared(before, after, decides=not _is_page(change))
        )


def _is_page(change: Change) -> bool:
    """Whether it runs in a browser, where whoever is asked can answer as they like: what it asks decides nothing."""
    return change.path.endswith((".jsx", ".tsx", ".vue")) or _PAGE.search(change.old) is not None


def _compared(before: Source, after: Source, decides: bool) -> Iterator[tuple[str, str]]:
    if before.tree is None or after.tree is None:
        return
    old, new = Facts(before), Facts(after)
    rules = (_of_conditions(old, new), _of_values(old, new), _of_effects(old, new), loosened(before, after))
    known = set[str | frozenset[str]]()
    for sentence, told in chain(*rules, exchanged(before, after) if decides else ()):
        if told and known.isdisjoint((sentence, _place(told))):
            known |= {sentence, _place(told)}
            yield ("It touches who may." if sentence in _OF_CONDITIONS and WHO.search(told) else sentence), told


def _place(told: str) -> frozenset[str]:
    """What a flag is about, by its names: nobody reads the same twice."""
    return frozenset(_WORD.findall(told.partition(" → ")[0].removesuffix(" is gone")))


def _of_conditions(old: Facts, new: Facts) -> Iterator[tuple[str, str]]:
    """Who and what is let through, and what is no longer turned away; "" where nothing is to be said."""
    who = _changed(old.told["who"], new.told["who"])
    added = [how for name, how in new.told["who"] - old.told["who"] if name in old.defined]
    yield "It touches who may.", who or (f"{short(added[0])} is new" if added else "")
    less = (_fewer(old.told[kind], new.told[kind]) for kind in ("cleaned", "effect", "made safe", "no"))
    yield "It cleans or checks less than before.", next(filter(None, less), "")
    yield "It lets any text through.", _come(old.told["anything"], new.told["anything"])
    yield "It lets more text through.", _altered(old.told["pattern"], new.told["pattern"])


def _of_values(old: Facts, new: Facts) -> Iterator[tuple[str, str]]:
    limited = _changed(_by_name(_without_kept(old, new), new.told["limit"]), new.told["limit"])
    altered = _altered(old.told["limit value"], new.told["limit value"])
    held_back = _fewer(old.told["held back"], new.told["held back"])
    yield "It changes a limit.", limited or altered or held_back or _multiplied(old, new)
    yield "It no longer tells users apart.", _altered(old.told["keyed"], new.told["keyed"])
    yield "It sets a limit.", _come(old.told["clamp"], _without_known(old, new))
    for name in ("default", "default value"):
        yield "It changes the default of a setting.", _altered(_plain(old.told[name]), _plain(new.told[name]))


def _of_effects(old: Facts, new: Facts) -> Iterator[tuple[str, str]]:
    went = _fewer(old.told["header"], new.told["header"]) or _fewer(old.told["set"], new.told["set"])
    yield "It changes what protects a call.", went or _altered(old.told["setting"], new.told["setting"])
    caught = _widened(old.handlers, new.handlers) or _come(old.told["caught"], new.told["caught"])
    yield "It catches more than before.", caught
    yield "It changes what is logged about a secret.", _come(old.told["logged"], new.told["logged"])
    yield "It runs on import.", _come(_by_head(old), _by_head(new))


def _without_kept(old: Facts, new: Facts) -> Counter[tuple[str, str]]:
    """The limits that stood, but those of at most 2, and those whose number is a limit now in another form."""
    come = new.told["limit"] - old.told["limit"]
    kept = {number for _, how in come for number in _NUMBER.findall(how)}
    kept |= {number for about, _ in new.told["clamp"] for number in _NUMBER.findall(about)}
    gone = old.told["limit"] - new.told["limit"]
    named = {about for about, _ in come}
    moved = [one for one in gone if one[0] not in named and (_in(one[1], kept) or _is_little(*one))]
    return Counter({one: count for one, count in old.told["limit"].items() if one not in moved})


def _by_name(told: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Those that stand otherwise now, and of those that are gone what is called a limit."""
    come = {about for about, _ in new - told}
    return Counter({one: count for one, count in told.items() if one[0] in come or LIMIT.search(one[0])})


def _multiplied(old: Facts, new: Facts) -> str:
    """An argument of a call that is ten times as much, or a tenth, of what it was."""
    come = dict(reversed((new.told["quantity"] - old.told["quantity"]).keys()))
    for about, how in old.told["quantity"] - new.told["quantity"]:
        ratio = float(come.get(about, how)) / float(how)
        if ratio >= 10 or ratio <= 0.1:
            return f"{about.partition(' ')[0]}({how}) → {come[about]}"
    return ""


def _without_known(old: Facts, new: Facts) -> Counter[tuple[str, str]]:
    """What clamps now, but that whose number was a limit before."""
    known = {number for _, how in old.told["limit"] - new.told["limit"] for number in _NUMBER.findall(how)}
    return Counter({one: count for one, count in new.told["clamp"].items() if not _in(one[0], known)})


def _plain(told: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Without sentences, which are for people to read."""
    return Counter({one: count for one, count in told.items() if one[1].count(" ") < _SENTENCE})


def _is_little(about: str, how: str) -> bool:
    """A few of what no name calls a limit: `len(parts) < 4`; a slice that only cut what is shown."""
    if about == "a slice" and (how in OF_PLATFORM or _DIGIT.fullmatch(how.removeprefix("-"))):
        return True
    return _SMALL.fullmatch(how) is not None or (_DIGIT.fullmatch(how) is not None and not LIMIT.search(about))


def _in(text: str, numbers: set[str]) -> bool:
    found = [number for number in _NUMBER.findall(text) if number not in ("0", "1")]
    return bool(found) and numbers.issuperset(found)


def _changed(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What stood before and stands otherwise now, or no longer; what only came is no change of anything."""
    come = dict(reversed((new - old).keys()))
    for about, how in old - new:
        to = come.get(about)
        if to is None or not is_stricter(about, how, to):
            return short(f"{how or about} → {to}" if to is not None else f"{how or about} is gone")
    return ""


def _altered(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What stands otherwise now; what only went is no change of it."""
    come = dict(reversed((new - old).keys()))  # by what it is about, the first
    return next((short(f"{how} → {come[about]}") for about, how in old - new if about in come), "")


def _come(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    return next((short(about) for about, _ in new - old), "")


def _by_head(facts: Facts) -> Counter[tuple[str, str]]:
    """What runs on import, by what is called: the same call with other arguments is not new."""
    return Counter({(about.partition("(")[0], ""): 1 for about, _ in facts.told["on import"]})


def _fewer(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What is done at fewer places, where nothing else is done in its stead."""
    gone, come = old - new, new - old
    if gone.total() <= come.total():
        return ""
    return next((kind.replace(" ", ".") for kind, _ in gone), "")


def _widened(old: list[ast.ExceptHandler], new: list[ast.ExceptHandler]) -> str:
    """A handler that stood there and takes more kinds of failures now."""
    for before, after in zip(old, new, strict=False) if len(old) == len(new) else ():
        less, more = _caught(before), _caught(after)
        if less == more or _covers(less, more):
            continue
        if not any(isinstance(one, ast.Raise) for one in walked(after)) and _covers(more, less):
            return short(f"{' '.join(less)} → {' '.join(more)}")
    return ""


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
