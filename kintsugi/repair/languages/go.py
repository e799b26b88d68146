"""Go: `go test -json`, its tests and patches read by tree-sitter."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from kintsugi.children import environment
from kintsugi.repair.languages import Machine, Overlay, Suite, Texts
from kintsugi.repair.languages.collected import Told, collecting, results
from kintsugi.repair.languages.dropping import Droppings, Handler
from kintsugi.repair.languages.files import content_of, files_of
from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.languages.reports import inside, result
from kintsugi.repair.languages.results import Crash, Ending, Failure, Frame, Results, TestResult
from kintsugi.repair.languages.suspecting import Looks, suspected
from kintsugi.repair.languages.syntax import Node, Piece, above, line_of, nodes, text_of, tokens, tree_of, written_with
from kintsugi.repair.sandbox import Job, Outcome

_TEST = re.compile(rb"^func\s+((?:Test|Fuzz|Example)\w*)\s*\(", re.MULTILINE)
_MODULE = re.compile(rb"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_ASK_SECONDS = 20
_QUIET = ("-vet=off", "-count=1")
_BUILD_FAILED = "a build failure"
_PANIC = re.compile(r"^\s*(?P<kind>panic|fatal error): (?P<message>.*?)(?: \[recovered\])?$", re.MULTILINE)
_GOROUTINE = re.compile(r"^goroutine \d+ .*:$", re.MULTILINE)
_PLACE = re.compile(r"^\s+(?P<path>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?$")
_CALL = re.compile(r"^(?P<function>\S+?)\((?:[^()]|\([^()]*\))*\)$")
_BUILD_ERROR = re.compile(r"^(?:vet: )?(?P<path>[^\s:]+\.go):(?P<line>\d+):(?:\d+:)? (?P<message>.*)$", re.MULTILINE)
_NOT_HERE = re.compile(
    r"no required module provides package (\S+)|cannot find module providing package (\S+?):?\s"
    r"|missing go\.sum entry for \S+ (\S+)|package (\S+) is not in (?:GOROOT|std)|cannot find package \"(\S+)\""
    r"|module lookup disabled by GOPROXY=off|requires (go >= [\d.]+)|note: module requires (Go [\d.]+)"
    r"|(inconsistent vendoring)|C compiler \"(\w+)\" not found|updates to (go\.mod) needed"
)
_ERR = re.compile(r"^\w*[eE]rr\w*$")
_FAILS = {"Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"}
_SKIPS = {"Skip", "Skipf", "SkipNow"}
_CHECKERS = re.compile(r"^(?:assert|require|is|qt|c|g|expect|check|must|then|td|gomega|Expect)$")
_NOTHING_FAILED = {"NoError", "NoErrorf", "NotPanics", "NotPanicsf", "Nil", "Nilf"}
_EXACT = {"Equal", "Equalf", "EqualValues", "Exactly", "JSONEq", "Len", "ErrorIs", "ElementsMatch", "DeepEquals"}
_OPPOSITES = {
    "Equal": "NotEqual",
    "EqualValues": "NotEqualValues",
    "True": "False",
    "NoError": "Error",
    "Nil": "NotNil",
    "Empty": "NotEmpty",
    "Contains": "NotContains",
    "Panics": "NotPanics",
    "Zero": "NotZero",
    "Same": "NotSame",
    "Greater": "LessOrEqual",
    "GreaterOrEqual": "Less",
    "ErrorIs": "NotErrorIs",
}
_OPPOSITES |= {value: key for key, value in _OPPOSITES.items()}
_OPPOSITES |= {f"{key}f": f"{value}f" for key, value in _OPPOSITES.items()}
_ZERO = re.compile(r"nil|0|0\.0|\"\"|``|false|[\w.\[\]]*\{\}")
_LOGS = re.compile(r"^(?:log|slog|logger|logrus|zap|glog|klog|l|lg|logging)$|^(?:\w+\.)*(?:log|logger|Log|Logger)$")
_LOG_CALLS = re.compile(r"^(?:Print|Debug|Info|Warn|Error|Trace|Log)\w*$")
_DIRECTIVE = re.compile(r"//(?:go:|export |line |extern )|// ?\+build|/\*line ")
_LOOKS = Looks(
    round=re.compile(
        r"os\.(?:Args|Getenv|LookupEnv|Environ|Getpid|Getppid|Getuid|Geteuid|Hostname|Getwd|Executable|Stat|Lstat|ReadDir)"
        r"|runtime\.(?:Caller|Callers|Stack|NumGoroutine|FuncForPC|CallersFrames)|testing\.\w+|flag\.(?:Lookup|Args)"
        r"|debug\.\w+|user\.Current"
    ),
    meddles=re.compile(
        r"os\.(?:Exit|Stdout|Stderr|Stdin|NewFile|Setenv|Pipe)|runtime\.Goexit|signal\.\w+|syscall\.\w+|unsafe\.\w+"
        r"|log\.(?:Fatal\w*|SetOutput)|recover|print|println"
    ),
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What `go env` says: folders of this machine."""

    go: str
    root: Path
    cache: Path
    modules: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(folder for folder in (self.root, self.cache, self.modules) if folder.is_dir())

    @property
    def environment(self) -> dict[str, str]:
        """No module and no other Go is fetched. Without an index of packages, as that would have to be written."""
        own = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GODEBUG": "goindex=0"}
        own |= {"GOMODCACHE": str(self.modules)} if self.modules.is_dir() else {}
        own |= {"GOCACHE": str(self.cache)} if self.cache.is_dir() else {}
        return own | {"PATH": f"{self.root}/bin:/usr/local/bin:/usr/bin:/bin", "GOROOT": str(self.root)}


@lru_cache
def tools() -> Tools | None:
    """The Go on this machine's PATH, as it describes itself; None where there is none."""
    go = shutil.which("go")
    if go is None:
        return None
    asked = subprocess.run(
        [go, "env", "-json", "GOROOT", "GOCACHE", "GOMODCACHE"],
        capture_output=True,
        text=True,
        timeout=_ASK_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment({"GOTOOLCHAIN": "local"}),
    )
    if asked.returncode != 0:
        return None
    told = json.loads(asked.stdout)
    root, cache, modules = (Path(told[name]) for name in ("GOROOT", "GOCACHE", "GOMODCACHE"))
    return Tools(str(root / "bin" / "go"), root.resolve(), cache, modules)


@dataclass(frozen=True, slots=True)
class GoSuite:
    """`go test` in the folder of a module. `tests` are files by their folder and function."""

    files: tuple[str, ...]
    machine: Machine
    tools: Tools
    folder: str
    module: str
    tests: Mapping[tuple[str, str], str]
    arguments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("./...",)

    @property
    def takes_files(self) -> bool:
        return True

    @property
    def says(self) -> str:
        return " ".join(("go test", *self.arguments, *self.packages))

    @property
    def knows(self) -> str:
        return (
            "Tests are told apart by what `go test` prints; the program that is tested prints there too, so that it "
            "could write a result itself."
        )

    @property
    def leaves_out(self) -> str:
        return ""

    @property
    def folders(self) -> tuple[Path, ...]:
        return self.tools.folders

    @property
    def placed(self) -> tuple[tuple[Path, str], ...]:
        return ()

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        folders = {_folder(path) for path in changed}
        return tuple(path for path in self.files if _folder(path) in folders)

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        return tuple(files)

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        names = sorted({name for path in files for name in _names(content_of(path, tree, changes))})
        command = (self.tools.go, "test", "-json", *_QUIET, *self.arguments, *self._what(files, names))
        python, variables = self.machine.interpreter.python, self.tools.environment
        return collecting(python, command, changes, form="go", folder=self.folder, environment=variables)

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        names = sorted({name for (_, name), path in self.tests.items() if path in files})
        return ("go", "test", *self.arguments, *self._what(files, names))

    def _what(self, files: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
        if not files:
            return self.packages
        folders = sorted({_relative(_folder(path), self.folder) for path in files})
        return ("-run", f"^({'|'.join(names)})$", *folders)

    def read(self, outcome: Outcome) -> Results:
        return results(outcome, self._results)

    def _results(self, told: Told) -> Iterator[TestResult]:
        ended = [event for event in told.events if event[2]]
        failed_in = {package for action, package, _, _ in ended if action != "pass"}
        for action, package, test, printed in ended:
            folder = self._folder_of(package)
            file = self.tests.get((folder, test.partition("/")[0]), "")
            ending = {"pass": Ending.PASSED, "skip": Ending.SKIPPED, "fail": Ending.FAILED}.get(action, Ending.ERROR)
            id = test if folder == "." else f"{folder}::{test}"
            yield result(id, file, ending, _failure(printed, told.tree))
        for action, package, test, printed in told.events:
            if test or action not in ("fail", "cut"):
                continue
            folder = self._folder_of(package)
            if "[build failed]" in printed or "[setup failed]" in printed:
                failure = _build_failure(told, package)
                for path in [path for path in self.files if _folder(path) == folder]:
                    yield result(path, path, Ending.UNCOLLECTED, failure)
            elif package not in failed_in:
                yield result(f"{folder}::the whole package", "", Ending.ERROR, _failure(printed, told.tree))

    def _folder_of(self, package: str) -> str:
        inner = package.removesuffix(".test").removeprefix(self.module).strip("/")
        return str(PurePosixPath(self.folder) / inner)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _relative(folder: str, top: str) -> str:
    inner = folder if top == "." else folder.removeprefix(top).strip("/") or "."
    return f"./{inner}" if inner != "." else "."


def _names(content: bytes) -> list[str]:
    return [name.decode() for name in _TEST.findall(content)]


def _build_failure(told: Told, package: str) -> Failure:
    built = [text for action, name, _, text in told.events if action == "build-fail" and name.startswith(package)]
    text = "\n".join(built) or told.errors
    found = list(_BUILD_ERROR.finditer(text))
    frames = tuple(Frame(each["path"].removeprefix("./"), int(each["line"]), "") for each in reversed(found))
    return Failure(_BUILD_FAILED, text.strip()[-2000:], assertion=False, frames=frames)


def _failure(printed: str, tree: str) -> Failure:
    """What a failing test printed: the stack of a panic, also of one that the program answered, or its own words."""
    panics = list(_PANIC.finditer(printed))
    stacks = list(_GOROUTINE.finditer(printed))
    if not panics or not stacks:
        said = "\n".join(line for line in printed.splitlines() if not line.lstrip().startswith(("===", "---")))
        return Failure("Failed", said.strip()[-2000:], assertion=True, frames=())
    frames = _frames(printed[stacks[0].end() :], tree)
    return Failure(panics[0]["kind"], panics[0]["message"], assertion=False, frames=frames)


def _frames(stack: str, tree: str) -> tuple[Frame, ...]:
    """The project's steps, the innermost last; what stands above the call of panic belongs to who recovered."""
    found: list[Frame] = []
    function = ""
    for line in stack.strip("\n").split("\n"):
        if not line or line.startswith("exit status"):
            break
        if place := _PLACE.match(line):
            path = inside(tree, place["path"])
            if function == "panic":
                found = []
            elif path:
                found.append(Frame(path, int(place["line"]), function.rpartition("/")[2].rpartition(".")[2]))
        else:
            called = _CALL.match(line.removeprefix("created by "))
            function = called["function"] if called else line
    return tuple(reversed(found))


@dataclass(frozen=True)
class _Test:
    """One test function as it is written."""

    name: str
    node: Node

    @property
    def short_name(self) -> str:
        return self.name

    @cached_property
    def lines(self) -> list[str]:
        return text_of(self.node).splitlines()

    @cached_property
    def body(self) -> list[str]:
        return _tokens(self.node.child_by_field_name("body"))

    @cached_property
    def checks(self) -> list[Node]:
        """Conditions that fail the test, and calls that check something."""
        found = [node for node in nodes(self.node, "if_statement") if _fails_at_once(node)]
        inner = {id_of(call) for node in found for call in nodes(node.child_by_field_name("consequence"))}
        calls = [node for node in nodes(self.node, "call_expression") if id_of(node) not in inner]
        return found + [node for node in calls if _is_check(node) or _is_failing(node)]

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(_told(node) for node in self.checks)

    @property
    def exact(self) -> int:
        return sum(_is_exact(node) for node in self.checks)

    @property
    def skips(self) -> int:
        return sum(_is_skip(node) for node in nodes(self.node, "call_expression"))

    @property
    def asserts_a_value(self) -> bool:
        """A helper that is handed the test counts."""
        return any(not _only_that_nothing_fails(node) for node in self.checks) or any(
            _is_helper(node, self.handle) for node in nodes(self.node, "call_expression")
        )

    @property
    def handle(self) -> str:
        """What it calls its *testing.T."""
        parameters = self.node.child_by_field_name("parameters")
        return text_of(next(nodes(parameters, "identifier"), None)) or "t"


def id_of(node: Node) -> int:
    return int(node.id)


def _tests(source: str) -> dict[str, _Test]:
    tree = tree_of("go", source)
    if tree is None:
        return {}
    functions = [node for node in tree.named_children if node.type == "function_declaration"]
    named = [(text_of(node.child_by_field_name("name")), node) for node in functions]
    return {name: _Test(name, node) for name, node in named if _TEST.match(b"func %s(" % name.encode())}


def _called(node: Node) -> tuple[str, str]:
    """What a call is made on, and the last name: ("t", "Run"), ("", "len")."""
    function = node.child_by_field_name("function")
    if function is None or function.type != "selector_expression":
        return "", text_of(function)
    return text_of(function.child_by_field_name("operand")), text_of(function.child_by_field_name("field"))


def _is_failing(node: Node) -> bool:
    on, name = _called(node)
    return name in _FAILS and re.fullmatch(r"[a-z]{1,3}|\w*[tT]|tb", on) is not None


def _is_check(node: Node) -> bool:
    on, name = _called(node)
    return _CHECKERS.match(on.partition("(")[0].partition(".")[0] or name) is not None and name not in ("Run", "New")


def _is_skip(node: Node) -> bool:
    on, name = _called(node)
    return name in _SKIPS or (on, name) == ("testing", "Short")


def _is_helper(node: Node, handle: str) -> bool:
    arguments = node.child_by_field_name("arguments")
    given = [text_of(one) for one in arguments.named_children] if arguments else []
    return handle in given and _called(node)[0] != handle


def _fails_at_once(node: Node) -> bool:
    """Whether an `if` fails the test by itself, not by another one within it."""
    body = node.child_by_field_name("consequence")
    return any(
        _is_failing(call)
        for call in nodes(body, "call_expression")
        if next(one for one in above(call) if one.type in ("if_statement", "func_literal")).id == node.id
    )


def _condition(node: Node) -> str:
    return " ".join(_tokens(node.child_by_field_name("condition")))


def _told(node: Node) -> str:
    if node.type == "if_statement":
        head = node.child_by_field_name("initializer")
        return f"if {' '.join(_tokens(head)) if head else ''}; {_condition(node)}"
    return " ".join(_tokens(node))


def _is_exact(node: Node) -> bool:
    if node.type == "if_statement":
        return not _only_that_nothing_fails(node) and re.search(r"!=|! .*Equal|Diff", _told(node)) is not None
    return _called(node)[1] in _EXACT


def _only_that_nothing_fails(node: Node) -> bool:
    if node.type == "if_statement":
        subject, _, rest = _condition(node).partition(" ")
        return rest == "!= nil" and _ERR.match(subject) is not None
    return _called(node)[1] in _NOTHING_FAILED


def _tokens(node: Node | None) -> list[str]:
    return [] if node is None else tokens(node, _is_comment)


def _is_comment(node: Node) -> bool:
    return bool(node.type == "comment") and _DIRECTIVE.match(text_of(node)) is None


def _is_log(node: Node) -> bool:
    """A statement that only writes a log line."""
    if node.type != "expression_statement" or node.named_child_count != 1:
        return False
    call = node.named_children[0]
    on, name = _called(call) if call.type == "call_expression" else ("", "")
    if on == "fmt":
        return name.startswith("Print")
    return _LOGS.match(on) is not None and _LOG_CALLS.match(name) is not None


def _left_out(node: Node) -> bool:
    return _is_comment(node) or _is_log(node)


def _without_imports(node: Node) -> bool:
    return _left_out(node) or node.type == "import_declaration"


def _handlers(tree: Node) -> Iterator[Handler]:
    """New calls of recover, and errors that are looked at and dropped."""
    for node in nodes(tree, "call_expression", "if_statement"):
        if node.type == "call_expression" and _called(node) == ("", "recover"):
            yield _recovering(node)
        elif node.type == "if_statement" and (dropped := _dropped(node)):
            yield dropped


def _recovering(call: Node) -> Handler:
    """Without it there is no deferred function that only recovers, or nothing is recovered by a named one."""
    around = [one for one in above(call) if one.type in ("func_literal", "function_declaration", "method_declaration")]
    body = around[0].child_by_field_name("body")
    deferred = next((one for one in above(around[0]) if one.type == "defer_statement"), None)
    drops = not _acts(body)
    if around[0].type == "func_literal" and deferred is not None and drops:
        piece = Piece.of(deferred, "")
    elif call.parent.type == "expression_statement":
        piece = Piece.of(call.parent, "_ = interface{}(nil)")
    else:
        piece = Piece.of(call, "interface{}(nil)")
    return Handler(line_of(call), "a panic", " ".join(_tokens(around[-1])), " ".join(_tokens(body)), drops, [piece])


def _acts(body: Node) -> bool:
    """Whether it raises again, or calls for something else than a log."""
    logged = {id_of(inner) for node in nodes(body, "expression_statement") if _is_log(node) for inner in nodes(node)}
    calls = [node for node in nodes(body, "call_expression") if id_of(node) not in logged]
    return any(_called(node) != ("", "recover") for node in calls)


def _dropped(node: Node) -> Handler | None:
    """`if err != nil { … }` that goes on as if nothing had been: it leaves, continues, or answers with nothing."""
    subject, _, rest = _condition(node).partition(" ")
    if rest != "!= nil" or not _ERR.match(subject) or node.child_by_field_name("alternative"):
        return None
    body = node.child_by_field_name("consequence")
    statements = [one for block in body.named_children for one in (block.named_children or [])] if body else []
    statements = [one for one in statements if one.type != "comment" and not _is_log(one)]
    if not all(_is_nothing(one) for one in statements):
        return None
    before = node.prev_named_sibling
    tried = " ".join(_tokens(node.child_by_field_name("initializer") or before))
    return Handler(
        line_of(node), subject, tried, " ".join(_tokens(body)), True, [Piece.of(body, f"{{ panic({subject}) }}")]
    )


def _is_nothing(statement: Node) -> bool:
    if statement.type in ("continue_statement", "break_statement"):
        return True
    if statement.type != "return_statement":
        return False
    values = [one for block in statement.named_children for one in block.named_children]
    return all(_ZERO.fullmatch(text_of(one)) for one in values) and (not values or text_of(values[-1]) == "nil")


_DROPPINGS = Droppings(
    tree=lambda _, source: tree_of("go", source),
    handlers=_handlers,
    essence=lambda tree: tokens(tree, _without_imports),
)


def _skipped_around(source: str) -> int:
    """Build constraints, which leave out whole files, and a TestMain that may leave before the tests."""
    return len(re.findall(r"^//go:build|^// ?\+build|^func TestMain\(", source, re.MULTILINE))


class Go:
    name = "Go"

    def reads(self, path: str) -> bool:
        return path.endswith(".go")

    def is_test_file(self, path: str) -> bool:
        return path.endswith("_test.go")

    def is_test_path(self, path: str) -> bool:
        return path.endswith("_test.go") or "testdata" in PurePosixPath(path).parts[:-1]

    def is_round_tests(self, path: str) -> bool:
        return PurePosixPath(path).name in ("go.mod", "go.sum", "go.work", "go.work.sum")

    def find_suite(self, tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        return self._suite((), tree, overlay, machine)

    def suite_of(self, command: Sequence[str], tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        if PurePosixPath(command[0]).name != "go" or tuple(command[1:2]) != ("test",):
            return None
        return self._suite(tuple(word for word in command[2:] if word not in ("-v", "-json")), tree, overlay, machine)

    def _suite(self, words: tuple[str, ...], tree: Path, overlay: Overlay, machine: Machine) -> GoSuite | None:
        found = {*files_of(tree, ("_test.go",)), *(path for path in overlay if self.is_test_file(path))}
        installed = tools()
        top = _module_of([path for path in overlay if self.reads(path)] or sorted(found), tree, overlay)
        if not found or installed is None or top is None:
            return None
        files = tuple(sorted(path for path in found if top == "." or path.startswith(f"{top}/")))
        named = _MODULE.search(content_of(str(PurePosixPath(top) / "go.mod"), tree, overlay))
        packages = tuple(word for word in words if word.startswith(".") or "/" in word) or ("./...",)
        tests = {(_folder(path), name): path for path in files for name in _all_names(path, tree, overlay)}
        return GoSuite(
            files,
            machine,
            installed,
            top,
            named[1].decode() if named else "",
            tests,
            tuple(word for word in words if word not in packages),
            packages,
        )

    def compiling(self, paths: Sequence[str], changes: Overlay, machine: Machine) -> Job | None:
        """Only its syntax: what it is compiled with is compiled with the tests."""
        installed = tools()
        gofmt = installed.root / "bin" / "gofmt" if installed else Path("gofmt")
        return Job((str(gofmt), "-e", "-l", *paths), changes) if gofmt.is_file() else None

    def can_read(self, source: str) -> bool:
        return tree_of("go", source) is not None

    def why_unreadable(self, path: str, before: bytes | None, after: bytes) -> str | None:
        try:
            after.decode("utf-8")
        except UnicodeDecodeError:
            return f"{path} is not written in UTF-8"
        return None

    def runs_the_same(self, before: str, after: str) -> bool:
        old, new = tree_of("go", before), tree_of("go", after)
        return before == after if old is None or new is None else tokens(old, _left_out) == tokens(new, _left_out)

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        return _DROPPINGS.swallowing(before, after)

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        old, new = ({path: _tests(source) for path, source in texts.items()} for texts in (before, after))
        around = {
            path: _skipped_around(after[path]) - _skipped_around(before[path]) for path in before if path in after
        }
        return loosened_tests(old, new, around)

    def suspicions(self, before: Texts, after: Texts, tests: Texts) -> tuple[str, ...]:
        trees = [tree for source in tests.values() if (tree := tree_of("go", source))]
        return tuple(
            sentence
            for path, source in after.items()
            for sentence in suspected(path, tree_of("go", before.get(path, "")), tree_of("go", source), trees, _LOOKS)
        )

    def same_lines(self, before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
        return ()  # nothing tells which lines a test of Go comes by

    def suspicions_of_tests(self, before: Texts, tests: Texts, names: frozenset[str]) -> tuple[str, ...]:
        found = []
        for path, source in tests.items():
            for name, test in _tests(source).items():
                used = (
                    {".".join(_called(node)) for node in nodes(test.node, "call_expression")}
                    if name in names
                    else set()
                )
                for pattern, says in (
                    (
                        r"os\.(?:ReadFile|Open)|parser\.\w+|exec\.Command",
                        "looks at how the program is written or at its files",
                    ),
                    (r"rand\.\w+|time\.(?:Now|Since)", "depends on chance or on the clock"),
                ):
                    matching = sorted(one for one in used if re.fullmatch(pattern, one))
                    if matching:
                        found.append(f"{path}: {name} {says}: {', '.join(matching)}")
        return tuple(found)

    def name_of(self, id: str) -> str:
        return id.rpartition("::")[2].partition("/")[0]

    def is_called(self, id: str, name: str) -> bool:
        return self.name_of(id) == name

    def stem_of(self, id: str) -> str:
        folder, colons, test = id.rpartition("::")
        stem, slash, _ = test.partition("/")
        return f"{folder}{colons}{stem}" if slash else ""

    def text_of(self, source: str, name: str) -> str:
        test = _tests(source).get(name)
        return "" if test is None else " ".join(test.body)

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        found = [test for source in sources.values() if (test := _tests(source).get(name))]
        return not found or any(test.asserts_a_value or name.startswith("Example") for test in found)

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        tests = [test for name, test in _tests(source).items() if name in names]
        return written_with(source, [piece for test in tests for piece in _turned(test)]) if tests else None

    def why_wrong(self, test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
        failure = test.failure
        if failure is None or failure.kind != _BUILD_FAILED:
            return None
        said = failure.message.splitlines()[-1:]
        return f"{test.id} fails before the patch only because it is not compiled there: {' '.join(said)}"

    def missing(self, failure: Failure | None, tree: Path) -> str | None:
        found = _NOT_HERE.search(failure.message) if failure and failure.kind == _BUILD_FAILED else None
        return f"{next((group for group in found.groups() if group), 'a module')} is not installed" if found else None

    def count(self, source: str) -> int:
        return len(_tests(source))


def _all_names(path: str, tree: Path, overlay: Overlay) -> list[str]:
    return _names(content_of(path, tree, {})) + _names(content_of(path, tree, overlay))


def _module_of(paths: Sequence[str], tree: Path, overlay: Overlay) -> str | None:
    """The folder of the go.mod that most of these files belong to."""
    found: Counter[str] = Counter()
    for path in paths:
        folders = [str(folder) for folder in PurePosixPath(path).parents]
        mine = (folder for folder in folders if content_of(str(PurePosixPath(folder) / "go.mod"), tree, overlay))
        if (folder := next(mine, None)) is not None:
            found[folder] += 1
    return found.most_common(1)[0][0] if found else None


def _turned(test: _Test) -> list[Piece]:
    """Its assertions the other way round; those that only ask that nothing failed, where there is no other."""
    strict = [node for node in test.checks if not _only_that_nothing_fails(node)]
    pieces = [piece for node in strict or test.checks if (piece := _opposite(node)) is not None]
    if pieces:
        return pieces
    end = test.node.child_by_field_name("body").end_byte - 1
    return [Piece(end, end, f'\n{test.handle}.Fatal("turned round")\n')]


def _opposite(node: Node) -> Piece | None:
    if node.type == "if_statement":
        condition = node.child_by_field_name("condition")
        return Piece.of(condition, f"!({text_of(condition)})")
    field = node.child_by_field_name("function").child_by_field_name("field")
    other = _OPPOSITES.get(text_of(field))
    return Piece.of(field, other) if other else None
