"""The crash capsule: the call that failed, written down at the raise as Python that makes it again.

`record` looks at the outermost call of the project's own code whose function can be reached by its name, and writes a
pytest file that makes the same call with the same arguments. It runs nothing of the program's own code, raises
nothing and keeps nothing. Secrets are looked for in each value before it becomes source, and in the whole afterwards.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import FrameType, TracebackType

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builders import ByType
from kintsugi.telemetry.capsule.calls import (
    Call,
    Unreachable,
    bound_to_a_request,
    calls_in,
    frames_of,
    is_of_project,
    under_way,
)
from kintsugi.telemetry.capsule.graph import A_SECRET, Entry, Graph, Part, TooMuch
from kintsugi.telemetry.capsule.helpers import HELPERS
from kintsugi.telemetry.capsule.inside import Place
from kintsugi.telemetry.capsule.masked import Masked
from kintsugi.telemetry.capsule.names import Names
from kintsugi.telemetry.capsule.of_bottle import OfBottle, under_way_in_bottle
from kintsugi.telemetry.capsule.of_discord import Libraries
from kintsugi.telemetry.capsule.of_flask import UNDER_WAY, OfFlask, under_way_in_flask
from kintsugi.telemetry.capsule.of_web import NAMES_OF_SECRETS, Requests
from kintsugi.telemetry.capsule.text import file_of, snake_case, written
from kintsugi.telemetry.redact import MASK, is_clean, redact, redact_source
from kintsugi.telemetry.redact.keys import grade

__all__ = ["LARGEST", "Capsule", "record"]

LARGEST = 64 * 1024  # characters of a file
CPU_SECONDS = 0.005
_PIECE, _AGAIN = 1_024, 2  # characters that are looked through for secrets at once; lines that are so twice
_TOO_LARGE = f"its arguments are too large: more than {LARGEST // 1024} KB of source"
_HELD_BACK = "a secret"
_OF_A_DATABASE = "has read rows of a database, of which a sandbox has none"
_MISSING = re.compile(r"missing\('([^'\n]*)'\)")
_HOMES = 4  # modules whose own names are looked through for values


@dataclass(frozen=True, slots=True)
class _Crash:
    """`frames`: the project's own. `is_served`: whether these serve a request; `around`: what is set up for that."""

    error: BaseException
    frames: list[FrameType]
    masked: Masked
    requests: Requests
    is_served: bool
    around: OfFlask | OfBottle | None


@dataclass(frozen=True, slots=True)
class Capsule:
    """`function` of `module` is what was called; `source` a pytest file that calls it again, or `why_not` says why.

    `in_part` names the call around it, where that one cannot be written down.
    """

    module: str
    function: str
    source: str = ""
    why_not: str = ""
    in_part: str = ""


def record(error: BaseException, *, is_project: Callable[[str], bool] = is_of_project) -> Capsule | None:
    """The capsule of an exception that was raised; None where no code of the project is on its stack.

    `is_project` says of a file whether it is the program's own. Never raises.
    """
    collects = gc.isenabled()
    gc.disable()  # a collection that falls into these milliseconds goes through the program's whole heap
    try:
        return _recorded(error, is_project)
    except Exception as failed:
        return Capsule("", "", why_not=f"it could not be written down: {type(failed).__name__}")
    finally:
        if collects:
            gc.enable()


def _recorded(error: BaseException, is_project: Callable[[str], bool]) -> Capsule | None:
    _warm_up()
    ends = time.thread_time() + CPU_SECONDS
    frames = frames_of(error.__traceback__, is_project)
    why: Unreachable | None = None
    outermost: Capsule | None = None
    holds = ""  # why that one is not the call to make again
    masked = Masked()
    running = set(under_way())
    requests = Requests()
    around = _around(error.__traceback__, running) if frames else None
    is_served = around is not None or (bool(frames) and requests.serves(error.__traceback__, frames, running))
    crash = _Crash(error, frames, masked, requests, is_served, around)
    handed_over: set[int] = set()  # to calls that hold a secret: any of these may be what holds it
    passing = requests.handing_on(error.__traceback__, running) if is_served else set()
    serving = [frame for frame in frames if frame is frames[-1] or frame not in passing]
    for call in calls_in(serving):
        if not isinstance(call, Call):
            why = why or call
        elif outermost is None:
            outermost = _written(call, crash, ends)
            holds = _unfit(outermost, call, crash)
            if not holds:
                return outermost
            taken = call.frame
            handed_over.update(call.objects if not outermost.source else ())
            ends = time.thread_time() + 2 * CPU_SECONDS  # for the ways to those inside of it, long at the first crash
        elif masked.is_too_much or time.thread_time() > ends:
            break
        elif handed_over.isdisjoint(call.objects):
            masked.go_on(frame.f_code for frame in frames[frames.index(taken) : frames.index(call.frame)])
            found = _written(call, crash, ends)
            if found.source and not _unfit(found, call, crash):
                return replace(found, in_part=f"the call around it, {outermost.function}, {holds}")
            handed_over.update(call.objects if not found.source else ())
    if outermost and outermost.source and holds and holds != _OF_A_DATABASE:
        return replace(outermost, source="", why_not=f"it {holds}")
    if outermost or why is None:
        return outermost
    code = frames[0].f_code
    module = frames[0].f_globals.get("__name__")
    return Capsule(module if type(module) is str else "", code.co_qualname, why_not=f"{why}")


def _around(stack: TracebackType | None, running: set[FrameType]) -> OfFlask | OfBottle | None:
    if "bottle" in sys.modules:
        frames = [frame for frame, _ in traceback.walk_tb(stack)]
        if (found := under_way_in_bottle([*frames, *running])) is not None:
            return found
    return under_way_in_flask(stack, running)


def _unfit(found: Capsule, call: Call, crash: _Crash) -> str:
    """Why a call inside of this one is better made again; "" where none is."""
    if found.why_not.startswith(_HELD_BACK):
        return f"holds {found.why_not}"
    inside = crash.frames[crash.frames.index(call.frame) :]
    if crash.is_served and crash.requests.have_read_rows(inside):
        return _OF_A_DATABASE
    bound = bound_to_a_request(inside) if not crash.around else ""
    return f"reads {bound}, which may be there only while a request is served" if bound else ""


@functools.cache
def _warm_up() -> None:
    """The redactor builds its table at its first look, where the program's telemetry has not begun with that."""
    redact("password=" + "x" * 12)
    redact_source('password = "a"\n', "capsule.py", excerpt=True)


def _written(call: Call, crash: _Crash, ends: float) -> Capsule:
    module, function, why = raw.importable(call.module), call.function, ""
    own = helpers = ""
    masked = crash.masked
    try:
        own, helpers = _source(call, crash)
        _check_whole(own, len(helpers), ends, crash)
    except TooMuch:
        why = _TOO_LARGE
    if masked.names:
        why = f"{_HELD_BACK}: {_shown(masked)}"
    return Capsule(module, function, why_not=why) if why else Capsule(module, function, own + helpers)


def _shown(masked: Masked) -> str:
    """Whose value it is, where that says nothing itself: also a key may hold a secret."""
    name = masked.names[0]
    return f"the value of {name}" if masked.tells_nothing(name) else "a value"


def _source(call: Call, crash: _Crash) -> tuple[str, str]:
    """The file: what is of this call, and the functions that are the same in every file."""
    test = f"test_{call.frame.f_code.co_name.strip('_').lower() or 'call'}"
    homes = {id(frame.f_globals): frame.f_globals for frame in (call.frame, *reversed(crash.frames))}
    names = Names(list(homes.values())[:_HOMES], taken=(test, "NotRebuilt", _name_of_first(call), *HELPERS))
    builders = ByType(names, functools.partial(_frame_of, crash.error.__traceback__))
    wanted = _names_in(crash.frames) | (NAMES_OF_SECRETS if crash.is_served else frozenset())
    is_wiring = crash.requests.comes_last if crash.is_served else Libraries().is_wiring
    graph = Graph(builders.fill, is_wiring, wanted, masked=crash.masked, leaves_out=crash.is_served)
    entry = _as_entry(call, builders, graph)
    if crash.around:
        (entry.on or entry).on = crash.around.entry(builders, graph)
    graph.complete(entry)
    taken = {name.partition(".")[0] for name in names.imported} | {test, _name_of_first(call), *HELPERS}
    kind = raw.home_of(type(crash.error))[1]
    title = f"{call.function} of {raw.importable(call.module)}, as it was called when it failed with {kind}."
    return file_of(title, test, written(entry, taken), names, way=_way(call, crash))


def _names_in(frames: list[FrameType]) -> frozenset[str]:
    """What the code that failed calls things."""
    codes = {frame.f_code for frame in frames}
    return frozenset(name.lstrip("_") for code in codes for name in (*code.co_names, *code.co_varnames))


def _as_entry(call: Call, builders: ByType, graph: Graph) -> Entry:
    """The call itself: on its first argument where that leads to the same function, else by the way to it."""
    entry = Entry("", 0, closes=")")
    if call.is_inside:
        entry.opens, entry.on = _inside(call, builders, graph)
    else:
        of = builders.names
        reached = of.of(call.made) if call.made else of.named(call.module, call.path)
        if call.is_searched:
            reached = f"undecorated({reached}, {call.frame.f_code.co_name!r})"
        entry.opens = f"{reached}("
    positional = call.positional
    if call.on_first:
        entry.opens, entry.on = _on_first(call, builders, graph)
        positional = positional[1:]
    entry.parts = [Part(builders.value(graph, value, name, 1)) for name, value in positional]
    for name, value, local in call.keywords:
        told = local if grade(local) > grade(name) else name  # either may say that it is a secret
        entry.parts.append(Part(builders.value(graph, value, told, 1), graph.keyword(name)))
    return entry


def _on_first(call: Call, builders: ByType, graph: Graph) -> tuple[str, Entry | None]:
    name, first = call.positional[0]
    if issubclass(type(first), type) and (known := builders.names.of(first)):
        return f"{known}.{call.on_first}(", None
    made = builders.value(graph, first, "", 1, name)
    assert isinstance(made, Entry)
    made.name = _name_of_first(call)
    return f"{made.name}.{call.on_first}(", made


def _inside(call: Call, builders: ByType, graph: Graph) -> tuple[str, Entry]:
    """The function that another one makes, by what it takes from there."""
    code, values = call.frame.f_code, call.frame.f_locals
    made = Entry("", 1, name=_name_of_first(call))
    around = {name: values[name] for name in code.co_freevars if name in values}
    builders.inside(graph, made, Place(raw.importable(call.module), call.function, code.co_firstlineno), around)
    return f"{made.name}(", made


def _frame_of(stack: TracebackType | None, function: str) -> FrameType | None:
    """The frame of the function with this qualified name, where the exception ended it.

    To look at the values of one that goes on would keep them alive until that ends.
    """
    running = set(under_way())
    while stack is not None:
        frame = stack.tb_frame
        if frame.f_code.co_qualname == function and frame not in running:
            return frame
        stack = stack.tb_next
    return None


def _name_of_first(call: Call) -> str:
    """What the object is called that the method was called on: its class in small letters. And a function inside."""
    if call.is_inside:
        return f"the_{snake_case(call.frame.f_code.co_name) or 'function'}"
    name = raw.home_of(type(call.positional[0][1]))[1].rpartition(".")[2] if call.on_first else ""
    return f"the_{snake_case(name)}" if name else ""


def _way(call: Call, crash: _Crash) -> str:
    """How a call of its sort is made, to its end."""
    way = "{call}"
    if call.flags & inspect.CO_COROUTINE:
        way = "asyncio.run({call})"
    elif call.flags & inspect.CO_ASYNC_GENERATOR:
        way = "async def to_its_end():\n    async for _ in {call}:\n        pass\n\nasyncio.run(to_its_end())"
    elif call.flags & inspect.CO_GENERATOR:
        way = "list({call})" if crash.around else "for _ in {call}:\n    pass"
    *before, last = way.rpartition("\n")
    return f"{''.join(before)}{UNDER_WAY}.run(lambda: {last})" if crash.around else way


def _check_whole(source: str, more: int, ends: float, crash: _Crash) -> None:
    """Whether a secret is in it that shows only where texts stand together. `more`: characters that come on top.

    To read it as text takes a fraction of the time. That is done after `ends`, and where words for secrets are all over
    it, as in a request: there what looks like one, such as `authorization=rebuilt(`, is read as source then.
    Raises TooMuch.
    """
    if len(source) + more > LARGEST:
        raise TooMuch
    looked_at = _each_missing_once(source)
    if crash.masked.is_left_in(looked_at):
        crash.masked.names.append("")
    for piece in _pieces(looked_at):
        if is_clean(piece, one_by_one=True):
            continue
        as_text = crash.is_served or time.thread_time() > ends
        shown = redact(piece) if as_text else redact_source(piece, "capsule.py", excerpt=True)
        if crash.is_served and shown != piece:
            shown = redact_source(piece, "capsule.py", excerpt=True)
        if shown != piece:
            crash.masked.hold_back("", piece, shown)


def _each_missing_once(source: str) -> str:
    """Without what stands for a secret, as that may look like one; and the same reason only where it is given first:
    a call that is handed a whole program gives some a hundred times.
    """
    seen: set[str] = set()

    def shown(found: re.Match[str]) -> str:
        if found[1].endswith(A_SECRET):
            return repr(MASK)
        is_new = found[1] not in seen
        seen.add(found[1])
        return found[0] if is_new else "missing()"

    return _MISSING.sub(shown, source)


def _pieces(source: str) -> Iterator[str]:
    """Whole lines, about a thousand characters of them at once, after the last of the piece before."""
    piece: list[str] = []
    size = 0
    for line in source.splitlines(keepends=True):
        if size > _PIECE:
            yield "".join(piece)
            piece = piece[-_AGAIN:]
            size = 0
        piece.append(line)
        size += len(line)
    yield "".join(piece)
