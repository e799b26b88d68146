"""Reads the settings, and says of each that is wrong what it should be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kintsugi.app.settings.rooms import PREFIX, Room, variable
from kintsugi.app.settings.whole import Settings, rooms_of
from kintsugi.workflow.errors import SettingsError

R = TypeVar("R", bound=Room)


def read_settings() -> Settings:
    """Raises SettingsError, which names every wrong setting of every room."""
    rooms: dict[str, Room] = {}
    faults: list[str] = []
    for name, room in rooms_of(Settings).items():
        try:
            rooms[name] = read_room(room)
        except SettingsError as error:
            faults.append(str(error))
    if faults:
        raise SettingsError("\n".join(dict.fromkeys(faults)))
    return Settings(**rooms)


def read_room(room: type[R]) -> R:
    """The settings of one room alone. Raises SettingsError."""
    try:
        return room()
    except ValidationError as error:
        raise SettingsError("\n".join(_fault(room, fault) for fault in error.errors())) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"The file .env is no UTF-8 text (at byte {error.start}). Save it as UTF-8.") from None


def unknown_names(names: Iterable[str]) -> dict[str, str]:
    """Of these names those with our prefix that are no setting, each with the one that was meant; "" for none."""
    known = [variable(room, name) for room in rooms_of(Settings).values() for name in room.model_fields]
    own = [name for name in names if name.upper().startswith(PREFIX) and name.upper() not in (*known, *_OF_OTHERS)]
    return {name: next(iter(get_close_matches(name.upper(), known, 1, cutoff=0.8)), "") for name in own}


_OF_OTHERS = ("KINTSUGI_REPORT_URL", "KINTSUGI_COMMIT", "KINTSUGI_INCIDENT", "KINTSUGI_INCIDENT_FILE", "KINTSUGI_MODEL")
"""Names that a program which only reports, or a deploy command, reads."""


def _fault(room: type[Room], fault: ErrorDetails) -> str:
    """What a wrong setting should be, in our words: pydantic's name types and patterns."""
    name, *inside = fault["loc"] or ("",)
    field = room.model_fields.get(str(name))
    means = field.description if field else None
    meant = f" Meaning: {means}." if means and means not in _should(fault) else ""
    at = f" (at {'.'.join(str(each) for each in inside)})" if any(isinstance(each, str) for each in inside) else ""
    return f"{variable(room, str(name))}: {_should(fault)}{at}.{meant}"


def _should(fault: ErrorDetails) -> str:
    said = _SHOULD.get(fault["type"])
    return said.format(**fault.get("ctx", {})) if said else fault["msg"].removeprefix("Value error, ").rstrip(".")


_SHOULD = {
    "greater_than_equal": "should be {ge:g} or more",
    "greater_than": "should be more than {gt:g}",
    "less_than_equal": "should be {le:g} or less",
    "less_than": "should be less than {lt:g}",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_type": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "finite_number": "should be a number",
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "literal_error": "should be {expected}",
    "enum": "should be {expected}",
    "string_type": "should be text",
    "string_too_short": "should have {min_length} characters or more",
    "too_short": "should have {min_length} characters or more",
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "unexpected_keyword_argument": "is not known here",
    "dict_type": "should be a JSON object",
    "model_type": "should be a JSON object",
    "model_attributes_type": "should be a JSON object",
    "dataclass_type": "should be a JSON object",
    "tuple_type": "should be a list",
}
"""By pydantic's name of a fault."""
