"""What an alert rule is, and how rules are read from TOML."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from kintsugi.telemetry.alerts.raised import Condition
from kintsugi.telemetry.ring import level_number


class BadRule(ValueError):
    """A rules file that cannot be used; the sentence says where and why."""


@dataclass(frozen=True)
class Rule:
    """Fires when `threshold` matching lines were logged within `window` seconds, then rests for `cooldown` seconds.

    A line matches when everything that is given matches: `logger` (a name and all below it), `level` (this or
    above), `text` (anywhere, any case), `regex` (in message or traceback); of what was raised, `exception` (a class
    name, or one of its base classes), `code` (of Discord's, say) and `status` (of HTTP), each one or several; and of
    `any`, such conditions, one. `sinks` are the names of those to tell; none given means all.
    """

    name: str
    summary: str = ""
    logger: str = ""
    level: str = "warning"
    exception: str | tuple[str, ...] = ""
    code: int | tuple[int, ...] = ()
    status: int | tuple[int, ...] = ()
    any: tuple[Condition, ...] = ()
    text: str = ""
    regex: str = ""
    threshold: int = 1
    window: float = 60.0
    cooldown: float = 600.0
    sinks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,79}", self.name):
            raise BadRule(f"rule {self.name!r}: a name has letters, digits, dots and dashes, at most 80 of them")
        if self.threshold < 1 or self.window <= 0 or self.cooldown < 0:
            raise BadRule(f"rule {self.name!r}: threshold and window must be above 0, cooldown at least 0")
        try:
            for pattern in (self.regex, *(each.words for each in self.any), *(each.at for each in self.any)):
                re.compile(pattern)
            level_number(self.level)
        except (re.error, ValueError) as error:
            raise BadRule(f"rule {self.name!r}: {error}") from error

    @cached_property
    def least_level(self) -> int:
        """The number of the lowest level that counts."""
        return level_number(self.level)

    @cached_property
    def raised(self) -> Condition | None:
        """What it asks of the exception itself, if it does."""
        asked = Condition(_several(self.exception), _several(self.code), _several(self.status))
        return None if asked == Condition() else asked

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """The compiled `regex`, if there is one."""
        return re.compile(self.regex) if self.regex else None


def built_in_rules() -> tuple[Rule, ...]:
    """Interactions that Discord no longer knows, sheets that cannot be read, exceptions nobody caught."""
    return _parsed(
        resources.files("kintsugi.telemetry.alerts").joinpath("rules.toml").read_text("utf-8"), "built-in rules"
    )


def read_rules(path: Path | None = None) -> tuple[Rule, ...]:
    """The built-in rules and those of the file; one of the same name takes the place of a built-in one.

    Raises BadRule where the file is not as it should be, OSError where it cannot be read.
    """
    own = _parsed(path.read_text("utf-8"), str(path)) if path else ()
    return tuple({rule.name: rule for rule in (*built_in_rules(), *own)}.values())


def _parsed(text: str, source: str) -> tuple[Rule, ...]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRule(f"{source}: {error}") from error
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadRule(f"{source}: rules are written as [[rule]] tables")
    return tuple(_rule(table, source) for table in tables)


def _rule(table: Mapping[str, Any], source: str) -> Rule:
    known = {field.name: field for field in fields(Rule)}
    unknown = sorted(set(table) - set(known))
    if unknown or "name" not in table:
        wrong = f"unknown key {unknown[0]!r}" if unknown else "a rule has no name"
        raise BadRule(f"{source}: {wrong}; the keys are {', '.join(known)}")
    for key, value in table.items():
        _check_type(key, value, source)
    lists = {key: tuple(table[key]) for key in table if isinstance(table[key], list)}
    conditions = tuple(_condition(each, source) for each in table.get("any", ()))
    return Rule(**{**table, **lists, "any": conditions})


def _condition(table: object, source: str) -> Condition:
    keys = ("exception", "code", "status", "at", "words")
    if not isinstance(table, dict) or not table or set(table) - set(keys):
        raise BadRule(f"{source}: any = {table!r} should be tables of {', '.join(keys)}")
    for key, value in table.items():
        _check_type(key, value, source)
    return Condition(
        _several(table.get("exception", "")),
        _several(table.get("code", ())),
        _several(table.get("status", ())),
        table.get("at", ""),
        table.get("words", ""),
    )


def _several(given: Any) -> tuple[Any, ...]:
    if isinstance(given, list | tuple):
        return tuple(given)
    return (given,) if given else ()


def _check_type(key: str, value: object, source: str) -> None:
    expected = _TYPES.get(key, (str,))
    each = value if isinstance(value, list) and key in ("exception", "code", "status") else [value]
    if not all(isinstance(one, expected) and not isinstance(one, bool) for one in each):
        raise BadRule(f"{source}: {key} = {value!r} should be of type {' or '.join(t.__name__ for t in expected)}")


_TYPES: dict[str, tuple[type, ...]] = {
    "window": (int, float), "cooldown": (int, float), "threshold": (int,), "code": (int,), "status": (int,),
    "sinks": (list,), "any": (list,),
}  # fmt: skip
