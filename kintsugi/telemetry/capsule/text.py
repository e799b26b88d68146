"""From the graph of a call to a pytest file: what is shared gets a name, what goes in a circle is closed afterwards."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kintsugi.telemetry.capsule.graph import Entry, Part, leave_out
from kintsugi.telemetry.capsule.names import OF_THE_FILE, Names

_WIDTH = 96
_STEP = "    "
_NEXT_STEP = f"\n{_STEP}"
_ROUNDS = 8
_NOT_A_NAME = re.compile(r"\W+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

HELPERS = {
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
    "rebuilt": '''\
def rebuilt(kind, /, **state):
    """An object of this class with these attributes; its `__init__` is not run."""
    return with_state(object.__new__(kind), **state)
''',
    "filled": '''\
def filled(kind, base, /, *content, **state):
    """The same for a class that builds on a builtin one, which holds this content."""
    one = base.__new__(kind, *content)
    if base.__init__ is not object.__init__:
        base.__init__(one, *content)
    return with_state(one, **state)
''',
    "stand_in": '''\
def stand_in(kind, /, **state):
    """An object of this class that says nothing to anybody: its coroutines do nothing."""

    async def say_nothing(*_, **__):
        return None

    quiet = {name: say_nothing for name in dir(kind) if inspect.iscoroutinefunction(getattr(kind, name, None))}
    one = object.__new__(type(kind.__name__, (kind,), {**quiet, "__module__": kind.__module__}))
    return with_state(one, **state)
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
    __rtruediv__ = __floordiv__ = __mod__ = __or__ = __ror__ = __and__ = __rand__ = __neg__ = _refuse
    __int__ = __float__ = __index__ = _refuse
    __str__ = __format__ = __bytes__ = __fspath__ = __enter__ = __exit__ = __await__ = __aiter__ = __aenter__ = _refuse
''',
    "of_unknown_state": '''\
def of_unknown_state(kind):
    """An object of this class without its state: whoever asks for that is told so."""

    def unknown(_, name):
        raise NotRebuilt(f"{kind.__name__}.{name}: not shown")

    return object.__new__(type(kind.__name__, (kind,), {"__getattr__": unknown, "__module__": kind.__module__}))
''',
    "inside": '''\
def inside(module, path, line, /, **around):
    """What the code of a module makes under this name inside of a function, with what it takes from around it."""
    try:
        return _made_inside(module, path, line, around)
    except Exception as error:  # it is not there any more, or takes more from there than is known
        raise NotRebuilt(f"{path} cannot be made: {type(error).__name__}: {error}") from error


def _made_inside(module, path, line, around):
    home = importlib.import_module(module)
    body = ast.parse(inspect.getsource(home)).body
    future = [one for one in body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]
    found, waiting = [], [("", node) for node in body]
    while waiting:
        lead, node = waiting.pop()
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        inner, own = lead, []
        if is_function or isinstance(node, ast.ClassDef):
            name = lead + getattr(node, "name", "<lambda>")
            found += [node] if name == path else []
            inner = name + (".<locals>." if is_function else ".")
            own = [node.body] if isinstance(node, ast.Lambda) else node.body  # defaults and decorators are outside
        waiting += [(inner if any(one is each for each in own) else lead, one) for one in ast.iter_child_nodes(node)]
    node = min(found, key=lambda one: abs(one.lineno - line))
    if not isinstance(node, ast.ClassDef):
        node.decorator_list = []  # it is the function itself
        node.args.defaults = [ast.Constant(None) for _ in node.args.defaults]  # and what it takes by itself comes later
        node.args.kw_defaults = [one and ast.Constant(None) for one in node.args.kw_defaults]
    body = [ast.Return(node)] if isinstance(node, ast.Lambda) else [node, ast.Return(ast.Name(node.name, ast.Load()))]
    given = ast.arguments([], [ast.arg(name) for name in around], None, [], [], None, [])
    maker, made = ast.copy_location(ast.FunctionDef("made", given, body, []), node), {}
    whole = ast.fix_missing_locations(ast.Module([*future, maker], []))
    code = compile(whole, home.__file__, "exec", dont_inherit=True)  # annotations are texts only where they are there
    exec(named_as(code, path.rpartition(".")[0]), vars(home), made)
    return made["made"](**around)
''',
    "with_defaults": '''\
def with_defaults(function, last=None, /, **named):
    """The same function, with what it takes by itself."""
    function.__defaults__, function.__kwdefaults__ = last, named or None
    return function
''',
    "named_as": '''\
def named_as(code, outer):
    """The code with what is made in it named as if `outer` made it, which messages show."""
    own = "made.<locals>"
    changed = [
        named_as(one, outer) if isinstance(one, type(code)) else outer + one.removeprefix(own)
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
    for _ in range(8):
        if getattr(getattr(one, "__code__", None), "co_name", "") == name:
            break
        one = next((found for at in inner if (found := getattr(one, at, None))), one)
    return one
''',
}
ON_NEW_OBJECTS = {
    "rebuilt": '''\
def rebuilt(kind, /, **state):
    """An object of this class, made by its `__init__` from the attributes that are called as its arguments are."""
    made = by_its_init(kind, (), state)
    return with_state(object.__new__(kind), **state) if made is None else made
''',
    "with_state": HELPERS["with_state"]
    + '''

def by_its_init(kind, content, state):
    """None where its `__init__` does not take these."""
    try:
        names = list(inspect.signature(kind).parameters)[len(content) :]
        asked = {name: (name, f"_{name}", f"_{kind.__name__}__{name}") for name in names}
        given = {name: state[one] for name, ones in asked.items() for one in ones if one in state}
        one = kind(*content, **given)
    except Exception:
        return None
    made = {*getattr(one, "__dict__", ()), *(name for name in state if hasattr(one, name))}
    return with_state(one, **{name: value for name, value in state.items() if name not in made})
''',
    "filled": '''\
def filled(kind, base, /, *content, **state):
    """The same for a class that builds on a builtin one, which holds this content."""
    made = by_its_init(kind, content, state)
    if made is not None:
        return made
    one = base.__new__(kind, *content)
    if base.__init__ is not object.__init__:
        base.__init__(one, *content)
    return with_state(one, **state)
''',
}
"""The two that rebuild an object past its `__init__`, for when it is to go through that."""
_NEEDS = {
    "inside": ("named_as", "missing"),
    **dict.fromkeys(("rebuilt", "filled", "stand_in"), ("with_state",)),
    "of_unknown_state": ("missing",),
}


@dataclass(frozen=True, slots=True)
class Written:
    """The lines of a test's body, and the text of its call."""

    before: tuple[str, ...]
    call: str


def written(call: Entry, taken: Iterable[str]) -> Written:
    """What makes the call's arguments, in an order that runs, then the call itself."""
    order, postponed = _without_circles(call)
    order += _ordered([entry for holder, part in postponed for entry in _entries(holder, part)])
    _give_names(order, set(taken))
    shown: dict[int, str] = {}
    lines: list[str] = []
    done: set[int] = set()
    for entry in order:
        if id(entry) in done:
            continue
        done.add(id(entry))
        shown[id(entry)] = _expression(entry, shown)
        if entry.name:
            lines.append(f"{entry.name} = {shown[id(entry)]}")
            shown[id(entry)] = entry.name
    closing = [_closing(holder, part, shown) for holder, part in postponed]
    return Written((*lines, *closing), shown[id(call)])


def _entries(holder: Entry, part: Part) -> Iterator[Entry]:
    yield from (one for one in (holder, part.lead, part.value) if isinstance(one, Entry))


def _below(entry: Entry) -> Iterator[tuple[Part, Entry]]:
    """What has to be there before it."""
    if entry.on is not None:
        yield Part(entry.on), entry.on
    for part in entry.parts:
        if isinstance(part.lead, Entry):
            yield part, part.lead
        if isinstance(part.value, Entry) and not part.postponed:
            yield part, part.value


def _straight(call: Entry) -> list[Entry] | None:
    """What is below first; None where something is needed for its own making."""
    order: list[Entry] = []
    state = {id(call): False}  # False: under way, True: done
    path = [(call, iter(_needed(call)))]
    while path:
        entry, needed = path[-1]
        for one in needed:
            done = state.get(id(one))
            if done is None:
                more = _needed(one)
                state[id(one)] = not more
                if more:
                    path.append((one, iter(more)))
                    break
                order.append(one)
            elif not done:
                return None
        else:
            state[id(entry)] = True
            order.append(entry)
            path.pop()
    return order


def _needed(entry: Entry) -> list[Entry]:
    found = [entry.on] if entry.on is not None else []
    for part in entry.parts:
        if type(part.lead) is Entry:
            found.append(part.lead)
        if type(part.value) is Entry and not part.postponed:
            found.append(part.value)
    return found


def _without_circles(call: Entry) -> tuple[list[Entry], list[tuple[Entry, Part]]]:
    """What is below first, and the parts that are set when all is there: no object is needed for its own making."""
    postponed: list[tuple[Entry, Part]] = []
    for turn in range(_ROUNDS):
        order = _straight(call)
        if order is not None:
            return order, postponed
        postponed += _circles(call, last=turn == _ROUNDS - 1)
    return list(_ordered([call])), postponed


def _circles(call: Entry, *, last: bool) -> list[tuple[Entry, Part]]:
    found: list[tuple[Entry, Part]] = []
    state: dict[int, bool] = {id(call): False}  # False: under way, True: done
    path: list[tuple[Entry, Iterator[tuple[Part, Entry]], Part | None]] = [(call, _below(call), None)]
    while path:
        entry, parts, _ = path[-1]
        for part, below in parts:
            if id(below) not in state:
                state[id(below)] = False
                path.append((below, _below(below), part))
                break
            if not state[id(below)]:
                _cut(path, part, below, found, last=last)
        else:
            state[id(entry)] = True
            path.pop()
    return found


def _cut(
    path: list[tuple[Entry, Iterator[tuple[Part, Entry]], Part | None]],
    part: Part,
    target: Entry,
    found: list[tuple[Entry, Part]],
    *,
    last: bool,
) -> None:
    """Take the nearest part of the circle that can be set later; where there is none, leave it out."""
    into = part
    for entry, _, came_by in reversed(path):
        if into.postponed:
            return
        if into.later and not last:
            into.postponed = True
            entry.needs_name = target.needs_name = True
            if isinstance(into.lead, Entry):
                into.lead.needs_name = True  # a key is used twice: for its place, and when what lies under it is set
            found.append((entry, into))
            return
        if entry is target or came_by is None:
            break
        into = came_by
    gone = Entry(target.hint, target.depth)
    leave_out(gone, "it is part of a circle that cannot be closed")
    if part.lead is target:
        part.lead = gone
    else:
        part.value = gone


def _ordered(roots: Iterable[Entry]) -> Iterator[Entry]:
    """What is below first."""
    seen: set[int] = set()
    for root in roots:
        if id(root) in seen:
            continue
        seen.add(id(root))
        path = [(root, _below(root))]
        while path:
            entry, parts = path[-1]
            for _, below in parts:
                if id(below) not in seen:
                    seen.add(id(below))
                    path.append((below, _below(below)))
                    break
            else:
                yield entry
                path.pop()


def _give_names(order: Iterable[Entry], taken: set[str]) -> None:
    numbers: dict[str, int] = {}
    for entry in order:
        is_shared = entry.uses > 1 and (entry.parts or any(sign in entry.opens for sign in "([{"))  # also an empty list
        if not entry.name and (entry.needs_name or is_shared):
            base = snake_case(entry.hint)
            base = f"the_{base}" if keyword.iskeyword(base) else base
            base = base if base.isidentifier() else "value"
            name, number = base, numbers.get(base, 2)
            while name in taken:
                name, number = f"{base}_{number}", number + 1
            numbers[base] = number
            taken.add(name)
            entry.name = name


def snake_case(text: str) -> str:
    """As a variable is written."""
    return _NOT_A_NAME.sub("_", _HUMP.sub("_", text)).strip("_").lower()[:30]


def _expression(entry: Entry, shown: dict[int, str]) -> str:
    pieces = []
    for part in entry.parts:
        value, lead = part.value, part.lead
        if part.postponed:
            value = "None"
        elif type(value) is not str:
            value = shown[id(value)]
        if type(lead) is not str:
            lead = shown[id(lead)]
        if not lead:
            pieces.append(value)
        elif lead[-1] == "=":
            pieces.append(lead + value)
        else:
            pieces.append(f"{lead}{value}}}" if lead.startswith("**{") else f"{lead}: {value}")
    opens = entry.opens
    if opens and opens[-1] not in "([{":  # a call with a first argument of its own
        opens += ", " if pieces else ""
    flat = opens + ", ".join(pieces) + entry.closes
    if (len(flat) <= _WIDTH and "\n" not in flat) or (len(pieces) == 1 and entry.closes.startswith(".")):
        return flat
    if not pieces:
        return flat
    return _broken(entry, pieces)


def _broken(entry: Entry, pieces: list[str]) -> str:
    """One piece a line, as formatters set it."""
    opens = entry.opens
    head = []
    if opens and opens[-1] not in "([{":
        bracket = opens.index("(")
        opens, head = opens[: bracket + 1], [opens[bracket + 1 :]]
    closes = entry.closes.lstrip(",")
    lines = [opens, *(f"{_indented(piece)}," for piece in (*head, *pieces)), closes]
    return "\n".join(lines)


def _indented(text: str) -> str:
    return _STEP + text.replace("\n", _NEXT_STEP)


def _closing(holder: Entry, part: Part, shown: dict[int, str]) -> str:
    value = part.value if isinstance(part.value, str) else shown[id(part.value)]
    key = part.lead if isinstance(part.lead, str) else shown[id(part.lead)]
    return part.later.format(one=holder.name, value=value, key=key)


def file_of(title: str, test: str, body: Written, names: Names, *, way: str) -> tuple[str, str]:
    """The whole file: imports and the test; and what that needs. `way`: how the call is made, with `{call}`."""
    lines = [*body.before, *way.replace("{call}", body.call).split("\n")]
    text = "\n".join(map(_indented, lines))
    helpers = _helpers(text)
    imported = dict(names.imported)
    imported |= {name: (name, "") for name in OF_THE_FILE if f"{name}." in (helpers + way)}
    head = "\n".join(_imports(imported.items()))
    own = "\n\n".join(filter(None, (f'"""{title}"""', head, f"\ndef {test}():\n{text}\n")))
    return own, helpers and f"\n\n{helpers}"


def _imports(imported: Iterable[tuple[str, tuple[str, str]]]) -> Iterator[str]:
    """Modules first, then what comes out of them, a line for each module."""
    by_module: dict[str, set[str]] = {}
    whole: set[tuple[str, str]] = set()
    for name, (module, inner) in imported:
        if inner:
            by_module.setdefault(module, set()).add(inner)
        else:
            whole.add((module, f" as {name}" * (name != module)))
    packages = {module.partition(".")[0] for module, alias in whole if "." in module and not alias}
    yield from (f"import {module}{alias}" for module, alias in sorted(whole) if alias or module not in packages)
    yield from (f"from {module} import {', '.join(sorted(by_module[module]))}" for module in sorted(by_module))


def _is_called(name: str, text: str) -> bool:
    at = text.find(f"{name}(")
    while at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_"):  # the end of a longer name
        at = text.find(f"{name}(", at + 1)
    return at >= 0


def _helpers(text: str) -> str:
    needed = {name for name in HELPERS if _is_called(name, text)}
    needed |= {more for name in needed for more in _NEEDS.get(name, ())}
    return "\n\n".join(source for name, source in HELPERS.items() if name in needed)
