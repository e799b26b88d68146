"""GitHub's own contract, where it is at hand: judges what a client asks of the stand-in and what it answers."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.world import wire

_NOT_IN_OUR_SELECTION = {
    ("post", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs"),
    ("get", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"),
}
_BARE_ARRAY_IS_TAKEN = ("post", "/repos/{owner}/{repo}/issues/{issue_number}/labels")  # by the prose, not the schema


class GitHubContract:
    """GitHub's OpenAPI 3.0 document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = [(_pattern(path), path) for path in document["paths"]]
        self._paths.sort(key=lambda pair: pair[1].count("{"))
        self._schemas = wire.OpenApi("github", _with_its_replies(_as_json_schema(document)))
        self._document = document

    def judge(self, method: str, path: str, asked: object, status: int, answered: object) -> None:
        """Raises AssertionError where the request or the reply breaks the contract."""
        method = method.lower()
        template = self._template(method, path)
        if (method, template) in _NOT_IN_OUR_SELECTION:
            return
        if asked is not None and status < 400 and (method, template) != _BARE_ARRAY_IS_TAKEN:
            self._schemas.judge_request(template, method, asked)
        if answered is not None:
            self._schemas.judge_reply(template, method, status, answered)

    def _template(self, method: str, path: str) -> str:
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method in self._document["paths"][template]:
                return template
        for other, template in _NOT_IN_OUR_SELECTION:
            if other == method and _pattern(template).fullmatch(path):
                return template
        raise AssertionError(f"{method} {path} is no operation of GitHub's")


@cache
def contract() -> GitHubContract:
    return GitHubContract(json.loads((wire.ROOT / "github" / "openapi.trimmed.json").read_text()))


def _pattern(path: str) -> re.Pattern[str]:
    """`{id}` is a number, a reference or path at the end may hold slashes, everything else is one segment."""
    many = any(part in path for part in ("/git/", "/branches/", "/contents/", "/compare/"))

    def piece(found: re.Match[str]) -> str:
        name = found[1]
        if name.endswith(("_id", "_number")):
            return r"\d+"
        return ".+" if many and name in ("ref", "branch", "path", "basehead") else "[^/]+"

    return re.compile(re.sub(r"\{(\w+)\}", piece, path))


def _with_its_replies(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every reply written out where it is given."""
    for operations in document["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                for status, told in operation["responses"].items():
                    if "$ref" in told:
                        name = told["$ref"].rpartition("/")[2]
                        operation["responses"][status] = document["components"]["responses"][name]
    return document


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if key not in ("nullable", "examples")}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain
