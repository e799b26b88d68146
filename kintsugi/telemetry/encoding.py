"""Any Python value as redacted JSON text. Never raises, never runs deep, never grows past its budget."""

import dataclasses
import datetime
import enum
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import MASK, redact, redact_field
from kintsugi.telemetry.redact.keys import grade

DEEPEST = 12
MOST_ITEMS = 100
# Read this much of a text before redaction; keep less of it after, so that a secret at the cut is never half seen.
READ_CHARACTERS = 40_000
_QUOTED = re.compile(r"b?(['\"])(.*)\1", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
OBEYED = re.compile("[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""C1 controls, marks of direction, and line ends that are none in JSON."""


def encode_text(text: str) -> str:
    """A JSON string; half of a surrogate pair becomes the replacement character.

    What a terminal would obey or turn around is written as its number, so that a reader of JSON still has it.
    """
    if text.isascii():
        return encode_basestring(text)
    encoded = encode_basestring(_SURROGATE.sub("\ufffd", text))
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)


def shortened(text: str, characters: int) -> str:
    """Redacted text of at most about so many characters, with a mark where it was cut."""
    if len(text) <= characters:
        return redact(text)
    kept = redact(text[:READ_CHARACTERS])
    return f"{kept[:characters]}… [cut: {len(text)} characters]"


def unprintable(value: object, write: Callable[[Any], str] = str) -> str:
    """`str(value)` or `repr(value)`; a value that cannot say what it is gets a description."""
    try:
        return write(value)
    except Exception as error:
        return f"<{type(value).__name__} that cannot be printed: {type(error).__name__}>"


def encode(value: Any, name: str = "", characters: int = 2_000) -> str:
    """JSON text of a value of any type. `name` is the key it stands under, which tells secrets from plain values."""
    try:
        return _encode(value, name, characters, DEEPEST, set())
    except Exception as error:
        return encode_text(f"<{type(value).__name__} that cannot be written: {type(error).__name__}>")


def _encode(value: Any, name: str, characters: int, depth: int, inside: set[int]) -> str:
    kind = type(value)
    if kind is str:
        return encode_text(_field(name, value, characters))
    if value is None or kind is bool:
        return "null" if value is None else "true" if value else "false"
    if kind is int:
        return _number(name, value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'"{value}"'
    return _encode_other(value, name, characters, depth, inside)


def _field(name: str, value: str, characters: int) -> str:
    if len(value) > characters:
        return shortened(value, characters)
    return redact_field(name, value) if name else redact(value)


def _number(name: str, value: int) -> str:
    if value.bit_length() > 64:
        return encode_text(f"<int of {value.bit_length()} bits>")
    return '"***"' if name and redact_field(name, str(value)) == MASK else str(value)


def _encode_other(value: Any, name: str, characters: int, depth: int, inside: set[int]) -> str:
    if isinstance(value, enum.Enum):
        return _encode(value.value, name, characters, depth - 1, inside) if depth else '"…"'
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return encode_text(value.isoformat())
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) or _is_record(value):
        return _encode_container(value, name, characters, depth, inside)
    return encode_text(_field(name, unprintable(value, repr if isinstance(value, bytes) else str), characters))


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _encode_container(value: Any, name: str, characters: int, depth: int, inside: set[int]) -> str:
    if id(value) in inside:
        return '"<contains itself>"'
    if depth <= 0:
        return '"<too deep>"'
    inside.add(id(value))
    try:
        if isinstance(value, Mapping):
            return _object(value.items(), characters, depth - 1, inside)
        if _is_record(value):
            return _object(_fields(value), characters, depth - 1, inside)
        return _array(value, name, characters, depth - 1, inside)
    finally:
        inside.discard(id(value))


def _fields(value: Any) -> Iterable[tuple[str, Any]]:
    return [(field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value)]


def _object(items: Iterable[tuple[Any, Any]], characters: int, depth: int, inside: set[int]) -> str:
    pieces: dict[str, str] = {}
    for key, value in items:
        if len(pieces) >= MOST_ITEMS:
            pieces['"…"'] = '"more left out"'
            break
        text = key if type(key) is str else unprintable(key)
        pieces[encode_text(shortened(text, 200))] = _encode(value, name_of(key), characters, depth, inside)
    return "{" + ",".join(f"{key}:{text}" for key, text in pieces.items()) + "}"


def _array(values: Collection[Any], name: str, characters: int, depth: int, inside: set[int]) -> str:
    pieces: list[str] = []
    for value, under in zip(values, names_of_items(values, name), strict=False):
        if len(pieces) >= MOST_ITEMS:
            pieces.append('"… more left out"')
            break
        pieces.append(_encode(value, under, characters, depth, inside))
    return "[" + ",".join(pieces) + "]"


def name_of(key: Any) -> str:
    """What stands under a key is called: of bytes, and of a text in quotes (so SDKs tell both), what is in them."""
    text = key if type(key) is str else unprintable(key)
    quoted = _QUOTED.fullmatch(text)
    return quoted[2] if quoted else text


def names_of_items(items: Collection[Any], name: str) -> Sequence[str]:
    """What the items of a container that stands under `name` are called.

    Of a pair, the first says what the second is: a header, a field of a form. But where the name says more, that holds.
    """
    if len(items) != 2 or not isinstance(items, (list, tuple)):
        return [name] * len(items)
    if type(items[0]) is not str and type(items[0]) is not bytes:  # by identity: a metaclass may compare its classes
        return name, name
    said = name_of(items[0][:80])
    return name, name if grade(name) > grade(said) else said
