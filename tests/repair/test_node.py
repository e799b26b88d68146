"""Patches for a small Node program, each through policy and proof: only the true fix is proven."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof import ProofSettings
from kintsugi.workflow.patch import Tier
from tests.repair.programs import a_box, a_program, judged

TIDES = """\
"use strict";

// What a harbour's gauge says of its tides.
class Gauge {
  constructor(marks) {
    this.marks = marks;
  }

  // The highest mark, in centimetres.
  highest() {
    let best = this.marks[0].level;
    for (const mark of this.marks) {
      if (mark.level > best) best = mark.level;
    }
    return best;
  }
}

function report(gauge, name) {
  return `${name.trim()}: ${gauge.highest()} cm`;
}

module.exports = { Gauge, report };
"""
WORKS = """\
const { describe, it } = require("node:test");
const assert = require("node:assert/strict");
const { Gauge, report } = require("../tides");

describe("gauge", () => {
  it("knows the highest mark", () => {
    const gauge = new Gauge([{ level: 310 }, { level: 420 }]);
    assert.equal(gauge.highest(), 420);
  });

  it("is reported by name", () => {
    assert.equal(report(new Gauge([{ level: 5 }]), " north "), "north: 5 cm");
  });
});
"""
SHOWS = """\
const test = require("node:test");
const assert = require("node:assert/strict");
const { Gauge, report } = require("../tides");

test("a gauge without marks says zero", () => {
  assert.equal(report(new Gauge([]), "south"), "south: 0 cm");
});
"""
FIXED = TIDES.replace("let best = this.marks[0].level;", "let best = 0;")
CAUGHT = "try {\n      return this.searched();\n    } catch (error) {\n      %s\n    }\n  }\n\n  searched() {"
PROGRAM = {
    "package.json": '{"name": "tides", "version": "1.0.0", "scripts": {"test": "node --test"}}\n',
    "tides.js": TIDES,
    "test/tides.test.js": WORKS,
}
CRASH = Crash("TypeError", "Cannot read properties of undefined (reading 'level')", "tides.js", "Gauge.highest")


def swallowed(by: str) -> str:
    return TIDES.replace("highest() {", "highest() {\n    " + CAUGHT % by, 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await a_box("node")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return a_program(tmp_path, PROGRAM)


async def test_a_true_fix_is_proven_by_the_exception_that_it_mends(program: Path, settings: ProofSettings) -> None:
    said = await judged(program, {"tides.js": FIXED, "test/empty.test.js": SHOWS}, settings, CRASH)

    assert said.evidence is not None, said.refused
    assert said.evidence.tier is Tier.E2
    assert said.evidence.reproduced is True
    assert "a gauge without marks says zero failed before and passes now" in said.evidence.says
    assert "Tests that passed before: 2, none is lost." in said.evidence.says
    assert "could write a result itself" in said.evidence.says
    assert said.evidence.red is not None
    assert "Cannot read properties of undefined" in said.evidence.red.output


async def test_red_in_another_function_is_told(program: Path, settings: ProofSettings) -> None:
    elsewhere = Crash("TypeError", "name.trim is not a function", "tides.js", "report")
    wrong = SHOWS.replace('report(new Gauge([]), "south"), "south: 0 cm"', "new Gauge([]).highest(), 0")

    said = await judged(program, {"tides.js": FIXED, "test/empty.test.js": wrong}, settings, elsewhere)

    assert said.evidence is not None, said.refused
    assert said.evidence.reproduced is False
    assert any(flag.startswith("the test is red for another reason") for flag in said.evidence.flags)


NOT_FIXES = {
    "comments alone": ({"tides.js": TIDES.replace("The highest mark", "Highest mark")}, "changes nothing that runs"),
    "layout and a log line": (
        {
            "tides.js": TIDES.replace("    let best", '    console.warn("looking");\n    let   best').replace(
                '"use strict"', "'use strict'"
            )
        },
        "changes nothing that runs",
    ),
    "the exception swallowed": (
        {
            "tides.js": TIDES.replace("    let best", "    try {\n    let best").replace(
                "    return best;", "    return best;\n    } catch {}"
            )
        },
        "only makes the exception disappear",
    ),
    "the exception swallowed by a default": (
        {"tides.js": swallowed("return 0;")},
        "only dropping the exception makes the test pass",
    ),
    "a test removed": (
        {
            "tides.js": FIXED,
            "test/tides.test.js": WORKS.replace(WORKS[WORKS.index("\n\n  it(") : WORKS.index("\n});\n")], ""),
        },
        "is reported by name (vanished)",
    ),
    "a file of tests removed": ({"tides.js": FIXED, "test/tides.test.js": None}, "removed"),
    "a test skipped": ({"tides.js": FIXED, "test/tides.test.js": WORKS.replace("it(", "it.skip(", 1)}, "skipped"),
    "a test skipped by an option": (
        {"tides.js": FIXED, "test/tides.test.js": WORKS.replace('mark", ()', 'mark", { skip: true }, ()')},
        "skipped",
    ),
    "other tests left out": ({"tides.js": FIXED, "test/tides.test.js": WORKS.replace("it(", "it.only(", 1)}, "skipped"),
    "a suite skipped": (
        {"tides.js": FIXED, "test/tides.test.js": WORKS.replace("describe(", "describe.skip(", 1)},
        "skipped",
    ),
    "a test loosened": (
        {"tides.js": FIXED, "test/tides.test.js": WORKS.replace("equal(gauge.highest(), 420)", "ok(gauge.highest())")},
        "asserts less exactly",
    ),
    "a test that leaves before it asserts": (
        {
            "tides.js": FIXED,
            "test/tides.test.js": WORKS.replace("    const", "    if (new Gauge([])) return;\n    const"),
        },
        "gauge knows the highest mark can no longer fail",
    ),
    "a test that asks where something is set": (
        {
            "tides.js": FIXED,
            "test/tides.test.js": WORKS.replace("assert.equal(gauge", "process.env.TIDES && assert.equal(gauge"),
        },
        "gauge knows the highest mark can no longer fail",
    ),
    "a test that asserts nothing": (
        {
            "tides.js": FIXED,
            "test/empty.test.js": SHOWS.replace(
                'assert.equal(report(new Gauge([]), "south"), "south: 0 cm")', 'report(new Gauge([]), "south")'
            ),
        },
        "asserts no value",
    ),
    "a test that cannot fail": (
        {
            "tides.js": FIXED,
            "test/empty.test.js": SHOWS.replace(
                'assert.equal(report(new Gauge([]), "south"), "south: 0 cm")',
                'const said = report(new Gauge([]), "south");\n  if (said === 1) assert.equal(said, 1)',
            ),
        },
        "turned round",
    ),
    "half a fix": (
        {"tides.js": TIDES.replace("let best", "if (!this.marks.length) return 1;\n    let best")},
        "still failing with the patch",
    ),
    "what worked is broken": (
        {"tides.js": FIXED.replace("mark.level > best", "mark.level < best")},
        "passed without the patch and not with it",
    ),
    "syntax that is none": ({"tides.js": FIXED.replace("return best;", "return best;)")}, "does not compile"),
    "a test for what is not there yet": (
        {
            "tides.js": FIXED.replace("{ Gauge, report }", "{ Gauge, report, lowest: () => 0 }"),
            "test/empty.test.js": SHOWS.replace("{ Gauge, report }", "{ Gauge, report, lowest }").replace(
                "  assert", "  lowest();\n  assert"
            ),
        },
        "uses what the patch adds",
    ),
}


@pytest.mark.parametrize("kind", NOT_FIXES)
async def test_what_is_no_fix_is_not_proven(kind: str, program: Path, settings: ProofSettings) -> None:
    changes, why = NOT_FIXES[kind]

    said = await judged(program, {"test/empty.test.js": SHOWS, **changes}, settings, CRASH)

    assert said.evidence is None
    assert why in said.refused, said.refused


DROPS = WORKS.replace(
    "assert.equal(gauge.highest(), 420)", 'assert.equal(report(new Gauge([{ level: 1 }]), "n"), "n: 1 cm")'
)
LOWEST = TIDES.replace("let best = this.marks[0].level;", "let best = 1000;").replace("mark.level >", "mark.level <")


async def test_an_assertion_that_still_holds_is_not_given_up_for_another(
    program: Path, settings: ProofSettings
) -> None:
    said = await judged(
        program, {"tides.js": FIXED, "test/tides.test.js": DROPS, "test/empty.test.js": SHOWS}, settings, CRASH
    )

    assert (
        "an assertion is gone that holds with the patch too: test/tides.test.js: gauge knows the high" in said.refused
    )


async def test_what_a_test_no_longer_expects_is_told(program: Path, settings: ProofSettings) -> None:
    changed = WORKS.replace("gauge.highest(), 420", "gauge.highest(), 310")
    shows = SHOWS.replace("south: 0 cm", "south: 1000 cm")

    said = await judged(
        program, {"tides.js": LOWEST, "test/tides.test.js": changed, "test/empty.test.js": shows}, settings, CRASH
    )

    assert said.evidence is not None, said.refused
    told = (
        "it changes what tests expect that fail with it as they were: test/tides.test.js: gauge knows the highest mark"
    )
    assert told in said.evidence.flags


async def test_a_program_that_ends_its_tests_itself_proves_nothing(program: Path, settings: ProofSettings) -> None:
    leaves = TIDES.replace("let best", "if (!this.marks.length) process.exit(0);\n    let best")

    said = await judged(program, {"tides.js": leaves, "test/empty.test.js": SHOWS}, settings, CRASH)

    assert not said.is_proven


async def test_a_patch_without_a_test_keeps_what_passed(program: Path, settings: ProofSettings) -> None:
    said = await judged(program, {"tides.js": FIXED}, settings, CRASH)

    assert said.evidence is not None
    assert said.evidence.tier is Tier.E1


async def test_a_package_that_is_not_installed_says_nothing_about_the_patch(
    program: Path, settings: ProofSettings
) -> None:
    needs = SHOWS.replace('"use strict"', "").replace('require("../tides")', 'require("no-such-package")')

    said = await judged(program, {"tides.js": FIXED, "test/empty.test.js": needs}, settings, CRASH)

    assert said.evidence is not None, said.refused
    assert said.evidence.tier is Tier.E0
    assert "no-such-package is not installed" in said.evidence.says


LOADS = """\
const test = require("node:test");
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { Gauge } = require("../tides");

const folder = path.join(__dirname, "cases");
for (const file of fs.readdirSync(folder)) {
  test(path.basename(file, ".js"), () => {
    const { marks, highest } = require(path.join(folder, file));
    assert.equal(new Gauge(marks).highest(), highest);
  });
}
"""
CASES = {
    **PROGRAM,
    "test/loads.test.js": LOADS,
    "test/cases/one.js": "module.exports = { marks: [{ level: 2 }], highest: 2 };\n",
}
EMPTY = "module.exports = { marks: [], highest: 0 };\n"


async def test_a_case_in_a_file_of_its_own_shows_the_fix_by_the_test_that_loads_it(
    tmp_path: Path, settings: ProofSettings
) -> None:
    said = await judged(a_program(tmp_path, CASES), {"tides.js": FIXED, "test/cases/empty.js": EMPTY}, settings, CRASH)

    assert said.evidence is not None, said.refused
    assert (said.evidence.tier, said.evidence.reproduced) == (Tier.E2, True)
    assert "test/loads.test.js::empty failed before and passes now" in said.evidence.says


async def test_a_case_that_still_fails_refuses_the_patch(tmp_path: Path, settings: ProofSettings) -> None:
    wrong = FIXED.replace("let best = 0", "let best = 1")

    said = await judged(a_program(tmp_path, CASES), {"tides.js": wrong, "test/cases/empty.js": EMPTY}, settings, CRASH)

    assert "still failing with the patch: test/loads.test.js::empty" in said.refused


ROWS = """\
const { describe, it } = require("node:test");
const assert = require("node:assert/strict");
const { Gauge } = require("../tides");

describe("gauge", () => {
  for (const [level, highest] of [[310, 310], [420, 420]]) {
    it(`knows ${level}`, () => {
      assert.equal(new Gauge([{ level }]).highest(), highest);
    });
  }

  it("knows %d", () => {
    assert.equal(new Gauge([{ level: %d }]).highest(), %d);
  });
});
"""


@pytest.mark.parametrize(
    ("level", "rows", "refused"),
    [
        (-5, "[420, 420], [-5, 0]]", ""),
        (-5, "[420, 420], [-5, 0]].filter(([level]) => level > 0)", "gauge > knows -5 (vanished)"),
        (-5, "[420, 420], [-5, 0]]", "knows -5 is removed, and no case of its name fails without the patch"),
        (7, "[420, 420], [7, 7]]", "an assertion is gone that holds with the patch too"),
    ],
    ids=["as it has to be now", "never run", "never asked", "as it was"],
)
async def test_a_test_becomes_a_case_of_its_name_where_it_no_longer_holds(
    level: int, rows: str, refused: str, tmp_path: Path, settings: ProofSettings
) -> None:
    before = ROWS % (level, level, level)
    after = before[: before.index("\n  it(")].replace("[420, 420]]", rows) + "});\n"
    after = (
        after.replace("      assert", "      if (level < 0) return;\n      assert") if "no case" in refused else after
    )
    program = a_program(tmp_path, {**PROGRAM, "test/tides.test.js": before})

    said = await judged(
        program, {"tides.js": FIXED, "test/tides.test.js": after, "test/empty.test.js": SHOWS}, settings, CRASH
    )

    assert said.is_proven is not bool(refused), said
    assert refused in said.refused
    if said.evidence is not None:
        assert any("knows -5 is gone, for a case that" in flag for flag in said.evidence.flags)
        assert any("expect that fail with it as they were" in flag for flag in said.evidence.flags)
