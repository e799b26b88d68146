"""The functions that a capsule's file brings along: they make what no literal can make."""

from __future__ import annotations

from kintsugi.telemetry.capsule.helpers_around import AROUND

HELPERS = {
    **AROUND,
    "with_state": '''\
def with_state(one, /, **state):
    """The same object with these attributes, set past its own code."""
    for name, value in state.items():
        member = inspect.getattr_static(type(one), name, None)
        if inspect.ismemberdescriptor(member):
            member.__set__(one, value)
        else:
            vars(one)[name] = value
    return one
''',
    "new": '''\
def new(kind):
    """An object before its `__init__`. A cog has its commands by then, as copies of those of its class."""
    if not (hasattr(kind, "__cog_commands__") and kind.__new__.__module__.endswith(".cog")):
        return object.__new__(kind)
    cog = kind.__new__(kind)
    for command in cog.__cog_commands__:
        command.cog = cog  # as where it is added to a bot
    return cog
''',
    "rebuilt": '''\
def rebuilt(kind, /, **state):
    """An object of this class with these attributes; its `__init__` is not run."""
    return with_state(new(kind), **state) if issubclass(type(kind), type) else kind
''',
    "filled": '''\
def filled(kind, base, /, *content, **state):
    """The same for a class that builds on a builtin one, which holds this content."""
    if not issubclass(type(kind), type):  # what stands for it says why it is missing
        return kind
    one = base.__new__(kind, *content)
    if base.__init__ is not object.__init__:
        base.__init__(one, *content)
    return with_state(one, **state)
''',
    "of_its_own_items": '''\
def of_its_own_items(one, /):
    """A dictionary whose items are its attributes, too: `self.__dict__ = self`."""
    object.__setattr__(one, "__dict__", one)
    return one
''',
    "stand_in": '''\
def stand_in(kind, /, **state):
    """An object of this class that says nothing to anybody: its coroutines do nothing."""
    return with_state(object.__new__(quiet(kind)), **state)


@functools.cache
def quiet(kind):
    coroutines = [
        (name, one) for name in dir(kind)
        if not name.startswith("_") and inspect.iscoroutinefunction(one := getattr(kind, name, None))
    ]
    made = {name: answering(kind, one) for name, one in coroutines}
    for name, one in inspect.getmembers_static(kind, lambda one: hasattr(one, "name") and hasattr(one, "function")):
        made[name] = kept(kind, one)
    return type(kind.__name__, (kind,), {**made, "__module__": kind.__module__})


def answering(kind, one):
    """In the place of a coroutine. Of what Discord would have answered, no more than its class is known."""
    made, is_told = answers(kind, one)
    check = as_handed_over(one)

    async def answer(*given, **named):
        check(*given, **named)
        if made is not None:
            return of_unknown_state(quiet(made))
        return missing(f"what Discord answers to {one.__name__}") if is_told else None

    return answer


def as_handed_over(one):
    """Takes what a function takes, and refuses the rest in the same words."""
    code = getattr(one, "__code__", None)
    if code is None:
        return lambda *_, **__: None
    rest = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    count = code.co_argcount + code.co_kwonlyargcount + bin(rest).count("1")
    shape = (lambda: None).__code__.replace(
        co_argcount=code.co_argcount, co_posonlyargcount=code.co_posonlyargcount, co_nlocals=count,
        co_kwonlyargcount=code.co_kwonlyargcount, co_varnames=code.co_varnames[:count],
        co_flags=inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS | rest,
    )
    taken = type(as_handed_over)(shape, {}, one.__name__, one.__defaults__)
    taken.__kwdefaults__, taken.__qualname__ = one.__kwdefaults__, one.__qualname__
    return taken


def answers(kind, one):
    """A class of the library, if it is one; whether it is anything."""
    told = str(one.__annotations__.get("return", "what nobody says"))
    name = re.sub(r"^Optional\\[(.*)\\]$|^(.*) \\| None$", r"\\1\\2", told).partition("[")[0]
    made = kind if name == "Self" else getattr(sys.modules[kind.__module__.partition(".")[0]], name, None)
    return made if isinstance(made, type) else None, told not in ("None", "Response[None]")


def kept(kind, one):
    """In the place of a property that is made once: what it has made, or one that is as quiet."""
    made, _ = answers(kind, one.function)

    def found(holder):
        if made is None or hasattr(holder, one.name):
            return one.__get__(holder, kind)
        return of_unknown_state(quiet(made))

    return property(found)
''',
    "running_loop": '''\
class running_loop:
    """Stands for the loop that ran then: whatever is asked of it, the one that runs now is asked."""

    def __getattr__(self, name):
        try:
            return getattr(asyncio.get_running_loop(), name)
        except RuntimeError:
            raise NotRebuilt(f"the loop that ran then was asked for {name}, and none runs now") from None
''',
    "restored": '''\
def restored(make, arguments, state=None):
    """An object of the standard library, as that itself says how to make it."""
    one = make(*arguments)
    if state is not None:
        one.__setstate__(state)
    return one
''',
    "at_place": """\
def at_place(file, place):
    file.seek(place)
    return file
""",
    "missing": '''\
class NotRebuilt(BaseException):
    """The call came to something that could not be written down."""


def _refuse(one, *_, **__):
    raise NotRebuilt(object.__getattribute__(one, "why"))


class missing:
    """Stands for what could not be written down, and says why to whoever uses it."""

    def __init__(self, why):
        object.__setattr__(self, "why", why)

    def __repr__(self):
        return "<missing: " + object.__getattribute__(self, "why") + ">"

    __getattribute__ = __setattr__ = __delattr__ = __call__ = __bool__ = __len__ = __iter__ = __next__ = _refuse
    __getitem__ = __setitem__ = __delitem__ = __contains__ = __eq__ = __ne__ = __lt__ = __le__ = _refuse
    __gt__ = __ge__ = __hash__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __pow__ = _refuse
    __rpow__ = __or__ = __ror__ = __and__ = __rand__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _refuse
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = __reversed__ = __int__ = __float__ = __index__ = _refuse
    __str__ = __format__ = __bytes__ = __fspath__ = __enter__ = __exit__ = __await__ = __aiter__ = __aenter__ = _refuse


missing.__name__ = missing.__qualname__ = "NotRebuiltValue"  # code in C says what it got by this
''',
    "of_unknown_state": '''\
def of_unknown_state(kind):
    """An object of this class without its state: whoever asks for that is told so."""

    def unknown(_, name):
        raise NotRebuilt(f"{kind.__name__}.{name}: not shown")

    if issubclass(kind, (tuple, list, dict, str, int)):  # which are nothing without what they hold
        return missing(f"{kind.__name__}: not shown")
    return object.__new__(type(kind.__name__, (kind,), {"__getattr__": unknown, "__module__": kind.__module__}))
''',
    "inside": '''\
def inside(module, path, line, /, **around):
    """What the code of a module makes under this name inside of a function, with what it takes from around it."""
    try:
        return _made_inside(module, path, line, around)
    except Exception as error:  # it is not there any more, or takes more from there than is known
        return missing(f"{path} cannot be made: {type(error).__name__}: {error}")


def _parsed(source):
    for _ in range(20):
        try:
            return ast.parse(source)
        except SystemError:  # Python 3.11 mixes up its depth where what is collected meanwhile shows a traceback
            pass
    return ast.parse(source)


def _made_inside(module, path, line, around):
    home = importlib.import_module(module)
    body = _parsed(inspect.getsource(home)).body
    future = [one for one in body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]
    found, waiting = [], [("", "", node) for node in body]
    while waiting:
        lead, owner, node = waiting.pop()
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        inner, own, inside_of = lead, [], owner
        if is_function or isinstance(node, ast.ClassDef):
            name = lead + getattr(node, "name", "<lambda>")
            found += [(node, owner)] if name == path else []
            inner = name + (".<locals>." if is_function else ".")
            own = [node.body] if isinstance(node, ast.Lambda) else node.body  # defaults and decorators are outside
            inside_of = owner if is_function else node.name
        for one in ast.iter_child_nodes(node):
            waiting.append((inner, inside_of, one) if any(one is each for each in own) else (lead, owner, one))
    node, owner = min(found, key=lambda one: abs(one[0].lineno - line))
    if not isinstance(node, ast.ClassDef):
        node.decorator_list = []  # it is the function itself
        node.args.defaults = [ast.Constant(None) for _ in node.args.defaults]  # and what it takes by itself comes later
        node.args.kw_defaults = [one and ast.Constant(None) for one in node.args.kw_defaults]
    body = [ast.Return(node)] if isinstance(node, ast.Lambda) else [node, ast.Return(ast.Name(node.name, ast.Load()))]
    given = ast.arguments([], [ast.arg(name) for name in around], None, [], [], None, [])
    maker, made = ast.copy_location(ast.FunctionDef("made", given, body, []), node), {}
    if owner:  # in a class, names with two underscores are others
        maker = ast.copy_location(ast.ClassDef(owner, [], [], [maker], []), node)
    whole = ast.fix_missing_locations(ast.Module([*future, maker], []))
    code = compile(whole, home.__file__, "exec", dont_inherit=True)  # annotations are texts only where they are there
    exec(named_as(code, owner and f"{owner}.", path.rpartition(".")[0]), vars(home), made)
    return (vars(made[owner])["made"] if owner else made["made"])(**around)
''',
    "with_defaults": '''\
def with_defaults(function, last=None, /, **named):
    """The same function, with what it takes by itself."""
    function.__defaults__, function.__kwdefaults__ = last, named or None
    return function
''',
    "named_as": '''\
def named_as(code, owner, outer):
    """The code with what is made in it named as if `outer` made it, which messages show."""
    own = f"{owner}made.<locals>" + "." * (not outer)  # what decorates a function of a module hides that
    changed = [
        named_as(one, owner, outer) if isinstance(one, type(code)) else outer + one.removeprefix(own)
        if isinstance(one, str) and one.startswith(own) else one
        for one in code.co_consts
    ]
    named = outer + code.co_qualname.removeprefix(own) if code.co_qualname.startswith(own) else code.co_qualname
    return code.replace(co_consts=tuple(changed), co_qualname=named)
''',
    "dispatching": """\
def dispatching(registry):
    one = functools.singledispatch(registry.pop(object))
    for kind, function in registry.items():
        one.register(kind, function)
    return one
""",
    "row_of": """\
def row_of(names, *values):
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    connection = sqlite3.connect(":memory:")
    row = sqlite3.Row(connection.execute("select " + columns), values)
    connection.close()
    return row
""",
    "undecorated": '''\
def undecorated(one, name):
    """The function of this name behind what decorates it."""
    inner = ("__wrapped__", "__func__", "callback", "_callback", "func", "fget", "run")
    waiting = [one]
    for found in waiting:  # which grows
        if getattr(getattr(found, "__code__", None), "co_name", "") == name:
            return getattr(found, "__func__", found)
        if len(waiting) < 60:
            waiting += [held for at in inner if (held := getattr(found, at, None)) is not None]
            waiting += [cell.cell_contents for cell in getattr(found, "__closure__", None) or ()]
    return one
''',
}
_MADE_NEW = '''

def made_new(kind, content, state, handed_over):
    """None where its `__init__` does not take these."""
    try:
        names = [name for name, _ in parameters_of(kind)][len(content) :]
        asked = {name: (name, f"_{name}", f"_{kind.__name__}__{name}") for name in names}
        given = {name: handed_over(state[one]) for name, ones in asked.items() for one in ones if one in state}
        return kind(*map(handed_over, content), **given)
    except Exception:
        return None


def parameters_of(kind):
    """What its `__init__` takes: a `__new__` of its library may say something else."""
    has_init = kind.__init__ is not object.__init__
    return list(inspect.signature(kind.__init__ if has_init else kind).parameters.items())[has_init:]
'''
_BY_ITS_INIT = """

def by_its_init(kind, content, state):
    one = made_new(kind, content, state, lambda given: given)
    if one is None:
        return None
    made = {*getattr(one, "__dict__", ()), *(name for name in state if hasattr(one, name))}
    return with_state(one, **{name: value for name, value in state.items() if name not in made})
"""
ON_NEW_OBJECTS = {
    "rebuilt": '''\
def rebuilt(kind, /, **state):
    """An object of this class, made by its `__init__` from the attributes that are called as its arguments are."""
    if not issubclass(type(kind), type):
        return kind
    made = by_its_init(kind, (), state)
    return with_state(new(kind), **state) if made is None else made
''',
    "with_state": HELPERS["with_state"] + _MADE_NEW + _BY_ITS_INIT,
    "filled": '''\
def filled(kind, base, /, *content, **state):
    """The same for a class that builds on a builtin one, which holds this content."""
    made = by_its_init(kind, content, state) if issubclass(type(kind), type) else kind
    if made is not None:
        return made
    one = base.__new__(kind, *content)
    if base.__init__ is not object.__init__:
        base.__init__(one, *content)
    return with_state(one, **state)
''',
}
"""Those that rebuild an object past its `__init__`, for when it is to go through that."""
BY_DEFAULTS = {
    **ON_NEW_OBJECTS,
    "with_state": ON_NEW_OBJECTS["with_state"].replace(
        "[name for name, _ in parameters_of(kind)]",
        "[name for name, one in parameters_of(kind) if one.default is one.empty]",
    ),
}
"""The same for when its `__init__` is to take by itself what it can: a patch may have changed that."""
WITH_MORE = {
    "rebuilt": '''\
def rebuilt(kind, /, **state):
    """An object of this class with these attributes, and with what its `__init__` gives it besides."""
    if not issubclass(type(kind), type):
        return kind
    return with_state(new(kind), **{**more_by_its_init(kind, (), state), **state})
''',
    "with_state": HELPERS["with_state"]
    + _MADE_NEW
    + '''

def more_by_its_init(kind, content, state):
    """What a new one has besides. It is made of copies: what was written down stays as it was."""
    import copy

    kept = {}

    def copied(one, known):
        try:
            return copy.deepcopy(one, known)
        except BaseException as failed:  # what stands for something missing says so by one that is no Exception
            if isinstance(failed, (KeyboardInterrupt, SystemExit)):
                raise
            return one

    new = made_new(kind, content, state, lambda one: copied(one, kept))
    slots = inspect.getmembers_static(type(new), inspect.ismemberdescriptor)
    own = [name for name, member in slots if member.__objclass__.__flags__ & 1 << 9]  # of a class made in Python
    made = {**{name: getattr(new, name) for name in own if hasattr(new, name)}, **getattr(new, "__dict__", {})}
    first = {id(kept[id(one)]): one for one in kept.get(id(kept), ()) if id(one) in kept}
    return {name: copied(value, first) for name, value in made.items() if name not in state}
''',
    "filled": '''\
def filled(kind, base, /, *content, **state):
    """The same for a class that builds on a builtin one, which holds this content."""
    if not issubclass(type(kind), type):
        return kind
    one = base.__new__(kind, *content)
    if base.__init__ is not object.__init__:
        base.__init__(one, *content)
    return with_state(one, **{**more_by_its_init(kind, content, state), **state})
''',
}
"""The same for when it is to keep its state, and to have what its `__init__` would give it besides that."""
_NEEDS = {
    "inside": ("named_as", "missing"),
    "rebuilt": ("with_state", "new"),
    "filled": ("with_state",),
    "stand_in": ("with_state", "of_unknown_state", "missing"),
    "of_unknown_state": ("missing",),
    "running_loop": ("missing",),
    "like_app": ("missing",),
}


def _is_called(name: str, text: str) -> bool:
    at = text.find(f"{name}(")
    while at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_"):  # the end of a longer name
        at = text.find(f"{name}(", at + 1)
    return at >= 0


def helpers_for(text: str) -> str:
    needed = {name for name in HELPERS if _is_called(name, text)}
    needed |= {more for name in needed for more in _NEEDS.get(name, ())}
    return "\n\n".join(source for name, source in HELPERS.items() if name in needed)
