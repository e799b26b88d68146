"""New uses, in Python, of what can do anything: shells, eval, the network, deserialisers.

Names are resolved through imports, and a use counts whether or not it is called: `run = os.system` is one. Only
what is used more often than before is new.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.screen import Screened
from kintsugi.repair.syntax import Source, children, parsed
from kintsugi.repair.trees import Tree

_SUBPROCESS = "run|Popen|call|check_call|check_output|getoutput|getstatusoutput"
_DANGERS: tuple[tuple[str, str], ...] = (
    (
        "shell",
        rf"(?:os|posix|nt)\.(?:system|popen\w*|exec[lv]\w*|spawn\w*|posix_spawnp?|startfile|fork|forkpty)"
        rf"|subprocess\.(?:{_SUBPROCESS})"
        r"|pty\.(?:spawn|fork)|commands\.\w+|asyncio\.(?:subprocess\.)?create_subprocess_\w+|anyio\.(?:run_process"
        r"|open_process)"
        r"|trio\.(?:run_process|lowlevel\.open_process)|pexpect\.(?:spawn|run)|sh\.\w+|plumbum\.\w+|invoke\.run"
        r"|fabric\.\w+"
        r"|_posixsubprocess\.\w+|shell=True|multiprocessing\.popen_\w+.*|\?\.(?:system|popen|check_output|execve?"
        r"|spawnl)",
    ),
    (
        "eval",
        r"(?:builtins\.|__builtin__\.)?(?:eval|exec|execfile|compile|__import__|__builtins__|__loader__)(?:\..*)?"
        r"|importlib\.(?:__import__)"
        r"|importlib\.util\.(?:spec_from_file_location|module_from_spec)|importlib\.machinery\.\w+|imp\.\w+"
        r"|runpy\.\w+"
        r"|code\.(?:interact|InteractiveInterpreter|InteractiveConsole|compile_command)|types\.(?:FunctionType"
        r"|CodeType)|ctypes(?:\..*)?"
        r"|_ctypes\..*|cffi\..*|(?:.*\.)?__(?:subclasses|globals|builtins|code|closure|reduce|reduce_ex)__"
        r"|getattr of .*|dynamic import"
        r"|pkgutil\.(?:resolve_name|get_loader|find_loader)|zipimport\..*|flask\.render_template_string"
        r"|asteval\..*|star import",
    ),
    (
        "network",
        r"socket\.(?:socket|create_connection|create_server|socketpair|fromfd|getaddrinfo|gethostbyname\w*)"
        r"|socketserver\.\w+"
        r"|urllib\.(?:request\.\w+|urlopen|urlretrieve|URLopener)|urllib2\.\w+|(?:http\.client"
        r"|httplib)\.HTTPS?Connection|http\.server\.\w+"
        r"|requests\.(?:get|post|put|patch|delete|head|options|request|[sS]ession)|requests\.sessions\.Session"
        r"|requests\.api\.\w+"
        r"|httpx\.(?:get|post|put|patch|delete|head|options|request|stream|Client|AsyncClient)"
        r"|aiohttp\.(?:ClientSession|request)"
        r"|urllib3\.(?:PoolManager|ProxyManager|request|connection_from_url|HTTPS?ConnectionPool)|ftplib\.\w+"
        r"|smtplib\.\w+|telnetlib\.\w+"
        r"|poplib\.\w+|imaplib\.\w+|nntplib\.\w+|xmlrpc\.(?:client|server)\.\w+|websockets?\.(?:connect"
        r"|create_connection|WebSocketApp|serve)"
        r"|paramiko\.(?:SSHClient|Transport|client\..*)|asyncio\.(?:open_connection|start_server"
        r"|open_unix_connection)|pycurl\.\w+|webbrowser\.\w+"
        r"|dns\.resolver\.\w+|boto3\.\w+|grpc\.(?:insecure_channel|secure_channel)|asyncssh\.\w+|zmq\.\w+"
        r"|scapy\..*|whole environment",
    ),
    (
        "deserialiser",
        r"(?:pickle|cPickle|_pickle|dill|cloudpickle)\.(?:loads?|Unpickler)|marshal\.loads?|shelve\.(?:open|Shelf)"
        r"|jsonpickle\.(?:decode|loads)"
        r"|yaml\.(?:load|load_all|unsafe_load\w*|full_load\w*|UnsafeLoader|Loader|FullLoader)|ruamel\.yaml\.load"
        r"|torch\.load|joblib\.load"
        r"|pandas\.read_pickle|numpy\.load with pickle|plistlib\.\w+ of pickle|dbm\.open of pickle"
        r"|multiprocessing\.connection\.Client",
    ),
)
_COMPILED = tuple((rule, re.compile(pattern)) for rule, pattern in _DANGERS)
_MODULES = (
    r"(?:os|posix|nt|subprocess|_posixsubprocess|pty|commands|asyncio|anyio|trio|pexpect|sh|plumbum|invoke"
    r"|fabric|builtins|__builtin__"
    r"|importlib|imp|runpy|code|types|_?ctypes|cffi|pkgutil|zipimport|asteval|socket|socketserver"
    r"|urllib[23]?|http|httplib|requests"
    r"|httpx|aiohttp|ftplib|smtplib|telnetlib|poplib|imaplib|nntplib|xmlrpc|websockets?|paramiko|pycurl"
    r"|webbrowser|dns|boto3|grpc"
    r"|asyncssh|zmq|scapy|c?[pP]ickle|_pickle|dill|cloudpickle|marshal|shelve|jsonpickle|yaml|ruamel|torch"
    r"|joblib|pandas|numpy|flask"
    r"|operator|multiprocessing)"
)
_SIGN = Screened(
    rf"\b{_MODULES}\s*\.|\bimport\b.*\b{_MODULES}\b|\bfrom\s+{_MODULES}\b|\b(?:eval|exec|execfile|compile"
    rf"|getattr|globals|locals|vars"
    r"|import_module|render_template_string|attrgetter|environ)\b|\bshell\b|\.(?:system|popen|modules"
    r"|check_output|exec[lv]\w*|spawnl)\b"
    r"|__(?:import|builtins|globals|subclasses|code|closure|reduce|reduce_ex|class|bases?|mro|loader"
    r"|getattribute|setstate)__"
)
_IMPORTED = re.compile(
    rf"^[ \t]*(?:from[ \t]+({_MODULES})\b[\w.]*[ \t]+import|import)[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE
)
_OFTEN = re.compile(r"(?:eval|exec|__import__)(?<!\weval)(?<!\wexec)(?<!\w__import__)\s*\(")
_NAMES = {"system", "popen", "eval", "exec", "compile", "__import__", "__builtins__", "__globals__", "__subclasses__"}
_NAMES |= {
    "execve",
    "spawnl",
    "check_output",
    "Popen",
    "urlopen",
    "loads",
    "__class__",
    "__base__",
    "__mro__",
    "__code__",
}
_UNRESOLVED = {"system", "popen", "check_output", "execv", "execve", "spawnl"}
_SECRET_PLACES = Screened(
    r"/etc/(?:passwd|shadow|sudoers|cron|ld\.so)|\.ssh/|authorized_keys|\bid_rsa\b|/proc/(?:self|\d+)/"
    r"|\.aws/credentials"
    r"|~/\.(?:bashrc|profile|netrc)|\.git-credentials|169\.254\.169\.254|metadata\.google\.internal"
    r"|/var/run/docker\.sock"
    r"|/var/run/secrets|\.kube/config|/dev/tcp/"
)
_COMMANDS = Screened(r"\bcurl\s|\bwget\s|\bnc\s+-|bash\s+-[ci]|/bin/(?:ba)?sh\b|powershell|rm\s+-rf|\|\s*(?:ba)?sh\b")
_URL = re.compile(r"\b(?:https?|ftp|wss?)://[^\s'\"/]+", re.IGNORECASE)
_PICKLING = ("__reduce__", "__reduce_ex__")  # what is pickled says how, which does nothing before it is unpickled
_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader")
_WORD = re.compile(r"\w+")
_OWN = re.compile(r"(?:src/|lib/)?(\w+)(?:/__init__)?\.py$")
_SAYS = {
    "shell": "It can start any program.",
    "eval": "It can run any code.",
    "network": "It can reach other machines.",
    "deserialiser": "It makes objects of bytes, and these can run any code.",
}

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
    imported = list(_imported(change.new))
    if not _may_be_dangerous(text, change.new, imported):
        return []
    before, after = change.touched
    if before.tree is None or after.tree is None:
        return None
    uses = _Uses(before, _statements(_imported(change.old))), _Uses(after, _statements(imported))
    return list(_new_uses(*uses, change.old))


def _imported(source: str) -> Iterator[re.Match[str]]:
    """The import statements of a whole file: names in the part that changed are bound by them."""
    done, at = 0, source.find("import")
    while at >= 0:
        line = source.rfind("\n", 0, at) + 1
        if line >= done and (found := _IMPORTED.match(source, line)):
            yield found
            done = found.end()
        at = source.find("import", max(at + 6, done))


def _statements(imported: Iterable[re.Match[str]]) -> list[ast.stmt]:
    tree = parsed("\n".join(found[0].strip() for found in imported))
    return tree.body if tree else []


def _may_be_dangerous(text: str, new: str, imported: Iterable[re.Match[str]]) -> bool:
    """Whether added lines have a word that can lead to danger, or a name that the file imports from where it lies."""
    if any(sign.search(text) for sign in (_SIGN, _SECRET_PLACES, _COMMANDS, _URL)) or (text and _OFTEN.search(new)):
        return True
    bound = {name for found in imported for name in _bound(found[1], found[2])}
    return bool(bound) and not bound.isdisjoint(_WORD.findall(text))


def _bound(module: str | None, names: str) -> Iterator[str]:
    """The names an import statement binds, of dangerous modules."""
    for one in names.strip("()").replace("\n", " ").split(","):
        name, _, alias = one.strip().partition(" as ")
        if module or re.match(rf"{_MODULES}\b", name):
            yield (alias or name).strip()


class _Uses(ast.NodeVisitor):
    """What a file uses, by its full name, and with what texts."""

    def __init__(self, source: Source, imports: Sequence[ast.stmt]) -> None:
        self.counted: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self.calls: dict[str, Counter[str]] = {}
        self._names: dict[str, str] = {}
        self._dumped: set[str] = set()
        self._documentation: set[int] = set()
        for node in (*imports, *source.nodes):
            self._remember(node)
        for node in source.nodes[:1]:
            self.visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        for child in children(node):
            self.visit(child)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._name(node)
        if name is None:
            self.generic_visit(node)
            name = f"?.{node.attr}" if node.attr in _UNRESOLVED or node.attr.startswith("__") else None
        if name:
            self._count(name)

    def visit_Name(self, node: ast.Name) -> None:
        self._count(self._names.get(node.id, node.id))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._count(f"{node.module}.{alias.name}")
            if alias.name == "*" and any(_rule(f"{node.module}.{name}") for name in _NAMES):
                self._count("star import")

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name in ("ctypes", "runpy", "imp", "pty", "zipimport"):
                self._count(f"{alias.name}.{'spawn' if alias.name == 'pty' else 'run_path'}")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in ("__reduce__", "__reduce_ex__", "__setstate__"):
            self._count("?.__reduce__")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and id(node) not in self._documentation:
            self.texts[node.value] += 1

    def visit_Call(self, node: ast.Call) -> None:
        name = self._name(node.func) or ""
        if name in ("yaml.load", "yaml.load_all") and any(_ends(one, _SAFE_LOADERS) for one in _arguments(node)):
            for argument in _arguments(node)[:1]:
                self.visit(argument)
            return
        self._count_call(name, node)
        if name.endswith("pickle.loads") and self._was_dumped(node):
            for argument in node.args:
                self.visit(argument)
            return
        self.generic_visit(node)

    def _was_dumped(self, node: ast.Call) -> bool:
        """Whether the bytes were made in the same file by dumps: then nothing foreign comes in."""
        source = node.args[0] if node.args else None
        if isinstance(source, ast.Name):
            return source.id in self._dumped
        return isinstance(source, ast.Call) and (self._name(source.func) or "").endswith(".dumps")

    def _count_call(self, name: str, node: ast.Call) -> None:
        if any(_is_keyword(keyword, "shell", True) for keyword in node.keywords):
            self._count("shell=True")
        if name.endswith("numpy.load") and any(_is_keyword(keyword, "allow_pickle", True) for keyword in node.keywords):
            self._count("numpy.load with pickle")
        if name in ("getattr", "operator.attrgetter") and (text := _text_in(node.args[1:] or node.args)) in _NAMES:
            self._count(f"getattr of {text}")
        literal = bool(node.args) and isinstance(node.args[0], ast.Constant)
        if name == "importlib.import_module" and not literal:
            self._count("dynamic import")
        if any(self._name(one) == "os.environ" for one in _arguments(node)) and not _WITH_ENVIRONMENT.fullmatch(name):
            self._count("whole environment")
        if _rule(name):
            self.calls.setdefault(name, Counter())[ast.dump(node)] += 1

    def visit_Subscript(self, node: ast.Subscript) -> None:
        of_names = isinstance(node.value, ast.Call) and self._name(node.value.func) in ("globals", "vars", "locals")
        if of_names and (text := _text_in([node.slice])) in _NAMES:
            self._count(f"getattr of {text}")
        self.generic_visit(node)

    def _remember(self, node: ast.AST) -> None:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            self._documentation.add(id(node.value))  # a text that stands alone: nobody uses it
        elif isinstance(node, ast.Import):
            for alias in node.names:
                self._names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self._names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made_by = self._name(node.value.func) if isinstance(node.value, ast.Call) else None
            (self._dumped.add if (made_by or "").endswith(".dumps") else self._dumped.discard)(node.targets[0].id)

    def _name(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (base := self._name(node.value)) is not None:
            return f"{base}.{node.attr}"
        return None

    def _count(self, name: str) -> None:
        if _rule(name):
            self.counted[name] += 1


def _new_uses(before: _Uses, after: _Uses, old: str) -> Iterator[Danger]:
    for name in after.counted - before.counted:
        rule = _rule(name)
        assert rule
        refuses = not name.endswith(_PICKLING)
        yield Danger(rule, f"It newly uses {_shown(name)}. {_SAYS[rule]}", refuses, name.partition(".")[0])
    for name, calls in after.calls.items():
        if name in before.calls and calls - before.calls[name] and after.counted[name] == before.counted[name]:
            rule = _rule(name)
            assert rule
            says = f"It calls {_shown(name)} with something else than before. {_SAYS[rule]}"
            yield Danger(rule, says, rule == "eval", name.partition(".")[0])
    yield from _new_texts(before, after, old)


def _new_texts(before: _Uses, after: _Uses, old: str) -> Iterator[Danger]:
    come = after.texts - before.texts
    for text in come:
        if (place := _SECRET_PLACES.search(text)) and place[0] not in old:
            yield Danger("shell", f"A text has {place[0]!r}, which is no business of a fix.")
        if (command := _COMMANDS.search(text)) and any(_rule(name) == "shell" for name in after.counted):
            yield Danger("shell", f"A text has {command[0]!r}, in a file that starts programs.")
    named = {url for text in come if "://" in text for url in _URL.findall(text)}
    if named and any(_rule(name) == "network" for name in after.counted) and (hosts := named - set(_URL.findall(old))):
        yield Danger("network", f"It names another machine: {min(hosts)}.", refuses=False)


@lru_cache(4096)
def _rule(name: str) -> str | None:
    return next((rule for rule, pattern in _COMPILED if pattern.fullmatch(name)), None)


def _shown(name: str) -> str:
    return name.removeprefix("?.")


def _arguments(node: ast.Call) -> list[ast.expr]:
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _ends(node: ast.expr, names: Sequence[str]) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in names) or (isinstance(node, ast.Name) and node.id in names)


def _is_keyword(keyword: ast.keyword, name: str, value: object) -> bool:
    return keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is value


def _text_in(nodes: Sequence[ast.expr]) -> str:
    """A text, also one that is put together of pieces."""
    pieces = [part.value for node in nodes[:1] for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return "".join(piece for piece in pieces if isinstance(piece, str))
