"""Those of the functions that a capsule's file brings along which set up what serves a request around a call."""

from __future__ import annotations

AROUND = {
    "in_flask": '''\
def in_flask(app, request, session, g):
    """A context in which Flask serves this request."""
    state = dict(vars(request))

    def push():
        flask.ctx.RequestContext(app, {}, request, session).push()
        vars(request).update(state)
        stack = getattr(flask.globals, "_app_ctx_stack", None)  # before Flask 2.2
        held = flask.globals.app_ctx if stack is None else stack.top
        if type(g) is dict:
            vars(held.g).update(g)
        else:
            held.g = g

    context = contextvars.copy_context()
    context.run(push)
    return context
''',
    "in_quart": '''\
def in_quart(app, request, session, g):
    """A context in which Quart serves this request."""
    state = dict(vars(request))

    def push():
        held = quart.ctx.AppContext(app)
        if type(g) is dict:
            vars(held.g).update(g)
        else:
            held.g = g
        quart.globals._cv_app.set(held)
        quart.globals._cv_request.set(quart.ctx.RequestContext(app, request, session))
        vars(request).update(state)

    context = contextvars.copy_context()
    context.run(push)
    return context
''',
    "in_bottle": '''\
def in_bottle(environ):
    """The context of a thread in which Bottle serves this request."""
    bottle.request.bind(environ)
    bottle.response.bind()
    return contextvars.copy_context()
''',
    "like_app": '''\
def like_app(kind, name, config, others):
    """Stands for an app that a function has made: one with the same settings, and nothing else of it."""
    app = kind(name)
    app.config.update(config, **{key: missing(f"{key}: not written down") for key in others})
    app.extensions = missing("the extensions of the app")

    def unknown(_, endpoint, __):
        raise NotRebuilt(f"the address of {endpoint}: the routes of the app are not written down")

    app.url_build_error_handlers.append(unknown)
    return app
''',
}
