"""From the graph of a call to a pytest file: what is shared gets a name, what goes in a circle is closed afterwards."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.capsule.graph import Entry
from kintsugi.telemetry.capsule.helpers import helpers_for
from kintsugi.telemetry.capsule.names import OF_THE_FILE, Names
from kintsugi.telemetry.capsule.order import Closing, steps

_WIDTH = 96
_STEP = "    "
_NEXT_STEP = f"\n{_STEP}"
_NOT_A_NAME = re.compile(r"\W+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of a test's body, and the text of its call."""

    before: tuple[str, ...]
    call: str


def written(call: Entry, taken: Iterable[str]) -> Written:
    """What makes the call's arguments, in an order that runs, then the call itself."""
    order = steps(call)
    _give_names(order, set(taken))
    shown: dict[int, str] = {}
    lines: list[str] = []
    for step in order:
        if isinstance(step, Closing):
            lines.append(_closing(step, shown))
            continue
        shown[id(step)] = _expression(step, shown)
        if step.name:
            lines.append(f"{step.name} = {shown[id(step)]}")
            shown[id(step)] = step.name
    return Written(tuple(lines), shown[id(call)])


def _give_names(order: Iterable[Entry | Closing], taken: set[str]) -> None:
    numbers: dict[str, int] = {}
    for entry in order:
        if isinstance(entry, Closing):
            continue
        is_shared = entry.uses > 1 and (entry.parts or any(sign in entry.opens for sign in "([{"))  # also an empty list
        if not entry.name and (entry.needs_name or is_shared):
            base = snake_case(entry.hint)
            base = f"the_{base}" if keyword.iskeyword(base) else base
            base = base if base.isidentifier() else "value"
            name, number = base, numbers.get(base, 2)
            while name in taken:
                name, number = f"{base}_{number}", number + 1
            numbers[base] = number
            taken.add(name)
            entry.name = name


def snake_case(text: str) -> str:
    """As a variable is written."""
    return _NOT_A_NAME.sub("_", _HUMP.sub("_", text)).strip("_").lower()[:30]


def _expression(entry: Entry, shown: dict[int, str]) -> str:
    pieces = []
    for part in entry.parts:
        value, lead = part.value, part.lead
        if part.postponed:
            value = "None"
        elif type(value) is not str:
            value = shown[id(value)]
        if type(lead) is not str:
            lead = shown[id(lead)]
        if not lead:
            pieces.append(value)
        elif lead[-1] == "=":
            pieces.append(lead + value)
        else:
            pieces.append(f"{lead}{value}}}" if lead.startswith("**{") else f"{lead}: {value}")
    opens = entry.opens
    if opens and opens[-1] not in "([{":  # a call with a first argument of its own
        opens += ", " if pieces else ""
    flat = opens + ", ".join(pieces) + entry.closes
    if (len(flat) <= _WIDTH and "\n" not in flat) or (len(pieces) == 1 and entry.closes.startswith(".")):
        return flat
    if not pieces:
        return flat
    return _broken(entry, pieces)


def _broken(entry: Entry, pieces: list[str]) -> str:
    """One piece a line, as formatters set it."""
    opens = entry.opens
    head = []
    if opens and opens[-1] not in "([{":
        bracket = opens.index("(")
        opens, head = opens[: bracket + 1], [opens[bracket + 1 :]]
    closes = entry.closes.lstrip(",")
    lines = [opens, *(f"{_indented(piece)}," for piece in (*head, *pieces)), closes]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return _STEP + text.replace("\n", _NEXT_STEP)


def _closing(closing: Closing, shown: dict[int, str]) -> str:
    part = closing.part
    value, key = (one if isinstance(one, str) else shown[id(one)] for one in (part.value, part.lead))
    return part.later.format(one=closing.holder.name, value=value, key=key)


def file_of(title: str, test: str, body: Written, names: Names, *, way: str) -> tuple[str, str]:
    """The whole file: imports and the test; and what that needs. `way`: how the call is made, with `{call}`."""
    lines = [*body.before, *way.replace("{call}", body.call).split("\n")]
    text = "\n".join(map(_indented, lines))
    helpers = helpers_for(text)
    imported = dict(names.imported)
    imported |= {name: (name, "") for name in OF_THE_FILE if f"{name}." in (helpers + way)}
    head = "\n".join(_imports(imported.items()))
    own = "\n\n".join(filter(None, (f'"""{title}"""', head, f"\ndef {test}():\n{text}\n")))
    return own, helpers and f"\n\n{helpers}"


def _imports(imported: Iterable[tuple[str, tuple[str, str]]]) -> Iterator[str]:
    """Modules first, then what comes out of them, a line for each module."""
    by_module: dict[str, set[str]] = {}
    whole: set[tuple[str, str]] = set()
    for name, (module, inner) in imported:
        if inner:
            by_module.setdefault(module, set()).add(inner)
        else:
            whole.add((module, f" as {name}" * (name != module)))
    packages = {module.partition(".")[0] for module, alias in whole if "." in module and not alias}
    yield from (f"import {module}{alias}" for module, alias in sorted(whole) if alias or module not in packages)
    yield from (f"from {module} import {', '.join(sorted(by_module[module]))}" for module in sorted(by_module))
