"""Code that ends the whole program well, or skips the test that comes to it: what stands behind it is never asked.

An exit with a failure makes no test pass, and a program's own entry may exit; neither is told here.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of, tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.go import imports_of
from kintsugi.repair.policy.leading import bindings
from kintsugi.repair.policy.names import Names
from kintsugi.repair.policy.node_names import NodeNames
from kintsugi.repair.policy.python import Danger
from kintsugi.repair.policy.screen import Screened
from kintsugi.repair.syntax import Source, children
from kintsugi.telemetry import lazy_re as re

_ENTRY = re.compile(
    r"(?:^|/)(?:bin|cmd|cli|scripts?|tools?|commands?|examples?|bench\w*|management)/|^#!"
    r"|(?:^|/)(?:_*main_*|cli|manage|setup|app|server|run|bot|index|launch\w*)\.\w+$|(?:_|-)cli\.\w+$"
)
_ENTERED = re.compile(
    r"main|cli|run|start|command|exit|quit|stop|shut|close|usage|help|version|parse|signal|restart|interrupt|__call__",
    re.IGNORECASE,
)
_ON_SIGNAL = re.compile(r"process\.(?:on|once)\(\s*['\"]SIG")
_WORDS = Screened(r"exit|quit|skip|abort|xfail|interrupt|emit|listeners", re.IGNORECASE)
_RENAMED = re.compile(r"\b(?:exit|skip)(?:\s+as\b|\s*:)\s*\w|=\s*(?:sys|process|os)\.[eE]xit\b")
_NODE = {"ts": "ts", "mts": "ts", "cts": "ts", "tsx": "tsx", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js"}
_EXITS = ("process.exit", "process.reallyExit", "process.abort", "Deno.exit")
_BY_TEXT = re.compile(r"(?:\?\.)?\[['\"`](\w+)['\"`]\]|\?\.")
_HOLDERS = re.compile(r"^(?:globalThis|global)\.")
_FAILURE = re.compile(r"-?[1-9]\d*$")
_SKIPS = re.compile(
    r"(?:(?:pytest|_pytest\.outcomes|nose|unittest|unittest\.case)\.|self\.)(?:skip|exit|xfail|importorskip|SkipTest|skipTest)"
)
_PYTHON_EXITS = ("sys.exit", "exit", "quit", "SystemExit", "builtins.exit", "builtins.quit", "_thread.interrupt_main")
_ENDINGS = ("SystemExit", "KeyboardInterrupt", "GeneratorExit")
_LISTENERS = ("process.emit", "process.listeners", "process.rawListeners")
_OTHER_EVENT = re.compile(r"(['\"])(?!SIG)\w+\1")
_FUNCTIONS = ("arrow_function", "function_expression")
_NAMING = ("import_specifier", "export_specifier", "variable_declarator")
_GO_SKIPS = ("Skip", "Skipf", "SkipNow")


def ends_early(change: Change) -> Iterator[Danger]:
    """What newly ends the program or skips a test, outside the tests themselves."""
    if not _WORDS.may_match(change.added_text) and not _RENAMED.search(change.new):
        return
    come = _found(change, new=True) - _found(change, new=False)
    for what in sorted(come):
        yield Danger("tests", f"It ends early what a test asks of it: {what}. What comes after is never asked.")


def _found(change: Change, *, new: bool) -> Counter[str]:
    suffix, text = change.path.rpartition(".")[2], change.new if new else change.old
    may_exit = bool(_ENTRY.search(change.path)) or text.startswith("#!")
    if suffix in ("py", "pyw"):
        return Counter(_of_python(change.touched[new], text, may_exit))
    tree = tree_of(_NODE.get(suffix, "go"), text) if suffix in _NODE or suffix == "go" else None
    if tree is None:
        return Counter()
    return Counter(_of_go(tree, may_exit) if suffix == "go" else () if may_exit else _of_node(tree))


def _of_python(source: Source, whole: str, may_exit: bool) -> Iterator[str]:
    names = Names([*bindings(whole), *source.nodes])
    for statement in source.tree.body if source.tree else []:
        yield from _of_part(statement, names, may_exit)


def _of_part(node: ast.AST, names: Names, may_exit: bool) -> Iterator[str]:
    """`may_exit`: whether it stands where a program begins or is asked to end."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        may_exit = may_exit or bool(_ENTERED.search(node.name)) or bool(node.decorator_list)
    elif isinstance(node, ast.If):
        may_exit = may_exit or "__name__" in ast.unparse(node.test)
    elif isinstance(node, ast.Raise) and not may_exit and _name(node.exc, names) in _ENDINGS:
        yield f"raise {_name(node.exc, names)}"
    elif isinstance(node, ast.Attribute | ast.Name):
        name = _name(node, names)
        if _SKIPS.fullmatch(name) or (name == "sys.exit" and not may_exit):
            yield name
    if isinstance(node, ast.Call) and _name(node.func, names) in _PYTHON_EXITS:
        if not may_exit and _exits_well(node):
            yield _name(node.func, names)
        parts: Iterable[ast.AST] = [*node.args, *(keyword.value for keyword in node.keywords)]
    else:
        parts = children(node)
    for child in parts:
        yield from _of_part(child, names, may_exit)


def _exits_well(node: ast.Call) -> bool:
    status = node.args[0] if node.args else ast.Constant(0)
    return isinstance(status, ast.Constant) and not status.value


def _name(node: ast.AST | None, names: Names) -> str:
    """A full name, or the dotted one as it is written."""
    if node is not None and (full := names.of(node)):
        return full
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value, names)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _of_node(tree: Node) -> Iterator[str]:
    names, on_signal = NodeNames(tree), _OnSignal(tree)
    for node in nodes(tree, "member_expression", "subscript_expression", "identifier"):
        name = names.full(node).replace("#", ".") or text_of(node)
        name = _HOLDERS.sub("", _BY_TEXT.sub(lambda found: f".{found[1] or ''}", name))
        call = node.parent
        if name in _LISTENERS and not _names_another_event(node):
            yield name
        if name not in _EXITS or call is None or call.type in _NAMING:
            continue
        if not (call.type == "call_expression" and (_fails(call) or on_signal.holds(call))):
            yield name


def _names_another_event(name: Node) -> bool:
    """`process.emit("warning")`: not a signal, whose answer may end the program."""
    given = name.parent.child_by_field_name("arguments") if name.parent is not None else None
    first = text_of(given.named_children[0]) if given is not None and given.named_children else ""
    return _OTHER_EVENT.fullmatch(first) is not None


class _OnSignal:
    """What a file of Node does only where a signal is answered: in such a function, or in one that only those call."""

    def __init__(self, tree: Node) -> None:
        self._said = defaultdict[str, list[Node]](list)
        for one in nodes(tree, "identifier"):
            self._said[text_of(one)].append(one)
        self._known = dict[str, bool]()

    def holds(self, call: Node) -> bool:
        for one in above(call):
            if one.type in _FUNCTIONS and _answers(one):
                return True
            named = one if one.type == "function_declaration" else one.parent if one.type in _FUNCTIONS else None
            if named is not None and named.type in ("function_declaration", "variable_declarator"):
                return self._is_only_called_so(named.child_by_field_name("name"))
        return False

    def _is_only_called_so(self, name: Node) -> bool:
        text = text_of(name)
        if text not in self._known:
            said = [one for one in self._said[text] if one.id != name.id]
            self._known[text] = bool(said) and all(any(map(_answers, (one, *above(one)))) for one in said)
        return self._known[text]


def _answers(node: Node) -> bool:
    """`process.on("SIGTERM", node)`, where node is not called there and then."""
    call = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
    return call is not None and node.type in (*_FUNCTIONS, "identifier") and _ON_SIGNAL.match(text_of(call)) is not None


def _fails(call: Node) -> bool:
    """Whether the status that it gives is a failure's."""
    given = call.child_by_field_name("arguments")
    return bool(given.named_children) and _FAILURE.match(text_of(given.named_children[0])) is not None


def _of_go(tree: Node, may_exit: bool) -> Iterator[str]:
    package = next((text_of(one) for one in nodes(tree, "package_identifier")), "")
    imports = dict(imports_of(tree))
    dotted = [path for name, path in imports.items() if name.startswith(".")]
    for node in nodes(tree, "selector_expression", "identifier"):
        name, call = _go_name(node, imports, dotted), node.parent
        in_main = package == "main" and any(one.type == "function_declaration" for one in above(node))
        fails = call is not None and call.type == "call_expression" and _fails(call)
        exits = name in ("os.Exit", "runtime.Goexit") and not (may_exit or in_main or fails)
        if exits or (name.rpartition(".")[2] in _GO_SKIPS and "testing" in imports.values()):
            yield name


def _go_name(node: Node, imports: Mapping[str, str], dotted: Sequence[str]) -> str:
    """A function by its package; "" for what is asked of nothing, but where a package is imported without a name."""
    if node.type == "identifier":
        return next((f"{path}.{text_of(node)}" for path in dotted), "")
    on, last = text_of(node.named_children[0]), text_of(node.named_children[-1])
    return f"{imports.get(on, on)}.{last}"
