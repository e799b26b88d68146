"""What Flask and Quart have while they serve a request, and around what a view is called again."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part, leave_out
from kintsugi.telemetry.capsule.of_web import PLAIN

UNDER_WAY = "the_request_under_way"
"""What the context is called in a file, in which a call is made."""
_OF_CONFIG = PLAIN | set(map(id, (list, tuple, dict, set, datetime.timedelta)))
_CONTEXTS = {(f"{one}.ctx", name): one for one in ("flask", "quart") for name in ("RequestContext", "AppContext")}
_PLACES: dict[str, tuple[str, str, int]] = {}  # by the module that made an app: the one that holds it, and its name
_SESSIONS = ("flask.sessions", "quart.sessions")
_MOST_MODULES = 500


@dataclass(frozen=True)
class OfFlask:
    """What one of the two has while it serves a request."""

    library: str
    app: object
    request: object
    session: object
    shared: dict[Any, Any] | None  # what the program keeps for the time of the request

    def entry(self, builders: Builders, graph: Graph) -> Entry:
        """What has to be around a call that asks for any of it."""
        made = Entry("", 0, f"in_{self.library}(", closes=")", name=UNDER_WAY)
        app = _app(builders, graph, self)
        kept: str | Entry = "missing('g: not there any more')"
        if self.shared is not None:
            kept = builders.value(graph, self.shared, "", 1, "g")
        request = builders.value(graph, self.request, "", 1, "request")
        made.parts = [Part(app), Part(request), Part(_session(builders, graph, self.session)), Part(kept)]
        return made


def under_way_in_flask(stack: TracebackType | None, running: set[FrameType]) -> OfFlask | None:
    """What is served in this context now; where that has ended, what is left of it on the stack."""
    names = [names for one in ("flask", "quart") if (names := raw.globals_of(sys.modules.get(f"{one}.globals")))]
    held = [one.get(name) for one in names for name in ("_cv_request", "_cv_app")]
    contexts = [one.get(None) for one in held if type(one) is ContextVar]
    stacks = [one.get(name) for one in names for name in ("_request_ctx_stack", "_app_ctx_stack")]  # before Flask 2.2
    contexts += [
        getattr(one, "top", None) for one in stacks if raw.home_of(type(one)) == ("werkzeug.local", "LocalStack")
    ]
    while stack is not None and names and all(one is None for one in contexts):
        values = () if stack.tb_frame in running else stack.tb_frame.f_locals.values()
        contexts = [one for one in values if raw.home_of(type(one)) in _CONTEXTS]
        stack = stack.tb_next
    known: dict[str, Any] = {}
    for context in contexts:
        if library := _CONTEXTS.get(raw.home_of(type(context)), ""):
            known = {"library": library, **{str(name): one for name, one in raw.state_of(context)}, **known}
    request = next((known[name] for name in ("request", "_request", "request_websocket") if name in known), None)
    if known.get("app") is None or request is None:
        return None
    shared = dict(raw.state_of(known["g"])) if "g" in known else None
    return OfFlask(known["library"], known["app"], request, known.get("_session", known.get("session")), shared)


def _session(builders: Builders, graph: Graph, session: Any) -> str | Entry:
    """One of Flask's own is made by itself: it tells Flask of what is put into it."""
    kind = type(session)
    if not issubclass(kind, dict) or raw.home_of(kind)[0] not in _SESSIONS or not (own := builders.names.of(kind)):
        return builders.value(graph, session, "", 1, "session")
    items = builders.value(graph, dict(dict.items(session)), "", 2, "session")
    return Entry("session", 1, f"{own}(", [Part(items)], ")", uses=1)


def _app(builders: Builders, graph: Graph, served: OfFlask) -> Entry:
    """By the name that a module of the program has for it; else one with the same settings, and no more."""
    state: dict[str, Any] = {name: one for name, one in raw.state_of(served.app) if type(name) is str}
    name, config = state.get("import_name"), state.get("config")
    made_in = name if type(name) is str else ""
    made = Entry("app", 1, builders.names.of(served.app), uses=1)
    with graph.uncounted():
        made.opens = made.opens or _held_anywhere(builders, served.app, made_in)
    if made.opens:
        return made
    kind = builders.names.named(served.library, served.library.capitalize())
    if type(name) is not str or config is None or not issubclass(type(config), dict):
        leave_out(made, "which no module holds by its name")
        return made
    plain = {key: one for key, one in dict.items(config) if type(key) is str and id(type(one)) in _OF_CONFIG}
    held = builders.value(graph, plain, "", 2, "config")
    others = [key for key in dict.keys(config) if type(key) is str and key not in plain]
    made.opens, made.closes = f"like_app({kind}", ")"
    made.parts = [Part(repr(name)), Part(held), Part(repr(others))]
    return made


def _held_anywhere(builders: Builders, app: object, made_in: str) -> str:
    """By its name in a module of the program. That is looked for once for each app, and again where others came."""
    module, name, count = _PLACES.get(made_in, ("", "", 0))
    is_there = raw.globals_of(sys.modules.get(module)).get(name) is app
    if not is_there if name else count != len(sys.modules):
        module, name = next(_places(app, made_in), ("", ""))
        _PLACES[made_in] = module, name, len(sys.modules)
    return builders.names.named(module, name) if name else ""


def _places(app: object, made_in: str) -> Iterator[tuple[str, str]]:
    package, loaded = made_in.partition(".")[0], list(sys.modules)
    own = [name for name in loaded if name.partition(".")[0] == package]
    others = [name for name in loaded if "." not in name and name not in sys.stdlib_module_names]
    for module in dict.fromkeys((made_in, "__main__", *own[:_MOST_MODULES], *others[:_MOST_MODULES])):
        names = dict.copy(raw.globals_of(sys.modules.get(module)))
        if id(app) in set(map(id, names.values())):
            yield from ((module, name) for name, one in names.items() if one is app and name.isidentifier())
