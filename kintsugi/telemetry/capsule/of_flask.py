"""What Flask has while it serves a request, and around what a view is called again."""

from __future__ import annotations

import datetime
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part, leave_out
from kintsugi.telemetry.capsule.of_web import PLAIN

if TYPE_CHECKING:
    from kintsugi.telemetry.capsule.builders import Builders

UNDER_WAY = "the_request_under_way"
"""What the context is called in a file, in which a call is made."""
_OF_CONFIG = PLAIN | set(map(id, (list, tuple, dict, set, datetime.timedelta)))
_USUAL = ("wsgi", "asgi", "app", "main", "application", "server", "serve", "run", "web", "api")  # modules with an app
_OF_FLASK = frozenset((("flask.ctx", "RequestContext"), ("flask.ctx", "AppContext")))


@dataclass(frozen=True)
class OfFlask:
    """What Flask has while it serves a request."""

    app: object
    request: object
    session: object
    shared: dict[Any, Any] | None  # what the program keeps for the time of the request

    def entry(self, builders: Builders, graph: Graph) -> Entry:
        """What has to be around a call that asks for any of it."""
        made = Entry("", 0, "in_flask(", closes=")", name=UNDER_WAY)
        app = _app(builders, graph, self.app)
        kept: str | Entry = "missing('g: not there any more')"
        if self.shared is not None:
            kept = builders.value(graph, self.shared, "", 1, "g")
        request = builders.value(graph, self.request, "", 1, "request")
        made.parts = [Part(app), Part(request), Part(_session(builders, graph, self.session)), Part(kept)]
        return made


def under_way_in_flask(stack: TracebackType | None, running: set[FrameType]) -> OfFlask | None:
    """What it serves in this context now; where that has ended, what is left of it on the stack."""
    names = raw.globals_of(sys.modules.get("flask.globals"))
    contexts = [one.get(None) for one in map(names.get, ("_cv_request", "_cv_app")) if type(one) is ContextVar]
    stacks = map(names.get, ("_request_ctx_stack", "_app_ctx_stack"))  # before Flask 2.2
    contexts += [
        getattr(one, "top", None) for one in stacks if raw.home_of(type(one)) == ("werkzeug.local", "LocalStack")
    ]
    while stack is not None and names and all(one is None for one in contexts):
        contexts = [] if stack.tb_frame in running else [stack.tb_frame.f_locals.get("ctx")]
        stack = stack.tb_next
    known: dict[str, Any] = {}
    for context in contexts:
        if raw.home_of(type(context)) in _OF_FLASK:
            known = {**{str(name): one for name, one in raw.state_of(context)}, **known}
    request = known.get("request", known.get("_request"))
    if known.get("app") is None or request is None:
        return None
    shared = dict(raw.state_of(known["g"])) if "g" in known else None
    return OfFlask(known["app"], request, known.get("_session", known.get("session")), shared)


def _session(builders: Builders, graph: Graph, session: Any) -> str | Entry:
    """One of Flask's own is made by itself: it tells Flask of what is put into it."""
    kind = type(session)
    if not issubclass(kind, dict) or raw.home_of(kind)[0] != "flask.sessions" or not (own := builders.names.of(kind)):
        return builders.value(graph, session, "", 1, "session")
    items = builders.value(graph, dict(dict.items(session)), "", 2, "session")
    return Entry("session", 1, f"{own}(", [Part(items)], ")", uses=1)


def _app(builders: Builders, graph: Graph, app: object) -> Entry:
    """By the name that a module of the program has for it; else one with the same settings, and no more."""
    state: dict[str, Any] = {name: one for name, one in raw.state_of(app) if type(name) is str}
    name, config = state.get("import_name"), state.get("config")
    made_in = name if type(name) is str else ""
    made = Entry("app", 1, builders.names.of(app) or _held_anywhere(builders, app, made_in), uses=1)
    if made.opens:
        return made
    if type(name) is not str or config is None or not issubclass(type(config), dict):
        leave_out(made, "which no module holds by its name")
        return made
    plain = {key: one for key, one in dict.items(config) if type(key) is str and id(type(one)) in _OF_CONFIG}
    held = builders.value(graph, plain, "", 2, "config")
    others = [key for key in dict.keys(config) if type(key) is str and key not in plain]
    made.opens, made.closes = "like_app(", ")"
    made.parts = [Part(repr(name)), Part(held), Part(repr(others))]
    return made


def _held_anywhere(builders: Builders, app: object, made_in: str) -> str:
    """The name of the app in the module that made it, in the one that was started, or in one of a usual name.

    Not all modules are looked through: there may be thousands, and in a forked process each is a page of memory copied.
    """
    package = made_in.partition(".")[0]
    usual = [f"{at}{name}" for at in ("", f"{package}.") for name in _USUAL]
    there = (name for name in (made_in, "__main__", *usual) if name in sys.modules)
    return next(filter(None, (builders.names.held_by(name, app) for name in there)), "")
