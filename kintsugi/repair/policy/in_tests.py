"""What a test of Python may do that a program may not: start the program that it tests, and name places of others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

from kintsugi.repair.policy.effects import called, given
from kintsugi.repair.policy.leading import COMMANDS
from kintsugi.repair.policy.names import Names, text_of
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_STARTING = re.compile(r"subprocess\.(?:run|Popen|call|check_call|check_output)")
_WITH = {"args", "cwd", "env", "capture_output", "text", "timeout", "check", "stdout", "stderr", "stdin", "input"}
_WITH |= {"encoding", "errors", "universal_newlines", "bufsize"}
_MOVES = {"chdir", "fchdir", "syspath_prepend", "as_cwd", "isolated_filesystem"}
_ELSEWHERE = {"cwd", *_MOVES}  # a package is looked for first where the program stands
_CODE = {"-c", "-e", "--eval", "--exec", "--command", "shell", "exec", "eval", "runscript"}
_STEERING = re.compile(r"(?:LD|DYLD|PYTHON|NODE|GIT|BASH)_?\w*|PATH", re.IGNORECASE)
_STARTERS = {"sys", "subprocess", "os"}
_SETTERS = {"setattr", "setitem", "delattr", "object", "setenv", "__setattr__", "__setitem__"}
_OPENING = {"open", "FileIO", "read_text", "read_bytes", "read", "copy", "copyfile", "copytree", "listdir", "send_file"}


def own_program(call: ast.Call, names: Names, fixtures: Set[str]) -> str:
    """The package that a written command starts: `[sys.executable, "-m", "shop", "add"]`, `["shop", "add"]`; or "".

    Whether it is the project's own is not known here.
    """
    listed = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "args")]
    if not _STARTING.fullmatch(names.of(call.func) or "") or len(listed) != 1 or len(call.args) > 1:
        return ""
    if not isinstance(listed[0], ast.List) or not {one.arg for one in call.keywords} <= _WITH:
        return ""
    environments = [one.value for one in call.keywords if one.arg == "env"]
    if not all(_is_plain(one, names, fixtures) for one in environments):
        return ""
    if any(COMMANDS.search(text) for one in walked(listed[0]) if (text := text_of(one))):
        return ""  # whatever it is handed to may run it
    command = listed[0].elts
    words = [text_of(one) for one in command]
    if not _CODE.isdisjoint(words):
        return ""
    if len(command) > 2 and names.of(command[0]) == "sys.executable":
        return words[2].partition(".")[0] if words[1] == "-m" else ""
    return words[0] if words and re.fullmatch(r"[a-z][\w-]+", words[0]) else ""


def fixtures_of(nodes: Iterable[ast.AST], whole: str) -> set[str]:
    """What tests are handed by other files, which is in `conftest.py`, where no patch may change it."""
    found = list(nodes)
    functions = [one for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    given = {arg.arg for one in functions for arg in one.args.args if not one.name.startswith("test")}
    handed = {arg.arg for one in functions for arg in one.args.args if arg.arg not in given}
    said = {word for one in found if (text := text_of(one)) for word in re.split(r"\W+", text)}  # a table hands it
    return {one for one in handed - said if not re.search(rf"\bdef {one}\b|\bimport\b.*\b{one}\b", whole)}


def _is_plain(environment: ast.expr, names: Names, fixtures: Set[str]) -> bool:
    """Whether all names in an environment are written, so that a `PATH` among them is seen, or a fixture has them."""
    match environment:
        case ast.Dict(keys=keys, values=values):
            spread = [value for key, value in zip(keys, values, strict=True) if key is None]
            return all(key is None or text_of(key) for key in keys) and all(
                _is_plain(one, names, fixtures) for one in spread
            )
        case ast.Call(func=ast.Name(id="dict"), args=given, keywords=keywords):
            return all(
                _is_plain(one, names, fixtures) for one in (*given, *(each.value for each in keywords if not each.arg))
            )
        case ast.Call(func=ast.Attribute(attr="copy") as copy, args=[]):
            return _is_plain(copy.value, names, fixtures)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_plain(left, names, fixtures) and _is_plain(right, names, fixtures)
        case ast.Name(id=name) if name in fixtures:
            return True
        case ast.Name():
            value = names.value(environment)
            is_its_own = value is not None and any(names.value(one) is value for one in walked(value))
            return value is not None and not is_its_own and _is_plain(value, names, fixtures)
        case _:
            return names.of(environment) == "os.environ"


def may_start(nodes: Iterable[ast.AST]) -> bool:
    """Whether nothing of a test says what is started instead: `PATH`, another interpreter, a name that is made."""
    found = list(nodes)
    texts = (text.rpartition(".")[2] for one in found for text in _words(one))
    handed = {
        one.value.id
        for one in found
        if isinstance(one, ast.keyword) and one.arg == "env" and isinstance(one.value, ast.Name)
    }
    if any(_hands_on(one, handed) for one in found):
        return False
    steered = any(_STEERING.fullmatch(text) or text == "executable" for text in texts)
    return not steered and not any(_sets_unseen(one) or not _STARTERS.isdisjoint(_declared(one)) for one in found)


def _hands_on(node: ast.AST, environments: Set[str]) -> bool:
    """`steer(env)`: what else has it may set anything in it."""
    if not isinstance(node, ast.Call) or called(node) in ("dict", "len", "print", "sorted"):
        return False
    return any(isinstance(one, ast.Name) and one.id in environments for one in node.args)


def _sets_unseen(node: ast.AST) -> bool:
    """`env[name] = …`, `env.update(others)`, `setattr(sys, name, …)`"""
    match node:
        case ast.Subscript(slice=key, ctx=ast.Store() | ast.Del()):
            return not text_of(key) and not isinstance(key, ast.Constant)
        case ast.Call(func=ast.Attribute(attr="update" | "dict"), args=given, keywords=keywords):
            spread = any(one.arg is None for one in keywords)
            return spread or not all(_is_written(one) for one in given)
        case ast.Call(func=ast.Attribute(attr="setdefault"), args=[first, *_]):
            return not text_of(first)
        case ast.Call(args=given) if called(node) in _SETTERS:
            return len(given) > 1 and not any(map(text_of, given[:2]))
        case ast.AugAssign(op=ast.BitOr(), value=value):
            return not isinstance(value, ast.Dict | ast.Constant)
    return False


def _is_written(given: ast.expr) -> bool:
    """A table whose keys are written down; or what is changed, `patch.dict(os.environ, …)`"""
    if isinstance(given, ast.Dict):
        return all(key is not None and text_of(key) for key in given.keys)
    return isinstance(given, ast.Attribute | ast.Constant)


def _declared(node: ast.AST) -> set[str]:
    """The names that it gives to something of the test's own."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
            return {name}
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            return {name}
    return set()


def stands_elsewhere(nodes: Iterable[ast.AST]) -> bool:
    """Whether a test may start a package from another folder, where another one may have its name."""
    return any(text in _ELSEWHERE for one in nodes for text in _words(one))


def _words(node: ast.AST) -> Iterator[str]:
    """Texts, the names of keywords and of attributes that are set or called: `dict(env, PATH=…)`."""
    match node:
        case ast.keyword(arg=str(name)):
            yield name
        case ast.Attribute(attr=name) if name in _MOVES:
            yield name
        case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()) | ast.alias(name=name):
            yield name
        case ast.expr() if text := text_of(node):
            yield text


def was_started(package: str, old: str) -> bool:
    """Whether a file starts a program by its bare name, which may be anything that is installed."""
    return re.search(rf"\[\s*[\"']{re.escape(package)}[\"']", old) is not None


def is_by_name(call: ast.Call) -> bool:
    first = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "args")][0]
    return isinstance(first, ast.List) and bool(text_of(first.elts[0]))


def opened(call: ast.Call) -> set[str]:
    """The texts that a call opens or reads."""
    if called(call) not in _OPENING:
        return set()
    held = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return {text for one in (*given(call), *held) for part in walked(one) if (text := text_of(part))}
