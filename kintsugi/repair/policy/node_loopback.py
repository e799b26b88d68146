"""Whether a test of Node asks none but its own machine: servers that it starts, and requests to them over loopback.

What cannot be seen to stay here does not: a host must be written down, an address built so that nothing after it can
change the host. (`http://localhost:${port}` is another machine where the port is "1@evil.example".)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kintsugi.repair.languages.syntax import Node, nodes, text_of
from kintsugi.repair.policy.node_values import Bindings, Given, bare
from kintsugi.telemetry import lazy_re as re

_SERVES = {
    "http": "createServer|Server",
    "https": "createServer|Server",
    "http2": "createServer|createSecureServer|constants.*",
    "net": r"createServer|Server|isIP\w*",
    "tls": "createServer|Server",
    "ws": r"WebSocketServer|Server|WebSocket\.Server",
}
_ASKS = {
    "http": "request|get",
    "https": "request|get",
    "http2": "connect",
    "net": "connect|createConnection",
    "tls": "connect",
    "undici": "fetch|request",
    "node-fetch": "|default",
    "axios": "|get|post|put|patch|delete|head|default",
    "got": "|get|post|put|patch|delete|head|default",
    "ws": "|WebSocket|default",
    "": "fetch|WebSocket",
}
MODULES = frozenset(_ASKS)
"""What may be loaded by a test: each use of it is looked at."""
_FOLLOWS = {"undici", "node-fetch", "axios", "got", ""}
_BY_PORT = {"net", "tls"}
_HOST = r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])"
_URL = re.compile(rf"(?:https?|wss?)://{_HOST}(?P<port>:\d+)?(?P<rest>[/?#]|$|:$)", re.IGNORECASE)
_HOSTS = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?", re.IGNORECASE)
_PLAIN_KEYS = {
    *("port", "path", "method", "headers", "timeout", "auth", "family", "protocol", "rejectUnauthorized", "ca", "cert"),
    *("key", "servername", "setHost", "signal", "body", "duplex", "redirect", "allowHalfOpen", "highWaterMark"),
    *("insecureHTTPParser", "maxHeaderSize", "query", "search", "pathname", "json", "data", "responseType", "mode"),
    *("keepAlive", "keepAliveMsecs", "maxSockets", "maxFreeSockets", "maxTotalSockets", "credentials", "cache"),
    *("perMessageDeflate", "handshakeTimeout", "validateStatus", "throwHttpErrors", "retry"),
    *("minVersion", "maxVersion", "ALPNProtocols", "integrity", "joinDuplicateHeaders", "uniqueHeaders", "noDelay"),
}
_OTHERS_KEYS = {"ws": {"origin", "subprotocol"}}
_LEADING = {"net": {"path"}, "tls": {"path"}}
"""A socket's path is a file by which programs listen."""
_ODD = {"address", "lookup", "createConnection"}
_STEADY = {"", "undici", "node-fetch"}
"""Their option `redirect` is one that they know."""
_REDIRECTS = re.compile(r"location|redirect|\b30[12378]\b", re.IGNORECASE)
_NUMBERS = {"Number", "parseInt"}
_DEEPEST = 6


@dataclass
class Loopback:
    """What a file's uses of the network reach. `tree`: the whole file."""

    tree: Node

    def keeps(self, node: Node, full: str) -> bool:
        """Whether this use of `full` (`http#get`, `fetch`) is a server, or asks none but this machine."""
        module, _, member = full.partition("#") if "#" in full else ("", "", full)
        parent = node.parent
        if parent.type == "pair_pattern" or (parent.child_by_field_name("name") == node):
            return True  # only named here
        if not module and self._is_replaced(node):
            return True
        call = _called(node)
        if re.fullmatch(_SERVES.get(module, "(?!)"), member):
            return call is not None or text_of(parent.child_by_field_name("operator")) == "instanceof"
        if call is None or self._is_odd:
            return False
        given = [one for one in call.child_by_field_name("arguments").named_children if one.type != "comment"]
        if member == "Agent":
            return module in ("http", "https") and all(self._is_plain(one) for one in given)
        if not given or not re.fullmatch(_ASKS.get(module, "(?!)"), member):
            return False
        if module in _FOLLOWS and self._may_redirect and not (module in _STEADY and _stays_put(given)):
            return False
        return self._asks_here(given, module)

    @cached_property
    def bindings(self) -> Bindings:
        return Bindings(self.tree)

    @cached_property
    def _may_redirect(self) -> bool:
        return _REDIRECTS.search(text_of(self.tree)) is not None

    @cached_property
    def _is_odd(self) -> bool:
        """Whether it says itself what the address of a server is, or how names are looked up."""
        if any(map(_is_odd_text, nodes(self.tree, "string", "computed_property_name"))):
            return True
        keys = nodes(self.tree, "property_identifier", "shorthand_property_identifier")
        named = (one for one in keys if text_of(one) in _ODD)
        defining = ("pair", "method_definition", "object", "assignment_expression", "public_field_definition")
        return any(
            one.parent.type in defining
            or (one.parent.type == "member_expression" and one.parent.parent.child_by_field_name("left") == one.parent)
            for one in named
        )

    def _is_replaced(self, node: Node) -> bool:
        """`globalThis.fetch = mock`, and `expect(fetch)` after it."""
        parent = node.parent
        if parent.type == "assignment_expression":
            return bool(parent.child_by_field_name("left") == node)
        call = parent.parent if parent.type == "arguments" else None
        is_asserted = call is not None and text_of(call.child_by_field_name("function")) == "expect"
        return is_asserted and self.bindings.is_of_package("expect")

    def _asks_here(self, given: Sequence[Node], module: str) -> bool:
        first, *rest = given
        by_port = module in _BY_PORT
        if not (self._is_here(first) or self._is_options(first, module) or (by_port and self._is_port(first))):
            return False
        if by_port and rest and _HOSTS.fullmatch(_quoted(rest[0])):
            rest = rest[1:]
        return all(self._is_harmless(one, module) or (not by_port and one.type in ("string", "array")) for one in rest)

    def _is_harmless(self, node: Node, module: str) -> bool:
        """What follows an address: it may name another host itself."""
        return self.bindings.is_function(node) or self._is_options(node, module) or node.type in ("null", "undefined")

    def _is_here(self, node: Node, deep: int = 0) -> bool:
        """Whether an address can be none but this machine's."""
        node = bare(node)
        if deep > _DEEPEST:
            return False
        match node.type:
            case "string" | "template_string" | "binary_expression":
                return self._are_here(_parts(node), deep)
            case "identifier":
                given = self.bindings.held_by(node)
                return bool(given) and all(self._is_given_here(one, deep) for one in given)
            case "call_expression":
                returned = self.bindings.returned_by(node)
                return bool(returned) and all(self._is_here(one, deep + 1) for one in returned)
            case "new_expression" if text_of(node.child_by_field_name("constructor")) == "URL":
                if not self.bindings.is_of_package("URL", "url|whatwg-url"):
                    return False
                given = node.child_by_field_name("arguments").named_children
                if len(given) == 1:
                    return self._is_here(given[0], deep + 1)
                is_path = bool(given) and re.match(r"/(?![/\\])", _quoted(given[0])) is not None
                return is_path and self._is_here(given[1], deep + 1)
        return False

    def _is_given_here(self, given: Given, deep: int) -> bool:
        return given.node is not None and not given.of and self._is_here(given.node, deep + 1)

    def _are_here(self, parts: Sequence[str | Node], deep: int) -> bool:
        """Whether texts and values written one after another begin with an address of this machine."""
        first, *rest = parts or [""]
        if not isinstance(first, str):
            follows = rest[0] if rest else "/"
            return isinstance(follows, str) and follows[:1] in ("/", "?", "#") and self._is_here(first, deep + 1)
        found = _URL.match(first)
        if found is None:
            return False
        if found["rest"] in ("/", "?", "#"):
            return True
        if found["rest"] == "" or not rest:
            return not rest and found["rest"] == ""
        port, *after = rest
        follows = after[0] if after else "/"
        ends = isinstance(follows, str) and follows[:1] in ("/", "?", "#")
        return ends and not isinstance(port, str) and self._is_port(port, deep)

    def _is_port(self, node: Node, deep: int = 0) -> bool:
        """Whether it can be nothing but a number: written, or that of a server's address."""
        node = bare(node)
        if deep > _DEEPEST:
            return False
        match node.type:
            case "number":
                return True
            case "unary_expression":
                return text_of(node.child_by_field_name("operator")) == "+"
            case "call_expression":
                name = text_of(node.child_by_field_name("function"))
                return name in _NUMBERS and not self.bindings.of(name)
            case "member_expression":
                is_port = text_of(node.child_by_field_name("property")) == "port"
                return is_port and self._is_address(node.child_by_field_name("object"), deep)
            case "identifier":
                given = self.bindings.held_by(node)
                return bool(given) and all(
                    one.node is not None
                    and (
                        self._is_port(one.node, deep + 1)
                        if not one.of
                        else one.of == "port" and self._is_address(one.node, deep)
                    )
                    for one in given
                )
        return False

    def _is_address(self, node: Node, deep: int) -> bool:
        """Whether it is what a server says of itself."""
        node = bare(node)
        if node.type == "call_expression":
            function = node.child_by_field_name("function")
            return (
                function.type == "member_expression" and text_of(function.child_by_field_name("property")) == "address"
            )
        given = self.bindings.held_by(node) if node.type == "identifier" and deep < _DEEPEST else []
        return bool(given) and all(
            one.node is not None and not one.of and self._is_address(one.node, deep + 1) for one in given
        )

    def _is_options(self, node: Node, module: str, deep: int = 0) -> bool:
        """Whether an object of options names no other host, and nothing that finds one."""
        node = bare(node)
        if node.type == "object":
            return all(self._is_option(one, module, deep) for one in node.named_children if one.type != "comment")
        if node.type != "identifier" or deep > _DEEPEST:
            return False
        name = text_of(node)
        given = self.bindings.held_by(node)
        known = [one for one in given if one.node is not None and not one.of]
        if not given or len(known) != len(given):
            return False
        if not all(self._is_options(one.node, module, deep + 1) for one in known):
            return False
        return all(self._leaves_as_it_is(one, module) for one in self.bindings.uses.get(name, ()))

    def _leaves_as_it_is(self, use: Node, module: str) -> bool:
        """Whether a use of an object's name changes nothing that says where a request goes."""
        parent = use.parent
        if parent.type == "variable_declarator":
            return bool(parent.child_by_field_name("name") == use)
        if parent.type != "member_expression":
            return parent.type in ("arguments", "spread_element") and not _is_handed_on(use)
        outer = parent.parent
        if outer.child_by_field_name("left") != parent:
            return True
        key = text_of(parent.child_by_field_name("property"))
        return self._is_value(key, outer.child_by_field_name("right"), module)

    def _is_option(self, one: Node, module: str, deep: int) -> bool:
        match one.type:
            case "pair":
                key = text_of(one.child_by_field_name("key")).strip("'\"")
                return self._is_value(key, one.child_by_field_name("value"), module)
            case "shorthand_property_identifier":
                return text_of(one) in _PLAIN_KEYS - {"servername"} - _LEADING.get(module, set())
            case "spread_element":
                return self._is_options(one.named_children[0], module, deep + 1)
        return False

    def _is_value(self, key: str, value: Node, module: str) -> bool:
        if key in ("host", "hostname"):
            return _HOSTS.fullmatch(_quoted(bare(value))) is not None
        if key == "agent":
            return value.type in ("false", "undefined") or self._is_agent(value)
        if value.type in ("function_expression", "generator_function"):  # `this` of it is the object
            return False
        return key in (_PLAIN_KEYS | _OTHERS_KEYS.get(module, set())) - _LEADING.get(module, set())

    def _is_agent(self, value: Node) -> bool:
        """One of the file's own: where each is made, it is looked at."""
        given = self.bindings.held_by(value) if value.type == "identifier" else [Given(value)]
        made = [bare(one.node) if one.node is not None else None for one in given]
        return bool(made) and all(
            one is not None
            and one.type == "new_expression"
            and text_of(one.child_by_field_name("constructor")) in ("http.Agent", "https.Agent", "Agent")
            and self.bindings.is_of_package("Agent", "https?")
            for one in made
        )

    def _is_plain(self, node: Node) -> bool:
        return node.type == "object" and all(
            text_of(one.child_by_field_name("key")) in _PLAIN_KEYS for one in node.named_children
        )


def _called(node: Node) -> Node | None:
    """The call whose function it is."""
    parent = node.parent
    function = parent.child_by_field_name("function") or parent.child_by_field_name("constructor")
    is_call = parent.type in ("call_expression", "new_expression") and function is not None and function.id == node.id
    return parent if is_call and parent.child_by_field_name("arguments") is not None else None


def _is_odd_text(node: Node) -> bool:
    """Whether a text names what says where a server is, where a property is set by it; or a name is put together."""
    if node.type == "computed_property_name":
        return node.named_children[0].type in ("binary_expression", "template_string")
    if _quoted(node) not in _ODD:
        return False
    parent = node.parent
    if parent.type == "arguments":
        return bool(parent.named_children[0].id != node.id)
    is_key = parent.type == "pair" and parent.child_by_field_name("key") == node
    return is_key or parent.type in ("subscript_expression", "method_definition", "computed_property_name")


def _is_handed_on(use: Node) -> bool:
    """Whether a function of the file's own gets it, which may change it."""
    call = use.parent.parent if use.parent.type == "arguments" else None
    if call is None:
        return False
    function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
    name = text_of(function)
    return re.fullmatch(r"(?:\w+\.)?(?:request|get|connect|createConnection|fetch|Agent)", name) is None


def _quoted(node: Node) -> str:
    return text_of(node)[1:-1] if node.type == "string" else ""


def _stays_put(given: Sequence[Node]) -> bool:
    """Whether it follows no redirection."""
    options = given[1] if len(given) > 1 and given[1].type == "object" else None
    pairs = [one for one in options.named_children if one.type != "comment"] if options is not None else []
    said = [_quoted(one.child_by_field_name("value")) for one in pairs if _key(one) == "redirect"]
    return len(said) == 1 and said[0] in ("manual", "error") and all(one.type == "pair" for one in pairs)


def _key(pair: Node) -> str:
    return text_of(pair.child_by_field_name("key")).strip("'\"") if pair.type == "pair" else ""


def _parts(node: Node) -> list[str | Node]:
    """A text as it is put together: what is written, and the values between."""
    node = bare(node)
    if node.type == "string":
        return [text_of(node)[1:-1]]
    if node.type == "binary_expression" and text_of(node.child_by_field_name("operator")) == "+":
        left, right = (_parts(node.child_by_field_name(side)) for side in ("left", "right"))
        if left and right and isinstance(left[-1], str) and isinstance(right[0], str):
            return [*left[:-1], left[-1] + right[0], *right[1:]]
        return left + right
    if node.type != "template_string":
        return [node]
    found: list[str | Node] = []
    for one in node.children[1:-1]:
        text = text_of(one) if one.type in ("string_fragment", "escape_sequence") else None
        if text is not None and found and isinstance(found[-1], str):
            found[-1] += text
        else:
            found.append(text if text is not None else one.named_children[0])
    return found
