"""New uses, in Go, of what can do anything: packages by their imports, names of others, and what comments order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.languages.syntax import Node, above, nodes, text_of, tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.dangers import SAYS, says
from kintsugi.repair.policy.go_again import Calls, again, called_in
from kintsugi.repair.policy.go_loopback import GoLoopback
from kintsugi.repair.policy.go_websockets import WEBSOCKETS
from kintsugi.repair.policy.python import Danger
from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re

_IMPORTED: tuple[tuple[str, str], ...] = (
    (
        "shell",
        r"os/exec|syscall|golang\.org/x/sys/.*|github\.com/(?:creack/pty|kr/pty|mitchellh/go-ps|go-cmd/cmd|bitfield/script"
        r"|docker/docker/client|ory/dockertest|u-root/).*|k8s\.io/client-go.*|mvdan\.cc/sh.*",
    ),
    (
        "eval",
        r"unsafe|plugin|C|runtime/cgo|debug/\w+|go/(?:build|importer)|go\.starlark\.net.*|rogchap\.com/v8go.*"
        r"|github\.com/(?:(?:traefik|containous)/yaegi|dop251/goja|robertkrimen/otto|tetratelabs/wazero|wasmerio/|bytecodealliance/"
        r"|yuin/gopher-lua|(?:Shopify/go-|Azure/go)lua|d5/tengo|mattn/anko|cosmos72/gomacro|hashicorp/go-plugin|ebitengine/purego).*",
    ),
    (
        "network",
        r"google\.golang\.org/grpc(?!/(?:codes|status|metadata)$).*|github\.com/(?:go-resty/resty|valyala/fasthttp|gorilla/websocket|gobwas/ws|imroc/req"
        r"|parnurzeal/gorequest|hashicorp/go-retryablehttp|miekg/dns|pkg/sftp|jlaffaye/ftp|go-gomail/gomail|coder/websocket"
        r"|nats-io/|(?:IBM|Shopify)/sarama|segmentio/kafka-go|twmb/franz-go|confluentinc/|rabbitmq/|streadway/amqp|eclipse/paho"
        r"|wneessen/go-mail|xhit/go-simple-mail|jordan-wright/email|(?:sendgrid|mailgun|twilio|slack-go)/|aws/aws-sdk-go"
        r"|minio/minio-go|quic-go/|pion/|libp2p/|getsentry/|melbahja/goph|(?:chromedp|go-rod|playwright-community)/).*"
        r"|cloud\.google\.com/go.*|nhooyr\.io/websocket|net/(?:rpc.*|smtp)|log/syslog|golang\.org/x/(?:crypto/ssh.*|net/(?:websocket"
        r"|proxy))|net/http/pprof|expvar",
    ),
)
_USED: tuple[tuple[str, str], ...] = (
    ("shell", r"os#(?:StartProcess|FindProcess|RemoveAll|Chmod|Chown|Symlink|Link)"),
    ("eval", r"reflect#(?:NewAt|SliceHeader|StringHeader|MakeFunc)|runtime/debug#SetPanicOnFault"),
    ("network", r"net#(?:Dial\w*|Listen(?!er$)\w*|Dialer|ListenConfig|Lookup\w*|Resolver|DefaultResolver|FileConn)"),
    (
        "network",
        r"net/http#(?:Get|Post|PostForm|Head|NewRequest\w*|Client|DefaultClient|Transport|DefaultTransport"
        r"|ListenAndServe\w*|Serve\w*|Server|Handle|HandleFunc|DefaultServeMux)|crypto/tls#(?:Dial\w*|Listen)",
    ),
    ("network", r"os#Environ"),
    ("network", r"net/http/httputil#.*"),
    ("security", r"html/template#(?:HTML|JS|URL|CSS|HTMLAttr|JSStr|Srcset)"),
    ("deserialiser", r"encoding/gob#(?:NewDecoder|Register\w*)"),
)
_BY_NAME = "MethodByName"  # of anything
_STEERING = re.compile(
    r"[\"`](?:PATH|LD_\w+|DYLD_\w+|BASH_ENV|IFS|GO(?:FLAGS|PATH|ROOT|DEBUG)|GIT_\w+|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_\w+)[\"`]$",
    re.IGNORECASE,
)
_TEXTS: tuple[tuple[str, str], ...] = (
    (
        "shell",
        r"\bcurl\s|\bwget\s|\bnc\s+-|bash\s+-[ci]|/bin/(?:ba)?sh\b|rm\s+-rf|^[\"`]/etc/(?:cron|sudoers|ld\.so|profile)",
    ),
    ("network", r"/etc/(?:passwd|shadow)|\.ssh/|authorized_keys|id_rsa|\.aws/credentials|169\.254\.169\.254"),
)
_OF_KEYS = re.compile(
    r"(?:Parse|Marshal)(?:Raw)?(?:Public|Private|Authorized)Key(?:WithPassphrase)?|New(?:PublicKey|CertSigner)"
    r"|NewSignerFrom(?:Key|Signer)|Fingerprint(?:SHA256|LegacyMD5)"
)
_TELLS_ONLY = (
    (r"os/exec", r"Error|ExitError|Err[A-Z]\w*"),
    (
        r"syscall|golang\.org/x/sys/unix|github\.com/tetratelabs/wazero/experimental/sys",
        r"Errno|E[A-Z0-9]+|SIG[A-Z0-9]+",
    ),
    (r"golang\.org/x/crypto/ssh", r"PublicKey|Signature|Signer|Certificate|KeyAlgo\w+"),
)
"""Of packages that can do anything, by path: what only says how something ended, names a signal, or is of a key."""
_STANDARD = re.compile(
    r"(?:C|archive|bufio|bytes|cmd|cmp|compress|container|context|crypto|database|debug|embed|encoding|errors|expvar|flag|fmt|go"
    r"|hash|html|image|index|internal|io|iter|log|maps|math|mime|net|os|path|plugin|reflect|regexp|runtime|slices|sort|strconv"
    r"|strings|sync|syscall|testing|text|time|unicode|unique|unsafe|vendor|weak)(?:/|$)"
)
_POINTER = "pointer_type"
_ACTS = re.compile(r"^(?:os|ioutil|io|exec|syscall|http|net)\.|\.(?:Open|Read|Get|Post|Do|Dial|Fetch|Load|Copy)\w*$")
_SCRIPT = re.compile(r"[\"`]\s*#!")
_CODE_FILE = re.compile(r"\.(?:go|s|so|sh|service)[\"`]$|[\"`]go\.(?:mod|sum|work)[\"`]$")
_REMOVES = re.compile(r"\bos\.Remove\(")
_WALKS = re.compile(r"\b(?:Walk(?:Dir)?|ReadDir|Glob|Readdir(?:names)?)\(")
_CHOOSES = re.compile(r"\bif\b(?![^{\n]*\berr\b)")
_EMBEDDED = re.compile(r"^//go:embed\s+.*(?:\.env|\.pem|\.key|secret|credential|id_rsa|\.\.|\.git)")
_ORDERS: tuple[tuple[str, str], ...] = (
    (
        "eval",
        r"//go:linkname\s+\S+|//go:cgo_\w+|//export\s+\w+|//go:(?:nosplit|noescape|norace|systemstack|uintptrescapes)",
    ),
    ("shell", r"//go:generate\s+\S+"),
    ("network", _EMBEDDED.pattern),
)
_KNOWN_FOR_EFFECT = re.compile(r"embed|image/(?:gif|jpeg|png)|time/tzdata|crypto/\w+|hash/\w+|golang\.org/x/image/\w+")
"""Packages that are imported for their effect alone, which is to register themselves or to be part of the build."""
_LEFT_OUT = "It changes when the file is part of a build. A human has to look."
_BLANK = "It imports {} for nothing but what that does when it is imported. {}"
_INIT = "It runs on import: init() is called before anything else of the program. A human has to look."


def module_of(path: str, tree: Tree) -> str:
    """The module path of the nearest go.mod; "" where there is none."""
    folders = path.split("/")[:-1]
    for depth in range(len(folders), -1, -1):
        if (text := tree.read("/".join([*folders[:depth], "go.mod"]))) is not None:
            found = re.search(rb"(?m)^module\s+\"?([^\s\"]+)", text)
            return found[1].decode("utf-8", "replace") if found else ""
    return ""


def go_dangers(change: Change, module: str = "") -> list[Danger] | None:
    """What is new; None where the file is no Go that can be read. `module`: the path of the module that it is in."""
    if change.after is None:
        return []
    before, after = tree_of("go", change.old), tree_of("go", change.new)
    if before is None or after is None or not any(one.type == "package_clause" for one in after.named_children):
        return None
    is_test = change.path.endswith("_test.go")
    theirs = [{name: path for name, path in imports_of(tree) if not _is_of(module, path)} for tree in (before, after)]
    more = _uses(after, theirs[1], is_test=is_test) - _uses(before, theirs[0], is_test=is_test)
    if is_test and more and change.before:
        more -= _again((before, after), theirs, more)
    come = sorted(more)
    if is_test:  # handlers are asked by a request that is never sent
        come = [(rule, name) for rule, name in come if not name.startswith("net/http.NewRequest")]
    found = [Danger(rule, f"It newly uses {name}. {says(rule, name)}", rule != "look") for rule, name in come]
    found += [_of_blank(path, module) for path in sorted(_blank(after) - _blank(before))]
    if _inits(after) - _inits(before) and not is_test:
        found.append(Danger("look", _INIT, refuses=False))
    if set(_constraints(after)) - set(_constraints(before)):
        found.append(Danger("look", _LEFT_OUT, refuses=False))
    return list(dict.fromkeys(found))


def _blank(tree: Node) -> set[str]:
    """The packages that are imported for their effect alone, but those that are known to need it."""
    specs = (one for one in nodes(tree, "import_spec") if text_of(one.child_by_field_name("name")) == "_")
    paths = (text_of(one.child_by_field_name("path")).strip('"`') for one in specs)
    return {path for path in paths if not _KNOWN_FOR_EFFECT.fullmatch(path)}


def _of_blank(path: str, module: str) -> Danger:
    """A package of the module's own can be read by whoever confirms the patch; a stranger's cannot."""
    if _is_of(module, path):
        return Danger("look", _BLANK.format(path, SAYS["look"]), refuses=False)
    return Danger("eval", _BLANK.format(path, SAYS["eval"]))


def _is_of(module: str, path: str) -> bool:
    """Not where the module goes by a name of the standard library, which is what such an import leads to."""
    return bool(module) and not _STANDARD.match(module) and f"{path}/".startswith(f"{module}/")


def _constraints(tree: Node) -> Iterator[str]:
    comments = (text_of(node) for node in nodes(tree, "comment"))
    return (comment for comment in comments if re.match(r"//go:build|// ?\+build", comment))


def assembly(change: Change) -> list[Danger]:
    """Files that a Go package is built of without a look at them."""
    if change.path.endswith((".s", ".S", ".syso")) and change.added:
        return [Danger("eval", f"It is assembly, which a build takes in. {SAYS['eval']}")]
    return []


def _inits(tree: Node) -> Counter[str]:
    functions = [one for one in tree.named_children if one.type == "function_declaration"]
    found = Counter(text_of(one) for one in functions if text_of(one.child_by_field_name("name")) == "init")
    declared = (one for one in tree.named_children if one.type == "var_declaration")
    return found + Counter(text_of(one) for one in declared if any(_called_at_once(one)))


def _called_at_once(declaration: Node) -> Iterator[Node]:
    """`var x = func() int { … }()`."""
    calls = nodes(declaration, "call_expression")
    return (one for one in calls if one.child_by_field_name("function").type == "func_literal")


def _uses(tree: Node, imports: dict[str, str], *, is_test: bool) -> Counter[tuple[str, str]]:
    """(rule, what) as often as it is there. `imports`: of packages that are not the module's own."""
    found: Counter[tuple[str, str]] = Counter()
    dotted = [path for name, path in imports.items() if name.startswith(".")]
    loopback = GoLoopback(tree, imports) if is_test else None
    for path in imports.values():
        only_told = path not in dotted and _is_only_told_of(tree, path, imports)
        if not only_told and (
            loopback is None or path in dotted or path not in WEBSOCKETS
        ):  # there each use is looked at
            found.update((rule, f"the package {path}") for rule, pattern in _IMPORTED if re.fullmatch(pattern, path))
    bare = ("identifier", "type_identifier") if dotted else ()  # which may be a name of a package that has none here
    for node in nodes(tree, "selector_expression", "qualified_type", "comment", *bare):
        uses = [] if not is_test and _is_returned(node) else list(_of(node, imports, dotted))
        if uses and not (loopback and _stays_here(node, uses, loopback)):
            found.update(uses)
    for node in nodes(tree, "interpreted_string_literal", "raw_string_literal"):
        rules = [rule for rule, pattern in _TEXTS if re.search(pattern, text_of(node))]
        found.update(("look" if is_test and _is_held_text(node, rule) else rule, text_of(node)) for rule in rules)
    by_server = "net/http/httptest" in imports.values() and not (loopback and loopback.has_tame_clients)
    for node in nodes(tree, "call_expression"):
        found.update(_of_call(node))
        if by_server and _is_servers_client(node, imports):
            found["network", "the client of a server of httptest"] += 1
    for node in nodes(tree, "for_statement", "call_expression"):
        found.update(_of_emptying(node, tree))
    return found


def _again(
    trees: tuple[Node, Node], imports: list[dict[str, str]], more: Counter[tuple[str, str]]
) -> Counter[tuple[str, str]]:
    """What of it a test only does again."""
    each = [
        [(node, use) for node in nodes(tree, "selector_expression", "qualified_type") for use in _of(node, names, [])]
        for tree, names in zip(trees, imports, strict=True)
    ]
    had, has = ([(node, use) for node, use in uses if use in more] for uses in each)
    known = called_in(trees[0])
    return again(Calls(trees[0], imports[0], known), Calls(trees[1], imports[1], known), had, has)


def _is_held_text(node: Node, rule: str) -> bool:
    """A script that nothing has started yet; a place that nothing opens or asks."""
    if rule == "shell":
        return _SCRIPT.match(text_of(node)) is not None
    if node.parent.type in ("slice_expression", "index_expression"):
        return False
    calls = (one for one in above(node) if one.type == "call_expression")
    return not any(_ACTS.search(text_of(one.child_by_field_name("function"))[:80]) for one in calls)


def _is_servers_client(call: Node, imports: dict[str, str]) -> bool:
    """`server.Client()`"""
    name, asked = text_of(call.child_by_field_name("function")), call.child_by_field_name("arguments").named_children
    return name.endswith(".Client") and name.count(".") < 3 and name.partition(".")[0] not in imports and not asked


def _stays_here(node: Node, uses: list[tuple[str, str]], loopback: GoLoopback) -> bool:
    """Whether what a test asks for is the network of its own machine, or a place in a folder of its own."""
    if node.type not in ("selector_expression", "qualified_type"):
        return False
    if _is_held(node) and loopback.sends_nothing and all(rule == "network" for rule, _ in uses):
        return True
    path, _, name = uses[0][1].rpartition(".")
    if all(rule == "shell" for rule, _ in uses):
        return loopback.stays_in_its_folder(node, f"{path}#{name}")
    return all(rule == "network" for rule, _ in uses) and loopback.keeps(node, f"{path}#{name}")


def _is_held(node: Node) -> bool:
    """The kind of a field, or of what a function takes: a pointer that leads to nothing until somebody makes one."""
    around = list(above(node))[:2]
    kinds = [one.type for one in around]
    return node.type == "qualified_type" and kinds in (
        [_POINTER, "field_declaration"],
        [_POINTER, "parameter_declaration"],
    )


def _is_returned(node: Node) -> bool:
    """`func client() (*http.Client, error)`: the kind of what a function returns, which somebody else has made."""
    around = list(above(node))[:4] if node.type == "qualified_type" else []
    kinds = [one.type for one in around]
    if kinds[:1] != [_POINTER]:
        return False
    is_listed = kinds[1:3] == ["parameter_declaration", "parameter_list"]
    if is_listed and around[1].child_by_field_name("name") is not None:
        return False  # it is a variable, which what is generic may fill
    at = 2 if is_listed else 0
    if kinds[at + 1 : at + 2] == ["function_type"]:
        return False  # so may a variable of this type be
    told = around[at + 1].child_by_field_name("result") if len(around) > at + 1 else None
    return told is not None and told.id == around[at].id


def _of_emptying(node: Node, tree: Node) -> Iterator[tuple[str, str]]:
    """What goes over a folder and removes what is in it; where it chooses, a human is to look."""
    text = text_of(node)
    if not _REMOVES.search(text):
        return
    over = text.partition("{")[0]
    named = re.search(r"\brange\s+(\w+)\s*$", over.rstrip())
    set_to = re.search(rf"\b{named[1]}\b[\w, ]*:?=\s*([^\n]*)", text_of(tree)) if named else None
    if _WALKS.search(over) or (set_to and _WALKS.search(set_to[1])):
        chooses = _CHOOSES.search(text) is not None
        yield "look" if chooses else "shell", "a loop that removes what is in a folder"


def _of_call(node: Node) -> Iterator[tuple[str, str]]:
    """What a call does by its arguments."""
    name = text_of(node.child_by_field_name("function"))
    first = text_of(next(iter(node.child_by_field_name("arguments").named_children), None))
    if name.endswith("Setenv") and _STEERING.match(first):
        yield "shell", f"the environment of programs ({first})"
    elif name.endswith(("WriteFile", ".Create", ".OpenFile", ".Rename")) and _CODE_FILE.search(first):
        yield "shell", f"a file that something runs or builds, written ({first})"


def imports_of(tree: Node) -> Iterator[tuple[str, str]]:
    """Paths by the name that they go by in the file; those without one by a name that no code can have."""
    declared = (one for one in tree.named_children if one.type == "import_declaration")
    for number, spec in enumerate(spec for one in declared for spec in nodes(one, "import_spec")):
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
    if node.type == "selector_expression" and _calls_by_a_made_name(node):
        yield "eval", f"{_BY_NAME} of anything"
    for full in names:
        path, _, name = full.partition("#")
        for rule, pattern in _USED:
            if re.fullmatch(pattern, full):
                yield rule, f"{path}.{name}"
        for rule, pattern in _IMPORTED:
            if re.fullmatch(pattern, path) and not (
                _only_says(path, name) or (rule == "network" and (_is_asked_for(node) or _only_tells(node, name)))
            ):
                yield rule, f"{path}.{name}"


def _is_asked_for(node: Node) -> bool:
    """`case *slack.FileDeletedEvent:`, which comes to something that is there, and makes nothing.

    A type assertion is another matter: where it fails, it leaves a value of this type to make more of.
    """
    around = [one.type for one in above(node)][:2] if node.type == "qualified_type" else []
    return "type_case" in (around[:1] if around[:1] != [_POINTER] else around[1:])


def _only_says(path: str, name: str) -> bool:
    return any(re.fullmatch(of, path) and re.fullmatch(names, name) for of, names in _TELLS_ONLY)


def _is_only_told_of(tree: Node, path: str, imports: dict[str, str]) -> bool:
    """Whether a file uses a package that can do anything, and nothing of it but what says how something ended."""
    if not any(re.fullmatch(of, path) for of, _ in _TELLS_ONLY):
        return False
    used = nodes(tree, "selector_expression", "qualified_type")
    names = [text_of(one.named_children[-1]) for one in used if imports.get(text_of(one.named_children[0])) == path]
    return bool(names) and all(_only_says(path, name) for name in names)


def _only_tells(node: Node, name: str) -> bool:
    """An error's value, what reads or writes bytes, a pointer that somebody else has made: of a package that sends."""
    if re.fullmatch(r"Err[A-Z]\w*", name) and node.type == "selector_expression":
        return not (node.parent.type == "call_expression" and node.parent.child_by_field_name("function").id == node.id)
    if name in ("Marshal", "Unmarshal") or _OF_KEYS.fullmatch(name):
        return bool(node.parent.type == "call_expression")
    return _is_held(node)


def _calls_by_a_made_name(node: Node) -> bool:
    """Which method it is, is told when it runs. One that is written down is as good as a call of it.

    What the standard library has under this name takes the name alone; another with more arguments is the program's.
    """
    if text_of(node.named_children[-1]) != _BY_NAME:
        return False
    call = node.parent
    if call.type != "call_expression" or call.child_by_field_name("function").id != node.id:
        return True  # handed on
    given = [one.type for one in call.child_by_field_name("arguments").named_children if one.type != "comment"]
    return len(given) == 1 and given[0] not in ("interpreted_string_literal", "raw_string_literal")
