"""Runners of Node: found in package.json whatever is wrapped around them, and their reports read test by test."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair.languages import Machine
from kintsugi.repair.languages.collected import Told
from kintsugi.repair.languages.node.language import JavaScript
from kintsugi.repair.languages.node.runners import RUNNERS
from kintsugi.repair.languages.node.suite import NodeSuite
from kintsugi.repair.languages.reports import jest, junit, mocha, tap
from kintsugi.repair.languages.results import Crash, Ending, TestResult
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox.room import Interpreter
from kintsugi.workflow.patch import Tier
from tests.repair.programs import a_box, a_program, judged

MODULES = os.environ.get("KINTSUGI_TEST_NODE_MODULES", "")  # a node_modules that has the runners
SUM = "function total(order) {\n  return order.lines.map((line) => line.price).reduce((a, b) => a + b, 0);\n}\n"
FIXED = SUM.replace("order.lines.", "(order.lines ?? []).")
STACK = """\
TypeError: Cannot read properties of undefined (reading 'map')
    at Cart.total (/srv/app/src/cart.js:7:20)
    at Object.<anonymous> (/srv/app/test/cart.test.js:4:18)
    at run (/srv/app/node_modules/runner/index.js:1:1)
    at node:internal/process:1:1"""


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("jest", "jest"),
        ("jest --coverage --runInBand", "jest --runInBand"),
        ("cross-env NODE_ENV=test npx jest -c jest.json", "jest -c jest.json"),
        ("eslint . && vitest run --coverage", "vitest"),
        ("npm run lint && npm run unit", "mocha --recursive"),
        ("nyc --reporter=text mocha 'test/**/*.js' -R dot", "mocha test/**/*.js"),
        ("node --test", "node --test"),
        ("NODE_OPTIONS=--no-warnings node --import tsx --test", "node --test --import tsx"),
        ("tape test/*.js", "tape test/a.test.js"),
        ("c8 --reporter=text jasmine test/*.test.js", "jasmine test/a.test.js"),
        ("c8 node_modules/.bin/_mocha", "mocha"),
    ],
)
def test_the_runner_is_found_in_the_script_of_package_json(tmp_path: Path, script: str, says: str) -> None:
    suite = a_suite(tmp_path, {"test": script, "unit": "mocha --recursive"})

    assert suite is not None
    assert suite.says == says


def test_without_a_script_it_is_what_is_listed_or_what_the_tests_ask_for(tmp_path: Path) -> None:
    assert a_suite(tmp_path / "a", {}, devDependencies={"vitest": "1"}).says == "vitest"
    assert a_suite(tmp_path / "b", {"test": "echo no test"}, test='require("node:test")').says == "node --test"
    assert a_suite(tmp_path / "c", {"test": "make"}, test="") is None
    assert a_suite(tmp_path / "d", {"test": "tap"}, devDependencies=None, dependencies=["tap"]).says == "tap"


@pytest.mark.parametrize(
    ("path", "as_file", "as_path"),
    [
        ("test/cart.js", True, True),
        ("src/cart.test.ts", True, True),
        ("test/fixtures/cart.js", False, True),
        ("tap-snapshots/test/cart.js.test.cjs", False, True),
        ("src/cart.js", False, False),
    ],
)
def test_what_belongs_to_the_tests(path: str, as_file: bool, as_path: bool) -> None:
    assert (JavaScript().is_test_file(path), JavaScript().is_test_path(path)) == (as_file, as_path)


def test_a_package_of_a_workspace_is_run_in_its_folder(tmp_path: Path) -> None:
    a_program(
        tmp_path,
        {
            "package.json": '{"scripts": {"test": "lerna run test"}}',
            "packages/a/package.json": '{"scripts": {"test": "jest"}}',
            "packages/a/a.test.js": "",
            "packages/a/a.js": "",
        },
    )

    suite = JavaScript().find_suite(tmp_path, {"packages/a/a.js": b"1"}, a_machine())

    assert isinstance(suite, NodeSuite)
    assert suite.folder == "packages/a"
    assert suite.shown(["packages/a/a.test.js"]) == ("jest", "--runTestsByPath", "a.test.js")


def test_a_package_without_tests_is_tested_by_the_one_that_uses_it(tmp_path: Path) -> None:
    tree = a_program(
        tmp_path,
        {
            "package.json": '{"workspaces": ["packages/*"]}',
            "packages/a/package.json": '{"scripts": {"test": "node --test"}}',
            "packages/a/a.test.js": "",
            "packages/b/package.json": "{}",
            "packages/b/b.js": "",
        },
    )
    patch = {"packages/b/b.js": b"1", "packages/a/a.test.js": b'require("node:test")'}

    suite = JavaScript().find_suite(tree, patch, a_machine())

    assert isinstance(suite, NodeSuite)
    assert suite.folder == "packages/a"


def test_node_modules_of_each_package_are_placed_where_they_lie(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "node_modules").mkdir(parents=True)
    (outside / "packages" / "a" / "node_modules").mkdir(parents=True)
    tree = a_program(
        tmp_path / "tree",
        {"package.json": '{"scripts": {"test": "jest"}}', "packages/a/package.json": "{}", "a.test.js": ""},
    )

    suite = JavaScript().find_suite(tree, {"a.js": b"1"}, replace(a_machine(), dependencies=outside))

    assert suite is not None
    assert [path for _, path in suite.placed] == ["node_modules", "packages/a/node_modules"]


def a_suite(folder: Path, scripts: dict[str, str], test: str = "", **more: object) -> NodeSuite | None:
    package = json.dumps({"scripts": scripts, **more})
    a_program(folder, {"package.json": package, "test/a.test.js": test, "jest.json": "{}", "src/a.js": ""})
    suite = JavaScript().find_suite(folder, {"src/a.js": b"1"}, a_machine())
    assert suite is None or isinstance(suite, NodeSuite)
    return suite


def a_machine() -> Machine:
    return Machine(Interpreter(Path("/usr/bin/python3"), (), frozenset(), (3, 11)))


def ended(found: list[TestResult]) -> dict[str, Ending]:
    return {test.id: test.ending for test in found}


def test_jest_and_vitest_tell_each_test_and_files_that_do_not_load() -> None:
    failed = {"ancestorTitles": ["cart"], "title": "adds", "status": "failed", "failureMessages": [STACK]}
    passed = {"ancestorTitles": [], "title": "works", "status": "passed"}
    told = {
        "testResults": [
            {"name": "/srv/app/test/cart.test.js", "status": "failed", "assertionResults": [failed, passed]},
            {
                "name": "/srv/app/test/no.test.js",
                "status": "failed",
                "message": "Cannot find module 'x'",
                "assertionResults": [],
            },
        ]
    }

    found = list(jest(json.dumps(told), "/srv/app"))

    assert ended(found) == {
        "test/cart.test.js::cart > adds": Ending.FAILED,
        "test/cart.test.js::works": Ending.PASSED,
        "test/no.test.js": Ending.UNCOLLECTED,
    }
    failure = found[0].failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("TypeError", "Cannot read properties of undefined (reading 'map')")
    assert [(frame.path, frame.line, frame.function) for frame in failure.frames][-1] == ("src/cart.js", 7, "total")
    assert Crash("TypeError", "", "src/cart.js", "Cart.total").is_in(failure.chain)


def test_what_is_asserted_is_told_from_what_is_raised() -> None:
    messages = {
        "Error: expect(received).toBe(expected) // Object.is equality\n\nExpected: 1": True,
        "AssertionError: expected 0 to be 1": True,
        "AssertionError [ERR_ASSERTION]: 0 == 1": True,
        "Error: no such cart": False,
        "RangeError: too many": False,
    }
    for message, is_assertion in messages.items():
        test = {"ancestorTitles": [], "title": "t", "status": "failed", "failureMessages": [message]}
        told = {"testResults": [{"name": "/srv/app/a.test.js", "assertionResults": [test]}]}
        failure = next(jest(json.dumps(told), "/srv/app")).failure
        assert failure is not None
        assert failure.assertion is is_assertion, message


def test_mocha_tells_its_hooks_and_what_is_pending() -> None:
    def one(title: str, **err: str) -> dict[str, object]:
        return {"title": title, "fullTitle": f"cart {title}", "file": "/srv/app/test/cart.js", "err": err}

    broken = one('"before each" hook', stack=STACK)
    told = {
        "tests": [one("adds"), one("later"), one("fails", stack=STACK)],
        "pending": [one("later")],
        "failures": [broken],
    }

    assert ended(list(mocha(json.dumps(told), "/srv/app"))) == {
        "test/cart.js::cart adds": Ending.PASSED,
        "test/cart.js::cart later": Ending.SKIPPED,
        "test/cart.js::cart fails": Ending.FAILED,
        'test/cart.js::cart "before each" hook': Ending.ERROR,
    }


def test_an_older_mocha_prints_its_report_after_all_else() -> None:
    def report(title: str) -> str:
        told = {"stats": {"suites": 1}, "tests": [{"title": title, "fullTitle": title, "err": {}}], "failures": []}
        return json.dumps(told, indent=2)

    printed = f"order {{ id: 1 }}\n{report('of a program')}\nsaved\n{report('adds')}\nbye\n"

    assert ended(list(RUNNERS["mocha"].read(Told("/srv/app", printed)))) == {"::adds": Ending.PASSED}
    assert list(RUNNERS["mocha"].read(Told("/srv/app", printed[:-30]))) == []
    assert list(RUNNERS["mocha"].read(Told("/srv/app", "no report\n"))) == []


def test_tap_is_read_with_its_subtests_directives_and_diagnostics() -> None:
    text = """\
TAP version 13
# Subtest: cart
    # Subtest: adds
    not ok 1 - adds
      ---
      name: 'TypeError'
      error: 'no map'
      stack: |-
        total (/srv/app/src/cart.js:7:20)
      ...
    ok 2 - later # SKIP
    not ok 3 - some day # TODO
    1..3
not ok 1 - cart # time=2.5ms
ok 2 - alone # time=0.4ms
1..2
"""
    found = list(tap(text, "/srv/app"))

    assert ended(found) == {
        "cart > adds": Ending.FAILED,
        "cart > later": Ending.SKIPPED,
        "cart > some day": Ending.XFAILED,
        "alone": Ending.PASSED,
    }
    assert found[0].failure is not None
    assert found[0].failure.kind == "TypeError"
    assert found[0].failure.frames[-1].path == "src/cart.js"
    more = ended(list(tap("# adds\nok 1 equal\nok 2\n# other\nnot ok 3\nok 4\n", "")))
    assert list(more) == ["adds > equal", "adds > test 1", "other > test 1", "other > test 2"]
    assert ended(list(tap("# adds\nok 1 equal\nnot ok 2 same\n# other\nok 3 equal\n", ""))) == {
        "adds > equal": Ending.PASSED,
        "adds > same": Ending.FAILED,
        "other > equal": Ending.PASSED,
    }


def test_tape_that_dies_of_what_a_test_throws_says_no_plan() -> None:
    assert RUNNERS["tape"].is_whole(Told(out="# adds\nok 1 equal\n\n1..1\n# tests 1\n"))
    assert not RUNNERS["tape"].is_whole(Told(out="# adds\nok 1 equal\n"))


def test_tap_names_its_tests_by_their_file(tmp_path: Path) -> None:
    suite = a_suite(tmp_path, {"test": "tap"})
    out = "    # Subtest: adds\n        ok 1 - equal\n    ok 1 - adds\n"

    found = [
        test
        for name in ("test/a.test.js", "cart")
        for test in suite.tests_in(Told(out=f"# Subtest: {name}\n{out}ok 1 - {name}\n"))
    ]

    assert {test.id: test.file for test in found if "adds" in test.id} == {
        "test/a.test.js > adds > equal": "test/a.test.js",
        "cart > adds > equal": "",
    }


def test_jasmine_tells_each_test_and_its_end() -> None:
    error = {"name": "AssertionError", "message": "Expected 1 to be 2.", "stack": "Expected 1 to be 2.\n"}
    tests = [
        {"file": "/srv/app/spec/cart.spec.js", "names": ["cart", "adds"], "ok": False, "errors": [error]},
        {"file": "", "names": ["cart", "works"], "ok": True, "errors": []},
    ]
    both = {"skip": False, "todo": False, "kind": "test", "printed": ""}
    told = Told(tree="/srv/app", out="\n".join(json.dumps({**test, **both}) for test in tests) + "\nprinted\n")

    found = list(RUNNERS["jasmine"].read(told))

    assert ended(found) == {"spec/cart.spec.js::cart > adds": Ending.FAILED, "cart > works": Ending.PASSED}
    assert found[0].failure is not None
    assert found[0].failure.assertion
    assert not RUNNERS["jasmine"].is_whole(told)
    assert RUNNERS["jasmine"].is_whole(replace(told, out=f'{told.out}\n{{"over":true}}\n'))


@pytest.mark.parametrize(("listed", "flag"), [("^16.3.0", "--no-coverage"), ("^21.0.1", "--disable-coverage")])
def test_tap_is_called_as_its_release_wants(tmp_path: Path, listed: str, flag: str) -> None:
    suite = a_suite(tmp_path, {"test": "tap"}, devDependencies={"tap": listed})

    assert flag in suite.runner.before


def test_junit_is_read_and_what_defines_entities_is_not() -> None:
    text = """\
<testsuites><testsuite name="cart"><testcase name="adds" classname="shop.Cart"/>
<testcase name="fails" classname="shop.Cart"><failure type="java.lang.AssertionError" message="no">at x</failure></testcase>
<testcase name="breaks" classname="shop.Cart"><error message="boom"/></testcase>
<testcase name="later" classname="shop.Cart"><skipped/></testcase></testsuite></testsuites>"""

    assert list(ended(list(junit(text, ""))).values()) == [Ending.PASSED, Ending.FAILED, Ending.ERROR, Ending.SKIPPED]
    for other in ("<project/>", "<testsuites>", '<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>'):
        with pytest.raises(ValueError):
            list(junit(other, ""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    if not MODULES:
        pytest.skip("KINTSUGI_TEST_NODE_MODULES names no node_modules with jest, vitest, mocha and jasmine")
    return await a_box("node")


@pytest.mark.parametrize("runner", ["jest", "vitest", "mocha", "jasmine"])
async def test_a_true_fix_is_proven_by_each_runner(runner: str, tmp_path: Path, settings: ProofSettings) -> None:
    if not Path(MODULES, ".bin", runner).exists():
        pytest.skip(f"{runner} is not installed in {MODULES}")
    is_module = runner == "vitest"
    ends = "export { total };\n" if is_module else "module.exports = { total };\n"
    begins = (
        'import { total } from "../src/total.js";\n' if is_module else 'const { total } = require("../src/total");\n'
    )
    begins += 'import { describe, expect, it } from "vitest";\n' if is_module else ""
    begins += (
        'const expect = (got) => ({ toBe: (want) => require("assert").equal(got, want) });\n'
        if runner == "mocha"
        else ""
    )
    works = f'{begins}describe("total", () => {{ it("adds", () => {{ expect(total({{ lines: [{{ price: 2 }}] }})).toBe(2); }}); }});\n'
    shows = f'{begins}describe("no lines", () => {{ it("is nothing", () => {{ expect(total({{}})).toBe(0); }}); }});\n'
    package = json.dumps({"name": "sums", "scripts": {"test": runner}, **({"type": "module"} if is_module else {})})
    program = a_program(tmp_path, {"package.json": package, "src/total.js": SUM + ends, "test/total.test.js": works})
    (program / "node_modules").symlink_to(MODULES)
    crash = Crash("TypeError", "Cannot read properties of undefined (reading 'map')", "src/total.js", "total")
    changes = {"src/total.js": FIXED + ends, "test/none.test.js": shows}

    said = await judged(program, changes, replace(settings, dependencies=program), crash)

    assert said.evidence is not None, said.refused
    assert said.evidence.tier is Tier.E2
    assert said.evidence.reproduced is True
