"""What a setting may be: read from its text, or refused with what it should be."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from kintsugi.children import is_ours
from kintsugi.persistence.database import Database, DatabaseError
from kintsugi.telemetry.redact.personal import kinds_of

TOKEN_LENGTH, SIGNING_LENGTH = 16, 8  # characters of what opens a door, and of what signs for one
WHERE_IDS_ARE = "In Discord, turn on the developer mode and copy the id"
_MAKE_ONE = "Make one with `openssl rand -base64 24`"

T = TypeVar("T")


def _split(value: object) -> object:
    try:
        return tuple(shlex.split(value)) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("should be a command; a quotation mark or a backslash in it is left open") from None


def _ids(value: object) -> object:
    found = value.replace(",", " ").split() if isinstance(value, str) else value
    for each in found if isinstance(found, list) else ():
        if not (each.isascii() and each.isdigit()):
            raise ValueError(f"should be ids, such as 123456789012345678, not {each[:30]!r}. {WHERE_IDS_ARE}")
    return found


def _id(value: object) -> object:
    if isinstance(value, str) and not (value.strip().isascii() and value.strip().isdigit()):
        raise ValueError(f"should be one id, such as 123456789012345678. {WHERE_IDS_ARE}")
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ValueError("should be host:port, such as 127.0.0.1:8000")
    return value


def _sheet_id(value: str) -> str:
    if not re.fullmatch(r"[\w-]+", value):
        raise ValueError("should be the sheet's id: the part of its address between /d/ and the next slash")
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[a-z0-9.:\[\]-]+", value):
        raise ValueError("should be an origin in lower case and without a path, such as https://shop.example")
    return value


def _listed(value: object) -> object:
    return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value


def _there(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    for path in paths:
        if not path.is_absolute() or not path.exists():
            raise ValueError(f"should name folders that are there, in full, not {path}")
    return paths


def _commands(value: object) -> object:
    return tuple(each.strip() for each in value.split(";") if each.strip()) if isinstance(value, str) else value


def _from_json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError("should be a JSON object") from error


def _http(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("should be an address that begins with http:// or https://")
    return value


def _websocket(value: str) -> str:
    if not value.startswith(("ws://", "wss://")):
        raise ValueError("should be an address that begins with ws:// or wss://")
    return value


def _owner_and_name(value: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
        raise ValueError("should be owner/name")
    return value


def _command(value: str) -> str:
    """Discord's rule for names, as far as discord.py 2.3 knows it."""
    if not re.fullmatch(r"[-_\w\u0900-\u097F\u0E00-\u0E7F]{1,32}", value) or value != value.lower():
        raise ValueError("should be 1 to 32 letters, digits, - or _, without the slash and in lower case")
    return value


def _unguessable(secret: SecretStr) -> SecretStr:
    """Whoever can ask can try one after the other."""
    return _of_length(secret, TOKEN_LENGTH)


def _signing(secret: SecretStr) -> SecretStr:
    """Or several, with commas: each has to hold alone."""
    for each in secret.get_secret_value().split(","):
        if each.strip():
            _of_length(SecretStr(each.strip()), SIGNING_LENGTH)
    return secret


def _of_length(secret: SecretStr, least: int) -> SecretStr:
    if len(secret.get_secret_value().strip()) < least:
        raise ValueError(f"should have {least} characters or more, or it can be guessed. {_MAKE_ONE}")
    return secret


def _of_others(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if is_ours(name) or "=" in name:
            raise ValueError(f"should name variables of the program's, not {name}: ours are for us alone")
    return names


def database_of(value: object) -> Database:
    if isinstance(value, Database):
        return value
    try:
        return Database.parse(str(value))
    except DatabaseError as error:
        raise ValueError(str(error)) from error


def _kinds(value: object) -> object:
    return tuple(sorted(kinds_of(value))) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
VariableNames = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_of_others)]
PersonalKinds = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_kinds)]
Ids = Annotated[frozenset[int], NoDecode, BeforeValidator(_ids)]
Id = Annotated[int, BeforeValidator(_id)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_there)]
Commands = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_commands)]
Json = Annotated[dict[str, T], NoDecode, BeforeValidator(_from_json)]
Address = Annotated[str, AfterValidator(_http)]
GatewayAddress = Annotated[str, AfterValidator(_websocket)]
Token = Annotated[SecretStr, AfterValidator(_unguessable)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing)]
RepositoryName = Annotated[str, AfterValidator(_owner_and_name)]
CommandName = Annotated[str, AfterValidator(_command)]
Bind = Annotated[str, AfterValidator(_host_and_port)]
SheetId = Annotated[str, AfterValidator(_sheet_id)]
Origin = Annotated[str, AfterValidator(_origin)]


def revealed(secret: SecretStr | None) -> str:
    """A secret's value; "" where none is set."""
    return secret.get_secret_value() if secret else ""
