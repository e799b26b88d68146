"""What a test of Python may do that a program may not: start the program that it tests, and name places of others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from kintsugi.repair.policy.effects import called, given
from kintsugi.repair.policy.names import Names, text_of
from kintsugi.repair.syntax import walked

_STARTING = re.compile(r"subprocess\.(?:run|Popen|call|check_call|check_output)")
_WITH = {"args", "cwd", "env", "capture_output", "text", "timeout", "check", "stdout", "stderr", "stdin", "input"}
_WITH |= {"encoding", "errors", "universal_newlines", "bufsize"}
_ELSEWHERE = {"cwd", "chdir", "fchdir", "syspath_prepend"}  # a package is looked for first where the program stands
_CODE = {"-c", "-e", "--eval", "--exec", "--command", "shell", "exec", "eval", "runscript"}
_STEERING = re.compile(r"(?:LD|DYLD|PYTHON|NODE|GIT|BASH)_?\w*|PATH", re.IGNORECASE)
_OPENING = {"open", "FileIO", "read_text", "read_bytes", "read", "copy", "copyfile", "copytree", "listdir", "send_file"}


def own_program(call: ast.Call, names: Names) -> str:
    """The package that a written command starts: `[sys.executable, "-m", "shop", "add"]`, `["shop", "add"]`; or "".

    Whether it is the project's own is not known here.
    """
    listed = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "args")]
    if not _STARTING.fullmatch(names.of(call.func) or "") or len(listed) != 1 or len(call.args) > 1:
        return ""
    if not isinstance(listed[0], ast.List) or not {one.arg for one in call.keywords} <= _WITH:
        return ""
    command = listed[0].elts
    words = [text_of(one) for one in command]
    if not _CODE.isdisjoint(words):
        return ""
    if len(command) > 2 and names.of(command[0]) == "sys.executable":
        return words[2].partition(".")[0] if words[1] == "-m" else ""
    return words[0] if words and re.fullmatch(r"[a-z][\w-]+", words[0]) else ""


def may_start(nodes: Iterable[ast.AST]) -> bool:
    """Whether nothing of a test says what is started instead: `PATH`, another interpreter."""
    texts = (text for one in nodes for text in _words(one))
    return not any(_STEERING.fullmatch(text) or text == "executable" for text in texts)


def stands_elsewhere(nodes: Iterable[ast.AST]) -> bool:
    """Whether a test may start a package from another folder, where another one may have its name."""
    return any(text in _ELSEWHERE for one in nodes for text in _words(one))


def _words(node: ast.AST) -> Iterator[str]:
    """Texts, the names of keywords and of attributes that are set or called: `dict(env, PATH=…)`."""
    match node:
        case ast.keyword(arg=str(name)) | ast.Attribute(attr="chdir" | "fchdir" | "syspath_prepend" as name):
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
