"""Whether a test of Go keeps to its own: servers that it starts, requests to them over loopback, its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of
from kintsugi.repair.policy.go_bindings import (
    arguments,
    bindings,
    bindings_of,
    has_path,
    is_of_closure,
    is_only_read,
    lent,
    quoted,
    unseen,
)
from kintsugi.repair.policy.go_websockets import WEBSOCKETS, keeps_here
from kintsugi.telemetry import lazy_re as re

_HOST = r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])"
_URL = re.compile(rf"(?:https?|wss?)://{_HOST}(?::(?:\d+|%d))?(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(rf"{_HOST}?:(?:\d+|%d)", re.IGNORECASE)
_ALONE = r"localhost|127(?:\.\d{1,3}){3}|::1"
_SCHEME = re.compile(r"(?:https?|wss?)(?:://)?")
_PUT_IN = re.compile(r"((?:https?|wss?)://)?%s(?:[/?].*)?", re.DOTALL)
_SERVES = re.compile(
    r"net/http#(?:Server|Serve\w*|Handle|HandleFunc|ListenAndServe\w*|DefaultServeMux)|net#(?:Listen\w*|ListenConfig)"
)
_ASKS = {
    **dict.fromkeys((f"net/http#{name}" for name in ("Get", "Head", "Post", "PostForm")), 0),
    **dict.fromkeys(("net#Dial", "net#DialTimeout", "crypto/tls#Dial"), 1),
}
"""Which argument says where to."""
_CLIENTS = re.compile(r"net/http#(?:Client|Transport|DefaultClient|DefaultTransport)")
_MAKES_ONE = re.compile(r"net/http/httptest#New(?:TLS|Unstarted)?Server")
_BY_CLIENT = {"Get", "Head", "Post", "PostForm"}
_ODD = re.compile(
    r"\b(?:Proxy|Dial\w*|CheckRedirect)\s*:|\bfunc \([^)]*\) (?:Addr|Format)\(|\bAddr(?:\s+|\s*:\s*)func\b|&\w+\.URL\b"
)
_LEADS_AWAY = re.compile(
    r"\bhttp\.(?:Redirect\w*|Request\{|ReadRequest)|\"location\"|\burl\.URL\{|\bnew\(http\.Request\)"
    r"|\bvar \w+ http\.Request\b"
    r"|\bWriteHeader\((?:30\d|http\.Status(?:Found|SeeOther|Moved\w+|\w+Redirect))\)",
    re.IGNORECASE,
)
_HEADER_BY_A_NAME = re.compile(r"Header\(\)(?:\.(?:Set|Add)\((?!\s*[\"`][^\"`]*[\"`]\s*,)|\[)")
_STATUS_BY_A_NAME = re.compile(r"\bWriteHeader\((?!\s*(?:\d+|http\.Status\w+)\s*\))")
_TRANSPORT = re.compile(r"\bTransport\s*[:=]\s*&?(\w+)\.")
_SET = re.compile(r"\.(?:URL|Proxy|Dial\w*|CheckRedirect|RequestURI)$|\.URL\.\w+$")
"""What no part of a test may be set: it says where a request goes, or how."""
_SENDS = {"Do", "RoundTrip"}
_BLOCKS = (
    *("source_file", "block", "function_declaration", "method_declaration", "func_literal", "for_statement"),
    *("if_statement", "expression_switch_statement", "type_switch_statement", "communication_case", "expression_case"),
    *("type_case", "default_case"),
)
_GOES_ON = re.compile(
    r"\.(?:RoundTrip|Transport)\b|\bDefault(?:Transport|Client)\b|\bhttp\.Transport\b|\bRoundTripper\b"
)
"""What hands a request to somebody else."""
_LINKS, _LINKING = ("os#Symlink", "os#Link"), re.compile(r"\b(?:Syml|L)ink\b")
_AT = {**dict.fromkeys(_LINKS, 1), "os#RemoveAll": 0, "os#Chmod": 0}
"""Which argument says what is made or changed."""
_MAKES_A_FOLDER = ("os#MkdirTemp", "io/ioutil#TempDir")
_DEEPEST = 6
_MOST = 20_000
"""Names that are followed in one file: each may be given many others."""


@dataclass
class GoLoopback:
    """What a test file's uses of the network reach. `imports`: paths by the name that they go by."""

    tree: Node
    imports: Mapping[str, str]
    _asked: int = 0

    def keeps(self, node: Node, full: str) -> bool:
        """Whether this use of `net/http#Get` and its kin is a server, or asks none but this machine."""
        if _SERVES.fullmatch(full):
            return True
        if full == "net/http#Client" and self._has_own_transport(node):
            return True
        if self._is_odd:
            return False
        package, _, name = full.partition("#")
        if package in WEBSOCKETS:
            return keeps_here(node, package, name, self._is_here)
        if full in _ASKS:
            given = arguments(node)
            is_here = self._is_here if full.startswith("net/http#") else self._is_place_here
            return len(given) > _ASKS[full] and is_here(given[_ASKS[full]])
        return _CLIENTS.fullmatch(full) is not None and self._clients_ask_here

    def stays_in_its_folder(self, node: Node, full: str) -> bool:
        """Whether what `os#Symlink` and its kin make, change or remove lies in a folder that the test is given.

        A link may lead anywhere. So where there is one, nothing is removed or changed: it could be what is behind it.
        """
        given = arguments(node)
        if full not in _AT or (full not in _LINKS and self._makes_links):
            return False
        if self._given.keys() & self.imports.keys():
            return False  # a name of a package may stand for something else
        return len(given) > _AT[full] and self._is_in_its_folder(given[_AT[full]])

    def _is_in_its_folder(self, node: Node, deep: int = 0) -> bool:
        """`t.TempDir()`, a place below it that is written, and names of those."""
        if deep > _DEEPEST:
            return False
        if node.type == "identifier":
            given = self._held_by(node)
            return bool(given) and all(one is not None and self._is_in_its_folder(one, deep + 1) for one in given)
        if node.type != "call_expression":
            return False
        function = node.child_by_field_name("function")
        if self._name_of(function) == "path/filepath#Join" and (given := arguments(function)):
            places = [quoted(one) for one in given[1:]]
            below = all(place and ".." not in place for place in places)
            of_system = given[0].type == "call_expression" and self._name_of(given[0].child_by_field_name("function"))
            if of_system == "os#TempDir":
                return not self._sets_environment and below and bool(places) and re.match(r"\w", places[0]) is not None
            return below and self._is_in_its_folder(given[0], deep + 1)
        if self._name_of(function) in _MAKES_A_FOLDER and (given := arguments(function)):
            is_systems = quoted(given[0]) == "" and text_of(given[0]) in ('""', "``")
            return is_systems or self._is_in_its_folder(given[0], deep + 1)
        return self._is_of_test(function)

    @cached_property
    def _sets_environment(self) -> bool:
        """Whether it may say where the system's temporary folder is."""
        return re.search(r"\bSetenv\((?!\s*[\"`](?!TMP|TEMP))", text_of(self.tree)) is not None

    @cached_property
    def _makes_links(self) -> bool:
        return _LINKING.search(text_of(self.tree)) is not None

    def _is_of_test(self, function: Node) -> bool:
        """`t.TempDir`, of the `*testing.T` that a function is given."""
        if function.type != "selector_expression" or text_of(function.named_children[-1]) != "TempDir":
            return False
        name = text_of(function.named_children[0])
        kinds = self._kinds.get(name, [])
        given = self._given.get(name, [])
        return len(given) == len(kinds) > 0 and all(re.fullmatch(r"\*?testing\.(?:T|B|F|TB)", one) for one in kinds)

    @cached_property
    def _kinds(self) -> dict[str, list[str]]:
        """The types of all that functions take, by name."""
        found: dict[str, list[str]] = {}
        for one in nodes(self.tree, "parameter_declaration"):
            for name in one.children_by_field_name("name"):
                found.setdefault(text_of(name), []).append(text_of(one.child_by_field_name("type")))
        return found

    def _has_own_transport(self, kind: Node) -> bool:
        """`http.Client{Transport: answers(…)}`: requests go to a function of the test, which hands them to nobody."""
        if kind.parent.type != "composite_literal" or _GOES_ON.search(text_of(self.tree)):
            return False
        pairs = list(kind.parent.child_by_field_name("body").named_children)
        values = [one.named_children for one in pairs if one.type == "keyed_element"]
        given = [value for key, value in values if text_of(key) == "Transport"]
        made = given[0] if len(given) == 1 and len(values) == len(pairs) else None
        while made is not None and made.type in ("literal_element", "unary_expression"):
            made = made.named_children[0]
        if made is None or made.type not in ("call_expression", "composite_literal"):
            return False
        name = text_of(made.child_by_field_name("function" if made.type == "call_expression" else "type"))
        declared = [
            one
            for one in nodes(self.tree, "type_spec", "type_alias")
            if text_of(one.child_by_field_name("name")) == name
        ]
        return name in self._transports and name not in self._given and len(declared) == 1

    @cached_property
    def _transports(self) -> set[str]:
        """The types of the file that answer requests by themselves."""
        methods = nodes(self.tree, "method_declaration")
        own = [one for one in methods if text_of(one.child_by_field_name("name")) == "RoundTrip"]
        return {text_of(kind) for one in own for kind in nodes(one.child_by_field_name("receiver"), "type_identifier")}

    @cached_property
    def _is_odd(self) -> bool:
        """Whether something may lead away from an address that is seen."""
        text = text_of(self.tree)
        if _ODD.search(text) or _LEADS_AWAY.search(text) or (self._given.keys() | self._unseen) & self.imports.keys():
            return True
        if _HEADER_BY_A_NAME.search(text) and _STATUS_BY_A_NAME.search(text):
            return True
        if any(self.imports.get(found[1], "net/http") != "net/http" for found in _TRANSPORT.finditer(text)):
            return True  # of another package, which sends where it likes
        assigned = nodes(self.tree, "assignment_statement")
        return any(self._leads(one) for each in assigned for one in each.child_by_field_name("left").named_children)

    def _leads(self, target: Node) -> bool:
        """`request.URL, err = …`; `place.Host = …` of a request's own URL."""
        if _SET.search(text_of(target)):
            return True
        on = target.named_children[0] if target.type == "selector_expression" else None
        given = self._given.get(text_of(on), []) if on is not None else []
        return any(one is not None and re.search(r"\.URL$|\burl\.Parse", text_of(one)) for one in given)

    @property
    def has_tame_clients(self) -> bool:
        """Whether a client that a server of httptest brings is asked for nothing but this machine."""
        return not self._is_odd and self._clients_ask_here

    @cached_property
    def sends_nothing(self) -> bool:
        """Whether no client is asked for anything in the file, whoever made it."""
        said = (text_of(one.named_children[-1]) for one in nodes(self.tree, "selector_expression"))
        return not any(name in _BY_CLIENT | _SENDS or name.startswith("Dial") for name in said)

    @cached_property
    def _clients_ask_here(self) -> bool:
        """Whether each request that is made in the file is to here, and each client is asked for here."""
        if any(map(self._is_handed_on, nodes(self.tree, "selector_expression"))):
            return False
        for call in nodes(self.tree, "call_expression"):
            function = call.child_by_field_name("function")
            if function.type != "selector_expression":
                continue
            given = [one for one in call.child_by_field_name("arguments").named_children if one.type != "comment"]
            name, on = text_of(function.named_children[-1]), text_of(function.named_children[0])
            if name in ("NewRequest", "NewRequestWithContext") and self.imports.get(on) == "net/http":
                at = 1 if name == "NewRequest" else 2
                if len(given) <= at or not (self._is_here(given[at]) or re.match(r"/(?!/)", quoted(given[at]))):
                    return False
            elif (name in _SENDS and not (given and self._is_request(given[0]))) or (
                name in _BY_CLIENT and on not in self.imports and not (given and self._is_no_address(given[0]))
            ):
                return False
        return True

    def _is_handed_on(self, node: Node) -> bool:
        """`get := client.Get`"""
        name, on = text_of(node.named_children[-1]), text_of(node.named_children[0])
        function = node.parent.child_by_field_name("function") if node.parent.type == "call_expression" else None
        is_called = function is not None and function.id == node.id
        return name in _BY_CLIENT | _SENDS and on not in self.imports and not is_called

    def _is_request(self, node: Node) -> bool:
        """A request that is made in this file, where its address is looked at."""
        if node.type == "call_expression":
            function = node.child_by_field_name("function")
            if function.type == "selector_expression":
                is_new = self._name_of(function).startswith("net/http#NewRequest")
                return is_new or text_of(function).endswith((".WithContext", ".Clone"))
            return text_of(function) in self._functions
        given = self._held_by(node)
        return bool(given) and all(one is None or self._is_request(one) for one in given)

    @cached_property
    def _functions(self) -> set[str]:
        return {text_of(one.child_by_field_name("name")) for one in nodes(self.tree, "function_declaration")}

    def _is_no_address(self, node: Node) -> bool:
        """What a header is asked for, or an address of this machine."""
        return (quoted(node) != "" and "/" not in quoted(node)) or self._is_here(node)

    @cached_property
    def _given(self) -> dict[str, list[Node | None]]:
        found: dict[str, list[Node | None]] = {}
        for name, value, _ in bindings(self.tree):
            found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _scopes(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        declared = ((name, node) for name, _, node in bindings(self.tree) if node.type != "assignment_statement")
        without = (
            (text_of(name), one) for one in nodes(self.tree, "var_spec") for name in one.children_by_field_name("name")
        )
        for name, declaring in (*declared, *without):
            scope = next((int(one.id) for one in above(declaring) if one.type in _BLOCKS), 0)
            found.setdefault(name, set()).add(scope)
        return found

    def _held_by(self, name: Node) -> list[Node | None]:
        """All that a name is given in the file: nothing where it stands for what another file declares."""
        self._asked += 1
        if self._asked > _MOST:
            return []
        scopes = self._scopes.get(text_of(name), set())
        if text_of(name) in self._lent:
            return []
        return self._given.get(text_of(name), []) if any(one.id in scopes for one in above(name)) else []

    @cached_property
    def _lent(self) -> set[str]:
        return lent(self.tree)

    @cached_property
    def _unseen(self) -> set[str]:
        return unseen(self.tree)

    def _is_here(self, node: Node, deep: int = 0) -> bool:
        if deep > _DEEPEST:
            return False
        match node.type:
            case "interpreted_string_literal" | "raw_string_literal":
                return bool(_URL.fullmatch(quoted(node)) or _PLACE.fullmatch(quoted(node))) and "%" not in quoted(node)
            case "identifier":
                given = self._held_by(node)
                return bool(given) and all(one is not None and self._is_here(one, deep + 1) for one in given)
            case "selector_expression":
                return self._is_servers(node) or self._is_host(node)
            case "binary_expression":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                follows = text_of(right)[1:2] in ("/", "?") and text_of(right)[:1] in ('"', "`")
                if quoted(left) == "ws" and self._is_without_scheme(right):
                    return self._is_here(right, deep + 1)
                return self._is_here(left, deep + 1) and (follows or has_path(left))
            case "call_expression":
                return self._is_made_here(node, deep)
        return False

    def _is_place_here(self, node: Node, deep: int = 0) -> bool:
        """What may be dialled: also `net.JoinHostPort("127.0.0.1", port)`, where any port leads to no other machine."""
        if deep > _DEEPEST:
            return False
        if node.type == "identifier" and (given := self._held_by(node)):
            return all(one is not None and self._is_place_here(one, deep + 1) for one in given)
        if node.type == "call_expression" and self._name_of(node.child_by_field_name("function")) == "net#JoinHostPort":
            asked = arguments(node.child_by_field_name("function"))
            return len(asked) == 2 and re.fullmatch(_ALONE, quoted(asked[0])) is not None
        return self._is_here(node, deep)

    def _is_result_here(self, call: Node, deep: int) -> bool:
        """Whether the one thing that a function of this file returns is here, wherever it returns."""
        name = text_of(call.child_by_field_name("function"))
        declared = [
            one for one in nodes(self.tree, "function_declaration") if text_of(one.child_by_field_name("name")) == name
        ]
        if len(declared) != 1 or name in self._given.keys() | self._unseen or name in self.imports:
            return False
        told = declared[0].child_by_field_name("result")
        if told is not None and told.type == "parameter_list":
            return False  # a result with a name may get another value as the function ends
        within = (one for one in nodes(declared[0], "return_statement") if not is_of_closure(one, declared[0]))
        returned = [[each for part in one.named_children for each in part.named_children] for one in within]
        return bool(returned) and all(len(one) == 1 and self._is_here(one[0], deep + 1) for one in returned)

    def _is_servers(self, node: Node) -> bool:
        """`server.URL`, of one that httptest made."""
        on, name = node.named_children[0], text_of(node.named_children[-1])
        given = self._held_by(on) if on.type == "identifier" and name == "URL" else []
        return bool(given) and all(one is not None and self._makes_a_server(one) for one in given)

    def _makes_a_server(self, node: Node) -> bool:
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        return function is not None and _MAKES_ONE.fullmatch(self._name_of(function)) is not None

    def _is_made_here(self, call: Node, deep: int) -> bool:
        """`listener.Addr().String()`, and texts that are put together of what is here."""
        function = call.child_by_field_name("function")
        given = call.child_by_field_name("arguments").named_children
        name = self._name_of(function)
        if text_of(function).endswith(".Addr().String"):
            return True
        if function.type == "identifier":
            return self._is_result_here(call, deep)
        if name == "strings#TrimPrefix" and len(given) == 2 and _SCHEME.fullmatch(quoted(given[1])):
            return self._is_here(given[0], deep + 1)
        if name == "strings#Replace" and [quoted(one) for one in given[1:3]] == ["http", "ws"]:
            return self._is_here(given[0], deep + 1)
        if name != "fmt#Sprintf" or not given:
            return False
        form = quoted(given[0])
        if put_in := _PUT_IN.fullmatch(form):
            return len(given) > 1 and self._is_here(given[1], deep + 1) and (not put_in[1] or self._is_bare(given[1]))
        return (_URL.fullmatch(form) or _PLACE.fullmatch(form)) is not None

    def _is_bare(self, node: Node) -> bool:
        """`listener.Addr().String()`, `place.Host`: a host and a port, and no address that begins with its scheme."""
        if node.type == "selector_expression":
            return self._is_host(node)
        if node.type == "identifier" and (given := self._held_by(node)):
            return all(one is not None and one.type == "call_expression" and self._is_bare(one) for one in given)
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        return function is not None and text_of(function).endswith(".Addr().String")

    def _is_host(self, node: Node) -> bool:
        """`place.Host` of `place, err := url.Parse(server.URL)`, where nobody else gets hold of the place."""
        on, name = node.named_children[0], text_of(node.named_children[-1])
        if name != "Host" or on.type != "identifier" or not self._held_by(on):
            return False
        given = [(value, at) for told, value, at in bindings_of(self.tree) if told == text_of(on)]
        uses = [one for one in nodes(self.tree, "identifier") if text_of(one) == text_of(on)]
        others = sum(not is_only_read(one) for one in uses)
        return others == len(given) and all(
            value is not None and at == 0 and self._is_parsed(value) for value, at in given
        )

    def _is_parsed(self, call: Node) -> bool:
        """`url.Parse(server.URL)`"""
        function = call.child_by_field_name("function") if call.type == "call_expression" else None
        asked = arguments(function) if function is not None else []
        return (
            function is not None
            and self._name_of(function) == "net/url#Parse"
            and len(asked) == 1
            and self._is_here(asked[0])
        )

    def _is_without_scheme(self, node: Node) -> bool:
        """`strings.TrimPrefix(server.URL, "http")`"""
        function = node.child_by_field_name("function") if node.type == "call_expression" else None
        return (
            function is not None
            and self._name_of(function) == "strings#TrimPrefix"
            and [quoted(one) for one in arguments(function)[1:]] == ["http"]
        )

    def _name_of(self, function: Node) -> str:
        if function.type != "selector_expression":
            return ""
        on, name = text_of(function.named_children[0]), text_of(function.named_children[-1])
        return f"{self.imports[on]}#{name}" if on in self.imports else ""
