"""New uses, in JavaScript and TypeScript, of what can do anything: names followed from imports, and globals.

A module that can do little else (child_process, vm) is dangerous where it is loaded; of others (fs, http) single
members are. Only what is used more often than before is new. A name that the code itself declares stands for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.languages.node.language import JavaScript
from kintsugi.repair.languages.syntax import Node, nodes, text_of, tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.dangers import says
from kintsugi.repair.policy.node_expected import is_expected
from kintsugi.repair.policy.node_names import BY_LAST, HOLDERS, LOADED, MEMBERS, PURE, NodeNames, module_in, only_pure
from kintsugi.repair.policy.node_tests import EVERY_OBJECT, InTest
from kintsugi.repair.policy.python import Danger
from kintsugi.repair.policy.screen import Screened
from kintsugi.telemetry import lazy_re as re

_LANGUAGE = JavaScript()
_GRAMMARS = {"ts": "ts", "mts": "ts", "cts": "ts", "tsx": "tsx"}
_PROCESS = dict(MEMBERS["process"])
_GLOBALS: tuple[tuple[str, str], ...] = (
    ("eval", r"eval|Function|importScripts|WebAssembly|execScript|SharedWorker|Worker"),
    ("network", r"fetch|XMLHttpRequest|WebSocket|EventSource|RTCPeerConnection|WebTransport"),
)
_EVERYWHERE = re.compile(
    r"(?:(?:Object|Array|String|Number|Function|Promise|Map|Set|RegExp|Error|JSON|Math)\.prototype(?:\.\w+)?"
    r"|(?:.*\.)?__proto__(?:\.\w+)?|.*\.constructor\.prototype(?:\.\w+)?|(?:Object|Reflect)\.getPrototypeOf\(.*)$"
)
_LOADING = re.compile(r"require\.(?:cache|extensions)(?:\.\w+)?$|(?:\w+#)?Module\._\w+$|module\.(?:paths|children)$")
_STEERING = re.compile(
    r"process\.env\.(?:NODE_(?!ENV$)\w+|PATH|LD_\w+|DYLD_\w+|BASH_ENV|(?:https?|all|no)_proxy|SSL_CERT_\w+|npm_config_\w+)$",
    re.IGNORECASE,
)
_WRITING = re.compile(
    r"(?:writeFile|appendFile|createWriteStream|copyFile)(?:Sync)?$|(?:rename|cp|symlink|link)Sync$"
    r"|(?:^|\b(?:fs|fsp|fsPromises|promises)[#.])(?:rename|cp|symlink)$|\b(?:fs|fsp|fsPromises|promises)[#.]link$"
)
_CODE_FILE = re.compile(
    r"node_modules|\.(?:[cm]?[jt]sx?|node|sh)[\"'`]?$|package\.json|\.npmrc|\.(?:bash|zsh)rc|\.profile|[\"'`]/(?:etc|usr|bin)/"
)
_MANNER = re.compile(r"^promises\.|Sync$")
_OF_ONE_FILE = ("force", "maxRetries", "retryDelay")
_FETCHES = ("node-fetch", "cross-fetch", "isomorphic-fetch")  # which do what the global of this name does
_NO_USES = ("property_identifier", "import_specifier", "import_clause", "namespace_import")
_EACH = ("forEach", "map")
_REMOVING = re.compile(r"\b(?:unlink|rmdir|rm)(?:Sync)?\b")
_WALKING = re.compile(r"\b(?:readdir|glob|globby|fastGlob)(?:Sync)?\b|\bglob\.sync\b")
_RUNTIMES = re.compile(r"(?:Deno\.(?:run|Command|dlopen|connect|listen)|Bun\.(?:spawn\w*|connect|listen|serve|\$))$")
_WORDS = Screened(
    r"require|import|eval|Function|process|fetch|XMLHttp|Socket|EventSource|Worker|WebAssembly|constructor"
    r"|globalThis|\bglobal\b|window|sendBeacon|setTimeout|setInterval|__proto__|Reflect|Deno|Bun|https?://"
    r"|curl |wget |/bin/|\.ssh|passwd|[pP]rototype|writeFile|appendFile|createWriteStream|copyFile|rename|symlink|_load"
    r"|loadExtension|LoadExtension|unlink|\brm|\bwith\b|Image|innerHTML|outerHTML|insertAdjacentHTML|document\.write"
)
_COMMANDS = re.compile(r"\bcurl\s|\bwget\s|\bnc\s+-|bash\s+-[ci]|/bin/(?:ba)?sh\b|powershell|rm\s+-rf|\|\s*(?:ba)?sh\b")
_SECRETS = re.compile(
    r"/etc/(?:passwd|shadow)|\.ssh/|authorized_keys|id_rsa|\.aws/credentials|169\.254\.169\.254|\.npmrc"
)

_OF_ALL = re.compile(r"\.__proto__\.|^(?:Object|Reflect)\.getPrototypeOf\(")


def node_dangers(change: Change) -> list[Danger] | None:
    """What is new; None where the file is no JavaScript that can be read."""
    if change.after is None or (not _WORDS.may_match(change.added_text) and not _bound_words(change)):
        return []
    before, after = (_tree(change.path, text) for text in (change.old, change.new))
    if before is None or after is None:
        return None
    is_test = _LANGUAGE.is_test_file(change.path)
    come = _uses(after, is_test=is_test) - _uses(before, is_test=is_test)
    found = [Danger(rule, f"It newly uses {name}. {says(rule, name)}", rule != "look") for rule, name in sorted(come)]
    return list(dict.fromkeys(found))


def _bound_words(change: Change) -> bool:
    """Whether an added line has a name that the file binds to a module that counts."""
    loaded = re.findall(r"(?:require\(|from\s+)['\"](?:node:)?([\w/.-]+)['\"]", change.new)
    return any(module in LOADED or module in MEMBERS for module in loaded)


def _tree(path: str, text: str) -> Node | None:
    grammar = _GRAMMARS.get(path.rpartition(".")[2], "js")
    return tree_of(grammar, text) or (tree_of("tsx", text) if grammar == "js" else None)


def _uses(tree: Node, *, is_test: bool) -> Counter[tuple[str, str]]:
    """(rule, what) as often as it is there."""
    names = NodeNames(tree)
    test = InTest(tree, names) if is_test else None
    pure = {module for module in PURE if only_pure(tree, module)}
    found: Counter[tuple[str, str]] = Counter()
    for node in nodes(tree):
        for rule, what in _of(node, names):
            use = test.seen(node, rule, what) if test else (rule, what)
            is_pure = what.removeprefix("the module ").partition(".")[0] in pure
            found.update([use] if use and not is_pure else [])
    return found


def _of(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    match node.type:
        case "import_statement" | "export_statement" | "import_require_clause":
            yield from _loading(text_of(node.child_by_field_name("source")))
        case "call_expression" | "new_expression":
            yield from _of_call(node, names)
            yield from _of_each(node, names)
        case "member_expression" | "identifier" | "shorthand_property_identifier":
            yield from _of_name(node, names)
        case "subscript_expression":
            yield from _of_subscript(node, names)
        case "string_fragment" | "template_string":
            yield from _of_text(text_of(node))
        case "assignment_expression":
            yield from _of_assignment(node, names)
        case "for_in_statement":
            yield from _of_emptying(node.child_by_field_name("right"), node.child_by_field_name("body"), names)
        case "with_statement":
            yield "eval", "with, which makes names of whatever an object has"


def _of_assignment(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    """What changes for the whole program: prototypes, what is loaded, what programs are started with."""
    left = node.child_by_field_name("left")
    full = names.full(left) or (text_of(left) if _OF_ALL.search(text_of(left)) else "")
    if left.type == "subscript_expression":
        index = _bare(left.child_by_field_name("index"))
        held = names.full(left.child_by_field_name("object"))
        inner = left.child_by_field_name("object")
        if inner.type == "subscript_expression":  # process["env"]["PATH"]
            held = f"{names.full(inner.child_by_field_name('object'))}.{_bare(inner.child_by_field_name('index'))}"
        full = f"{held}.{index}"
        if full.startswith(("require.cache.", "require.extensions.")):
            full = "require.cache"
    if _EVERYWHERE.match(full):
        yield "eval", f"{full}, {EVERY_OBJECT}"
    elif _LOADING.match(full):
        yield "eval", f"{full}, by which modules are loaded"
    elif _STEERING.match(full):
        yield "shell", f"{full}, by which programs are started"
    elif full.endswith((".innerHTML", ".outerHTML")):
        yield "look", f"{full}, which makes a text part of the page"
    elif text_of(left).replace(" ", "") in ("newImage().src", "(newImage()).src"):
        yield "network", "the source of an image"


def _bare(node: Node) -> str:
    return text_of(node).strip("'\"`")


def _loading(quoted: str) -> Iterator[tuple[str, str]]:
    module = module_in(quoted)
    if module in LOADED:
        yield LOADED[module], f"the module {module}"
    elif re.match(r"(?:https?|data|blob):", module):
        yield "eval", "a module from an address"
    elif module.endswith(".node"):
        yield "eval", "a compiled module"


def _of_call(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    name = names.full(function) or text_of(function)
    given = [one for one in (node.child_by_field_name("arguments") or node).named_children if one.type != "comment"]
    first = given[0] if given else None
    if (
        name in ("require", "import", "require.resolve", "module.require", "process.getBuiltinModule")
        or function.type == "import"
    ):
        if first is not None and first.type == "string":
            yield from _loading(text_of(first))
        elif first is not None and not _is_own(first):
            yield "eval", f"{name} of a name that is made when it runs"
    elif (
        name in ("setTimeout", "setInterval", "setImmediate")
        and first is not None
        and first.type in ("string", "template_string", "binary_expression")
    ):
        yield "eval", f"{name} of a text"
    elif name.endswith((".insertAdjacentHTML", "document.write", "document.writeln")):
        yield "look", f"{name}, which makes a text part of the page"
    elif (found := BY_LAST.get(name.rpartition(".")[2])) is not None:
        yield found
    elif _WRITING.search(name) and any(
        _CODE_FILE.search(text_of(one)) or "__filename" in text_of(one) for one in given[:2]
    ):
        yield "shell", "a file that something runs or loads, written"
    elif name in (
        "Object.assign",
        "Object.setPrototypeOf",
        "Object.defineProperty",
        "Object.defineProperties",
        "Object.freeze",
        "Object.seal",
        "Object.preventExtensions",
    ) and (first is not None and _EVERYWHERE.match(names.full(first))):
        yield "eval", f"{names.full(first)}, {EVERY_OBJECT}"
    elif name.endswith(".constructor"):
        is_text = first is not None and first.type in ("string", "template_string")
        if is_text or name.count("constructor") > 1 or (node.type == "call_expression" and name != "this.constructor"):
            yield "eval", "a constructor of functions"
    elif (
        name in ("Reflect.construct", "Reflect.apply", "Reflect.get")
        and first is not None
        and names.is_holder(text_of(first))
    ):
        yield "eval", name


def _of_each(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    """`readdirSync(d).forEach((f) => unlinkSync(f))`."""
    function = node.child_by_field_name("function")
    if function is None or function.type != "member_expression":
        return
    if text_of(function.child_by_field_name("property")) in _EACH:
        each = node.child_by_field_name("arguments")
        yield from _of_emptying(function.child_by_field_name("object"), each, names)


def _of_emptying(over: Node | None, body: Node | None, names: NodeNames) -> Iterator[tuple[str, str]]:
    """A loop over what is in a folder that removes it; where it chooses, a human is to look."""
    if over is None or body is None or not _REMOVING.search(text_of(body)):
        return
    declared = [text_of(one) for one in nodes(names.tree, "variable_declarator") if over.type == "identifier"]
    texts = [text_of(over), *(one for one in declared if one.startswith(text_of(over)))]
    if any(_WALKING.search(one) for one in texts):
        chooses = any(nodes(body, "if_statement")) or any(".filter(" in one for one in texts)
        yield "look" if chooses else "shell", "a loop that removes what is in a folder"


def _is_own(first: Node) -> bool:
    """`./locales/${name}` stays in the project."""
    return first.type == "template_string" and text_of(first)[1:3] in ("./", "..")


def _of_name(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    parent = node.parent
    if parent is not None and parent.type == "member_expression" and parent.child_by_field_name("object").id == node.id:
        return  # the whole of it is looked at
    is_compared = parent is not None and "instanceof" in (one.type for one in parent.children)
    if is_compared or (parent is not None and parent.type in _NO_USES):
        return
    full = names.full(node)
    if full.startswith("process.") or full == "process":
        yield from _of_process(node, full)
        return
    if _RUNTIMES.match(full):
        yield "shell", full
    module, _, member = full.partition("#")
    member = re.sub(r"\.(?:call|apply|bind)$", "", member)
    if member:
        for rule, pattern in MEMBERS.get(module, ()):
            if re.fullmatch(pattern, member) and not _removes_one(node, member):
                yield (
                    rule,
                    f"{module.removesuffix('/promises')}.{member.removeprefix('promises.').removesuffix('Sync')}",
                )
        if module in LOADED:
            yield LOADED[module], f"{module}.{member}"
    elif module in LOADED and node.type == "identifier" and names.is_bound(node):
        is_declared = parent is not None and parent.type == "variable_declarator"
        yield LOADED[module], "fetch" if module in _FETCHES and not is_declared else module
    else:
        bare = full.rpartition(".")[2] if full.partition(".")[0] in HOLDERS else full.partition(".")[0]
        bare = bare if bare == "WebAssembly" or full.partition(".")[0] in HOLDERS else full
        for rule, pattern in _GLOBALS:
            is_own = bare == full and (names.is_declared(node, bare) or is_expected(node, names))
            if re.fullmatch(pattern, bare) and not is_own:
                yield rule, bare


def _removes_one(node: Node, member: str) -> bool:
    """`rm(path, { force: true })` removes what `unlink` does."""
    call = node.parent
    if not re.fullmatch(r"(?:promises\.)?rm(?:Sync)?", member) or call is None or call.type != "call_expression":
        return False
    given = [one for one in call.child_by_field_name("arguments").named_children if one.type != "comment"]
    is_called = call.child_by_field_name("function").id == node.id
    return (
        is_called
        and bool(given)
        and "spread_element" not in (one.type for one in given)
        and all(map(_is_no_tree, given[1:]))
    )


def _is_no_tree(option: Node) -> bool:
    """A function, or options that are written and say nothing of what lies below."""
    if option.type != "object":
        return option.type in ("arrow_function", "function_expression")
    keys = [one.child_by_field_name("key") for one in option.named_children if one.type == "pair"]
    return len(keys) == len(option.named_children) and all(
        key.type == "property_identifier" and text_of(key) in _OF_ONE_FILE for key in keys
    )


def _of_process(node: Node, full: str) -> Iterator[tuple[str, str]]:
    member = full.removeprefix("process").removeprefix(".")
    for rule, pattern in MEMBERS["process"]:
        if re.fullmatch(pattern, member):
            yield rule, full
    if member == "env" and (
        node.parent is None or node.parent.type not in ("subscript_expression", "variable_declarator")
    ):
        yield "network", "the whole of process.env"
    if member == "" and node.parent is not None and node.parent.type in ("arguments", "assignment_expression", "pair"):
        yield "eval", "process, handed on"


def _of_subscript(node: Node, names: NodeNames) -> Iterator[tuple[str, str]]:
    """`process["mainModule"]`, `globalThis[name]`, `cp["ex" + "ec"]`."""
    on, index = node.child_by_field_name("object"), node.child_by_field_name("index")
    full = names.full(on)
    is_holder = full in (*HOLDERS, "process") or full.partition("#")[0] in {*LOADED, *MEMBERS}
    member = full.partition("#")[2]
    is_table = bool(member) and (member.isupper() or member.endswith("constants"))  # http.STATUS_CODES
    if not is_holder or is_table or full == "process.env":
        return
    if index.type == "string":
        joined = f"{full}{'.' if full in (*HOLDERS, 'process') else '#'}{text_of(index)[1:-1]}"
        bare = joined.rpartition(".")[2]
        rules = [rule for rule, pattern in _GLOBALS if re.fullmatch(pattern, bare)]
        rules += [
            rule for rule, pattern in MEMBERS.get("process", ()) if full == "process" and re.fullmatch(pattern, bare)
        ]
        yield from ((rule, bare) for rule in rules)
    elif full in HOLDERS and _is_changed(node):
        yield "look", "a name of all files that is made when it runs, set to something"
    elif index.type != "number":
        yield "eval", f"a part of {full.rstrip('#')} by a name that is made when it runs"


def _is_changed(node: Node) -> bool:
    """`window[name] = …`, `delete window[name]`"""
    parent = node.parent
    is_set = parent.type == "assignment_expression" and parent.child_by_field_name("left").id == node.id
    return bool(is_set or (parent.type == "unary_expression" and text_of(parent).startswith("delete ")))


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    if found := _COMMANDS.search(text):
        yield "shell", repr(found[0].strip())
    if found := _SECRETS.search(text):
        yield "network", repr(found[0])
