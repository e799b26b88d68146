"""What a statement of Python does beyond its own program: hooks it sets, code and places it writes, data it removes.

Each is told by a name that `dangers.py` has a rule for, so that it is counted and shown like any other use.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from kintsugi.repair.policy.names import Names, text_of
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

SAYS = {
    "environment-of-programs": "It sets where programs look for what they run",
    "import-hook": "It changes what an import finds",
    "eval_str=True": "It evaluates annotations",
    "written-code": "It writes a file that something runs or loads",
    "files-at-the-end": "It changes files when the program ends",
    "killed-process": "It ends processes of others",
    "removed-data": "It removes a file in which the program keeps its data",
    "private-file-sent": "It sends a file with secrets or settings",
    "emptied-folder": "It removes all that is in a folder",
    "files-removed": "It removes some of the files in a folder",
    "loaded-entry-point": "It loads what an installed package says is to be loaded",
    "names-within-a-format": "A format reaches through an object to its module",
    "read-of-an-address": "It reads from an address",
    "failure-hook": "It says what happens to failures that nobody catches",
    "replaced-library": "It puts something else in the place of a part of the standard library",
    "dynamic-extension": "It loads an extension by a name that is made when it runs",
}
"""What each says, in words, for the names that only this module gives."""

UNDONE_BY_NOBODY = ("files-at-the-end", "killed-process", "emptied-folder")
"""Those that start no program, though they go by the rule of what does."""

_HOOKS = re.compile(
    r"sys\.(?:path|modules|meta_path|path_hooks|path_importer_cache)|builtins\.\w+|sys\.breakpointhook|__path__"
)
_SHOWN_HOOKS = re.compile(r"(?:sys|threading)\.(?:excepthook|unraisablehook|displayhook)")
_CHANGES = ("update", "setdefault", "__setitem__", "append", "insert", "extend", "pop", "remove", "clear")
_STEERING = re.compile(
    r"PATH|LD_\w+|DYLD_\w+|PYTHON(?!IOENCODING|UTF8|UNBUFFERED|HASHSEED|ASYNCIODEBUG)\w+|NODE_(?!ENV$)\w+|BASH_ENV|IFS|PERL5\w+|RUBY\w+|GIT_\w+|(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_\w+"
    r"|(?:REQUESTS|CURL)_CA_BUNDLE|PAGER|EDITOR|BROWSER|SHELL|COMSPEC|PATHEXT",
    re.IGNORECASE,
)
_CODE_FILE = re.compile(
    r"\.(?:py|pyc|pyw|pyz|pth|so|pyd|dll|whl|egg|sh|bash|bat|cmd|ps1|service|timer)$|(?:^|/)(?:crontab|\.(?:bash|zsh)rc|\.(?:bash_)?profile|\.netrc)$"
    r"|^/(?:etc|usr|bin|sbin|boot|lib)(?:/|$)|/cron\.\w+/|/autostart/|(?:site|user)customize"
)
_WRITERS = ("write_text", "write_bytes")
_OPENERS = ("open", "builtins.open", "io.open", "aiofiles.open", "codecs.open", "io.FileIO", "_io.open", "_io.FileIO")
_LOG_FILES = re.compile(r"logging\.(?:handlers\.\w*FileHandler|FileHandler|basicConfig)")
_IN_PLACE = ("fileinput.input", "fileinput.FileInput")
_CALLING = ("functools.partial", "asyncio.to_thread", "anyio.to_thread.run_sync")
_SENDING_FILES = ("File", "send_file", "FileResponse", "sendfile", "FSInputFile", "send_from_directory")
_PRIVATE = re.compile(
    r"(?:^|/)\.env(?:\.\w+)?$|\.(?:pem|key|p12|kdbx|db|sqlite\d?)$|(?:^|/)(?:id_\w+|\.netrc|\.pgpass|shadow|passwd)$"
    r"|(?:^|/)(?:config|settings|credentials|secrets?|tokens?)\.(?:json|ya?ml|toml|ini|py|txt|env)$",
    re.IGNORECASE,
)
TELLING = (
    *("send", "reply", "respond", "send_message", "edit_message", "post", "put", "request", "dumps", "dump", "write"),
    *("print", "debug", "info", "warning", "error", "critical", "exception", "log", "edit", "write_text", "publish"),
)
"""How something is shown or sent to somebody: by Discord, HTTP, logs and files."""
REMOVERS = ("os.remove", "os.unlink", "os.rmdir", "shutil.move")
REMOVING = ("unlink", "rmdir")
_COPIERS = re.compile(r"shutil\.(?:copy\w*|move)|os\.(?:rename|replace|link|symlink)")
_FORMAT_NAMES = re.compile(r"__(?:globals|subclasses|builtins|code|mro|import|closure)__")
_READERS = re.compile(
    r"(?:pandas|polars|geopandas)\.(?:read|scan)_\w+|numpy\.(?:load|gen)\w+|xml\.sax\.\w+|lxml\.\w+\.\w*[Pp]arse\w*|cv2\.\w+"
    r"|imageio\..+|xarray\.open_\w+|smart_open\.\w+|fsspec\.\w+|feedparser\.parse|skimage\.io\.\w+|torchaudio\.load"
)
_PROCESSES = re.compile(r"psutil(?:\..*)?")
_SIGNALS = ("kill", "terminate", "suspend", "send_signal")
_KEPT = re.compile(r"\.(?:db|sqlite\d?|db3|rdb|mdb|dump)$", re.IGNORECASE)
_METADATA = re.compile(
    r"importlib[._]metadata(?:\.(?:entry|Entry|distribution)\w*)?|pkg_resources(?:\.(?!resource|parse)\w+)?|stevedore.*"
)
_ENTRY_POINT = re.compile(r"entry_?points?", re.IGNORECASE)
_AT_THE_END = ("atexit.register", "weakref.finalize")
_FILES = re.compile(r"os\.(?:remove|unlink|rename|replace|rmdir|truncate|chmod)|shutil\.\w+|pathlib\.\w+")


def set_by(node: ast.AST, names: Names) -> Iterator[str]:
    """What an assignment changes that others go by."""
    for target in _targets(node):
        held = target.value if isinstance(target, ast.Subscript) else target
        name = _name(held, names)
        if name == "os.environb" or (
            name == "os.environ" and any(_STEERING.fullmatch(names.text(one)) for one in _set_in(target, node))
        ):
            yield "environment-of-programs"
        elif _HOOKS.fullmatch(name) and not (name == "__path__" and not isinstance(held, ast.Name)):
            yield "import-hook"
        elif _SHOWN_HOOKS.fullmatch(name):
            yield "failure-hook"
        elif isinstance(target, ast.Attribute) and _is_replaced(name, node):
            yield "replaced-library"


def _set_in(target: ast.expr, node: ast.AST) -> list[ast.AST]:
    """Where the names may be that are set: `x[name] = …`, `x |= {name: …}`."""
    if isinstance(target, ast.Subscript):
        return [target.slice]
    return list(walked(node.value)) if isinstance(node, ast.AugAssign) else []


def _is_replaced(name: str, node: ast.AST) -> bool:
    """Whether something else takes the place of a part of the standard library; a plain value only sets it."""
    root, value = name.partition(".")[0], getattr(node, "value", None)
    return root in sys.stdlib_module_names and root != "sys" and not isinstance(value, ast.Constant | None)


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign | ast.Delete):
        found = node.targets
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    else:
        return []
    return [part for one in found for part in (one.elts if isinstance(one, ast.Tuple | ast.List) else [one])]


def _name(node: ast.expr, names: Names) -> str:
    return names.of(node) or (node.id if isinstance(node, ast.Name) else "")


def done_by(node: ast.Call, names: Names) -> Iterator[str]:
    """What a call does by its arguments."""
    name = names.of(node.func) or ""
    if (made := _handed_on(node, name)) is not None:
        yield from done_by(made, names)
    if name in ("os.putenv", "os.environ.setdefault", "os.environ.__setitem__"):
        if node.args and (name == "os.putenv" or _STEERING.fullmatch(names.text(node.args[0]))):
            yield "environment-of-programs"
    elif (called(node) == "setenv" and node.args and _STEERING.fullmatch(names.text(node.args[0]))) or (
        name in ("os.environ.update", "os.environ.__ior__") and any(_STEERING.fullmatch(one) for one in _keys(node))
    ):
        yield "environment-of-programs"
    if (
        isinstance(node.func, ast.Name)
        and node.func.id == "setattr"
        and _HOOKS.fullmatch(".".join(_named_by_setattr(node, names)))
    ):
        yield "import-hook"
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES and _changes_hook(node.func, names):
        yield "import-hook"
    if any(keyword.arg == "eval_str" and not _is_false(keyword.value) for keyword in node.keywords):
        yield "eval_str=True"
    if called(node) in ("load_extension", "reload_extension") and node.args and not text_of(node.args[0]):
        yield "dynamic-extension"
    if _READERS.fullmatch(name) and any("://" in text for one in node.args[:1] for text in _texts(one)):
        yield "read-of-an-address"
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("load", "resolve") and _is_entry_point(node, names):
        yield "loaded-entry-point"
    yield from _done_to_others(node, name, names)


def _done_to_others(node: ast.Call, name: str, names: Names) -> Iterator[str]:
    """What a call does to processes and files that are not its own."""
    if called(node) in _SIGNALS and isinstance(node.func, ast.Attribute) and names.has(_PROCESSES):
        yield "killed-process"
    if _writes(node, names):
        yield "written-code"
    if removes(node, names) and any(_KEPT.search(_last_text(one, names)) for one in _removed(node)):
        yield "removed-data"
    if _opener(node.func, names) in _OPENERS and _empties(node, names):
        yield "removed-data"
    if called(node) in _SENDING_FILES and any(_PRIVATE.search(_last_text(one, names)) for one in node.args[:1]):
        yield "private-file-sent"
    if called(node) in TELLING and any(_reads_private(part, names) for one in given(node) for part in walked(one)):
        yield "private-file-sent"
    if name in _AT_THE_END and any(_FILES.fullmatch(names.of(one) or "") for one in node.args):
        yield "files-at-the-end"


def given(node: ast.Call) -> list[ast.expr]:
    """All that a call is handed."""
    return [*node.args, *(keyword.value for keyword in node.keywords)]


def _empties(node: ast.Call, names: Names) -> bool:
    """Whether a file that holds data is opened to be written anew."""
    modes = [names.text(mode) for mode in _given(node, 1, ("mode",))]
    return any("w" in mode for mode in modes) and any(_KEPT.search(_last_text(one, names)) for one in node.args[:1])


def _reads_private(node: ast.AST, names: Names) -> bool:
    if not isinstance(node, ast.Call) or called(node) not in ("open", "read_text", "read_bytes"):
        return False
    path = node.func.value if isinstance(node.func, ast.Attribute) and called(node) != "open" else (*node.args, None)[0]
    return path is not None and _PRIVATE.search(_last_text(path, names)) is not None


def _named_by_setattr(node: ast.Call, names: Names) -> list[str]:
    return [names.of(node.args[0]) or "", names.text(node.args[1])] if len(node.args) > 1 else []


def _is_entry_point(node: ast.Call, names: Names) -> bool:
    """Whether what is loaded is an entry point, by its name or in a file that asks what is installed."""
    assert isinstance(node.func, ast.Attribute)
    held = node.func.value
    last = held.attr if isinstance(held, ast.Attribute) else getattr(held, "id", "")
    return not node.args and (names.has(_METADATA) or _ENTRY_POINT.fullmatch(last) is not None)


def _changes_hook(function: ast.Attribute, names: Names) -> bool:
    held = names.of(function.value)
    return held in ("sys.modules", "sys.path_importer_cache", "sys.meta_path", "sys.path_hooks") and not (
        held == "sys.modules" and function.attr in ("pop", "remove")
    )


def _keys(node: ast.Call) -> list[str]:
    keys = [keyword.arg or "" for keyword in node.keywords]
    for argument in node.args:
        keys += [text_of(part) for part in walked(argument)]
    return keys


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _writes(node: ast.Call, names: Names) -> bool:
    """Whether it writes a file that something runs or loads."""
    name = _opener(node.func, names)
    if _COPIERS.fullmatch(name):
        return any(_is_code(one, names) or _is_own_folder(one, names) for one in node.args[1:2])
    if name in _IN_PLACE or _LOG_FILES.fullmatch(name):
        in_place = name not in _IN_PLACE or any(
            one.arg == "inplace" and not _is_false(one.value) for one in node.keywords
        )
        return in_place and any(_is_code(one, names) for one in _given(node, 0, ("files", "filename")))
    if name in _OPENERS:
        return _is_writing(node, 1, names) and any(
            _is_code(one, names) for one in _given(node, 0, ("file", "filename"))
        )
    if name == "os.open":
        return bool(node.args) and bool(_CODE_FILE.search(_last_text(node.args[0], names)))
    return isinstance(node.func, ast.Attribute) and _writes_path(node, node.func, name, names)


def _opener(function: ast.expr, names: Names) -> str:
    """The full name of a function; "open" also where a name of the file was set to it."""
    known = names.of(function)
    if known is None and isinstance(names.value(function) or function, ast.Name):
        return getattr(names.value(function) or function, "id", "")
    return known or ""


def _is_own_folder(path: ast.expr, names: Names) -> bool:
    """The folder of the running file."""
    parts = [one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in walked(path)]
    return "__file__" in parts and not _last_text(path, names)


def _handed_on(node: ast.Call, name: str) -> ast.Call | None:
    """The call that another one makes: `partial(open, path, "w")`, `to_thread(os.remove, path)`."""
    at = 1 if called(node) == "run_in_executor" else 0
    if name not in _CALLING and called(node) not in ("run_in_executor", "submit", "to_thread"):
        return None
    return ast.Call(node.args[at], node.args[at + 1 :], node.keywords) if len(node.args) > at else None


def _writes_path(node: ast.Call, function: ast.Attribute, name: str, names: Names) -> bool:
    """The same of a path's methods, also where they are called as `Path.write_text(path, …)`."""
    unbound = name.startswith("pathlib.") and name.count(".") > 1
    path = (node.args[0] if node.args else function) if unbound else function.value
    if function.attr in _WRITERS:
        return _is_code(path, names)
    if function.attr in ("rename", "replace") and len(node.args) == 1 + unbound:
        return _is_code(node.args[-1], names)  # of a path: a text's own `replace` takes two
    is_open = function.attr == "open" and (unbound or not name)
    return is_open and _is_writing(node, int(unbound), names) and _is_code(path, names)


def _given(node: ast.Call, at: int, keywords: tuple[str, ...]) -> list[ast.expr]:
    return [*node.args[at : at + 1], *(one.value for one in node.keywords if one.arg in keywords)]


def _is_writing(node: ast.Call, at: int, names: Names) -> bool:
    """Whether a file is opened to be written, or may be: its mode is not known."""
    texts = [names.text(mode) for mode in _given(node, at, ("mode",))]
    return any(not text or set(text) & set("wax+") for text in texts)


def _is_code(path: ast.expr, names: Names) -> bool:
    """Whether a path ends as code does, or is that of the running file."""
    if last := _last_text(path, names):
        return bool(_CODE_FILE.search(last))
    parts = [one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in walked(path)]
    return "__file__" in parts and not {"parent", "parents", "dirname", "with_name", "with_suffix"} & set(parts)


def _texts(node: ast.expr) -> list[str]:
    return [one.value for one in walked(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _last_text(path: ast.expr, names: Names, further: int = 2) -> str:
    """The last text of an expression, which is how a path ends. `further`: how many names are followed to what they are
    set to.
    """
    if text := names.text(path):
        return text
    if further and (value := names.value(path)) is not None:
        return _last_text(value, names, further - 1)
    for part in reversed(list(ast.iter_child_nodes(path))):
        if isinstance(part, ast.expr) and (text := _last_text(part, names, further)):
            return text
    return ""


def removes(node: ast.Call, names: Names) -> bool:
    """Whether a call removes a file or folder."""
    return names.of(node.func) in REMOVERS or (isinstance(node.func, ast.Attribute) and called(node) in REMOVING)


def _removed(node: ast.Call) -> list[ast.expr]:
    return [*node.args[:1], *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def names_within(text: str) -> bool:
    """Whether a format reaches through an object to its module: `{0.__init__.__globals__}`."""
    return bool(_FORMAT_NAMES.search(text)) and "{" in text
