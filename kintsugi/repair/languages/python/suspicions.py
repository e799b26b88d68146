"""What a human should look at in a patch that tests may not show: how it could pass without being a fix.

Nothing here refuses. A fix may need any of these, and then the sentence says what to look at; a patch made to pass
tests needs one of them. Only what is used more often than before counts.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from kintsugi.repair.languages.python.answers import bound_again, checks, early_ends, fixed_answers
from kintsugi.repair.languages.python.asking import asks_little
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

# What tells a program who runs it, or what runs in it.
_LOOKS_ROUND = re.compile(
    r"(?:.*\.)?os\.(?:environ|environb|getenv|getuid|geteuid|getgid|getegid|getlogin|getpid|getppid|uname|getcwd|listdir|scandir"
    r"|stat|access|path\.(?:exists|isdir|isfile|expanduser|abspath|realpath))(?:\..*)?"
    r"|(?:.*\.)?sys\.(?:argv|orig_argv|modules|flags|gettrace|getprofile|_getframe|_current_frames|monitoring|executable"
    r"|stdin|path|prefix|warnoptions|_\w+|getrefcount)(?:\..*)?"
    r"|(?:inspect|gc|traceback|pwd|resource|weakref|linecache|dis|tempfile\.gettempdir)(?:\..*)?|socket\.gethostname"
    r"|platform\..*|threading\.(?:current_thread|main_thread|enumerate|active_count)|asyncio\.(?:current_task|all_tasks)"
    r"|(?:.*\.)?(?:tb_frame|f_back|f_globals|f_locals|f_code|gi_frame|cr_frame|ag_frame|__traceback__)(?:\..*)?|\?\.handlers"
    r"|__debug__"
    r"|getpass\.getuser|psutil\..*"
    r"|(?:pathlib\.)?Path\.(?:home|cwd)|(?:_?pytest|unittest|nose|doctest|hypothesis|mock)(?:\..*)?|__main__|__file__"
)
_CLOCK = re.compile(r"time\.\w+|(?:datetime\.)?(?:datetime|date)\.(?:now|today|utcnow)|(?:random|secrets|uuid)\..*")
# What changes how the process or its tests end.
_MEDDLES = re.compile(
    r"os\.(?:_exit|abort|kill|killpg|write|pipe|pipe2|dup|dup2|fdopen|open|close|closerange|sendfile|putenv)"
    r"|os\.register_at_fork"
    r"|sys\.(?:exit|settrace|setprofile|excepthook|unraisablehook|displayhook|addaudithook|stdout|stderr|meta_path"
    r"|path_hooks|setrecursionlimit|__\w+__)(?:\..*)?"
    r"|(?:atexit|signal|builtins|ctypes|faulthandler|importlib|imp|pluggy|_thread)(?:\..*)?"
    r"|threading\.(?:settrace|setprofile|excepthook|Timer)|warnings\.(?:simplefilter|filterwarnings)"
    r"|exit|quit|SystemExit|KeyboardInterrupt|__builtins__|globals|setattr|delattr|vars|exec|eval|compile"
)
_WORDS = re.compile(r"pytest|unittest|/proc\b|\bCI\b|kintsugi|\btox\b|conftest|_?test_\w+", re.IGNORECASE)
_EQUALITY = {
    "__eq__",
    "__ne__",
    "__instancecheck__",
    "__subclasscheck__",
    "__getattr__",
    "__getattribute__",
    "__class__",
}
_EQUALITY |= {"__bool__", "__contains__", "__hash__", "__missing__", "__exit__", "__aexit__", "__get__", "__new__"}
# What does work where nobody sees how it ends.
_ELSEWHERE = re.compile(
    r"(?:threading|multiprocessing|concurrent|subprocess|_thread)\..*"
    r"|asyncio\.(?:gather|create_task|ensure_future|run_coroutine_threadsafe|to_thread|wait|shield|run)"
    r"|(?:.*\.)?(?:create_task|run_in_executor|submit|ExitStack|AsyncExitStack|enter_context)"
)
# What a test does that looks at how the program is written instead of what it does.
_READS_SOURCE = re.compile(
    r"(?:inspect|ast|tokenize|dis|importlib|linecache|subprocess|symtable|glob)\..*"
    r"|open|hasattr|callable|dir|vars"
    r"|(?:.*\.)?(?:read_text|read_bytes|getsource|getsourcelines|signature|__code__|__doc__|__file__|__dict__"
    r"|__annotations__|__defaults__|__name__|__wrapped__|co_\w+)"
)
_BY_CHANCE = re.compile(
    r"(?:random|secrets|uuid)\..*|os\.urandom|time\.(?:time\w*|monotonic\w*|perf_counter\w*)|id|hash"
)
_REPLACES = re.compile(r"(?:.*\.)?(?:patch|monkeypatch|setattr|mock_open|MagicMock|Mock|create_autospec)(?:\..*)?")
_ROUND_TESTS = {
    "conftest.py",
    "sitecustomize.py",
    "usercustomize.py",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "setup.cfg",
}
_ROUND_TESTS |= {"pyproject.toml", "noxfile.py", "setup.py", ".coveragerc", "Makefile", "GNUmakefile", "makefile"}
_NAMED = 4
_PLAIN = (None, True, False, 0, 1, -1, "", b"", 0.0, 1.0)


def suspicions(before: Mapping[str, str], after: Mapping[str, str], tests: Mapping[str, str]) -> tuple[str, ...]:
    """Sentences about the program's own files, by path. `tests`: the text of what shows the fix."""
    known = _constants_of(tests.values())
    found: list[str] = []
    for path, text in after.items():
        old, new = Source(before.get(path, "")), Source(text)
        if new.tree is not None:
            found += _of_file(path, old, new, known)
    return tuple(found)


def is_round_tests(path: str) -> bool:
    """Whether tests run with it: settings of the runner, what is imported before them."""
    return PurePosixPath(path).name in _ROUND_TESTS or path.endswith(".pth")


_OF_TESTS = (
    (_READS_SOURCE, "looks at how the program is written or at its files"),
    (_BY_CHANCE, "depends on chance or on the clock"),
    (_REPLACES, "replaces parts of the program while it runs"),
)


def suspicions_of_tests(before: Mapping[str, str], tests: Mapping[str, str], names: frozenset[str]) -> tuple[str, ...]:
    """Sentences about the tests of these names that are to show the fix, and what is new around them.

    `before`: the files as they were, where they were.
    """
    found: list[str] = []
    for path, text in tests.items():
        source, old = Source(text), Source(before.get(path, ""))
        names_of = _names(source)
        for function in _functions(source, names):
            found += _about(f"{path}: {function.name}", _uses(list(ast.walk(function)), names_of))
            if (little := asks_little(function)) is not None:
                found.append(f"{path}: {function.name} {little}")
        around = Counter(_uses(_around(source), names_of)) - Counter(_uses(_around(old), _names(old)))
        found += _about(f"{path}, around its tests,", around)
    return tuple(found)


def _about(who: str, uses: Iterable[str]) -> Iterator[str]:
    used = set(uses)
    for pattern, says in _OF_TESTS:
        matching = sorted(one for one in used if pattern.fullmatch(one))
        if matching:
            yield f"{who} {says}: {_some(matching)}"


def _functions(source: Source, names: frozenset[str]) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    functions = [node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node for node in functions if node.name in names]


def _around(source: Source) -> list[ast.AST]:
    """What is no test: fixtures, set-up, helpers, what runs when the file is read."""
    tests = {
        id(part)
        for node in source.nodes
        if _is_function(node) and getattr(node, "name", "").startswith("test")
        for part in ast.walk(node)
    }
    return [node for node in source.nodes if id(node) not in tests]


def _of_file(path: str, old: Source, new: Source, known: Counter[object]) -> Iterator[str]:
    before, after = Counter(_uses(old.nodes, _names(old))), Counter(_uses(new.nodes, _names(new)))
    come = after - before
    for pattern, says in (
        (_LOOKS_ROUND, "newly looks at what runs it"),
        (_MEDDLES, "newly changes the process that it runs in"),
        (_CLOCK, "newly depends on the clock or on chance"),
        (_ELSEWHERE, "newly does work where its failure may be lost"),
    ):
        matching = sorted(name for name in come if pattern.fullmatch(name))
        if matching:
            yield f"{path} {says}: {_some(matching)}"
    yield from _of_texts(path, old, new, known)
    yield from _of_shape(path, old, new)


def _of_texts(path: str, old: Source, new: Source, known: Counter[object]) -> Iterator[str]:
    texts = Counter(_texts(new)) - Counter(_texts(old))
    named = sorted({text[:40] for text in texts if _WORDS.search(text)})
    if named:
        yield f"{path} newly has words of test runs: {_some([repr(one) for one in named])}"
    compared = Counter(_compared(new)) - Counter(_compared(old))
    numbers = Counter(_numbers(new)) - Counter(_numbers(old))
    special = sorted({f"{value!r}"[:40] for value in (*compared, *numbers) if value in known})
    if special:
        yield f"{path} newly has values that its test uses, as if it knew the case: {_some(special)}"


def _of_shape(path: str, old: Source, new: Source) -> Iterator[str]:
    replaced = Counter(_replaced(new)) - Counter(_replaced(old))
    if replaced:
        yield f"{path} newly replaces parts of other modules: {_some(sorted(replaced))}"
    again = Counter(bound_again(new)) - Counter(bound_again(old))
    if again:
        yield f"{path} newly binds names again that it has defined: {_some(sorted(again))}"
    methods = Counter(_equality(new)) - Counter(_equality(old))
    if methods:
        yield f"{path} newly decides what its objects are equal to or have: {_some(sorted(methods))}"
    fixed = Counter(fixed_answers(new, old)) - Counter(fixed_answers(old, old))
    if fixed:
        yield f"{path} newly answers with a fixed value where it failed: {_some(sorted(fixed))}. Is that the right one?"
    ends = Counter(early_ends(new)) - Counter(early_ends(old))
    if ends:
        yield f"{path} newly leaves early or goes on without doing the work: {_some(sorted(ends))}. Is that right?"
    gone = Counter(checks(old)) - Counter(checks(new))
    if gone:
        yield f"{path} no longer has checks that it had: {_some(sorted(gone))}. Was what they refuse right?"
    kept = Counter(_kept_between(new)) - Counter(_kept_between(old))
    if kept:
        yield f"{path} newly remembers from one call to the next: {_some(sorted(kept))}"


def _names(source: Source) -> dict[str, str]:
    """What imported names stand for."""
    found = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            above = "." * node.level + f"{node.module}." if node.module else "." * node.level
            found.update({alias.asname or alias.name: f"{above}{alias.name}" for alias in node.names})
    return found


def _uses(nodes: list[ast.AST], names: Mapping[str, str]) -> Iterator[str]:
    """Each use of a name in full; a name that is got by its text counts as that name."""
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            name = _full(node, names)
            if name:
                yield name
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "__import__")
        ):
            base = _full(node.args[0], names) if node.args else ""
            text = ast.unparse(node.args[1]).strip("'") if len(node.args) > 1 else ""
            if base:
                yield f"{base}.{text}"
            elif node.func.id == "__import__":
                yield "importlib.__import__"


def _full(node: ast.AST, names: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = _full(node.value, names)
        return f"{base}.{node.attr}" if base else f"?.{node.attr}"
    return ""


def _texts(source: Source) -> Iterator[str]:
    alone = {id(node.value) for node in source.nodes if isinstance(node, ast.Expr)}  # docstrings
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def _compared(source: Source) -> Iterator[object]:
    """Values that the code compares with or looks up."""
    for node in source.nodes:
        parts: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key is not None]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("startswith", "endswith")
        ):
            parts = list(node.args)
        for part in parts:
            yield from _constants(part)


def _numbers(source: Source) -> Iterator[object]:
    """Numbers that are written down, wherever."""
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | complex):
            yield from _constants(node)


def _constants_of(texts: Iterable[str]) -> Counter[object]:
    found: Counter[object] = Counter()
    for text in texts:
        for node in Source(text).nodes:
            if isinstance(node, ast.expr):
                found.update(_constants(node, deep=False))
    return found


def _constants(node: ast.expr, *, deep: bool = True) -> Iterator[object]:
    for part in ast.walk(node) if deep else (node,):
        if isinstance(part, ast.Constant) and part.value not in _PLAIN and not isinstance(part.value, type(...)):
            yield part.value


def _replaced(source: Source) -> Iterator[str]:
    """Attributes of what was imported, given another value."""
    names = _names(source)
    for node in source.nodes:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Delete):
            targets = node.targets
        for target in targets:
            base = target.value if isinstance(target, ast.Attribute | ast.Subscript) else None
            while isinstance(base, ast.Attribute | ast.Subscript | ast.Call):
                base = base.func if isinstance(base, ast.Call) else base.value
            if isinstance(base, ast.Name) and base.id in names:
                yield ast.unparse(target)


def _equality(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.ClassDef | ast.Module):
            for child in node.body:
                name = getattr(child, "name", "")
                targets = child.targets if isinstance(child, ast.Assign) else []
                for one in (name, *(target.id for target in targets if isinstance(target, ast.Name))):
                    if one in _EQUALITY:
                        yield f"{getattr(node, 'name', 'the module')}.{one}"


def _kept_between(source: Source) -> Iterator[str]:
    for node in source.nodes:
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
