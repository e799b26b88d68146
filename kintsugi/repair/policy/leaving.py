"""Code that ends the whole program well, or skips the test that comes to it: what stands behind it is never asked.

An exit with a failure makes no test pass, and a program's own entry may exit; neither is told here.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
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

_ENTRY = re.compile(
    r"(?:^|/)(?:bin|cmd|cli|scripts?|tools?|commands?|examples?|bench\w*|management)/|^#!"
    r"|(?:^|/)(?:_*main_*|cli|manage|setup|app|server|run|bot|index|launch\w*)\.\w+$|(?:_|-)cli\.\w+$"
)
_ENTERED = re.compile(
    r"main|cli|run|start|command|exit|quit|stop|shut|close|usage|help|version|parse|signal|restart|interrupt|__call__",
    re.IGNORECASE,
)
_ENDING = re.compile(r"shut_?down|terminat|^(?:exit|quit)", re.IGNORECASE)
_ON_SIGNAL = re.compile(r"process\.(?:on|once)\(\s*['\"]SIG")
_WORDS = Screened(r"exit|quit|skip|abort|xfail|interrupt", re.IGNORECASE)
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
    names = NodeNames(tree)
    for node in nodes(tree, "member_expression", "subscript_expression", "identifier"):
        name = names.full(node).replace("#", ".") or text_of(node)
        name = _HOLDERS.sub("", _BY_TEXT.sub(lambda found: f".{found[1] or ''}", name))
        call = node.parent
        if name not in _EXITS or call is None or call.type in _NAMING:
            continue
        if not (call.type == "call_expression" and (_fails(call) or _is_asked_to_end(call))):
            yield name


def _is_asked_to_end(call: Node) -> bool:
    """In `shutdown()`, or where a signal is answered."""
    for one in above(call):
        if one.type == "function_declaration" and _ENDING.search(text_of(one.child_by_field_name("name"))):
            return True
        if one.type == "variable_declarator" and _ENDING.search(text_of(one.child_by_field_name("name"))):
            return True
        if one.type == "call_expression" and _ON_SIGNAL.match(text_of(one)):
            return True
    return False


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
