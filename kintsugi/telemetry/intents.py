"""What an interaction asks for, by a name that stays the same, and with which values: read from what Discord sends."""

from collections.abc import Mapping
from typing import Any

from kintsugi.telemetry import lazy_re as re

_SEPARATORS = re.compile(r"[:/|.,;#~=?& ]+")
_WORDS = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)*")
_NUMBERED = re.compile(r"[A-Za-z]+\d{1,2}")
_COMMAND = re.compile(r"\s{0,4}[!?$%&*+\-./:;<=>^|~,]{1,3}([A-Za-z][\w-]{0,40})(?=\s|$)")
_RANDOM = re.compile(r"[0-9a-f]{8}")
_LONGEST_WORD = 40
_MOST_WORDS = 2
NAMELESS = ("component", "modal")


def intent_of(data: Mapping[str, Any]) -> str:
    """The full name of the command (`deploy latest`), or the words that a component's custom id begins with.

    One of `NAMELESS` for a custom id that begins with no word, as those that discord.py makes up.
    """
    if data.get("custom_id"):
        return words_of(str(data["custom_id"])) or NAMELESS["component_type" not in data]
    names = [str(data.get("name") or "unknown")]
    options = data.get("options") or []
    while options and options[0].get("type") in (1, 2):
        names.append(str(options[0]["name"]))
        options = options[0].get("options") or []
    return " ".join(names)


def words_of(custom_id: str) -> str:
    """At most two words from the beginning of a custom id, up to the first part that is data: `shop:buy:4711` is
    `shop:buy`, and `ticket_close_81384` is `ticket_close`. What follows may be an id, a name or a token: it is kept
    out of the counts and out of the log.
    """
    words: list[str] = []
    for part in _SEPARATORS.split(custom_id)[:_MOST_WORDS]:
        word = _word(part)
        if word:
            words.append(word)
        if word != part:
            break
    return ":".join(words)


def first_word(text: str) -> str:
    """The command that a message begins with, as bots without a command framework read it: `!buy 3` is `buy`.

    "" where it begins with no such mark, or what follows looks like data.
    """
    found = _COMMAND.match(text or "")
    return _word(found[1]).lower() if found else ""


def _word(part: str) -> str:
    """The part, or what stands in it before the data; nothing where it is all data."""
    if _NUMBERED.fullmatch(part):
        return part
    found = _WORDS.match(part)
    if not found or _RANDOM.match(part) or len(found[0]) > _LONGEST_WORD:
        return ""
    return found[0] if part[found.end() : found.end() + 1] in ("", "_", "-") else ""


def entities_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the command, the values of a menu, or the fields of a modal, by name."""
    options = data.get("options") or []
    while options and options[0].get("type") in (1, 2):
        options = options[0].get("options") or []
    entities: dict[str, Any] = {str(option["name"]): option.get("value") for option in options}
    if data.get("target_id"):
        entities["target_id"] = str(data["target_id"])
    if data.get("values"):
        entities["values"] = data["values"]
    entities.update(_modal_fields(data.get("components") or []))
    return entities


def _modal_fields(components: list[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for row in components:
        inner = row.get("components") or ([row["component"]] if "component" in row else [row])
        for field in inner:
            if "custom_id" in field:
                fields[str(field["custom_id"])] = field.get("value", field.get("values"))
    return fields
