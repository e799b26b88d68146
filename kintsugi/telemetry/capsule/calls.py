"""Which call to write down: the outermost one of the project's own code whose function can be reached by name."""

from __future__ import annotations

import functools
import inspect
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.behind import hidden_in, way_to
from kintsugi.telemetry.capsule.graph import MOST_ITEMS
from kintsugi.telemetry.capsule.taken import asked_of_globals, taken_out

_MOST_FRAMES = 1_000
_COMPREHENSIONS = frozenset(("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"))
_NOTHING = object()
_SEARCHED = "?"
_NEW, _CALL = vars(object)["__new__"], vars(type)["__call__"]
_PLAIN = frozenset(map(id, (type(None), bool, int, float, str, bytes)))
_FILLED = frozenset(map(id, (list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter)))
_OF_A_REQUEST = {("werkzeug.local", "LocalProxy"), ("bottle", "LocalRequest"), ("cherrypy", "_ThreadLocalProxy")}


class Unreachable(Exception):
    """The function of a frame has no name by which it can be called."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call under way. `path` leads to the function from its module; `first`: how many arguments are positional."""

    frame: FrameType
    module: str
    function: str
    path: str
    positional: tuple[tuple[str, object], ...]
    keywords: tuple[tuple[str, object, str], ...]  # the third is what the function calls it
    on_first: str = ""  # the method's name, where the first argument is what it is called on
    made: type | None = None  # the class, where the call is the making of an object
    is_searched: bool = False  # whether the function is found only once what lies at `path` is asked for it

    @property
    def is_inside(self) -> bool:
        """Whether another function makes it, each time again: it has no path."""
        return not self.path

    @property
    def objects(self) -> frozenset[int]:
        """What it is called on and with, by identity, but for plain values."""
        given = (*(value for _, value in self.positional), *(value for _, value, _ in self.keywords))
        return frozenset(id(value) for value in given if id(type(value)) not in _PLAIN)

    @property
    def flags(self) -> int:
        return self.frame.f_code.co_flags


def frames_of(stack: TracebackType | None, is_project: Callable[[str], bool]) -> list[FrameType]:
    """The frames of the project's own code, outermost first."""
    found: list[FrameType] = []
    for _ in range(_MOST_FRAMES):
        if stack is None:
            break
        is_plain = type(stack.tb_frame.f_globals) is dict  # `exec` takes others, which run code when they are asked
        if is_plain and is_project(stack.tb_frame.f_code.co_filename):
            found.append(stack.tb_frame)
        stack = stack.tb_next
    return found


def calls_in(frames: list[FrameType]) -> Iterator[Call | Unreachable]:
    """Each frame as a call, outermost first; why not where it is none that can be made again."""
    running = set(under_way())
    for at, frame in enumerate(frames):
        if frame in running:
            yield Unreachable("it handled the exception itself, so it would not fail")
            continue
        if at + 1 < len(frames) and _is_the_programs_start(frame):
            continue
        inner = {one.f_code for one in frames[at + 1 :]}
        try:
            yield _call(frame, inner)
        except Unreachable as why:
            yield why


def bound_to_a_request(frames: Sequence[FrameType]) -> str:
    """What the code of these frames reads that a server has only while it serves a request; "" where it reads none."""
    if not any(module in sys.modules for module, _ in _OF_A_REQUEST):
        return ""
    for code, names in {frame.f_code: frame.f_globals for frame in frames}.items():  # a recursion has one code
        known = {name: dict.get(names, name) for name in code.co_names}
        inside = [own for value in known.values() if (own := raw.globals_of(value))]
        if not any(_is_of_a_request(own.get(name)) for own in (known, *inside) for name in code.co_names):
            continue
        for name, attribute in asked_of_globals(code):  # `session` alone may be any object's attribute
            if _is_of_a_request(known[name]):
                return name
            if _is_of_a_request(raw.globals_of(known[name]).get(attribute)):
                return attribute
    return ""


def _is_of_a_request(value: object) -> bool:
    return raw.home_of(type(value)) in _OF_A_REQUEST


def under_way() -> Iterator[FrameType]:
    """What called us, from the inside out: whoever is here has caught the exception."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


@functools.lru_cache(maxsize=1024)
def is_of_project(file: str) -> bool:
    """Whether a file is neither Python's, an environment's nor ours."""
    return not is_installed(file)


def _is_the_programs_start(frame: FrameType) -> bool:
    """Called by the main module without an argument: to call it is to run the whole program."""
    code, back = frame.f_code, frame.f_back
    if code.co_argcount + code.co_kwonlyargcount:
        return False
    return back is not None and back.f_code.co_name == "<module>" and dict.get(back.f_globals, "__name__") == "__main__"


def _call(frame: FrameType, inner: Set[CodeType]) -> Call:
    code, names = frame.f_code, frame.f_globals
    module = names.get("__name__")
    if type(module) is not str or raw.globals_of(sys.modules.get(module)) is not names:
        raise Unreachable("its module cannot be imported by a name")
    if not raw.importable(module):
        raise Unreachable("its module cannot be imported by a name")
    if code.co_name == "<module>":
        raise Unreachable("it is a module's own code, run while it was imported")
    qualified = code.co_qualname
    if "<locals>" in qualified:
        _check_inside(frame, inner)
        return Call(frame, module, qualified, "", *_arguments(frame))
    positional, keywords = _arguments(frame)
    path, on_first, function = _path(code, module, qualified, positional)
    searched, on_first = on_first == _SEARCHED, on_first.removeprefix(_SEARCHED)
    if "__discord_ui_model_type__" in function.__dict__:  # buttons call by place, whatever the parameters are called
        by_place = code.co_argcount - len(positional)
        positional += tuple(one[:2] for one in keywords[:by_place])
        keywords = keywords[by_place:]
    keywords = tuple(one for one in keywords if not _is_default(function, *one[:2]))
    made = _made_by(function, positional)
    return Call(frame, module, qualified, path, positional[made is not None :], keywords, on_first, made, searched)


def _check_inside(frame: FrameType, inner: Set[CodeType]) -> None:
    """One that only wraps the function of an inner frame says nothing more than that."""
    outer, _, name = frame.f_code.co_qualname.rpartition(".<locals>.")
    if name in _COMPREHENSIONS:
        raise Unreachable(f"{name} is a part of {outer}")
    wrapped = (raw.code_of(frame.f_locals.get(one)) for one in frame.f_code.co_freevars)
    if any(code in inner for code in wrapped if code is not None):
        raise Unreachable(f"{name} wraps what it calls")


def _is_default(function: FunctionType, name: str, value: object) -> bool:
    """Whether the call may as well leave it out. What is plain to read, or may have been changed, is written down."""
    if id(type(value)) in _PLAIN or (id(type(value)) in _FILLED and len(value) <= MOST_ITEMS):  # type: ignore[arg-type]
        return False
    code, last, named = function.__code__, function.__defaults__, function.__kwdefaults__
    if type(last) is tuple and name in code.co_varnames[: code.co_argcount]:
        at = code.co_varnames.index(name) - code.co_argcount + len(last)
        return 0 <= at < len(last) and last[at] is value
    return type(named) is dict and dict.get(named, name, _NOTHING) is value


def _made_by(function: FunctionType, positional: tuple[tuple[str, object], ...]) -> type | None:
    """The class of which an `__init__` makes an object: whoever calls that hands over an object without a state."""
    if function.__name__ != "__init__" or not positional:
        return None
    kind = type(positional[0][1])
    is_plain = raw.found_in(kind, "__init__") is function and raw.found_in(kind, "__new__") is _NEW
    is_plain = is_plain and raw.found_in(type(kind), "__call__") is _CALL
    module, name = raw.home_of(kind)
    return kind if is_plain and raw.at(module, name) is kind and raw.importable(module) else None


def _arguments(frame: FrameType) -> tuple[tuple[tuple[str, object], ...], tuple[tuple[str, object, str], ...]]:
    """As they are now: what the function put in the place of one is what is seen."""
    code, values = frame.f_code, frame.f_locals
    if not values and code.co_argcount:
        raise Unreachable("its frame was cleared before anybody looked at it")
    plain = code.co_varnames[: code.co_argcount]
    named = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    at = code.co_argcount + code.co_kwonlyargcount
    rest: Any = ()
    if code.co_flags & inspect.CO_VARARGS:
        rest = _value(values, code.co_varnames[at])
        at += 1
        if type(rest) is not tuple:
            raise Unreachable("it put something else in the place of its arguments")
    more: Any = {}
    if code.co_flags & inspect.CO_VARKEYWORDS:
        more = _value(values, code.co_varnames[at])
        if type(more) is not dict or not all(type(key) is str for key in more):
            raise Unreachable("it put something else in the place of its arguments")
        handed_over = {name: (name, one) for name, one in more.items()}
        more = {**taken_out(code, code.co_varnames[at], values), **handed_over}
    count = len(plain) if rest else max(code.co_posonlyargcount, min(1, len(plain)))
    positional = [(name, _value(values, name)) for name in plain[:count]] + [("", one) for one in rest]
    keywords = [(name, _value(values, name), name) for name in (*plain[count:], *named)]
    keywords += [(name, one, local) for name, (local, one) in more.items()]
    return tuple(positional), tuple(keywords)


def _value(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise Unreachable(f"its argument {name} was deleted")
    return values[name]


def _path(
    code: CodeType, module: str, qualified: str, positional: tuple[tuple[str, object], ...]
) -> tuple[str, str, FunctionType]:
    """How the function is reached in its module; by which name on its first argument, if that does; and itself."""
    owner, _, name = qualified.rpartition(".")
    holder: Any = raw.at(module, owner) if owner else None
    if owner and (holder is None or not issubclass(type(holder), type)):
        raise Unreachable(f"{qualified} is not in its module")
    names = raw.names_of(holder) if owner else raw.globals_of(sys.modules[module])
    name = _mangled(owner, name)
    found = names.get(name)
    if found is None or way_to(found, code) is None:
        name, found = _elsewhere(code, names) or (name, found)
    if found is None:
        raise Unreachable(f"{qualified} is not in its module")
    way = way_to(found, code)
    if way is None and (made := hidden_in(found, code)) is not None:
        return f"{owner}.{name}".lstrip("."), _SEARCHED, made
    if way is None:
        raise Unreachable(f"{qualified} is hidden behind a {raw.shown_kind(found)}")
    inner, function = way
    path = f"{owner}.{name}" if owner else name
    if type(found) is staticmethod:
        return path + inner.removeprefix(".__func__"), "", function
    direct = not inner or (type(found) is classmethod and inner == ".__func__")
    on_first = name if owner and direct and positional and _is_found_on(positional[0][1], name, found) else ""
    return path + inner, on_first, function


def _mangled(owner: str, name: str) -> str:
    hidden = name.startswith("__") and not name.endswith("__") and owner
    return f"_{owner.rpartition('.')[2].lstrip('_')}{name}" if hidden else name


def _is_found_on(first: object, name: str, found: object) -> bool:
    hides = any(type(own) is str and own == name for own, _ in raw.state_of(first))  # as a view's button its method
    if hides or name.startswith("__"):
        return False
    owner: type = first if issubclass(type(first), type) else type(first)  # type: ignore[assignment]
    return raw.found_in(owner, name) is found


def _elsewhere(code: CodeType, names: Mapping[str, Any]) -> tuple[str, Any] | None:
    """A function that is held by another name than its own."""
    for name, value in list(names.items())[:2_000]:
        if raw.code_of(value) is code and type(name) is str and name.isidentifier():
            return name, value
    return None
