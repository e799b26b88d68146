"""A failure without what differs from one run or spelling to the next: aliases, types filled in, a group's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_ALIAS = re.compile(r" \[as [^\]]+\]$")  # Node's: `Cart.total [as sum]`
_TYPES = re.compile(r"\[[\w.,* ]+\](?=\(|$)")  # of Go's and .NET's generics, which vary with the call
_CLOSURE = re.compile(r".*\{closure\b.*")  # PHP's, with or without its place
_NO_PLACE = frozenset(("Native Method", "Unknown Source", "SourceFile"))
_LONGEST = 300  # characters of a name that is looked at


def tidied(failure: Failure | None) -> Failure | None:
    """Without what differs from one run or spelling to the next: aliases, types filled in, the order of a group."""
    if failure is None:
        return None
    chain = [
        raised.model_copy(update={"frames": _tidy_frames(raised.frames, failure.language)}) for raised in failure.chain
    ]
    runs = [(is_member, list(run)) for is_member, run in groupby(chain, key=lambda raised: raised.link == "group")]
    ordered = (raised for is_member, run in runs for raised in (_each_once(run) if is_member else run))
    return failure.model_copy(update={"chain": tuple(ordered)})


def _each_once(members: Iterable[Raised]) -> list[Raised]:
    """Those of a group run at once: which one fails first, and how many do alike, is not part of the failure."""
    each = {repr((one.type, [(frame.path, frame.function) for frame in one.frames])): one for one in members}
    return [each[name] for name in sorted(each)]


def _tidy_frames(frames: Sequence[Frame], language: str) -> tuple[Frame, ...]:
    kept = (frame for frame in frames if frame.in_project or not _is_nowhere(frame, language))
    return tuple(_tidy_frame(frame) for frame in kept)


def _tidy_frame(frame: Frame) -> Frame:
    name = _tidy_name(frame.function)
    return frame if name == frame.function else frame.model_copy(update={"function": name})


def _is_nowhere(frame: Frame, language: str) -> bool:
    return frame.path in _NO_PLACE or (language == "go" and "/vendor/" in frame.path)


def _tidy_name(function: str) -> str:
    if len(function) > _LONGEST:
        return function
    return _TYPES.sub("", _ALIAS.sub("", _CLOSURE.sub("{closure}", function))).replace("->", "::")
