"""New uses, in Go, of what can do anything: packages by their imports, names of others, and what comments order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.languages.syntax import Node, nodes, text_of, tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.dangers import SAYS
from kintsugi.repair.policy.python import Danger

_IMPORTED: tuple[tuple[str, str], ...] = (
    ("shell", r"os/exec|syscall|golang\.org/x/sys/.*|github\.com/(?:creack/pty|kr/pty|mitchellh/go-ps)"),
    (
        "eval",
        r"unsafe|plugin|C|runtime/cgo|debug/\w+|go/(?:build|importer)|github\.com/(?:traefik/yaegi|dop251/goja|robertkrimen/otto).*",
    ),
    (
        "network",
        r"net/(?:rpc.*|smtp)|log/syslog|golang\.org/x/(?:crypto/ssh.*|net/(?:websocket|proxy))|net/http/pprof|expvar",
    ),
)
_USED: tuple[tuple[str, str], ...] = (
    ("shell", r"os#(?:StartProcess|FindProcess|RemoveAll|Chmod|Chown|Symlink|Link)"),
    ("eval", r"reflect#(?:NewAt|SliceHeader|StringHeader|MakeFunc)|runtime/debug#SetPanicOnFault"),
    ("network", r"net#(?:Dial\w*|Listen\w*|Dialer|ListenConfig|Lookup\w*|Resolver|DefaultResolver|FileConn)"),
    (
        "network",
        r"net/http#(?:Get|Post|PostForm|Head|NewRequest\w*|Client|DefaultClient|Transport|DefaultTransport"
        r"|ListenAndServe\w*|Serve\w*|Server|Handle|HandleFunc|DefaultServeMux)|crypto/tls#(?:Dial\w*|Listen)",
    ),
    ("network", r"os#Environ"),
    ("deserialiser", r"encoding/gob#(?:NewDecoder|Register\w*)"),
)
_ORDERS: tuple[tuple[str, str], ...] = (
    (
        "eval",
        r"//go:linkname\s+\S+|//go:cgo_\w+|//export\s+\w+|//go:(?:nosplit|noescape|norace|systemstack|uintptrescapes)",
    ),
    ("shell", r"//go:generate\s+\S+"),
)
_INIT = "It runs on import: init() is called before anything else of the program. A human has to look."


def go_dangers(change: Change) -> list[Danger] | None:
    """What is new; None where the file is no Go that can be read."""
    if change.after is None:
        return []
    before, after = tree_of("go", change.old), tree_of("go", change.new)
    if before is None or after is None or not any(one.type == "package_clause" for one in after.named_children):
        return None
    found = [Danger(rule, f"It newly uses {name}. {SAYS[rule]}") for rule, name in sorted(_uses(after) - _uses(before))]
    if _inits(after) - _inits(before):
        found.append(Danger("look", _INIT, refuses=False))
    return list(dict.fromkeys(found))


def assembly(change: Change) -> list[Danger]:
    """Files that a Go package is built of without a look at them."""
    if change.path.endswith((".s", ".S", ".syso")) and change.added:
        return [Danger("eval", f"It is assembly, which a build takes in. {SAYS['eval']}")]
    return []


def _inits(tree: Node) -> Counter[str]:
    functions = [one for one in tree.named_children if one.type == "function_declaration"]
    return Counter(text_of(one) for one in functions if text_of(one.child_by_field_name("name")) == "init")


def _uses(tree: Node) -> Counter[tuple[str, str]]:
    """(rule, what) as often as it is there."""
    imports = dict(_imports(tree))
    found: Counter[tuple[str, str]] = Counter()
    for path in imports.values():
        found.update((rule, f"the package {path}") for rule, pattern in _IMPORTED if re.fullmatch(pattern, path))
    dotted = [path for name, path in imports.items() if name.startswith(".")]
    for node in nodes(tree, "selector_expression", "qualified_type", "identifier", "type_identifier", "comment"):
        found.update(_of(node, imports, dotted))
    return found


def _imports(tree: Node) -> Iterator[tuple[str, str]]:
    """Paths by the name that they go by in the file; those without one by a name that no code can have."""
    for number, spec in enumerate(nodes(tree, "import_spec")):
        path = text_of(spec.child_by_field_name("path")).strip('"`')
        name = text_of(spec.child_by_field_name("name"))
        bare = re.sub(r"/v\d+$", "", path).rpartition("/")[2].removeprefix("go-")
        yield (name if name not in ("", ".", "_") else bare if not name else f"{name}{number}"), path


def _of(node: Node, imports: dict[str, str], dotted: list[str]) -> Iterator[tuple[str, str]]:
    if node.type == "comment":
        orders = ((rule, re.match(pattern, text_of(node))) for rule, pattern in _ORDERS)
        yield from ((rule, found[0]) for rule, found in orders if found)
        return
    if node.type in ("selector_expression", "qualified_type"):
        on, name = text_of(node.named_children[0]), text_of(node.named_children[-1])
        names = [f"{imports[on]}#{name}"] if on in imports else []
    else:
        names = [f"{path}#{text_of(node)}" for path in dotted]
    for full in names:
        path, _, name = full.partition("#")
        for rule, pattern in _USED:
            if re.fullmatch(pattern, full):
                yield rule, f"{path}.{name}"
        for rule, pattern in _IMPORTED:
            if re.fullmatch(pattern, path):
                yield rule, f"{path}.{name}"
