"""New uses, in Python, of what can do anything: shells, eval, the network, deserialisers.

Names are resolved through imports, and a use counts whether or not it is called: `run = os.system` is one. Where a
dangerous module itself is handed on, nobody can tell what is used of it, and that counts too. Only what is used more
often than before is new.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.dangers import HANDED_ON, SAYS, members, rule_of, says
from kintsugi.repair.policy.effects import SAYS as SAYS_EFFECT
from kintsugi.repair.policy.effects import TELLING, UNDONE_BY_NOBODY, done_by, names_within, set_by
from kintsugi.repair.policy.emptying import emptied_by
from kintsugi.repair.policy.in_tests import (
    fixtures_of,
    is_by_name,
    may_start,
    opened,
    own_program,
    stands_elsewhere,
    was_started,
)
from kintsugi.repair.policy.leading import COMMANDS, SECRET_PLACES, SHELLS_OF_BOTS, URL, bindings, may_be_dangerous
from kintsugi.repair.policy.loopback import is_odd, may_be_imported, reaches_nobody, stays_here, that_hand_on
from kintsugi.repair.policy.names import Names, text_of
from kintsugi.repair.policy.tests import is_test_path
from kintsugi.repair.syntax import Source, children, walked
from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re

_PICKLING = ("__reduce__", "__reduce_ex__")  # what is pickled says how, which does nothing before it is unpickled
_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader")
_OWN = re.compile(r"(?:src/|lib/)?(\w+)(?:/__init__)?\.py$")
_LOOKING_UP = ("getattr", "hasattr", "isinstance", "type", "id", "repr", "str", "bool")
_ANYTHING = "anything"  # of a module of which nearly all is dangerous
_PATCHING = ("setattr", "delattr", "object", "multiple", "patch", "dict", "reload", "getsource", "getfile", "setitem")
_ABOUT = ("__name__", "__file__", "__version__", "__doc__", "__all__", "__package__")  # of a module, and harmless
_OF_BUILTINS = {name for name in dir(builtins) if isinstance(getattr(builtins, name), types.BuiltinFunctionType)}
_NETWORK = {"connects": "network"}
_PANDAS = re.compile(r"(?:pandas|polars|dask)(?:\..*)?")
_THROUGH = re.compile(r"\.__self__\.")
_ASKING = ("get", "post", "put", "patch", "delete", "head", "request", "ws_connect", "stream", "send", "from_url")
_IMPORTING = (
    *("importlib.import_module", "__import__", "builtins.__import__", "werkzeug.utils.import_string"),
    *("django.utils.module_loading.import_string", "zope.dottedname.resolve.resolve", "pydoc.locate"),
)

_WAITS = ("timeout", "connect_timeout", "read_timeout", "socket_timeout")
_WITH_ENVIRONMENT = re.compile(
    r"dict|copy\.\w+|subprocess\..*|(?:.*\.)?(?:dict|copy|setdefault|update)|ChainMap|.*ChainMap"
)


@dataclass(frozen=True, slots=True)
class Danger:
    """Something new that can do anything. `package` is where it comes from; a project may use its own."""

    rule: str
    sentence: str
    refuses: bool = True
    package: str = ""


def own_packages(tree: Tree) -> frozenset[str]:
    """The importable packages and modules of a tree that do not stand before the standard library's."""
    found = (_OWN.match(path) for path in tree.paths())
    return frozenset(one[1] for one in found if one) - sys.stdlib_module_names


def python_dangers(change: Change) -> list[Danger] | None:
    """What is new; None where the file is not Python that can be read."""
    text = "\n".join(line for line in change.added if not line.lstrip().startswith("#"))
    if not may_be_dangerous(text, change.new):
        return []
    before, after = change.touched
    if before.tree is None or after.tree is None:
        return None
    is_test = is_test_path(change.path)
    uses = _Uses(after, change.new, is_test=is_test)
    if is_test:
        for of_itself in ("pytest.main", "unittest.main"):
            uses.counted.pop(of_itself, None)
    if not uses.counted and not uses.texts and not uses.calls and not uses.started:
        return []
    return list(_new_uses(_Uses(before, change.old, is_test=is_test), uses, change.old))


class _Uses(ast.NodeVisitor):
    """What a piece of a file uses, by its full name, and with what texts."""

    def __init__(self, source: Source, whole: str, *, is_test: bool) -> None:
        self._may_serve = is_test and not is_odd(source.nodes)
        self.counted: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self.calls: dict[str, Counter[str]] = {}
        self.addressed: set[str] = set()  # the texts that something is asked or sent by
        self.opened: set[str] = set()
        self.started: Counter[str] = Counter()  # packages that a test starts as programs
        self.is_test = is_test
        self._may_start = is_test and may_start(source.nodes)
        self._fixtures = fixtures_of(source.nodes, whole) if self._may_start else set()
        self._stands_elsewhere = is_test and (stands_elsewhere(source.nodes) or "chdir" in whole)
        self._names = Names([*bindings(whole), *source.nodes])
        self._transports = that_hand_on(source.nodes, self._names.of) if self._may_serve else frozenset()
        self._dumped: set[str] = set()
        self._documentation: set[int] = set()
        for node in source.nodes:
            self._remember(node)
        for node in source.nodes[:1]:
            self.visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        for child in children(node):
            self.visit(child)

    def visit_Name(self, node: ast.Name) -> None:
        name = self._names.of(node)
        if name in HANDED_ON:
            self._count(f"module-handed-on-{name}")
        elif name:
            self._count(name)
        elif node.id == "getattr":  # not called: a call counts by what it is asked for
            self._count("getattr-of-anything")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._names.of(node)
        if (node.attr == "__self__" and self._is_of_module(node.value)) or _THROUGH.search(name or ""):
            self._count("module-of-a-function")
        if name is None:
            self._count(f"?.{node.attr}")
            self._visit_base(node.value)
            return
        if name in HANDED_ON:
            self._count(f"module-handed-on-{name}")
        elif (module := name.partition(".__")[0]) in HANDED_ON | {"sys"} and not name.endswith((module, *_ABOUT)):
            self._count(f"names-of-{module}")
        self._count(name if rule_of(name) else f"?.{node.attr}")
        self._visit_calls_in(node.value)

    def _is_of_module(self, node: ast.expr) -> bool:
        """Whether its `__self__` is a module: that of a builtin, or of a function of a dangerous module."""
        root = (self._names.of(node) or "").partition(".")[0]
        return root in HANDED_ON or (isinstance(node, ast.Name) and node.id in _OF_BUILTINS)

    def _visit_base(self, node: ast.expr) -> None:
        """What an attribute is asked of: of a plain name nothing is handed on."""
        if not isinstance(node, ast.Name):
            self.visit(node)

    def _visit_calls_in(self, node: ast.expr) -> None:
        """The arguments within `import_module("os").system`, and what else a name is asked of."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if not isinstance(node, ast.Name):
            self.visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "antigravity":
                self._count(alias.name)
            elif alias.name in ("ctypes", "runpy", "imp", "pty", "zipimport"):
                self._count(f"{alias.name}.{'spawn' if alias.name == 'pty' else 'run_path'}")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            return
        for alias in node.names:
            if not (self._may_serve and may_be_imported(f"{node.module}.{alias.name}")):
                self._count(f"{node.module}.{alias.name}")
            if alias.name == "*" and any(rule_of(f"{node.module}.{name}") for name in members()):
                self._count("star-import")

    def visit_Assign(self, node: ast.Assign) -> None:
        """A module by another name is followed; anywhere else it is handed on."""
        plain = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        if not (plain and isinstance(node.value, ast.Name) and self._names.of(node.value) in HANDED_ON):
            self.visit(node.value)
        self._count_all(set_by(node, self._names))
        for target in node.targets:
            self._visit_target(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._count_all(set_by(node, self._names))
        self.generic_visit(node)

    def visit(self, node: ast.AST) -> None:
        if told := emptied_by(node, self._names):
            self._count(told)
        super().visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A module that a class names is reached by its objects."""
        for statement in node.body:
            value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if isinstance(value, ast.Name) and (name := self._names.of(value)) in HANDED_ON:
                self._count(f"module-handed-on-{name}")
        self.generic_visit(node)

    def _visit_target(self, node: ast.expr) -> None:
        if not isinstance(node, ast.Name):
            self.visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """`requests is None`, `"x" in sys.modules`: nothing is used of it."""
        for one in (node.left, *node.comparators):
            if self._names.of(one) not in HANDED_ON:
                self.visit(one)

    def visit_If(self, node: ast.If) -> None:
        if self._names.of(node.test) not in HANDED_ON:
            self.visit(node.test)
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in ("__reduce__", "__reduce_ex__", "__setstate__"):
            self._count("?.__reduce__")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and id(node) not in self._documentation:
            self.texts[node.value] += 1
            if node.value.partition(".")[0] in SHELLS_OF_BOTS:
                self._count(f"{node.value}.load")
            if names_within(node.value):
                self._count("names-within-a-format")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in ("globals", "vars", "locals"):
            self._count_lookup(called.id, node.slice)
            self._count_of_module(node)
        is_read = isinstance(node.ctx, ast.Load) and not text_of(node.slice) and not _is_own_name(node.slice)
        if is_read and self._names.of(node.value) == "sys.modules":
            self._count("names-of-sys")
        self.generic_visit(node)

    def _count_of_module(self, node: ast.Subscript) -> None:
        """`vars(sys)["modules"]`"""
        of = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else None
        module = self._names.of(of) if of is not None else None
        if module and f"{module}.{text_of(node.slice)}" in ("sys.modules", "sys."):
            self._count("names-of-sys")

    def _count_lookup(self, of: str, key: ast.expr) -> None:
        text = text_of(key)
        if text in members() or text in HANDED_ON:
            self._count(f"getattr-of-{text}")
        elif not text and of == "globals":
            self._count("names-of-this-module")

    def _count_names_of_scope(self, node: ast.Call) -> None:
        """`globals().get("os")`, `globals().update(…)`."""
        method = node.func if isinstance(node.func, ast.Attribute) else None
        scope = method.value if method and isinstance(method.value, ast.Call) else None
        if method is None or scope is None or not isinstance(scope.func, ast.Name) or scope.func.id != "globals":
            return
        if method.attr in ("get", "pop", "__getitem__") and node.args:
            self._count_lookup("globals", node.args[0])
        elif method.attr in ("update", "setdefault", "__setitem__", "values", "items"):
            self._count("names-of-this-module")

    def visit_Call(self, node: ast.Call) -> None:
        name = self._names.of(node.func) or ""
        if name in ("yaml.load", "yaml.load_all") and any(_ends(one, _SAFE_LOADERS) for one in _arguments(node)):
            for argument in _arguments(node)[:1]:
                self.visit(argument)
            return
        if self._may_serve and reaches_nobody(name, node, self._made_by):
            for argument in _arguments(node):
                self.visit(argument)
            return
        package = own_program(node, self._names, self._fixtures) if self._may_start else ""
        if package and (is_by_name(node) or not self._stands_elsewhere):
            self.started[f"{package} by its name" if is_by_name(node) else package] += 1
            for argument in _arguments(node):
                self.visit(argument)
            return
        self._count_call(name, node)
        if name.endswith("pickle.loads") and self._was_dumped(node):
            for argument in node.args:
                self.visit(argument)
            return
        looks_up = isinstance(node.func, ast.Name) and node.func.id in _LOOKING_UP
        patches = isinstance(node.func, ast.Attribute) and node.func.attr in _PATCHING
        if not looks_up:
            self.visit(node.func)
        for argument in _arguments(node):
            if not ((looks_up or patches) and self._names.of(argument) in HANDED_ON):
                self.visit(argument)

    def _made_by(self, node: ast.expr) -> str | None:
        is_sure = not isinstance(node, ast.Name) or node.id in self._transports
        value = (self._names.value(node) if is_sure else None) or node
        return self._names.of(value.func) if isinstance(value, ast.Call) else None

    def _count_call(self, name: str, node: ast.Call) -> None:
        if any(_is_on(keyword, "shell") for keyword in node.keywords):
            self._count("shell=True")
        if any(_is_on(keyword, "trust_remote_code") for keyword in node.keywords):
            self._count("trust_remote_code=True")
        if _last(node.func) == "eval" and self._names.has(_PANDAS):
            self._count("pandas.eval")
        if name.endswith("YAML") and any(text_of(one) == "unsafe" for one in _arguments(node)):
            self._count("unsafe-yaml")
        if _last(node.func) in _ASKING:
            self.addressed.update(text_of(one) for one in _arguments(node)[:3])
        if _last(node.func) in TELLING and any(self._tells_environment(one) for one in _arguments(node)):
            self._count("whole-environment")
        self.opened |= opened(node)
        if name == "numpy.load" and any(_is_on(keyword, "allow_pickle") for keyword in node.keywords):
            self._count("numpy-load-with-pickle")
        self._count_looking_up(name, node)
        self._count_names_of_scope(node)
        self._count_all(done_by(node, self._names))
        if name in _IMPORTING and not (node.args and text_of(node.args[0])):
            self._count("dynamic-import")
        if any(self._names.of(one) == "os.environ" for one in _arguments(node)) and not _with_environment(name, node):
            self._count("whole-environment")
        if rule_of(name):
            self.calls.setdefault(name, Counter())[_handed(node)] += 1

    def _tells_environment(self, node: ast.expr) -> bool:
        """Whether it has the environment whole, not what one name of it holds."""
        parts = walked(node)
        values = (value for one in parts if (value := self._names.value(one)) is not None)
        parts = [*parts, *(part for value in values for part in walked(value))]
        single = {id(one.value) for one in parts if isinstance(one, ast.Subscript)}
        single |= {id(one.value) for one in parts if isinstance(one, ast.Attribute) and one.attr in ("get", "pop")}
        single |= {id(other) for one in parts if isinstance(one, ast.Compare) for other in one.comparators}
        return any(id(one) not in single and self._names.of(one) == "os.environ" for one in parts)

    def _count_looking_up(self, name: str, node: ast.Call) -> None:
        """`getattr(os, "system")` counts as os.system; of a dangerous module, a name that is not known as anything."""
        is_getattr = isinstance(node.func, ast.Name) and node.func.id == "getattr"
        if not (is_getattr or name in ("operator.attrgetter", "operator.methodcaller", "operator.itemgetter")):
            return
        asked = node.args[1:2] if is_getattr else node.args[:1]
        text = text_of(asked[0]) if asked else ""
        module = self._names.of(node.args[0]) if is_getattr and node.args else None
        if text == "__self__" and is_getattr and self._is_of_module(node.args[0]):
            self._count("module-of-a-function")
        if text and module:
            self._count(f"{module}.{text}")
        if text.rpartition(".")[2] in members() and not (module and isinstance(asked[0], ast.Constant)):
            self._count(f"getattr-of-{text}")
        if not text and module and (module in HANDED_ON | {"sys", "asyncio"} or rule_of(f"{module}.{_ANYTHING}")):
            self._count(f"getattr-of-{module}")

    def _was_dumped(self, node: ast.Call) -> bool:
        """Whether the bytes were made in the same file by dumps: then nothing foreign comes in."""
        source = node.args[0] if node.args else None
        if isinstance(source, ast.Name):
            return source.id in self._dumped
        return isinstance(source, ast.Call) and (self._names.of(source.func) or "").endswith(".dumps")

    def _remember(self, node: ast.AST) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            self._documentation.add(id(node.value))  # a text that stands alone: nobody uses it
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made_by = self._names.of(node.value.func) if isinstance(node.value, ast.Call) else None
            (self._dumped.add if (made_by or "").endswith(".dumps") else self._dumped.discard)(node.targets[0].id)

    def _count(self, name: str) -> None:
        if rule_of(name) and not (self._may_serve and stays_here(name)):
            self.counted[name] += 1

    def _count_all(self, names: Iterator[str]) -> None:
        for name in names:
            self._count(name)


def _new_uses(before: _Uses, after: _Uses, old: str) -> Iterator[Danger]:
    for name in after.counted - before.counted:
        rule = rule_of(name)
        assert rule
        refuses = not name.endswith(_PICKLING) and rule not in ("look", "connects")
        what = SAYS_EFFECT.get(name, f"It newly uses {_shown(name)}")
        why = SAYS["data"] if name in UNDONE_BY_NOBODY else says(rule, name)
        yield Danger(_NETWORK.get(rule, rule), f"{what}. {why}", refuses, name.partition(".")[0])
    for name, calls in after.calls.items():
        if name in before.calls and calls - before.calls[name] and after.counted[name] == before.counted[name]:
            rule = rule_of(name)
            assert rule
            what = f"It calls {_shown(name)} with something else than before. {SAYS[rule]}"
            yield Danger(_NETWORK.get(rule, rule), what, rule == "eval", name.partition(".")[0])
    for name in after.started - before.started:
        package, _, by_name = name.partition(" ")
        is_known = not by_name or was_started(package, old)
        yield Danger("shell", f"It starts the program {package}. {SAYS['shell']}", package=package if is_known else "")
    yield from _new_texts(before, after, old)


def _new_texts(before: _Uses, after: _Uses, old: str) -> Iterator[Danger]:
    come = after.texts - before.texts
    for text in come:
        if (place := SECRET_PLACES.search(text)) and place[0] not in old:
            acts = text in after.opened or any(rule_of(name) not in (None, "look") for name in after.counted)
            is_held = after.is_test and not acts and not after.started - before.started
            yield Danger("shell", f"A text has {place[0]!r}, which is no business of a fix.", not is_held)
        if (command := COMMANDS.search(text)) and any(rule_of(name) == "shell" for name in after.counted):
            yield Danger("shell", f"A text has {command[0]!r}, in a file that starts programs.")
    reaches = any(rule_of(name) in ("network", "connects") for name in after.counted)
    told = [text for text in come if "://" in text and (reaches or text in after.addressed)]
    if hosts := {url for text in told for url in URL.findall(text)} - set(URL.findall(old)):
        yield Danger("network", f"It names another machine: {min(hosts)}.", refuses=False)


def _shown(name: str) -> str:
    """As people read it."""
    marks = (
        ("module-handed-on-", "handed on: the module "),
        ("getattr-of-", "getattr of "),
        ("names-of-", "the names of "),
    )
    for mark, words in marks:
        if name.startswith(mark):
            return words + name.removeprefix(mark).replace("-", " ")
    return name.removeprefix("?.").replace("-", " ")


def _with_environment(name: str, node: ast.Call) -> bool:
    """Whether a call only copies the environment, or hands it to a program."""
    return _WITH_ENVIRONMENT.fullmatch(name or _last(node.func)) is not None


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _handed(node: ast.Call) -> str:
    """The call in one spelling, without how long it waits."""
    keywords = [each for each in node.keywords if each.arg not in _WAITS]
    return ast.dump(ast.Call(node.func, node.args, keywords))


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _ends(node: ast.expr, names: Sequence[str]) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in names) or (isinstance(node, ast.Name) and node.id in names)


def _is_on(keyword: ast.keyword, name: str) -> bool:
    """Whether a switch is set, or may be."""
    return keyword.arg == name and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)


def _is_own_name(node: ast.expr) -> bool:
    """`__name__`, or the module that an object says it is from."""
    return (isinstance(node, ast.Name) and node.id == "__name__") or (
        isinstance(node, ast.Attribute) and node.attr in ("__module__", "__name__")
    )
