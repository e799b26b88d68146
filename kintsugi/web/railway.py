"""Railway's deliveries, which carry no signature: is the path's secret ours, and is it about our service? Pure.

Whatever it says, it is a hint: how a deployment stands is read from Railway itself. (Its own example says `failed` in
the type and `SUCCESS` in the status.)
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RailwayDoor:
    """The secret in the path, and the ids of the service we look after. An empty secret opens to nobody."""

    secret: str = ""
    project: str = ""
    environment: str = ""
    service: str = ""

    def knows(self, secret: str) -> bool:
        return bool(self.secret) and hmac.compare_digest(self.secret.encode(), secret.encode("utf-8", "replace"))


def ignored(door: RailwayDoor, body: bytes) -> str | None:
    """Why nothing follows from a delivery; None where it is about a deployment of ours."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "The body is no JSON."
    kind = told.get("type") if isinstance(told, dict) else None
    if not isinstance(kind, str) or not kind.startswith("Deployment."):
        return "Nothing follows from what is not about a deployment."
    theirs = tuple(_id(told, name) for name in ("project", "environment", "service"))
    if theirs != (door.project, door.environment, door.service):
        return "This is about another project, environment or service."
    return None


def _id(told: Any, name: str) -> str:
    """`resource.<name>.id`, or "" where there is none."""
    node: Any = told
    for step in ("resource", name, "id"):
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""
