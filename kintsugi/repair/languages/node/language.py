"""Node behind the protocol: JavaScript and TypeScript by jest, vitest, mocha, `node --test` or what prints TAP."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from kintsugi.repair.languages import Machine, Overlay, Suite, Texts
from kintsugi.repair.languages.files import files_of
from kintsugi.repair.languages.found import Loosened, Swallowing
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.languages.node.calls import ENDINGS, TEST_NAME, chain_of, says_nothing, tree_of_file
from kintsugi.repair.languages.node.dropping import DROPPINGS
from kintsugi.repair.languages.node.packages import (
    as_listed,
    installed_for,
    loader_of,
    options_of,
    package_folders,
    package_of,
    runner_of_package,
    runner_of_words,
    scripts_of,
)
from kintsugi.repair.languages.node.runners import Runner
from kintsugi.repair.languages.node.suite import NodeSuite
from kintsugi.repair.languages.node.tables import cases_of
from kintsugi.repair.languages.node.tests import pattern_of, skipped_around, tests_named, tests_of, turned
from kintsugi.repair.languages.results import Crash, Ending, Failure, TestResult
from kintsugi.repair.languages.suspecting import Looks, suspected
from kintsugi.repair.languages.syntax import nodes, tokens, tree_of, written_with
from kintsugi.repair.sandbox import Job
from kintsugi.telemetry import lazy_re as re

_TEST_FOLDERS = {"test", "tests", "__tests__", "spec", "specs"}
_BESIDE_TESTS = {"fixtures", "fixture", "helpers", "helper", "support", "utils", "util", "data", "mocks", "__mocks__"}
_BESIDE_TESTS |= {"__snapshots__", "__fixtures__", "setup", "common", "lib", "types"}
_SNAPSHOTS = "tap-snapshots"  # its files are named after tests, and have none
_ROUND_TESTS = re.compile(
    r"package\.json|(?:jest|vitest|vite|babel|ava|tap)[\w.-]*\.config\.\w+|\.mocharc\.\w+|\.babelrc.*|\.taprc"
    r"|jasmine[\w.-]*\.(?:json|[cm]?js)|\.c8rc.*|tsconfig[\w.]*\.json|\.swcrc|jest\.setup\.\w+"
)
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


class JavaScript:
    name = "Node"

    def reads(self, path: str) -> bool:
        return path.endswith(ENDINGS) and not path.endswith(".d.ts")

    def is_test_file(self, path: str) -> bool:
        pure = PurePosixPath(path)
        if not self.reads(path):
            return False
        folders = set(pure.parts[:-1])
        if _SNAPSHOTS in folders:
            return False
        return TEST_NAME.search(pure.name) is not None or bool(folders & _TEST_FOLDERS and not folders & _BESIDE_TESTS)

    def is_test_path(self, path: str) -> bool:
        folders = set(PurePosixPath(path).parts[:-1])
        return self.is_test_file(path) or bool(
            folders & (_TEST_FOLDERS | {"__snapshots__", _SNAPSHOTS, "__mocks__", "__fixtures__"})
        )

    def is_round_tests(self, path: str) -> bool:
        return _ROUND_TESTS.fullmatch(PurePosixPath(path).name) is not None

    def find_suite(self, tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        folders = package_folders([path for path in overlay if self.reads(path)], tree, overlay)
        for folder in folders:
            runner, words = runner_of_package(folder, tree, overlay)
            if runner and (suite := self._suite(folder, (runner, words), tree, overlay, machine)):
                return suite
        return None

    def suite_of(self, command: Sequence[str], tree: Path, overlay: Overlay, machine: Machine) -> Suite | None:
        scripts = scripts_of(package_of(".", tree, overlay))
        found = runner_of_words(list(command), scripts, 0)
        return self._suite(".", found, tree, overlay, machine) if found else None

    def _suite(
        self, folder: str, runs: tuple[Runner, tuple[str, ...]], tree: Path, overlay: Overlay, machine: Machine
    ) -> NodeSuite | None:
        runner, words = as_listed(runs[0], package_of(folder, tree, overlay)), runs[1]
        node = shutil.which("node")
        found = {path for path in files_of(tree, ENDINGS) if self.is_test_file(path)}
        found |= {path for path in overlay if self.is_test_file(path)}
        files = tuple(sorted(path for path in found if folder == "." or path.startswith(f"{folder}/")))
        if node is None or not files:
            return None
        options, paths = options_of(words, runner, tree / folder)
        options += loader_of(runner, folder, machine)
        return NodeSuite(files, tree, machine, Path(node), folder, runner, options, paths, installed_for(tree, machine))

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
        return before == after if pair is None else tokens(pair[0], says_nothing) == tokens(pair[1], says_nothing)

    def swallowing(self, before: Texts, after: Texts) -> Swallowing:
        return DROPPINGS.swallowing(before, after)

    def loosened(self, before: Texts, after: Texts) -> Loosened:
        old, new = ({path: tests_of(path, text) for path, text in texts.items()} for texts in (before, after))
        around = {
            path: skipped_around(path, text) - skipped_around(path, before.get(path, ""))
            for path, text in after.items()
        }
        cases = {(path, name): one for path in new for name, one in cases_of(old.get(path, {}), new[path]).items()}
        return loosened_tests(old, new, around, cases)

    def suspicions(self, before: Texts, after: Texts, tests: Texts) -> tuple[str, ...]:
        trees = [tree for path, text in tests.items() if (tree := tree_of_file(path, text)) is not None]
        return tuple(
            sentence
            for path, text in after.items()
            for sentence in suspected(
                path, tree_of_file(path, before.get(path, "")), tree_of_file(path, text), trees, _LOOKS
            )
        )

    def same_lines(self, before: str, after: str, numbers: Collection[int]) -> tuple[int, ...]:
        return ()  # nothing tells which lines a test of Node comes by

    def suspicions_of_tests(self, before: Texts, tests: Texts, names: frozenset[str]) -> tuple[str, ...]:
        found = []
        for path, text in tests.items():
            for test in tests_named(path, text, names):
                used = {".".join(filter(None, chain_of(node))) for node in nodes(test.node, "call_expression")}
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
        if "::" not in id:  # of TAP, where the assertions of a test have names below its own
            return f" {name} " in f" {id.replace(' > ', ' ')} "
        return self.name_of(id) == name

    def stem_of(self, id: str, source: str) -> str:
        """A title that is made when the test runs, in the suites that the id names above it; of TAP, the test."""
        if "::" not in id:
            return id.rpartition(" > ")[0]
        titled = pattern_of(self.name_of(id), source)
        return f"{id.rpartition(' > ')[0] or id.partition('::')[0]} > {titled}" if titled else ""

    def text_of(self, source: str, name: str) -> str:
        return "\n".join(" ".join(test.body) for test in tests_named("", source, [name]))

    def asserts_a_value(self, sources: Texts, name: str) -> bool:
        found = [test for path, text in sources.items() for test in tests_named(path, text, [name])]
        return not found or any(test.asserts_a_value for test in found)

    def turned_round(self, source: str, names: Collection[str]) -> str | None:
        tests = tests_named("", source, names)
        return written_with(source, [piece for test in tests for piece in turned(test)]) if tests else None

    def without_unbuilt(self, tests: Texts, failures: Collection[TestResult]) -> dict[str, str]:
        return {}

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
        is_own = name.startswith((".", "/"))
        return f"{name} is not installed" if name and (not is_own or _BUILT.search(name)) else None

    def count(self, path: str, source: str) -> int:
        return len(tests_of(path, source))
