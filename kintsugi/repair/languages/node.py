"""Node: JavaScript and TypeScript by `node --test`, jest, vitest, mocha or a runner that prints TAP."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from kintsugi.repair.languages import Machine, Overlay, Suite, Texts
from kintsugi.repair.languages.collected import Told, collecting, results
from kintsugi.repair.languages.dropping import Droppings, Handler
from kintsugi.repair.languages.files import content_of, files_of, mentioning, that_exist
from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.languages.reports import failure_of, inside, jest, mocha, result, tap
from kintsugi.repair.languages.results import Crash, Ending, Failure, Frame, Results, TestResult
from kintsugi.repair.languages.suspecting import Looks, suspected
from kintsugi.repair.languages.syntax import Node, Piece, above, line_of, nodes, text_of, tokens, tree_of, written_with
from kintsugi.repair.sandbox import Job, Outcome

_GRAMMARS = {".ts": "ts", ".mts": "ts", ".cts": "ts", ".tsx": "tsx"}
_GRAMMARS |= dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), "js")
_ENDINGS = tuple(_GRAMMARS)
_TEST_NAME = re.compile(r"(?:[._-](?:test|tests|spec)|^tests?|^test[-_.].*)\.[cm]?[jt]sx?$")
_TEST_FOLDERS = {"test", "tests", "__tests__", "spec", "specs"}
_BESIDE_TESTS = {"fixtures", "fixture", "helpers", "helper", "support", "utils", "util", "data", "mocks", "__mocks__"}
_BESIDE_TESTS |= {"__snapshots__", "__fixtures__", "setup", "common", "lib", "types"}
_ROUND_TESTS = re.compile(
    r"package\.json|(?:jest|vitest|vite|babel|ava|tap)[\w.-]*\.config\.\w+|\.mocharc\.\w+|\.babelrc.*|\.taprc"
    r"|\.c8rc.*|tsconfig[\w.]*\.json|\.swcrc|jest\.setup\.\w+"
)
_REPORT = "{tmp}/results.json"
_REPORTER = """
const names = [], printed = {};
const told = (e, left = 4) => e && typeof e === "object" && left
  ? [{ name: e.name, message: String(e.message), stack: String(e.stack), code: e.code },
     ...told(e.cause, left - 1)] : [];
export default async function* (source) {
  for await (const { type, data } of source) {
    if (type === "test:stderr") printed[data.file] = ((printed[data.file] || "") + data.message).slice(-8000);
    if (type === "test:start") { names.length = data.nesting; names[data.nesting] = data.name; }
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error;
    yield JSON.stringify({
      file: data.file || "", names: [...names.slice(0, data.nesting), data.name], ok: type === "test:pass",
      skip: data.skip !== undefined && data.skip !== false, todo: data.todo !== undefined && data.todo !== false,
      kind: data.details.type || "test", failure: error && error.failureType, errors: told(error),
      printed: printed[data.file] || "" }) + "\\n";
  }
}
"""
_WRAPPERS = {"npx", "c8", "nyc", "cross-env", "dotenv", "env", "time", "yarn", "pnpm", "bunx", "exec", "run", "--"}
_RUNS_SCRIPTS = {"npm", "pnpm", "yarn", "bun", "run-s", "npm-run-all", "run-p"}
_SEPARATORS = re.compile(r"\s*(?:&&|\|\||;)\s*")
_ASSIGNMENT = re.compile(r"^\w+=")
_TESTS = {"test", "it", "specify", "xit", "xtest", "fit", "xspecify"}
_SUITES = {"describe", "context", "suite", "xdescribe", "fdescribe", "xcontext"}
_LEFT_OUT_ROOTS = {"xit", "xtest", "fit", "xspecify", "xdescribe", "fdescribe", "xcontext"}
_LEFT_OUT_PROPERTIES = {"skip", "only", "todo", "failing", "fails", "skipIf", "runIf"}
_TITLES = ("string", "template_string")
_NAMED = (
    *("function_declaration", "method_definition", "arrow_function", "function_expression"),
    "generator_function_declaration",
)
_FUNCTIONS = ("arrow_function", "function_expression", "function")
_CHECKERS = {"assert", "expect", "should", "t", "chai", "expectTypeOf", "tap", "st", "tt"}
_NO_CHECK = {"test", "plan", "end", "pass", "comment", "log", "teardown", "timeout", "after", "before", "mock", "skip"}
_NO_CHECK |= {"diagnostic", "todo", "context", "setTimeout", "beforeEach", "afterEach", "extend", "assertions", "any"}
_NO_CHECK |= {"hasAssertions", "anything", "objectContaining", "arrayContaining", "stringContaining", "stringMatching"}
_NOTHING_FAILED = {"doesNotThrow", "doesNotReject", "notThrows", "notThrowsAsync", "pass", "ifError"}
_EQUAL = {"toBe", "toEqual", "toStrictEqual", "equal", "equals", "eql", "eq", "strictEqual", "deepEqual", "is", "same"}
_EQUAL |= {"deepStrictEqual", "deepEquals", "toHaveLength", "lengthOf", "strictSame", "toBeCloseTo", "looseEqual"}
_OPPOSITES = {"notEqual": "equal", "notStrictEqual": "strictEqual", "notDeepEqual": "deepEqual", "not": "is"}
_OPPOSITES |= {"notDeepStrictEqual": "deepStrictEqual", "doesNotMatch": "match", "notSame": "same"}
_ONE_SIDED = {"ok", "true", "false", "truthy", "falsy", "notOk", "isTrue", "isFalse", "assert", "isOk", "isNotOk"}
_STRANGER = 'Symbol("turned round")'
_LOGGERS = re.compile(r"^(?:console|log|logger|debug|winston|pino|(?:this|self|app|ctx)\.log(?:ger)?)$")
_LOG_CALLS = {"log", "info", "warn", "error", "debug", "trace", "verbose", "fatal"}
_TYPES = {"type_annotation", "interface_declaration", "type_alias_declaration", "type_arguments", "type_parameters"}
_TYPES |= {"ambient_declaration", "opting_type_annotation", "omitting_type_annotation", "accessibility_modifier"}
_NOT_HERE = re.compile(
    r"Cannot find (?:module|package) '([^']+)'|Failed to (?:resolve import|load url) \"?([^\"\s]+)|"
    r"Could not resolve \"([^\"]+)\""
)
_BUILT = re.compile(r"(?:^|/)(?:dist|build|lib|out|esm|cjs)(?:/|$)")
_NO_SUCH_NAME = re.compile(
    r"is not a (?:function|constructor)|is not defined|does not provide an export|not exported|has no exported"
)
_LOOKS = Looks(
    round=re.compile(
        r"process\.(?:env|argv|execArgv|title|cwd|ppid|pid|mainModule|release|versions?|getuid)(?:[.\[].*)?"
        r"|__filename|__dirname"
        r"|require\.(?:main|cache|extensions)(?:[.\[].*)?|module\.(?:parent|children)|import\.meta(?:\..*)?|os\.\w+"
        r"|(?:globalThis|global)\.(?:expect|describe|it|test|jest|vi)|Error\.(?:captureStackTrace|prepareStackTrace)"
        r"|jest|vi|vitest|describe|expect"
    ),
    meddles=re.compile(
        r"process\.(?:exit|abort|kill|on|once|emit|exitCode|stdout|stderr|reallyExit|send|nextTick|binding|dlopen)(?:[.\[].*)?"
        r"|Module\._\w+|require\.cache.*|Object\.(?:defineProperty|setPrototypeOf|assign)|Reflect\.\w+|\w+\.prototype(?:\..*)?"
        r"|globalThis(?:[.\[].*)?|global(?:[.\[].*)?|Proxy|Symbol\.\w+|eval|Function|setTimeout|setInterval"
    ),
)


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that runs tests: what it is called with, and how its report is read."""

    program: str
    form: str
    before: tuple[str, ...]  # arguments of ours, before the project's
    files: tuple[str, ...]  # what says that files follow
    read: Callable[[Told], Iterator[TestResult]]
    reports: tuple[str, ...] = ()
    ended_well: range = range(2)
    drops: re.Pattern[str] = re.compile(
        r"--?(?:w|watch(?:All)?|coverage|reporters?|R|typecheck|ui|bail|silent|json)(?:=.*)?"
    )


def _by_report(read: Callable[[str, str], Iterable[TestResult]]) -> Callable[[Told], Iterator[TestResult]]:
    def from_file(told: Told) -> Iterator[TestResult]:
        for text in told.reports.values():
            try:
                yield from list(read(text, told.tree))
            except (ValueError, KeyError, TypeError):
                return

    return from_file


def _by_tap(told: Told) -> Iterator[TestResult]:
    try:
        yield from list(tap(told.out, told.tree))
    except ValueError:
        return


def _by_events(told: Told) -> Iterator[TestResult]:
    """What our reporter printed for each test of `node --test`."""
    for line in told.out.splitlines():
        try:
            event: Any = json.loads(line)
            yield from _of_event(event, told.tree)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _of_event(event: Mapping[str, Any], tree: str) -> Iterator[TestResult]:
    file = inside(tree, str(event["file"]))
    names = [str(name) for name in event["names"]]
    is_file = names[-1].endswith(_ENDINGS) and inside(tree, names[-1]) in (file, names[-1])
    if event["kind"] == "suite" or event.get("failure") == "subtestsFailed":
        return
    if is_file:
        failure = failure_of(_last_error(str(event["printed"])), tree)
        yield result(file, file, Ending.PASSED if event["ok"] else Ending.UNCOLLECTED, failure)
        return
    id = f"{file}::{' > '.join(names)}"
    if event["skip"]:
        yield result(id, file, Ending.SKIPPED)
    elif event["todo"]:
        yield result(id, file, Ending.XFAILED)
    else:
        yield result(id, file, Ending.PASSED if event["ok"] else Ending.FAILED, _of_errors(event["errors"], tree))


def _of_errors(errors: Sequence[Mapping[str, Any]], tree: str) -> Failure | None:
    """The runner's own error holds the test's as its cause."""
    own = [error for error in errors if error.get("code") != "ERR_TEST_FAILURE"] or errors
    if not own:
        return None
    first = own[0]
    return failure_of(str(first["stack"]), tree, str(first.get("name") or ""), str(first["message"]))


def _last_error(printed: str) -> str:
    """Of what Node prints when a file cannot be run: from the line that names the error."""
    found = list(re.finditer(r"^(?:\w*(?:Error|Exception)\b.*)$", printed, re.MULTILINE))
    return printed[found[0].start() :] if found else printed


RUNNERS = {
    "jest": Runner(
        "jest",
        "lines",
        ("--json", f"--outputFile={_REPORT}", "--ci", "--coverage=false"),
        ("--runTestsByPath",),
        _by_report(jest),
        (_REPORT,),
    ),
    "vitest": Runner(
        "vitest",
        "lines",
        ("run", "--reporter=default", "--reporter=json", f"--outputFile.json={_REPORT}"),
        (),
        _by_report(jest),
        (_REPORT,),
    ),
    "mocha": Runner(
        "mocha",
        "lines",
        ("--reporter", "json", "--reporter-option", f"output={_REPORT}"),
        (),
        _by_report(mocha),
        (_REPORT,),
        range(256),
    ),
    "node": Runner("node", "events", (), (), _by_events),
    "tape": Runner("tape", "lines", (), (), _by_tap),
    "tap": Runner("tap", "lines", ("--reporter=tap", "--disable-coverage"), (), _by_tap),
    "ava": Runner("ava", "lines", ("--tap",), (), _by_tap),
}


@dataclass(frozen=True, slots=True)
class NodeSuite:
    """The tests of one package: a runner with the project's own arguments, in the folder of its package.json."""

    files: tuple[str, ...]
    tree: Path
    machine: Machine
    node: Path
    folder: str
    runner: Runner
    options: tuple[str, ...]
    paths: tuple[str, ...]
    placed: tuple[tuple[Path, str], ...]

    @property
    def takes_files(self) -> bool:
        return True

    @property
    def says(self) -> str:
        words = ("node", "--test") if self.runner.program == "node" else (self.runner.program,)
        return " ".join((*words, *self.options, *self.paths))

    @property
    def knows(self) -> str:
        return (
            f"Tests are told apart by what `{self.says}` reports; the program that is tested shares its process or its "
            "output, so that it could write a result itself."
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        real = self.node.resolve()
        return tuple({self.node.parent.parent, real.parent.parent} - {Path("/usr"), Path("/")})

    def related(self, tree: Path, changes: Overlay, changed: Sequence[str]) -> tuple[str, ...]:
        return mentioning(tree, changes, self.files, changed)

    def chosen(self, files: Sequence[str], tree: Path, changes: Overlay) -> tuple[str, ...]:
        """`node --test` finds its files by rules that differ from release to release: it is told them."""
        if not files and self.runner.program == "node" and not self.paths:
            return that_exist(self.files, tree, changes)
        return tuple(files)

    def job(self, tree: Path, changes: Overlay, files: Sequence[str], crash: Mapping[str, object]) -> Job:
        command = self._command(self._own_arguments(), files)
        folders = dict.fromkeys(("{tree}/node_modules/.bin", f"{{tree}}/{self.folder}/node_modules/.bin"))
        variables = {"PATH": ":".join((*folders, str(self.node.parent), "/usr/local/bin:/usr/bin:/bin")), "CI": "true"}
        return collecting(
            self.machine.interpreter.python,
            command,
            changes,
            form=self.runner.form,
            reports=self.runner.reports,
            folder=self.folder,
            environment=variables | {"NODE_ENV": "test", "FORCE_COLOR": "0", "NO_COLOR": "1"},
        )

    def _own_arguments(self) -> tuple[str, ...]:
        if self.runner.program != "node":
            return self.runner.before
        ours = f"data:text/javascript,{quote(_REPORTER)}"
        shown = ("--test-reporter=spec", "--test-reporter-destination=stderr")
        return ("--test", f"--test-reporter={ours}", "--test-reporter-destination=stdout", *shown)

    def _command(self, own: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
        inner = [_relative(path, self.folder) for path in files]
        named = (*self.runner.files, *inner) if inner else self.paths
        return (self.runner.program, *own, *self.options, *named)

    def shown(self, files: Sequence[str]) -> tuple[str, ...]:
        return self._command(("--test",) if self.runner.program == "node" else (), files)

    def read(self, outcome: Outcome) -> Results:
        return results(outcome, self._read, self.runner.ended_well)

    def _read(self, told: Told) -> Iterator[TestResult]:
        for test in self.runner.read(told):
            yield replace(test, failure=test.failure and self._located(test.failure))

    def _located(self, failure: Failure) -> Failure:
        """mocha shortens paths by the folder that it runs in; what jest transforms has the names of other steps."""
        frames = [replace(frame, path=self._path_of(frame.path)) for frame in failure.frames]
        if self.runner.program == "jest":
            frames = [replace(frame, function=_function_at(self.tree, frame)) for frame in frames]
        return replace(failure, frames=tuple(frames))

    def _path_of(self, path: str) -> str:
        inner = str(PurePosixPath(self.folder) / path)
        return path if (self.tree / path).is_file() or not (self.tree / inner).is_file() else inner


def _function_at(tree: Path, frame: Frame) -> str:
    """The innermost function with a name around a line of the tree; as it was told where that cannot be read."""
    source = content_of(frame.path, tree, {}).decode("utf-8", "replace")
    top = _tree(frame.path, source) if source else None
    if top is None:
        return frame.function
    around = [one for one in nodes(top, *_NAMED) if one.start_point[0] < frame.line <= one.end_point[0] + 1]
    names = [name for one in around if (name := _name_of(one))]
    return names[-1] if names else frame.function


def _name_of(function: Node) -> str:
    """Its own, or that of what it is assigned to."""
    own = function.child_by_field_name("name")
    if own is None and function.parent.type in ("variable_declarator", "pair", "assignment_expression"):
        named = ("name", "key", "left")
        own = next((one for field in named if (one := function.parent.child_by_field_name(field)) is not None), None)
    return str(text_of(own).rpartition(".")[2])


def _relative(path: str, folder: str) -> str:
    return path if folder == "." else path.removeprefix(f"{folder}/")


def grammar_of(path: str) -> str:
    return _GRAMMARS.get(PurePosixPath(path).suffix, "js")


def _tree(path: str, source: str) -> Node | None:
    """TypeScript's grammar reads what Flow and decorators add to JavaScript as well."""
    grammar = grammar_of(path)
    return tree_of(grammar, source) or (tree_of("tsx", source) if grammar == "js" else None)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call by the names it is made of: `describe.only.each(…)(…)` has the root describe and properties only, each."""

    node: Node
    root: str
    properties: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.properties[-1] if self.properties else self.root

    @property
    def arguments(self) -> list[Node]:
        given = self.node.child_by_field_name("arguments")
        return [one for one in given.named_children if one.type != "comment"] if given is not None else []

    @property
    def is_left_out(self) -> bool:
        """Skipped, or the one that others are skipped for."""
        options = [one for one in self.arguments if one.type == "object"]
        keys = {
            text_of(pair.child_by_field_name("key"))
            for one in options
            for pair in one.named_children
            if pair.type == "pair" and text_of(pair.child_by_field_name("value")) != "false"
        }
        return self.root in _LEFT_OUT_ROOTS or bool(_LEFT_OUT_PROPERTIES & {*self.properties, *keys})


def _call(node: Node) -> _Call:
    properties: list[str] = []
    inner = node.child_by_field_name("function")
    while inner is not None:
        if inner.type == "member_expression":
            properties.append(text_of(inner.child_by_field_name("property")))
            inner = inner.child_by_field_name("object")
        elif inner.type == "call_expression":
            inner = inner.child_by_field_name("function")
        elif inner.type in ("await_expression", "parenthesized_expression", "non_null_expression"):
            inner = inner.named_children[0] if inner.named_children else None
        else:
            break
    root = text_of(inner) if inner is not None and inner.type in ("identifier", "this", "super") else ""
    return _Call(node, root, tuple(reversed(properties)))


def _is_titled(call: _Call) -> bool:
    return bool(call.arguments) and any(one.type in _FUNCTIONS for one in call.arguments[1:])


def _is_test(call: _Call) -> bool:
    named = call.root in _TESTS or (call.last == "test" and bool(call.properties)) or call.root == "Deno"
    return named and (_is_titled(call) or (call.is_left_out and bool(call.arguments)))


def _is_suite(call: _Call) -> bool:
    return call.root in _SUITES and bool(call.arguments)


@dataclass(frozen=True)
class _Test:
    """One test as it is written. `pattern` matches the names that it can have when it runs."""

    name: str
    pattern: str
    node: Node

    @property
    def short_name(self) -> str:
        return text_of(self.call.arguments[0]).strip("'\"`")

    @cached_property
    def call(self) -> _Call:
        return _call(self.node)

    @cached_property
    def lines(self) -> list[str]:
        return text_of(self.node).splitlines()

    @cached_property
    def body(self) -> list[str]:
        return _tokens(self.function) if self.function is not None else []

    @cached_property
    def function(self) -> Node | None:
        return next((one for one in self.call.arguments[1:] if one.type in _FUNCTIONS), None)

    @cached_property
    def checks(self) -> list[Node]:
        """The outermost nodes of all chains that assert something, and what is thrown by the test itself."""
        found = [node for node in nodes(self.node, "call_expression", "member_expression") if _is_check(node)]
        return found + list(nodes(self.node, "throw_statement"))

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(" ".join(_tokens(node)) for node in self.checks)

    @property
    def exact(self) -> int:
        return sum(_last_of(node) in _EQUAL and "not" not in _chain(node) for node in self.checks)

    @property
    def skips(self) -> int:
        inner = (_call(node) for node in nodes(self.node, "call_expression") if node.id != self.node.id)
        skipping = sum(
            one.last == "skip" and one.root in ("t", "this", "ctx", "context", "test", "it") for one in inner
        )
        return skipping + self.call.is_left_out

    @property
    def asserts_a_value(self) -> bool:
        return (
            any(not _only_that_nothing_fails(node) for node in self.checks)
            or any(
                re.match(r"assert|check|verif|expect|should|match|compare|run\b", _call(node).last, re.IGNORECASE)
                for node in nodes(self.function, "call_expression")
                if not _is_check(node) and self.function is not None
            )
            if self.function is not None
            else False
        )


def _is_check(node: Node) -> bool:
    """Whether it is the whole of `expect(…).to.be.true`, `assert.equal(…)`, `x.should.be.ok`."""
    parent = node.parent
    if (
        parent is not None
        and parent.type in ("member_expression", "call_expression")
        and parent.children[0].id == node.id
    ):
        return False
    names = _chain(node)
    if len(names) < 2 and names[:1] != ["assert"]:
        return False
    if node.type == "member_expression" and names[:1] != ["expect"]:
        return "should" in names[1:] and names[-1] != "should"
    return (names[0] in _CHECKERS or "should" in names[1:]) and not (len(names) > 1 and names[1] in _NO_CHECK)


def _chain(node: Node) -> list[str]:
    """The names of a chain in order, without arguments."""
    call = _call(node) if node.type == "call_expression" else None
    if call is None and node.type == "member_expression":
        inner = node.child_by_field_name("object")
        return [*_chain(inner), text_of(node.child_by_field_name("property"))] if inner is not None else []
    if call is not None:
        return [call.root, *call.properties]
    return [text_of(node)] if node.type == "identifier" else [""]


def _last_of(node: Node) -> str:
    return (_chain(node) or [""])[-1]


def _only_that_nothing_fails(node: Node) -> bool:
    names = _chain(node)
    if node.type == "throw_statement":
        return False
    last = names[-1] if names else ""
    if last in _NOTHING_FAILED or ("not" in names and last in ("toThrow", "toThrowError", "throw", "rejectedWith")):
        return True
    call = _call(node) if node.type == "call_expression" else None
    given = [text_of(one) for one in call.arguments] if call is not None else []
    if last in _ONE_SIDED and given[:1] and re.fullmatch(r"true|1|!0|!false", given[0]):
        return True
    subject = next(
        (
            _call(one)
            for one in nodes(node, "call_expression")
            if _call(one).root == "expect" and not _call(one).properties
        ),
        None,
    )
    said = [text_of(one) for one in subject.arguments] if subject is not None else given[:1]
    return last in _EQUAL and bool(said) and said[:1] == (given[:1] if subject is not None else given[1:2])


def _tests(path: str, source: str) -> dict[str, _Test]:
    tree = _tree(path, source)
    if tree is None:
        return {}
    found: dict[str, _Test] = {}
    for node in nodes(tree, "call_expression"):
        call = _call(node)
        if not _is_test(call):
            continue
        outer = [
            one
            for one in map(_call, (up for up in above(node) if up.type == "call_expression"))
            if _is_suite(one) or _is_test(one)
        ]
        titles = [one.arguments[0] for one in (*reversed(outer), call)]
        name = " ".join(text_of(title).strip("'\"`") if title.type in _TITLES else text_of(title) for title in titles)
        while name in found:
            name += " again"
        found[name] = _Test(name, " ".join(map(_pattern, titles)), node)
    return found


def _pattern(title: Node) -> str:
    if title.type not in _TITLES:
        return ".*"
    parts = re.split(r"\$\{[^}]*\}|%[a-zA-Z#%]|\$\w+(?:\.\w+)*", text_of(title)[1:-1])
    return ".*".join(re.escape(re.sub(r"\\(.)", r"\1", part)) for part in parts)


def _named(path: str, source: str, names: Collection[str]) -> list[_Test]:
    """The tests that run under one of these names; of those written in full, only these."""
    tests = _tests(path, source)
    exact = [tests[name] for name in names if name in tests]
    left = [name for name in names if name not in tests]
    return exact + [
        test
        for test in tests.values()
        if any(re.fullmatch(test.pattern, name, re.DOTALL) for name in left) and test not in exact
    ]


def _tokens(node: Node | None) -> list[str]:
    return [] if node is None else tokens(node, lambda one: bool(one.type == "comment"))


def _is_log(node: Node) -> bool:
    if (
        node.type != "expression_statement"
        or not node.named_children
        or node.named_children[0].type != "call_expression"
    ):
        return False
    call = _call(node.named_children[0])
    if call.root == "debug" and not call.properties:
        return True
    on = ".".join((call.root, *call.properties[:-1]))
    return _LOGGERS.match(on) is not None and call.last in _LOG_CALLS


def _left_out(node: Node) -> bool:
    return node.type in ("comment", "debugger_statement") or node.type in _TYPES or _is_log(node)


def _without_imports(node: Node) -> bool:
    return _left_out(node) or node.type == "import_statement"


def _handlers(tree: Node) -> Iterator[Handler]:
    for node in nodes(tree, "try_statement", "call_expression"):
        found = _of_try(node) if node.type == "try_statement" else _of_promise(node)
        if found is not None:
            yield found


def _of_try(node: Node) -> Handler | None:
    handler, body = node.child_by_field_name("handler"), node.child_by_field_name("body")
    if handler is None:
        return None
    final = node.child_by_field_name("finalizer")
    instead = f"try {text_of(body)} {text_of(final)}" if final is not None else text_of(body)
    caught = handler.child_by_field_name("parameter")
    drops = _drops(handler.child_by_field_name("body"), text_of(caught))
    return Handler(
        line_of(handler),
        "everything",
        " ".join(_tokens(body)),
        " ".join(_tokens(handler)),
        drops,
        [Piece.of(node, instead)],
    )


def _of_promise(node: Node) -> Handler | None:
    """`.catch(() => {})`."""
    call = _call(node)
    function = node.child_by_field_name("function")
    if call.last != "catch" or not call.arguments or function.type != "member_expression":
        return None
    handler, tried = call.arguments[0], function.child_by_field_name("object")
    if handler.type in _FUNCTIONS:
        drops = _drops(handler.child_by_field_name("body"), text_of(handler.child_by_field_name("parameter")))
    else:
        drops = re.search(r"no-?op", text_of(handler), re.IGNORECASE) is not None
    return Handler(
        line_of(handler),
        "everything",
        " ".join(_tokens(tried)),
        " ".join(_tokens(handler)),
        drops,
        [Piece.of(node, text_of(tried))],
    )


def _drops(body: Node, caught: str) -> bool:
    """Whether it goes on as if nothing had been: it neither throws nor calls for anything but a log line.

    One that looks at what it caught is narrow, and may answer with a value, as many true fixes do.
    """
    logged = {inner.id for node in nodes(body, "expression_statement") if _is_log(node) for inner in nodes(node)}
    acts = [
        node for node in nodes(body, "throw_statement", "call_expression", "new_expression") if node.id not in logged
    ]
    if acts or body.type in ("call_expression", "new_expression"):
        return False
    conditions = [
        node.child_by_field_name("condition") or node.child_by_field_name("value")
        for node in nodes(body, "if_statement", "switch_statement", "ternary_expression")
    ]
    is_narrow = any(
        caught and re.search(rf"\b{re.escape(caught)}\b", text_of(one)) for one in conditions if one is not None
    )
    if not is_narrow:
        return True
    return not any(node.named_children for node in nodes(body, "return_statement")) and not any(
        True for _ in nodes(body, "assignment_expression")
    )


_DROPPINGS = Droppings(tree=_tree, handlers=_handlers, essence=lambda tree: tokens(tree, _without_imports))


def _skipped_around(path: str, source: str) -> int:
    tree = _tree(path, source)
    calls = [] if tree is None else [_call(node) for node in nodes(tree, "call_expression")]
    return sum(_is_suite(call) and call.is_left_out for call in calls)


class JavaScript:
    name = "Node"

    def reads(self, path: str) -> bool:
        return path.endswith(_ENDINGS) and not path.endswith(".d.ts")

    def is_test_file(self, path: str) -> bool:
        pure = PurePosixPath(path)
        if not self.reads(path):
            return False
        folders = set(pure.parts[:-1])
        return _TEST_NAME.search(pure.name) is not None or bool(folders & _TEST_FOLDERS and not folders & _BESIDE_TESTS)

    def is_test_path(self, path: str) -> bool:
        folders = set(PurePosixPath(path).parts[:-1])
        return self.is_test_file(path) or bool(
            folders & (_TEST_FOLDERS | {"__snapshots__", "__mocks__", "__fixtures__"})
        )

    def is_round_tests(self, path: str) -> bool:
        return _ROUND_TESTS.fullmatch(PurePosixPath(path).name) is not None

    def find_suite(self, tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        folders = _folders_of([path for path in overlay if self.reads(path)], tree, overlay)
        for folder in folders:
            runner, words = _of_package(folder, tree, overlay)
            if runner is not None:
                return self._suite(folder, (runner, words), tree, overlay, machine)
        return None

    def suite_of(self, command: Sequence[str], tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        scripts = _scripts(_package(".", tree, overlay))
        found = _of_words(list(command), scripts, 0)
        return self._suite(".", found, tree, overlay, machine) if found else None

    def _suite(
        self, folder: str, runs: tuple[Runner, tuple[str, ...]], tree: Path, overlay: Overlay, machine: Machine
    ) -> NodeSuite | None:
        runner, words = runs
        node = shutil.which("node")
        found = {path for path in files_of(tree, _ENDINGS) if self.is_test_file(path)}
        found |= {path for path in overlay if self.is_test_file(path)}
        files = tuple(sorted(path for path in found if folder == "." or path.startswith(f"{folder}/")))
        if node is None or not files:
            return None
        options, paths = _options(words, runner, tree / folder)
        options += _loader(runner, folder, machine)
        return NodeSuite(files, tree, machine, Path(node), folder, runner, options, paths, _installed(tree, machine))

    def compiling(self, paths: Sequence[str], changes: Overlay, machine: Machine) -> Job | None:
        """Only its syntax, and only of what Node itself reads; the rest is compiled with the tests."""
        return None

    def can_read(self, source: str) -> bool:
        return any(tree_of(grammar, source) is not None for grammar in ("js", "tsx", "ts"))

    def why_unreadable(self, path: str, before: bytes | None, after: bytes) -> str | None:
        try:
            after.decode("utf-8")
        except UnicodeDecodeError:
            return f"{path} is not written in UTF-8"
        return None

    def runs_the_same(self, before: str, after: str) -> bool:
        trees = [[tree_of(grammar, text) for text in (before, after)] for grammar in ("js", "tsx", "ts")]
        pair = next((pair for pair in trees if None not in pair), None)
        return before == after if pair is None else tokens(pair[0], _left_out) == tokens(pair[1], _left_out)

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        return _DROPPINGS.swallowing(before, after)

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        old, new = ({path: _tests(path, text) for path, text in texts.items()} for texts in (before, after))
        around = {
            path: _skipped_around(path, after[path]) - _skipped_around(path, before[path])
            for path in before
            if path in after
        }
        return loosened_tests(old, new, around)

    def suspicions(self, before: Texts, after: Texts, tests: Texts) -> tuple[str, ...]:
        trees = [tree for path, text in tests.items() if (tree := _tree(path, text)) is not None]
        return tuple(
            sentence
            for path, text in after.items()
            for sentence in suspected(path, _tree(path, before.get(path, "")), _tree(path, text), trees, _LOOKS)
        )

    def same_lines(self, before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
        return ()  # nothing tells which lines a test of Node comes by

    def suspicions_of_tests(self, before: Texts, tests: Texts, names: frozenset[str]) -> tuple[str, ...]:
        found = []
        for path, text in tests.items():
            for test in _named(path, text, names):
                used = {".".join(filter(None, _chain(node))) for node in nodes(test.node, "call_expression")}
                for pattern, says in (
                    (
                        r"fs\.read\w+|readFile(?:Sync)?|\w+\.toString",
                        "looks at how the program is written or at its files",
                    ),
                    (r"Math\.random|Date\.now|performance\.now|crypto\.random\w+", "depends on chance or on the clock"),
                    (r"(?:jest|vi|sinon|mock|t\.mock|td)\.\w+(?:\..*)?", "replaces parts of the program while it runs"),
                ):
                    matching = sorted(one for one in used if re.fullmatch(pattern, one))
                    if matching:
                        found.append(f"{path}: {test.name} {says}: {', '.join(matching)}")
        return tuple(dict.fromkeys(found))

    def name_of(self, id: str) -> str:
        return id.partition("::")[2].replace(" > ", " ")

    def is_called(self, id: str, name: str) -> bool:
        return self.name_of(id) == name

    def stem_of(self, id: str) -> str:
        return ""

    def text_of(self, source: str, name: str) -> str:
        return "\n".join(" ".join(test.body) for test in _named("", source, [name]))

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        found = [test for path, text in sources.items() for test in _named(path, text, [name])]
        return not found or any(test.asserts_a_value for test in found)

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        tests = _named("", source, names)
        return written_with(source, [piece for test in tests for piece in _turned(test)]) if tests else None

    def why_wrong(self, test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
        failure = test.failure
        if failure is None or failure.assertion or failure.is_the_very(crash):
            return None
        innermost = failure.frames[-1].path if failure.frames else test.file
        if innermost and innermost not in tests and not self.is_test_path(innermost):
            return None
        if failure.kind == "SyntaxError" or (test.ending is Ending.UNCOLLECTED and not failure.frames):
            return f"{test.id} fails before the patch only because the test itself is broken there: {failure.said}"
        if _NO_SUCH_NAME.search(failure.message) or _NOT_HERE.search(failure.message):
            return f"{test.id} fails before the patch only because it uses what the patch adds: {failure.said}"
        return None

    def missing(self, failure: Failure | None, tree: Path) -> str | None:
        """A package, or what the project itself has to be built for."""
        found = _NOT_HERE.search(failure.message) if failure is not None else None
        name = next((group for group in found.groups() if group), "") if found else ""
        if not name.startswith((".", "/")):
            return name or None
        return name if _BUILT.search(name) else None


def _package(folder: str, tree: Path, overlay: Overlay) -> Mapping[str, Any]:
    try:
        found = json.loads(content_of(str(PurePosixPath(folder) / "package.json"), tree, overlay) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scripts(package: Mapping[str, Any]) -> Mapping[str, str]:
    scripts = package.get("scripts")
    return {name: text for name, text in scripts.items() if isinstance(text, str)} if isinstance(scripts, dict) else {}


def _folders_of(paths: Sequence[str], tree: Path, overlay: Overlay) -> list[str]:
    """The folders of the package.json files that the patch belongs to, most of it first, then the top."""
    found: Counter[str] = Counter()
    for path in paths:
        folders = [str(folder) for folder in PurePosixPath(path).parents]
        mine = next(
            (one for one in folders if content_of(str(PurePosixPath(one) / "package.json"), tree, overlay)), None
        )
        if mine is not None:
            found[mine] += 1
    return list(dict.fromkeys((*(folder for folder, _ in found.most_common()), ".")))


def _of_package(folder: str, tree: Path, overlay: Overlay) -> tuple[Runner | None, tuple[str, ...]]:
    """The runner that the test script names, else one that is listed, else Node's own where a test asks for it."""
    package = _package(folder, tree, overlay)
    scripts = _scripts(package)
    for name in ("test", "test:unit", "unit", "tests-only"):
        if name in scripts and (found := _of_script(scripts[name], scripts, 0)):
            return found
    listed = {**package.get("devDependencies", {}), **package.get("dependencies", {})} if package else {}
    for name in ("vitest", "jest", "mocha", "ava", "tap", "tape"):
        if name in listed:
            return RUNNERS[name], ()
    asks = re.compile(rb"['\"](?:node:test)['\"]")
    paths = {*files_of(tree / folder, _ENDINGS), *overlay}
    tested = any(
        asks.search(content_of(path, tree / folder, overlay))
        for path in paths
        if _TEST_NAME.search(path) or "test" in path
    )
    return (RUNNERS["node"], ()) if tested else (None, ())


def _of_script(script: str, scripts: Mapping[str, str], depth: int) -> tuple[Runner, tuple[str, ...]] | None:
    for part in _SEPARATORS.split(script):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        if found := _of_words(words, scripts, depth):
            return found
    return None


def _of_words(words: list[str], scripts: Mapping[str, str], depth: int) -> tuple[Runner, tuple[str, ...]] | None:
    """The runner in a command, whatever is wrapped around it; scripts that it names are followed."""
    for at, word in enumerate(words):
        name = PurePosixPath(word).name.removesuffix(".js").removesuffix(".mjs").removesuffix(".cmd").removeprefix("_")
        rest = words[at + 1 :]
        if name in ("node", "tsx") and "--test" in rest:
            own = ["--import=tsx"] if name == "tsx" else []
            return RUNNERS["node"], tuple(
                own + [one for one in rest if one != "--test" and not one.startswith("--test-reporter")]
            )
        if name in RUNNERS and name != "node":
            return RUNNERS[name], tuple(rest)
        if name in _RUNS_SCRIPTS and depth < 5:
            for one in rest:
                if one in scripts and (found := _of_script(scripts[one], scripts, depth + 1)):
                    return found
        if not (
            _ASSIGNMENT.match(word)
            or word.startswith("-")
            or name in _WRAPPERS
            or name == "node"
            or word.endswith(".js")
        ):
            return None
    return None


def _options(words: Sequence[str], runner: Runner, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The project's own options, without those that report or wait, and the paths that its script names."""
    options: list[str] = []
    paths: list[str] = []
    words = [word for word in words if word not in ("run", "--")]
    skip = False
    for before, word in zip(("", *words), words, strict=False):
        if skip:
            skip = False
            continue
        if runner.drops.fullmatch(word):
            skip = word in ("--reporter", "-R", "--reporters")
            continue
        is_path = not word.startswith("-") and ("*" in word or (folder / word).exists()) and before not in _TAKE_A_FILE
        paths += _expanded(word, runner, folder) if is_path else []
        options += [] if is_path else [word]
    return tuple(options), tuple(paths)


_TAKE_A_FILE = {
    "--require",
    "-r",
    "--config",
    "-c",
    "--import",
    "--loader",
    "--experimental-loader",
    "--setup",
    "--root",
}
_TAKE_A_FILE |= {
    "--setupFiles",
    "--dir",
    "--project",
    "--opts",
    "--file",
    "--extension",
    "--ext",
    "--rootDir",
    "--spec",
}


def _expanded(word: str, runner: Runner, folder: Path) -> list[str]:
    """What a shell would make of a pattern; runners of patterns get them as they are."""
    if runner.program in ("mocha", "jest", "vitest", "ava", "tap") or "*" not in word:
        return [word]
    return sorted(found.relative_to(folder).as_posix() for found in folder.glob(word.removeprefix("./")))


def _installed(tree: Path, machine: Machine) -> tuple[tuple[Path, str], ...]:
    """The node_modules of this machine for each package of the tree that has one."""
    if machine.dependencies is None:
        return ()
    folders = [
        str(PurePosixPath(path).parent) for path in files_of(tree, ("package.json",)) if path.endswith("package.json")
    ]
    found = []
    for folder in dict.fromkeys((".", *folders)):
        path = str(PurePosixPath(folder) / "node_modules")
        if (machine.dependencies / path).is_dir() and not (tree / path).exists():
            found.append((machine.dependencies / path, path))
    return tuple(found)


def _loader(runner: Runner, folder: str, machine: Machine) -> tuple[str, ...]:
    """From 6.1 on Vite writes its settings into node_modules before it loads them, unless it is told to run them."""
    if runner.program != "vitest" or machine.dependencies is None:
        return ()
    files = (machine.dependencies / one / "node_modules" / "vite" / "package.json" for one in (folder, "."))
    for file in files:
        found = re.search(r'"version":\s*"(\d+)\.(\d+)', file.read_text("utf-8")) if file.is_file() else None
        if found:
            return ("--configLoader=runner",) if (6, 1) <= (int(found[1]), int(found[2])) < (9, 0) else ()
    return ()


def _turned(test: _Test) -> list[Piece]:
    strict = [node for node in test.checks if not _only_that_nothing_fails(node)]
    pieces = [piece for node in strict if (piece := _opposite(node)) is not None]
    body = test.function.child_by_field_name("body") if test.function is not None else None
    if pieces or body is None or body.type != "statement_block":
        return pieces
    return [Piece(body.end_byte - 1, body.end_byte - 1, '\nthrow new Error("turned round");\n')]


def _opposite(node: Node) -> Piece | None:
    """An assertion the other way round: what is compared is compared with a stranger, or it says the opposite."""
    if node.type == "throw_statement":
        return None
    names = _chain(node)
    if names[0] == "expect" or "should" in names:
        return _opposite_of_expect(node, names)
    call = _call(node)
    given, last = call.arguments, names[-1]
    if last in _EQUAL and len(given) > 1:
        return Piece.of(given[1], f"[{text_of(given[1])}, {_STRANGER}][1]")
    if last in _OPPOSITES and call.properties:
        return Piece.of(node.child_by_field_name("function").child_by_field_name("property"), _OPPOSITES[last])
    if last in _ONE_SIDED and given:
        return Piece.of(given[0], f"!({text_of(given[0])})")
    if last in ("throws", "rejects", "throwsAsync") and given:
        return Piece.of(given[0], "() => {}" if last == "throws" else "async () => {}")
    if last == "match" and len(given) > 1:
        return Piece.of(given[1], "/(?!)/")
    return None


def _opposite_of_expect(node: Node, names: Sequence[str]) -> Piece | None:
    call = _call(node) if node.type == "call_expression" else None
    if call is not None and call.arguments and names[-1] in _EQUAL and "not" not in names:
        first = call.arguments[0]
        return Piece.of(first, f"[{text_of(first)}, {_STRANGER}][1]")
    members = [one for one in nodes(node, "member_expression") if _chain(one)[:1] == [names[0]]]
    negated = next((one for one in members if text_of(one.child_by_field_name("property")) == "not"), None)
    if negated is not None:
        return Piece.of(negated, text_of(negated.child_by_field_name("object")))
    outermost = members[0] if members else None
    if outermost is None:
        return None
    jest_like = re.match(r"to[A-Z]", text_of(outermost.child_by_field_name("property"))) is not None
    target = outermost if jest_like else members[-1]
    field = target.child_by_field_name("property")
    return Piece(field.start_byte, field.start_byte, "not.")
