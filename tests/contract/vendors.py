"""The vendors' own descriptions, where their files are: in ../shared/wire, or where KINTSUGI_WIRE points.

They judge exchanges as our shapes do, and are asked whether a shape of ours allows something that they do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import TypeAdapter
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(os.environ.get("KINTSUGI_WIRE", Path(__file__).parents[3] / "shared" / "wire"))

Json = dict[str, Any]


class Vendor:
    """Its OpenAPI document, and another that describes frames, with a schema for each kind of them.

    `seen`: what was judged so far.
    """

    def __init__(self, document: Json, frames: Json | None = None, kinds: Json | None = None) -> None:
        self._rest, self._frames = _Schemas("urn:rest", document), _Schemas("urn:frames", frames or {})
        self._kinds = _absolute(kinds or {}, "urn:frames")
        self.seen: set[tuple[str, str, str]] = set()

    # --- as our shapes do -----------------------------------------------------------------------------------------

    def judge_request(self, path: str, method: str, body: object) -> None:
        self._judge(self._rest, self.request(path, method), body, (method, path, "asked"))

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None:
        self._judge(self._rest, self.reply(path, method, status), body, (method, path, str(status)))

    def judge_event(self, path: str, method: str, event: object) -> None:
        self._judge(self._rest, self.event(path, method), event, (method, path, "streamed"))

    def judge_frame(self, kind: str, frame: object) -> None:
        self._judge(self._frames, self.frame(kind), frame, ("", kind, "frame"))

    def _judge(self, schemas: _Schemas, schema: Any, value: object, what: tuple[str, str, str]) -> None:
        self.seen.add(what)
        if fault := schemas.fault(schema, value):
            raise AssertionError(f"{' '.join(what)} breaks the vendor's contract: {fault}")

    # --- what it says ---------------------------------------------------------------------------------------------

    def knows(self, path: str, method: str) -> bool:
        return method in self._rest.document["paths"].get(path, {})

    def request(self, path: str, method: str) -> Any:
        return self._operation(path, method)["requestBody"]["content"]["application/json"]["schema"]

    def reply(self, path: str, method: str, status: int) -> Any:
        """Few of the errors are described: of the others anything is true."""
        answers = self._operation(path, method)["responses"]
        assert status >= 400 or str(status) in answers, f"{method} {path} is not answered with {status}"
        told = self._rest.resolved(answers.get(str(status), {}))
        return told.get("content", {}).get("application/json", {}).get("schema", True)

    def event(self, path: str, method: str) -> Any:
        return self._operation(path, method)["responses"]["200"]["content"]["text/event-stream"]["schema"]

    def frame(self, kind: str) -> Any:
        return self._kinds[kind]

    @property
    def scopes(self) -> set[str]:
        """Of OAuth 2's authorization code."""
        flows = self._rest.document["components"]["securitySchemes"]["OAuth2"]["flows"]
        return set(flows["authorizationCode"]["scopes"])

    def _operation(self, path: str, method: str) -> Any:
        return self._rest.document["paths"][path][method]

    # --- ours beside it -------------------------------------------------------------------------------------------

    def against(self, shape: Any, schema: Any, *, sent: bool = False) -> list[str]:
        """What the shape allows and the schema does not. What is `sent` has to hold all that the vendor wants."""
        schemas = self._frames if "urn:frames" in str(schema) else self._rest
        ours = TypeAdapter(shape).json_schema()
        return list(_Comparison(ours, schemas, sent).faults(ours, schema))


_NUMBERS_TOO = ("/allowed_mentions/roles[]", "/allowed_mentions/users[]")
"""Ids that the schema wants as text. discord.py sends them as numbers, which Discord takes."""


class _Schemas:
    """One document of the vendor's, with its references made absolute."""

    def __init__(self, uri: str, document: Json) -> None:
        plain = {key: value for key, value in document.items() if key != "$schema"}
        self.document = _absolute(plain, uri)
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(uri, resource)

    def fault(self, schema: Any, value: object) -> str:
        """What is wrong with the value, or nothing."""
        error = best_match(Draft202012Validator(schema, registry=self._registry).iter_errors(value))
        if error is None:
            return ""
        return f"at {'/'.join(map(str, error.absolute_path)) or 'the top'}: {error.message[:300]}"

    def resolved(self, schema: Any) -> Any:
        while isinstance(schema, dict) and "$ref" in schema:
            schema = self._registry.resolver().lookup(schema["$ref"]).contents
        return schema

    def alternatives(self, schema: Any) -> list[Json]:
        """The schema without `allOf`, `anyOf` and `oneOf` at its top: any of these will do."""
        schema = self.resolved(schema)
        if not isinstance(schema, dict):
            return [{}]
        found = [{key: value for key, value in schema.items() if key not in ("allOf", "anyOf", "oneOf")}]
        for part in schema.get("allOf", []):
            found = [_both(one, other) for one, other in product(found, self.alternatives(part))]
        for word in ("anyOf", "oneOf"):
            if word in schema:
                others = [each for part in schema[word] for each in self.alternatives(part)]
                found = [_both(one, other) for one, other in product(found, others)]
        return found


@dataclass(frozen=True)
class _Comparison:
    """One of our shapes beside one of the vendor's schemas: property by property, and at the leaves by samples."""

    ours: Json
    theirs: _Schemas
    sent: bool

    def faults(self, ours: Json, theirs: Any, at: str = "") -> Iterator[str]:
        """What ours allows and theirs does not, each with where it is."""
        while "$ref" in ours:
            ours = self.ours["$defs"][ours["$ref"].rpartition("/")[2]]
        if "anyOf" in ours:
            for each in ours["anyOf"]:
                yield from self.faults(each, theirs, at)
        elif "properties" in ours or "items" in ours:
            kind = "object" if "properties" in ours else "array"
            fitting = [each for each in self.theirs.alternatives(theirs) if kind in each.get("type", kind)]
            found = [list(self._inside(ours, each, at)) for each in fitting]
            yield from min(found, key=len, default=[f"{at or 'the top'}: the vendor takes no {kind}"])
        elif not at.endswith(_NUMBERS_TOO):
            faults = [self.theirs.fault(theirs, sample) for sample in self._samples(ours)]
            yield from (f"{at or 'the top'}: {fault}" for fault in faults if fault)

    def _inside(self, ours: Json, theirs: Json, at: str) -> Iterator[str]:
        if "items" in ours:
            if self.sent and ours.get("maxItems", inf) > theirs.get("maxItems", inf):
                yield f"{at or 'the top'}: the vendor takes {theirs['maxItems']} at most"
            yield from self.faults(ours["items"], theirs.get("items", True), f"{at}[]")
        else:
            yield from self._properties(ours, theirs, at)

    def _properties(self, ours: Json, theirs: Json, at: str) -> Iterator[str]:
        known = theirs.get("properties", {})
        for name, part in ours["properties"].items():
            if name in known:
                yield from self.faults(part, known[name], f"{at}/{name}")
            elif known:
                yield f"{at}/{name}: the vendor knows nothing of it"
        wanted = set(theirs.get("required", [])) - set(ours.get("required", []))
        if self.sent and wanted:
            yield f"{at or 'the top'}: the vendor wants {', '.join(sorted(wanted))} as well"

    def _samples(self, ours: Json) -> list[Any]:
        """Values at the ends of what ours allows."""
        if "const" in ours or "enum" in ours:
            return ours.get("enum") or [ours["const"]]
        match ours.get("type"):
            case "string" if "examples" in ours:
                return list(ours["examples"])
            case "string":
                return ["x" * ours.get("minLength", 1), "x" * ours.get("maxLength", 3000 if self.sent else 1)]
            case "integer":
                least = ours.get("minimum", 1)
                return [least, ours.get("maximum", least)]
        return {"boolean": [True, False], "null": [None], "number": [0.5], "object": [{}]}.get(ours.get("type", ""), [])


def _both(one: Json, other: Json) -> Json:
    """A value has to be both."""
    required = [*one.get("required", []), *other.get("required", [])]
    properties = {**one.get("properties", {}), **other.get("properties", {})}
    return {**one, **other, "required": required, "properties": properties}


def _absolute(node: Any, uri: str) -> Any:
    """The document with its inner references made absolute."""
    if isinstance(node, dict) and node.get("nullable") is True:  # a word of OpenAPI 3.0
        plain = {key: value for key, value in node.items() if key != "nullable"}
        return {"anyOf": [_absolute(plain, uri), {"type": "null"}]}
    if isinstance(node, dict):
        return {
            key: f"{uri}{value}" if key == "$ref" and isinstance(value, str) else _absolute(value, uri)
            for key, value in node.items()
        }
    return [_absolute(item, uri) for item in node] if isinstance(node, list) else node
