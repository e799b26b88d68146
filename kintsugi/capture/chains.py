"""The exceptions of an SDK's event as one chain: whole names, in the order raised, and how each came of another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal

from kintsugi.capture.event import Error, Event, Place
from kintsugi.capture.fields import as_words
from kintsugi.capture.log import reports_in
from kintsugi.capture.report import LOGGED_TYPE
from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import redact_field
from kintsugi.workflow.payload import Failure, Frame, Raised, SourceLine

Link = Literal["", "cause", "context", "group"]

_SAME_NAME = ("python", "node", "java", "dotnet", "go", "rust", "ruby", "php", "elixir")
_LANGUAGES = dict.fromkeys(("javascript", "node"), "node") | {"csharp": "dotnet", "kotlin": "java"}
_LANGUAGES |= {name: name for name in _SAME_NAME}
_MODULE_IS_PACKAGE = frozenset(("python", "java", "unknown"))  # elsewhere it is an assembly, or in the name already
_PYTHONS_OWN = ("builtins", "__builtin__", "exceptions", "__main__")
_DOTTED = re.compile(r"[\w$]+(?:\.[\w$]+)*")
_NAMED_IN_VALUE = re.compile(r"([A-Za-z_][\w.$:]*(?:Error|Exception)): (.*)", re.DOTALL)
_MEMBER = re.compile(r"\[(\d+)\]$")
_FROM = re.compile(r"\braise\b.*\bfrom\b")


def chain_of(event: Event, said: str) -> Failure | None:
    """The failure as its SDK meant it; None where there is neither an exception nor a stack."""
    language = _LANGUAGES.get(event.platform, "unknown")
    chain = _with_workers(_linked(event.errors, language))
    if not chain and event.stack:
        chain = (Raised(type=LOGGED_TYPE, message=said, frames=_frames(event.stack, language)),)
    elif event.stack and not any(raised.frames for raised in chain):
        chain = (*chain[:-1], chain[-1].model_copy(update={"frames": _frames(event.stack, language)}))
    return Failure(language=language, chain=chain) if chain else None


def _linked(errors: Sequence[Error], language: str) -> tuple[Raised, ...]:
    """SDKs send what was raised last at the end. Where they tell a tree, what belongs together is brought together."""
    if not any(_MEMBER.search(each.mechanism.source) for each in errors):
        pairs = zip_longest(errors, errors[1:])
        return tuple(_raised(each, language, _link(each, after, language)) for each, after in pairs)
    newest_first = list(reversed(errors))
    above = [_above(newest_first, at) for at in range(len(newest_first))]
    return tuple(
        _raised(newest_first[at], language, _link(newest_first[at], newest_first[above[at]], language) if at else "")
        for at in _in_order(newest_first, above, 0)
    )


def _with_workers(chain: tuple[Raised, ...]) -> tuple[Raised, ...]:
    """What a pool's worker raised comes as the words of a cause, and is raised again where its result is asked for."""
    told: list[Raised] = []
    for raised in chain:
        above = told[-1] if told and told[-1].type.endswith("RemoteTraceback") else None
        report = next(reports_in(above.message), None) if above else None
        if report and report.failure and report.failure.final.type.rpartition(".")[2] == raised.type.rpartition(".")[2]:
            *causes, failed = report.failure.chain
            told[-1:] = [*causes, raised.model_copy(update={"frames": (*raised.frames, *failed.frames)})]
        else:
            told.append(raised)
    return tuple(told)


def _above(errors: Sequence[Error], at: int) -> int:
    """The position of what an exception belongs to: an earlier one, so that there is no circle. The first has none."""
    mechanism = errors[at].mechanism
    if mechanism.source.startswith("__"):  # sentry-python tells no parent of these: it is the one before
        return max(at - 1, 0)
    return next((n for n in range(at) if errors[n].mechanism.id == mechanism.parent), max(at - 1, 0))


def _in_order(errors: Sequence[Error], above: Sequence[int], top: int) -> list[int]:
    """What it came of first, then the members of its group by their numbers, then itself."""
    ordered: list[int] = []
    waiting = [top]
    while waiting:  # each is put before what it belongs to; read backwards this is a walk from the top
        at = waiting.pop()
        ordered.append(at)
        below = [n for n in range(at + 1, len(errors)) if above[n] == at]
        waiting += sorted(below, key=lambda n: _number(errors[n]))
    return ordered[::-1]


def _number(error: Error) -> int:
    """Of a member in its group; what is no member comes before all of them."""
    found = _MEMBER.search(error.mechanism.source)
    return int(found[1]) if found else -1


def _link(error: Error, after: Error | None, language: str) -> Link:
    if after is None:
        return ""
    source = error.mechanism.source
    if _MEMBER.search(source):
        return "group"
    if source or language != "python":
        return "context" if source == "__context__" else "cause"
    line = after.stack[-1].context_line if after.stack else None
    return "context" if line and not _FROM.search(line) else "cause"


def _raised(error: Error, language: str, link: Link) -> Raised:
    name, value = _named(error)
    return Raised(
        type=_whole_name(name, error.module, language), message=value, frames=_frames(error.stack, language), link=link
    )


def _named(error: Error) -> tuple[str, str]:
    """The type and the message; some SDKs write both into the message."""
    if error.type:
        return error.type, _without_type(error.type, error.value)
    found = _NAMED_IN_VALUE.fullmatch(error.value)
    return (found[1], found[2]) if found else ("Error", error.value)


def _without_type(kind: str, value: str) -> str:
    """Ruby's detailed messages name the type once more, behind the first line."""
    first, end, more = value.partition("\n")
    return f"{first.removesuffix(f' ({kind})')}{end}{more}"


def _whole_name(name: str, module: str | None, language: str) -> str:
    if not module or module in _PYTHONS_OWN or language not in _MODULE_IS_PACKAGE or "::" in name:
        return name
    return f"{module}.{name}" if _DOTTED.fullmatch(module) and not name.startswith(f"{module}.") else name


def _frames(stack: Sequence[Place], language: str) -> tuple[Frame, ...]:
    return tuple(_frame(each, language) for each in stack)


def _path(place: Place, language: str) -> str:
    """Of Java, the file in its package, as a printed stack tells it too. Of Python, the file in its folder of modules:
    SDKs send it whole where that folder has no `__init__.py`."""
    package = (place.module or "").rpartition(".")[0] if language == "java" else ""
    if package and place.filename and "/" not in place.filename:
        return f"{package.replace('.', '/')}/{place.filename}"
    if language == "python" and "." in (place.module or ""):
        inside = f"{str(place.module).replace('.', '/')}.py"
        if (place.filename or "").replace("\\", "/").endswith(f"/{inside}"):
            return inside
    return place.filename or place.abs_path or place.module or place.package or "?"


def _frame(place: Place, language: str) -> Frame:
    path, show = _path(place, language), _as_python if language == "python" else _shown
    reported = place.abs_path or place.filename or ""
    return Frame(
        path=path,
        reported=reported if reported != path else "",
        module=place.module or "",
        line=place.lineno,
        function=place.function,
        code=(place.context_line or "").strip(),
        in_project=bool(place.in_app),
        source=_source(place) if place.in_app and place.lineno else (),
        variables={name: show(name, value) for name, value in place.variables.items() if not name.startswith("__")},
    )


def _source(place: Place) -> tuple[SourceLine, ...]:
    """The lines around, numbered from the one that failed."""
    if place.context_line is None:
        return ()
    before = place.before[-(place.lineno - 1) :] if place.lineno > 1 else ()
    texts = [*before, place.context_line, *place.after]
    first = place.lineno - len(before)
    return tuple(SourceLine(number=number, text=text) for number, text in enumerate(texts, first))


def _shown(_: str, value: object) -> str:
    return "null" if value is None else as_words(value)


def _as_python(name: str, value: object) -> str:
    """As Python prints it: Sentry's SDKs send containers as JSON, whose values are what `repr` made of them.

    Others send texts as they are, which have no quotes then: a secret among them is hidden while it is whole.
    """
    if isinstance(value, str):
        return value
    try:
        return _printed(value, name)
    except RecursionError:
        return "…"


def _printed(value: object, name: str) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_printed(one, str(key))}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_printed(one, name) for one in value)}]"
    if isinstance(value, str):
        quote = value.removeprefix("b")[:1]
        is_printed = quote in ("'", '"') and len(value) > 1 and value.endswith(quote)
        return value if is_printed else redact_field(name, value)
    return repr(value)
