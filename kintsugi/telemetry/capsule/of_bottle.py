"""What Bottle has while it serves a request: for each thread, WSGI's environ."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part
from kintsugi.telemetry.capsule.inside import closed_over
from kintsugi.telemetry.capsule.of_flask import UNDER_WAY


@dataclass(frozen=True)
class OfBottle:
    environ: object

    def entry(self, builders: Builders, graph: Graph) -> Entry:
        """What has to be around a call that asks for the request."""
        environ = Part(builders.value(graph, self.environ, "", 1, "environ"))
        return Entry("", 0, "in_bottle(", [environ], ")", name=UNDER_WAY)


def under_way_in_bottle(frames: Iterable[FrameType]) -> OfBottle | None:
    """What this thread serves, where one of these frames is Bottle's: it keeps the last one until the next."""
    names = raw.globals_of(sys.modules.get("bottle"))
    served = raw.code_of(raw.names_of(names["Bottle"]).get("_handle")) if type(names.get("Bottle")) is type else None
    if served is None or not any(frame.f_code is served for frame in frames):
        return None
    asked: Any = raw.found_in(type(names.get("request")), "environ")
    kept = dict(closed_over(asked.fget)) if type(asked) is property and type(asked.fget) is FunctionType else {}
    own = [threading.local.__getattribute__(one, "__dict__") for one in kept.values() if type(one) is threading.local]
    environ = next((one["var"] for one in own if "var" in one), None)
    return OfBottle(environ) if type(environ) is dict else None
