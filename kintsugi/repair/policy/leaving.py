"""Code that ends the whole program well, or skips the test that comes to it: what stands behind it is never asked.

An exit with a failure makes no test pass, and a program's own entry may exit; neither is told here.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of, tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.node import NodeNames
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
_WORDS = Screened(r"exit|quit|skip|abort", re.IGNORECASE)
_RENAMED = re.compile(r"\bexit(?:\s+as\b|\s*:)\s*\w")
_NODE = {"ts": "ts", "mts": "ts", "cts": "ts", "tsx": "tsx", "js": "js", "mjs": "js", "cjs": "js", "jsx": "js"}
_EXITS = ("process.exit", "process.reallyExit", "process.abort")
_BY_TEXT = re.compile(r"(?:\?\.)?\[['\"`](\w+)['\"`]\]|\?\.")
_HOLDERS = re.compile(r"^(?:globalThis|global)\.")
_FAILURE = re.compile(r"-?[1-9]\d*$")
_SKIPS = re.compile(r"(?:pytest|unittest|nose|self|case|outcomes)\.(?:skip|exit|xfail|importorskip|SkipTest|skipTest)")
_RUNNERS = ("pytest", "unittest", "unittest.case", "_pytest.outcomes", "nose")
_SKIP_NAMES = ("SkipTest", "importorskip", "skip", "exit", "xfail")
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
        return Counter(_of_python(change.touched[new], may_exit))
    tree = tree_of(_NODE.get(suffix, "go"), text) if suffix in _NODE or suffix == "go" else None
    if tree is None:
        return Counter()
    return Counter(_of_go(tree, may_exit) if suffix == "go" else () if may_exit else _of_node(tree))


def _of_python(source: Source, may_exit: bool) -> Iterator[str]:
    for statement in source.tree.body if source.tree else []:
        yield from _of_part(statement, may_exit)


def _of_part(node: ast.AST, may_exit: bool) -> Iterator[str]:
    """`may_exit`: whether it stands where a program begins or is asked to end."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        may_exit = may_exit or bool(_ENTERED.search(node.name)) or bool(node.decorator_list)
    elif isinstance(node, ast.If):
        may_exit = may_exit or "__name__" in ast.unparse(node.test)
    elif isinstance(node, ast.Call) and not may_exit and _exits_well(node):
        yield ast.unparse(node)
    elif isinstance(node, ast.Raise) and not may_exit and _name(node.exc) == "SystemExit":
        yield "raise SystemExit"
    if isinstance(node, ast.Attribute | ast.Name) and _SKIPS.fullmatch(_name(node)):
        yield _name(node)
    elif isinstance(node, ast.ImportFrom) and node.module in _RUNNERS:
        yield from (one.name for one in node.names if one.name in _SKIP_NAMES)
    for child in children(node):
        yield from _of_part(child, may_exit)


def _exits_well(node: ast.Call) -> bool:
    if _name(node.func) not in ("sys.exit", "exit", "quit", "SystemExit"):
        return False
    status = node.args[0] if node.args else ast.Constant(0)
    return isinstance(status, ast.Constant) and not status.value


def _name(node: ast.AST | None) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _of_node(tree: Node) -> Iterator[str]:
    names = NodeNames(tree)
    for call in nodes(tree, "call_expression"):
        function = call.child_by_field_name("function")
        name = names.full(function).replace("#", ".") or text_of(function)
        name = _HOLDERS.sub("", _BY_TEXT.sub(lambda found: f".{found[1] or ''}", name))
        if name in _EXITS and not _fails(call):
            yield name


def _fails(call: Node) -> bool:
    """Whether the status that it gives is a failure's."""
    given = call.child_by_field_name("arguments")
    return bool(given.named_children) and _FAILURE.match(text_of(given.named_children[0])) is not None


def _of_go(tree: Node, may_exit: bool) -> Iterator[str]:
    package = next((text_of(one) for one in nodes(tree, "package_identifier")), "")
    imported = {text_of(one.child_by_field_name("path")).strip('"`') for one in nodes(tree, "import_spec")}
    for call in nodes(tree, "call_expression"):
        name = text_of(call.child_by_field_name("function"))
        in_main = package == "main" and any(one.type == "function_declaration" for one in above(call))
        exits = name in ("os.Exit", "runtime.Goexit") and not (may_exit or in_main or _fails(call))
        skips = name.rpartition(".")[2] in _GO_SKIPS and "testing" in imported
        if exits or skips:
            yield name
