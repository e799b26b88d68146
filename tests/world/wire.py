"""The vendors' own contracts, where they are at hand: every exchange of a stand-in is held to them.

They lie beside the project, in ../shared/wire or where KINTSUGI_WIRE points; without them a test says that it skips.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(os.environ.get("KINTSUGI_WIRE", Path(__file__).parents[3] / "shared" / "wire"))

needs_the_wire = pytest.mark.skipif(not ROOT.is_dir(), reason="the vendors' contracts (../shared/wire) are not here")


class OpenApi:
    """A vendor's OpenAPI 3.1 document, as a judge of requests and replies."""

    def __init__(self, name: str, document: dict[str, Any]) -> None:
        self._uri = f"urn:{name}"
        self._document = _absolute(document, self._uri)
        resource = Resource.from_contents(self._document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(self._uri, resource)

    def judge_request(self, path: str, method: str, body: object) -> None:
        operation = self._document["paths"][path][method]
        self._judge(operation["requestBody"]["content"]["application/json"]["schema"], body, f"{method} {path}")

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None:
        told = self._document["paths"][path][method]["responses"].get(str(status), {})
        content = told.get("content", {}).get("application/json")
        if content:  # the contract describes few of the errors
            self._judge(content["schema"], body, f"{status} to {method} {path}")

    def judge_scopes(self, scopes: Iterable[str]) -> None:
        """Of OAuth 2's authorization code."""
        known = self._document["components"]["securitySchemes"]["OAuth2"]["flows"]["authorizationCode"]["scopes"]
        assert set(scopes) <= set(known), f"{scopes} are no scopes of the vendor's"

    def judge_event(self, path: str, method: str, event: object) -> None:
        """One event of a streamed reply."""
        content = self._document["paths"][path][method]["responses"]["200"]["content"]["text/event-stream"]
        self._judge(content["schema"], event, f"an event of {method} {path}")

    def _judge(self, schema: Any, body: object, what: str) -> None:
        error = best_match(Draft202012Validator(schema, registry=self._registry).iter_errors(body))
        if error is not None:
            where = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{what} breaks the vendor's contract at {where or 'the top'}: {error.message[:300]}")


class Definitions:
    """A JSON Schema of named definitions, as a judge of frames."""

    def __init__(self, name: str, document: dict[str, Any]) -> None:
        self._uri = f"urn:{name}"
        resource = Resource.from_contents(_absolute(document, self._uri), default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(self._uri, resource)

    def judge(self, definition: str, body: object) -> None:
        schema = {"$ref": f"{self._uri}#/definitions/{definition}"}
        error = best_match(Draft202012Validator(schema, registry=self._registry).iter_errors(body))
        if error is not None:
            where = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{definition} breaks the contract at {where or 'the top'}: {error.message[:300]}")


@cache
def openai() -> OpenApi:
    return OpenApi("openai", json.loads((ROOT / "openai" / "openapi.trimmed.json").read_text()))


@cache
def discord() -> OpenApi:
    return OpenApi("discord", json.loads((ROOT / "discord" / "openapi.trimmed.json").read_text()))


@cache
def discord_gateway() -> Definitions:
    document = json.loads((ROOT / "discord" / "gateway.schema.json").read_text())
    return Definitions("discord-gateway", {key: value for key, value in document.items() if key != "$schema"})


def _absolute(node: Any, uri: str) -> Any:
    """The document with its inner references made absolute."""
    if isinstance(node, dict) and node.get("nullable") is True:  # a word of OpenAPI 3.0, kept in parts of a 3.1 one
        plain = {key: value for key, value in node.items() if key != "nullable"}
        return {"anyOf": [_absolute(plain, uri), {"type": "null"}]}
    if isinstance(node, dict):
        return {
            key: f"{uri}{value}" if key == "$ref" and isinstance(value, str) else _absolute(value, uri)
            for key, value in node.items()
        }
    return [_absolute(item, uri) for item in node] if isinstance(node, list) else node
