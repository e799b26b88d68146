"""A value planted for each secret that the settings know, by themselves: a new secret setting has one too."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from kintsugi.app.settings import Settings, rooms_of, variable


def planted() -> tuple[dict[str, str], dict[str, str]]:
    """The settings that hold them, and the values by what they are of."""
    settings, values = dict[str, str](), dict[str, str]()
    for name, annotation in _secret_settings():
        if nested := _nested(annotation):
            hidden = {each: values.setdefault(f"{name}.{each}", _value()) for each in nested}
            settings[name] = json.dumps({"1": hidden})
        else:
            settings[name] = values[name] = _value()
    return settings, values


def _secret_settings() -> Iterator[tuple[str, Any]]:
    for room in rooms_of(Settings).values():
        for name, field in room.model_fields.items():
            if _is_secret(field.annotation) or _nested(field.annotation):
                yield variable(room, name), field.annotation


def _is_secret(annotation: object) -> bool:
    return "SecretStr" in str(annotation)


def _nested(annotation: object) -> list[str]:
    """The secret fields of the model that a setting holds several of, by name."""
    models = [each for each in get_args(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
    return [name for model in models for name, field in model.model_fields.items() if _is_secret(field.annotation)]


def _value() -> str:
    return secrets.token_urlsafe(24)
