"""What our clients use of each vendor's interface, in shapes of our own, small enough to read.

Every exchange of a stand-in is held to them, on any machine: a client may send nothing but what is named here, and an
answer holds at least what is named here. That the vendors agree is shown in tests/contract, where their files are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Sent(BaseModel):
    """What our clients send: this and nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Read(BaseModel):
    """What our clients read of what a vendor sends. It may hold more."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)


# The default of what may be missing: where it is there it is not null, unless its type says so.
ABSENT: Any = None
Moment = Annotated[
    str,
    Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$", examples=["2026-11-23T12:00:00Z"]),
]


@dataclass(frozen=True)
class Operation:
    """One call, by method and path as the vendor writes it. `tells`: the answers that are no errors, by status."""

    method: str
    path: str
    asks: Any = None
    tells: Mapping[int, Any] = field(default_factory=dict)
    streams: Any = None  # one event of a streamed answer

    def matches(self, method: str, path: str) -> bool:
        return method.lower() == self.method and bool(_pattern(self.path).fullmatch(path))


class Contract(Protocol):
    """Judges exchanges. Raises AssertionError for one that breaks the contract; `path` is a template."""

    def judge_request(self, path: str, method: str, body: object) -> None: ...

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None: ...

    def judge_event(self, path: str, method: str, event: object) -> None: ...

    def judge_frame(self, kind: str, frame: object) -> None: ...


class Shapes:
    """One vendor's interface as far as we use it. `frames`: what goes over its socket or to our webhook, by kind."""

    def __init__(
        self, name: str, error: Any, operations: Iterable[Operation], frames: Mapping[str, Any] | None = None
    ) -> None:
        self.name, self.error = name, error
        self.operations = {(each.method, each.path): each for each in operations}
        self.frames = frames or {}

    def judge_request(self, path: str, method: str, body: object) -> None:
        _judge(self._operation(method, path).asks, body, f"{method} {path}")

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None:
        tells = self._operation(method, path).tells
        assert status >= 400 or status in tells, f"{method} {path} is not answered with {status}"
        _judge(self.error if status >= 400 else tells[status], body, f"{status} to {method} {path}")

    def judge_event(self, path: str, method: str, event: object) -> None:
        _judge(self._operation(method, path).streams, event, f"an event of {method} {path}")

    def judge_frame(self, kind: str, frame: object) -> None:
        _judge(self.frames[kind], frame, kind)

    def template(self, method: str, path: str) -> str:
        """The path of the operation that this call is."""
        for each in self.operations.values():
            if each.matches(method, path):
                return each.path
        raise AssertionError(self._unknown(method, path))

    def _operation(self, method: str, path: str) -> Operation:
        assert (method, path) in self.operations, self._unknown(method, path)
        return self.operations[method, path]

    def _unknown(self, method: str, path: str) -> str:
        return f"{method} {path} is not used so far: add its shape to tests/world/wire/{self.name}.py"


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """A name of a number is digits, a reference at the end may hold slashes, everything else is one segment."""

    def piece(found: re.Match[str]) -> str:
        name = found[1]
        if name.endswith(("_id", "_number")):
            return r"\d+"
        return ".+" if name in ("ref", "basehead") and found.end() == len(path) else "[^/]+"

    return re.compile(re.sub(r"\{(\w+)\}", piece, path))


def _judge(shape: Any, value: object, what: str) -> None:
    try:
        _adapter(shape).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(map(str, first["loc"])) or "the top"
        raise AssertionError(
            f"{what} breaks our shape at {where}: {first['msg']}, not {first['input']!r:.200}"
        ) from error


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
