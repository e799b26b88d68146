"""What the names of a JavaScript file stand for: modules that can do anything, followed through imports and aliases."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of

_SHELL = """
    child_process cluster execa shelljs cross-spawn node-pty zx sudo-prompt dockerode simple-git node-cmd pm2 nodemon
    tree-kill tinyexec nano-spawn spawn-command
"""
_EVAL = """
    vm vm2 worker_threads inspector inspector/promises repl isolated-vm wasi ffi-napi ref-napi bindings node-gyp-build
    koffi edge-js safe-eval notevil static-eval quickjs-emscripten require-from-string jiti ts-node tsx/cjs/api
    @babel/register module-alias proxyquire pirates import-from-string sval tinypool piscina
"""
_NETWORK = """
    net tls dgram dns dns/promises http2 axios got node-fetch request
    superagent undici ws ssh2 nodemailer needle ky
    phin ftp basic-ftp kafkajs amqplib mqtt nats @sendgrid/mail mailgun.js twilio @slack/web-api socket.io-client
    puppeteer playwright request-promise cross-fetch isomorphic-fetch ssh2-sftp-client telegraf pusher imapflow bent
    ofetch centra wretch @aws-sdk/client-s3 aws-sdk
"""
LOADED: dict[str, str] = {
    **dict.fromkeys(_SHELL.split(), "shell"),
    **dict.fromkeys(_EVAL.split(), "eval"),
    **dict.fromkeys(("node-serialize", "serialize-to-js", "funcster", "cryo"), "deserialiser"),
    **dict.fromkeys(_NETWORK.split(), "network"),
}
MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "http": (("network", r"request|get|createServer|Server|Agent|globalAgent"),),
    "https": (("network", r"request|get|createServer|Server|Agent|globalAgent"),),
    "fs": (("shell", r"(?:promises\.)?(?:rm|rmdir|chmod|chown|symlink|link|lchmod|lchown)(?:Sync)?"),),
    "fs/promises": (("shell", r"rm|rmdir|chmod|chown|symlink|link"),),
    "module": (("eval", r"createRequire|register|_load|_extensions|_resolveFilename|Module\..*|_\w+|wrap|runMain"),),
    "v8": (("deserialiser", r"deserialize|Deserializer"), ("eval", r"setFlagsFromString|startupSnapshot.*")),
    "process": (
        ("eval", r"binding|dlopen|_linkedBinding|mainModule.*|setUncaughtException\w*"),
        ("shell", r"kill|setuid|setgid|report\..*"),
    ),
    "os": (("network", r"userInfo|networkInterfaces"),),
    "util": (("eval", r"inspect\.custom"),),
}
PURE: dict[str, frozenset[str]] = {
    "net": frozenset({"isIP", "isIPv4", "isIPv6", "BlockList", "SocketAddress"}),
}
"""What only looks at a text, of modules that can do little else."""
BY_LAST = {
    "_load": ("eval", "a loader of modules"),
    "loadExtension": ("eval", "a library that a database loads"),
    "enableLoadExtension": ("eval", "a library that a database loads"),
    "sendBeacon": ("network", "sendBeacon"),
}
"""What is dangerous to call of anything, by its last name."""
HOLDERS = {"globalThis", "global", "window", "self", "top"}
_WRAPPED = (
    "parenthesized_expression",
    "as_expression",
    "non_null_expression",
    "satisfies_expression",
    "type_assertion",
)
_DECLARING = ("variable_declarator", "function_declaration", "class_declaration", "formal_parameters", "catch_clause")
_SCOPES = (
    "program",
    "statement_block",
    "arrow_function",
    "function_expression",
    "function_declaration",
    "method_definition",
)
_FOLLOWED = {"process", "require", "Function", "Object.prototype", "Array.prototype"}
_ALIASES = 4


def module_in(quoted: str) -> str:
    return quoted.strip("'\"`").removeprefix("node:")


@dataclass
class NodeNames:
    """What names of a file stand for: `child_process#exec`, `fs#promises.rm`, or themselves."""

    tree: Node
    _bound: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in nodes(self.tree, "import_statement"):
            self._import(node)
        for node in nodes(self.tree, "import_require_clause"):
            local, module = node.named_children[0], module_in(text_of(node.child_by_field_name("source")))
            if module in LOADED or module in MEMBERS:
                self._bound[text_of(local)] = f"{module}#"
        declarators = list(nodes(self.tree, "variable_declarator", "assignment_expression"))
        for _ in range(_ALIASES):
            before = len(self._bound)
            for node in declarators:
                self._assign(node)
            if len(self._bound) == before:
                break

    def _import(self, node: Node) -> None:
        module = module_in(text_of(node.child_by_field_name("source")))
        if module not in LOADED and module not in MEMBERS:
            return
        for one in nodes(node, "import_specifier"):
            local = one.child_by_field_name("alias") or one.child_by_field_name("name")
            self._bound[text_of(local)] = f"{module}#{text_of(one.child_by_field_name('name'))}"
        for clause in nodes(node, "import_clause", "namespace_import"):
            for one in clause.named_children:
                if one.type == "identifier":
                    self._bound[text_of(one)] = f"{module}#"

    def _assign(self, node: Node) -> None:
        target = node.child_by_field_name("name") or node.child_by_field_name("left")
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        stands_for = self._of_value(value)
        if not stands_for or target is None:
            return
        if target.type == "identifier":
            self._bound[text_of(target)] = stands_for
        for one in target.named_children if target.type == "object_pattern" else ():
            self._destructure(one, stands_for)

    def _destructure(self, one: Node, stands_for: str) -> None:
        """`{ get }`, `{ get = other }`, `{ get: ask = other }`, `{ ...all }`"""
        match one.type:
            case "shorthand_property_identifier_pattern":
                self._bound[text_of(one)] = _joined(stands_for, text_of(one))
            case "object_assignment_pattern":
                self._destructure(one.child_by_field_name("left"), stands_for)
            case "pair_pattern":
                key, local = one.child_by_field_name("key"), one.child_by_field_name("value")
                local = local.child_by_field_name("left") if local.type == "assignment_pattern" else local
                self._bound[text_of(local)] = _joined(stands_for, text_of(key))
            case "rest_pattern":
                self._bound[text_of(one.named_children[0])] = stands_for

    def _of_value(self, value: Node | None) -> str:
        while value is not None and value.type in ("await_expression", *_WRAPPED):
            value = value.named_children[-1 if value.type == "type_assertion" else 0] if value.named_children else None
        if value is None:
            return ""
        if value.type == "call_expression":
            function, given = value.child_by_field_name("function"), value.child_by_field_name("arguments")
            first = given.named_children[0] if given is not None and given.named_children else None
            loads = text_of(function) in ("require", "import", "process.getBuiltinModule") or function.type == "import"
            module = module_in(text_of(first)) if loads and first is not None else ""
            return f"{module}#" if module in LOADED or module in MEMBERS else ""
        if value.type == "object":
            spread = [one.named_children[0] for one in value.named_children if one.type == "spread_element"]
            return next((found for one in spread if (found := self._of_value(one)).endswith("#")), "")
        if value.type in ("member_expression", "identifier"):
            full = self.full(value)
            followed = "#" in full or full in _FOLLOWED or full.startswith("process.")
            return full if followed or full in HOLDERS else ""
        return ""

    def full(self, node: Node | None) -> str:
        while node is not None and node.type in _WRAPPED:
            node = node.named_children[-1 if node.type == "type_assertion" else 0] if node.named_children else None
        if node is None:
            return ""
        if node.type == "member_expression":
            inner = node.child_by_field_name("object")
            while inner.type in _WRAPPED:
                inner = inner.named_children[-1 if inner.type == "type_assertion" else 0]
            base = self._of_value(inner) if inner.type == "call_expression" else self.full(inner)
            name = text_of(node.child_by_field_name("property"))
            if name == "process" and base in HOLDERS:
                return name
            return _joined(base, name) if base else ""
        if node.type in ("identifier", "shorthand_property_identifier"):
            return self._bound.get(text_of(node), text_of(node))
        if node.type == "this":
            return "this"
        return ""

    def is_bound(self, node: Node) -> bool:
        return text_of(node) in self._bound

    def is_holder(self, name: str) -> bool:
        return name in (*HOLDERS, "process", "Function") or "#" in self._bound.get(name, "")

    def is_declared(self, node: Node, name: str) -> bool:
        """Whether a declaration around it gives the name to something of the code's own."""
        scopes = [one for one in above(node) if one.type in _SCOPES]
        return any(name in self._declared.get(int(scope.id), ()) for scope in scopes)

    @cached_property
    def _declared(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for node in nodes(self.tree, *_DECLARING):
            scope = next((one for one in above(node) if one.type in _SCOPES), None)
            named = node.child_by_field_name("name") or node.child_by_field_name("parameter") or node
            names = {text_of(one) for one in nodes(named, "identifier", "shorthand_property_identifier_pattern")}
            if scope is not None:
                found.setdefault(int(scope.id), set()).update(names)
        return found


def _joined(base: str, name: str) -> str:
    return f"{base}{name}" if base.endswith("#") else f"{base}.{name}"


def only_pure(tree: Node, module: str) -> bool:
    """Whether all that a file does with a module is to look at texts, by the one plain name that it has there."""
    names = set[str]()
    for one in nodes(tree, "string"):
        if module_in(text_of(one)) != module:
            continue
        name = _plain_name(one)
        if not name:
            return False
        names.add(name)
    uses = [one for one in nodes(tree, "identifier", "shorthand_property_identifier") if text_of(one) in names]
    is_used = any(one.parent.type == "member_expression" for one in uses)
    return is_used and all(_is_pure(one, module) for one in uses)


def _plain_name(module: Node) -> str:
    """`net` of `const net = require("net")` and `import net from "net"`; "" for any other way to load it."""
    parent = module.parent
    if parent.type == "import_statement":
        found = [one for clause in nodes(parent, "import_clause") for one in clause.named_children]
        return text_of(found[0]) if len(found) == 1 and found[0].type == "identifier" else ""
    call = parent.parent
    declaring = call.parent if call is not None and call.type == "call_expression" else None
    if declaring is None or declaring.type != "variable_declarator":
        return ""
    name = declaring.child_by_field_name("name")
    is_require = text_of(call.child_by_field_name("function")) == "require" and len(parent.named_children) == 1
    return text_of(name) if is_require and name.type == "identifier" else ""


def _is_pure(use: Node, module: str) -> bool:
    parent = use.parent
    if parent.type in ("variable_declarator", "import_clause"):
        return not is_exported(parent) and bool(
            parent.type == "import_clause" or parent.child_by_field_name("name").id == use.id
        )
    is_asked = bool(parent.type == "member_expression" and parent.child_by_field_name("object").id == use.id)
    return is_asked and text_of(parent.child_by_field_name("property")) in PURE[module]


def is_exported(declaring: Node) -> bool:
    """`export const net = require("net")`: what others do with it is not seen."""
    return any(one.type == "export_statement" for one in above(declaring))
