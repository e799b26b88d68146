"""Go behind the protocol: `go test -json`, its tests and patches read by tree-sitter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages import Machine, Overlay, Suite, Texts
from kintsugi.repair.languages.files import content_of, files_of
from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.go.dropping import DROPPINGS, says_nothing
from kintsugi.repair.languages.go.suite import BUILD_FAILED, GoSuite, all_test_names, folder_of, module_of, tools
from kintsugi.repair.languages.go.tests import called, skipped_around, tests_of, turned, without_lines
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.languages.results import Crash, Failure, TestResult
from kintsugi.repair.languages.suspecting import Looks, suspected
from kintsugi.repair.languages.syntax import nodes, tokens, tree_of, written_with
from kintsugi.repair.sandbox import Job
from kintsugi.telemetry import lazy_re as re

_MODULE = re.compile(rb"^module\s+\"?([^\s\"]+)", re.MULTILINE)
_NOT_HERE = re.compile(
    r"no required module provides package (\S+)|cannot find module providing package (\S+?):?\s"
    r"|missing go\.sum entry for \S+ (\S+)|package (\S+) is not in (?:GOROOT|std)|cannot find package \"(\S+)\""
    r"|module lookup disabled by GOPROXY=off|requires (go >= [\d.]+)|note: module requires (Go [\d.]+)"
    r"|(inconsistent vendoring)|C compiler \"(\w+)\" not found|updates to (go\.mod) needed"
)
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
        top = module_of([path for path in overlay if self.reads(path)] or sorted(found), tree, overlay)
        if not found or installed is None or top is None:
            return None
        files = tuple(sorted(path for path in found if top == "." or path.startswith(f"{top}/")))
        named = _MODULE.search(content_of(str(PurePosixPath(top) / "go.mod"), tree, overlay))
        packages = tuple(word for word in words if word.startswith(".") or "/" in word) or ("./...",)
        tests = {(folder_of(path), name): path for path in files for name in all_test_names(path, tree, overlay)}
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
        return before == after if old is None or new is None else tokens(old, says_nothing) == tokens(new, says_nothing)

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        return DROPPINGS.swallowing(before, after)

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        old, new = ({path: tests_of(source) for path, source in texts.items()} for texts in (before, after))
        around = {path: skipped_around(text) - skipped_around(before.get(path, "")) for path, text in after.items()}
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
            for name, test in tests_of(source).items():
                used = (
                    {".".join(called(node)) for node in nodes(test.node, "call_expression")} if name in names else set()
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

    def stem_of(self, id: str, source: str) -> str:
        folder, colons, test = id.rpartition("::")
        stem, slash, _ = test.partition("/")
        return f"{folder}{colons}{stem}" if slash else ""

    def text_of(self, source: str, name: str) -> str:
        test = tests_of(source).get(name)
        return "" if test is None else " ".join(test.body)

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        found = [test for source in sources.values() if (test := tests_of(source).get(name))]
        return not found or any(test.asserts_a_value or name.startswith("Example") for test in found)

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        tests = [test for name, test in tests_of(source).items() if name in names]
        return written_with(source, [piece for test in tests for piece in turned(test)]) if tests else None

    def without_unbuilt(self, tests: Texts, failures: Collection[TestResult]) -> dict[str, str]:
        built = [test.failure for test in failures if test.failure and test.failure.kind == BUILD_FAILED]
        places = {(frame.path, frame.line) for failure in built for frame in failure.frames}
        lines: dict[str, set[int]] = {}
        for path, line in places:
            named = [one for one in tests if one == path or one.endswith(f"/{path}")]
            if len(named) != 1:
                return {}
            lines.setdefault(named[0], set()).add(line)
        left = {path: without_lines(tests[path], at) for path, at in lines.items()}
        return {path: text for path, text in left.items() if text is not None} if None not in left.values() else {}

    def why_wrong(self, test: TestResult, tests: frozenset[str], crash: Crash | None) -> str | None:
        failure = test.failure
        if failure is None or failure.kind != BUILD_FAILED:
            return None
        said = [line for line in failure.message.splitlines() if not line.startswith("note: ")][-1:]
        return f"{test.id} fails before the patch only because it is not compiled there: {' '.join(said)}"

    def missing(self, failure: Failure | None, tree: Path) -> str | None:
        found = _NOT_HERE.search(failure.message) if failure and failure.kind == BUILD_FAILED else None
        return f"{next((group for group in found.groups() if group), 'a module')} is not installed" if found else None

    def count(self, path: str, source: str) -> int:
        return len(tests_of(source))
