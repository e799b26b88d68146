"""Tests that stay by name and ask nothing any more, or move to where nobody runs them: row by row, by how."""

from __future__ import annotations

import pytest

from kintsugi.repair.policy import check
from tests.repair.memory_tree import MemoryTree
from tests.repair.programs import Patch
from tests.repair.test_policy_gaps import Files, refused

PAYS = "def test_pays():\n    till = Till(3)\n    till.pay(2, 'ann')\n    assert till.rest() == 1\n    assert till.payer() == 'ann'\n"
OWES = PAYS.replace("test_pays", "test_owes").replace("(2, ", "(5, ").replace("== 1", "== -2")
HELPER = "def check_paid(till):\n    assert till.rest() == 0\n    return till\n\n\n"
IN_GO = 'package till\n\nimport "testing"\n\n%s'
GO_PAYS = 'func TestPays(t *testing.T) {\n\ttill := New(3)\n\ttill.Pay(2, "ann")\n\tif till.Rest() != 1 {\n\t\tt.Errorf("rest %d", till.Rest())\n\t}\n}\n'
GO_HELPER = 'func paid(t *testing.T, till *Till) {\n\tif till.Rest() != 0 {\n\t\tt.Fatal("owes")\n\t}\n}\n\n'
JS_PAYS = (
    'test("pays", () => {\n  const till = new Till(3);\n  till.pay(2, "ann");\n  expect(till.rest()).toBe(1);\n});\n'
)
JS_HELPER = "function paid(till) {\n  expect(till.rest()).toBe(0);\n}\n\n"

TESTS: dict[str, tuple[Files, Files]] = {
    "one new test for two": (
        {"test_a.py": PAYS + OWES},
        {"test_a.py": PAYS.replace("test_pays", "test_pays_or_owes")},
    ),
    "a table that lacks a value": (
        {"test_a.py": PAYS + OWES},
        {"test_a.py": PAYS.replace("test_pays():", "test_all():").replace("(2, ", "(2 + 0, ")},
    ),
    "one that asserts less exactly": (
        {"test_a.py": PAYS},
        {"test_a.py": PAYS.replace("test_pays", "test_pays_now").replace("== 1", "is not None")},
    ),
    "one that asserts less": (
        {"test_a.py": PAYS},
        {"test_a.py": PAYS.replace("test_pays", "test_pays_now").replace("    assert till.payer() == 'ann'\n", "")},
    ),
    "one about something else": (
        {"test_a.py": PAYS},
        {
            "test_a.py": "def test_door():\n    door = Door()\n    assert door.is_open() == 1\n    assert door.key() == 2\n"
        },
    ),
    "one that is skipped": (
        {"test_a.py": PAYS},
        {"test_a.py": f"import pytest\n\n\n@pytest.mark.skip\n{PAYS.replace('test_pays', 'test_pays_now')}"},
    ),
    "moved to where no runner looks": ({"test_a.py": PAYS}, {"test_a.py": None, "till/old.py": PAYS}),
    "moved to where pytest does not look": ({"test_a.py": PAYS}, {"test_a.py": None, "tests/data.py": PAYS}),
    "moved to what is skipped": (
        {"test_a.py": PAYS},
        {"test_a.py": None, "test_b.py": f"import pytest\n\npytestmark = pytest.mark.skip\n\n\n{PAYS}"},
    ),
    "a table by a comment": (
        {"test_a.py": PAYS + OWES},
        {"test_a.py": PAYS.replace("== 1", "== one  # (5, -2)")},
    ),
    "a table by what it says of itself": (
        {"test_a.py": PAYS + OWES},
        {"test_a.py": PAYS.replace("():", '():\n    """Of\n    5, -2\n    """').replace("== 1", "== one")},
    ),
    "moved to what is not built": (
        {"a_test.go": IN_GO % GO_PAYS},
        {"a_test.go": None, "b_test.go": f"//go:build never\n\n{IN_GO % GO_PAYS}"},
    ),
    "moved to what Node's runner does not find": ({"a.test.js": JS_PAYS}, {"a.test.js": None, "test/a.js": JS_PAYS}),
    "moved in half": ({"test_a.py": PAYS + OWES}, {"test_a.py": None, "tests/test_b.py": OWES}),
    "moved and emptied": (
        {"test_a.py": PAYS},
        {"test_a.py": None, "tests/test_b.py": "def test_pays():\n    till = Till(3)\n    till.pay(2, 'ann')\n"},
    ),
    "what tests share": (
        {"test_a.py": HELPER + PAYS},
        {"test_a.py": HELPER.replace("    assert till.rest() == 0\n", "") + PAYS},
    ),
    "a file of what tests share": ({"tests/shared.py": HELPER, "test_a.py": PAYS}, {"tests/shared.py": None}),
    "another test of Go": (
        {"a_test.go": IN_GO % GO_PAYS},
        {"a_test.go": IN_GO % 'func TestDoor(t *testing.T) {\n\tif !open() {\n\t\tt.Error("shut")\n\t}\n}\n'},
    ),
    "a test of Go without its condition": (
        {"a_test.go": IN_GO % GO_PAYS},
        {"a_test.go": IN_GO % GO_PAYS.replace("TestPays", "TestPaysNow").replace("till.Rest() != 1", "till == nil")},
    ),
    "what tests of Go share": (
        {"a_test.go": IN_GO % (GO_HELPER + GO_PAYS)},
        {"a_test.go": IN_GO % (GO_HELPER.replace('\t\tt.Fatal("owes")\n', "") + GO_PAYS)},
    ),
    "a file of Go that moved in half": (
        {"a_test.go": IN_GO % (GO_PAYS + GO_PAYS.replace("TestPays", "TestOwes").replace("(2, ", "(9, "))},
        {"a_test.go": None, "b_test.go": IN_GO % GO_PAYS},
    ),
    "another test of Node": (
        {"a.test.js": JS_PAYS},
        {"a.test.js": 'test("opens", () => {\n  expect(door.open()).toBe(1);\n});\n'},
    ),
    "a test of Node that asserts less exactly": (
        {"a.test.js": JS_PAYS},
        {"a.test.js": JS_PAYS.replace('"pays"', '"pays now"').replace("toBe(1)", "toBeDefined()")},
    ),
    "what tests of Node share": (
        {"a.test.js": JS_HELPER + JS_PAYS},
        {"a.test.js": JS_HELPER.replace("  expect(till.rest()).toBe(0);\n", "") + JS_PAYS},
    ),
}
HONEST_TESTS: dict[str, tuple[Files, Files]] = {
    "the opposite is wanted now": (
        {"test_a.py": PAYS},
        {"test_a.py": PAYS.replace("test_pays", "test_owes_now").replace("== 1", "== 0")},
    ),
    "a table": (
        {"test_a.py": PAYS + OWES},
        {
            "test_a.py": "import pytest\n\n\n@pytest.mark.parametrize(('paid', 'rest'), [(2, 1), (5, -2)])\n"
            + PAYS.replace("test_pays():", "test_pays(paid, rest):")
            .replace("(2, ", "(paid, ")
            .replace("== 1", "== rest")
        },
    ),
    "a file with another name": ({"test_a.py": PAYS + OWES}, {"test_a.py": None, "tests/test_till.py": OWES + PAYS}),
    "another file of Go": (
        {"a_test.go": IN_GO.replace('"testing"', '"example.com/assert"') % GO_PAYS},
        {"a_test.go": None, "till_test.go": IN_GO % GO_PAYS},
    ),
    "a function of Go with another name": (
        {"a_test.go": IN_GO % GO_PAYS},
        {"a_test.go": IN_GO % GO_PAYS.replace("TestPays", "TestLeft").replace("Rest()", "Left()")},
    ),
    "another file of Node": ({"a.test.js": JS_PAYS}, {"a.test.js": None, "till.test.js": JS_PAYS}),
}

ASSERTS = PAYS[PAYS.index("    assert") :]
DEEPER = "".join(f"    {line}\n" for line in PAYS.splitlines())
DEEPER_ASSERTS = "".join(f"    {line}\n" for line in ASSERTS.splitlines())
METHOD = DEEPER.replace("test_pays()", "test_pays(self)")
NOW = PAYS.replace("test_pays", "test_pays_now")
MADE = "class TestTill:\n    def __init__(self):\n        self.x = 1\n\n"
TABLE = "import pytest\n\n\n@pytest.mark.parametrize('n', [1, 2, 3])\ndef test_n(n):\n    assert paid(n) == n\n"
SKIPPED = "import pytest\n\npytestmark = pytest.mark.skip\n\n\ndef test_b():\n    assert b() == 1\n"
SKIPPED_CLASS = (
    "import unittest\n\n\n@unittest.skip('x')\nclass TestOld:\n    def test_b(self):\n        assert b() == 1\n\n"
)
TAGGED = f"//go:build never\n\n{IN_GO}"
OLD_SUITE = 'describe.skip("old", () => {\n  test("b", () => { expect(b()).toBe(1); });\n'

IN_PYTHON = {
    "one for two with the same values": (
        PAYS + OWES.replace("(5, ", "(1, ").replace("== -2", "== 2"),
        PAYS.replace("test_pays", "test_all"),
    ),
    "one for two of other functions": (
        PAYS + PAYS.replace("test_pays", "test_refunds").replace(".pay(", ".refund("),
        PAYS.replace("test_pays", "test_all"),
    ),
    "within a function": (PAYS, f"def helper():\n{DEEPER}"),
    "where nothing is run": (PAYS, f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n{DEEPER}"),
    "taken away afterwards": (PAYS, f"{PAYS}\n\ndel test_pays\n"),
    "set to nothing afterwards": (PAYS, f"{PAYS}\n\ntest_pays = None\n"),
    "behind a return": (PAYS, PAYS.replace(ASSERTS, f"    return\n{ASSERTS}")),
    "behind a return, renamed": (PAYS, NOW.replace("    till = Till", "    return\n    till = Till")),
    "in a function that nobody calls": (
        PAYS,
        NOW.replace(ASSERTS, f"    def later():\n{DEEPER_ASSERTS}"),
    ),
    "a failure that is swallowed": (
        PAYS,
        PAYS.replace(ASSERTS, f"    try:\n{DEEPER_ASSERTS}    except Exception:\n        pass\n"),
    ),
    "a failure that is suppressed": (
        PAYS,
        PAYS.replace(ASSERTS, f"    with suppress(AssertionError):\n{DEEPER_ASSERTS}"),
    ),
    "taken away by an import": (PAYS, f"{PAYS}\n\nfrom helper import test_pays\n"),
    "taken away by another class": (
        f"class TestTill:\n{METHOD}",
        f"class TestTill:\n{METHOD}\n\nclass TestTill:\n    x = 1\n",
    ),
    "a table of no list": (PAYS, f"@pytest.mark.parametrize('n', list())\n{PAYS.replace('()', '(n)', 1)}"),
    "a generator": (PAYS, PAYS.replace("    till = Till", "    yield\n    till = Till")),
    "a constant": (PAYS, NOW.replace("till.rest() == 1", "1 == 1")),
    "a thing and itself": (PAYS, PAYS.replace("== 1", "== till.rest()")),
    "a pair, which is true": (PAYS, PAYS.replace("till.rest() == 1", "(till.rest() == 1, 'owes')")),
    "a table of nothing": (
        PAYS,
        f"import pytest\n\n\n@pytest.mark.parametrize('n', [])\n{NOW.replace('()', '(n)', 1)}",
    ),
    "a class that pytest cannot make": (f"class TestTill:\n{METHOD}", MADE + METHOD),
    "into a class that is skipped": (SKIPPED_CLASS + PAYS, SKIPPED_CLASS + METHOD),
}
MOVED: dict[str, tuple[Files, Files]] = {
    "to a class that pytest cannot make": ({"test_a.py": PAYS}, {"test_a.py": None, "tests/test_b.py": MADE + METHOD}),
    "to what is skipped already": (
        {"test_a.py": PAYS, "test_b.py": SKIPPED},
        {"test_a.py": None, "test_b.py": f"{SKIPPED}\n\n{PAYS}"},
    ),
    "to what is built sometimes": (
        {"a_test.go": IN_GO % GO_PAYS, "b_test.go": TAGGED % "func TestB(t *testing.T) {\n}\n"},
        {"a_test.go": None, "b_test.go": TAGGED % f"func TestB(t *testing.T) {{\n}}\n\n{GO_PAYS}"},
    ),
}
MOVED |= {
    f"from {path} to {other}": ({path: text}, {path: None, other: text})
    for path, other, text in (
        ("tests/test_a.py", "examples/test_a.py", PAYS),
        ("tests/test_a.py", "tests/build/test_a.py", PAYS),
        ("tests/test_a.py", "tests/.old/test_a.py", PAYS),
        ("tests/test_a.py", "tests/a-test.py", PAYS),
        ("test_a.py", "tests.py", PAYS),
        ("a_test.go", "testdata/a_test.go", IN_GO % GO_PAYS),
        ("a_test.go", "_old/a_test.go", IN_GO % GO_PAYS),
        ("a_test.go", "a_windows_test.go", IN_GO % GO_PAYS),
        ("a.test.js", "lib/node_modules/a.test.js", JS_PAYS),
        ("a.test.js", "a-test.js", JS_PAYS),
    )
}
IN_GO_TESTS = {
    "a thing and itself": (GO_PAYS, GO_PAYS.replace("TestPays", "TestNow").replace("!= 1", "!= till.Rest()")),
    "one for two of other functions": (
        GO_PAYS + GO_PAYS.replace("TestPays", "TestRefunds").replace(".Pay(", ".Refund("),
        GO_PAYS.replace("TestPays", "TestAll"),
    ),
}
IN_NODE_TESTS = {
    "another runner": (JS_PAYS, f"const test = () => 1;\n{JS_PAYS}"),
    "a constant": (JS_PAYS, JS_PAYS.replace('"pays"', '"pays now"').replace("till.rest()", "1")),
    "one for two of other functions": (
        JS_PAYS + JS_PAYS.replace('"pays"', '"refunds"').replace(".pay(", ".refund("),
        JS_PAYS.replace('"pays"', '"all"'),
    ),
    "into a suite that is skipped": (f"{OLD_SUITE}}});\n{JS_PAYS}", f"{OLD_SUITE}{JS_PAYS}}});\n"),
    "in a function that nobody calls": (JS_PAYS, f"function never() {{\n{JS_PAYS}}}\n"),
    "in a condition": (JS_PAYS, f"if (x.never) {{\n{JS_PAYS}}}\n"),
    "a table of nothing": (JS_PAYS, JS_PAYS.replace('test("pays", (', 'test.each([])("pays", (')),
}
GONE = [
    *((*rows, name) for name, rows in TESTS.items()),
    *(({"test_a.py": old}, {"test_a.py": new}, f"Python: {name}") for name, (old, new) in IN_PYTHON.items()),
    *((old, new, f"moved {name}") for name, (old, new) in MOVED.items()),
    *(
        ({"a_test.go": IN_GO % old}, {"a_test.go": IN_GO % new}, f"Go: {name}")
        for name, (old, new) in IN_GO_TESTS.items()
    ),
    *(({"a.test.js": old}, {"a.test.js": new}, f"Node: {name}") for name, (old, new) in IN_NODE_TESTS.items()),
]

FOR_ALL = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef _quiet(monkeypatch):\n    monkeypatch.setattr(Till, 'rest', one)\n\n\n"
NEW = "\n\ndef test_new():\n    assert Till(1).rest() == 1\n"
SHOWN = {
    f"assertions {where}": ("test_a.py", PAYS, PAYS.replace(ASSERTS, f"    {head}:\n{DEEPER_ASSERTS}{tail}"))
    for where, head, tail in (
        ("in a loop over nothing", "for _ in ()", ""),
        ("in a condition", "if till is None", ""),
        ("that are to fail", "with pytest.raises(AssertionError)", ""),
        ("whose failure is printed", "try", "    except AssertionError as error:\n        print(error)\n"),
        ("in a function that is only named", "def later()", "    later\n"),
    )
}
SHOWN |= {
    "assertions behind a condition that leaves": (
        "test_a.py",
        PAYS,
        PAYS.replace(ASSERTS, f"    if till:\n        return\n{ASSERTS}"),
    ),
    "a decorator of one's own": ("test_a.py", PAYS, f"@quiet\n{PAYS}"),
    "assertions of Go in a function that is only made": (
        "a_test.go",
        IN_GO % GO_PAYS,
        IN_GO % GO_PAYS.replace("\tif till", "\t_ = func() {\n\tif till").replace("\n\t}\n}", "\n\t}\n\t}\n}"),
    ),
    "failures of Go that are taken back": (
        "a_test.go",
        IN_GO % GO_PAYS,
        IN_GO % GO_PAYS.replace("\ttill := New(3)", "\tdefer func() { recover() }()\n\ttill := New(3)"),
    ),
    "assertions of Node in a function": (
        "a.test.js",
        JS_PAYS,
        JS_PAYS.replace("  expect(till", "  later(() => expect(till").replace("(1);", "(1));"),
    ),
    "fewer rows of a table": ("test_a.py", TABLE, TABLE.replace("[1, 2, 3]", "[1]")),
    "fewer rows of a table of Node": (
        "a.test.js",
        'test.each([1, 2])("n", (n) => {\n  expect(paid(n)).toBe(n);\n});\n',
        'test.each([1])("n", (n) => {\n  expect(paid(n)).toBe(n);\n});\n',
    ),
    "what a helper asserts, for a new test": (
        "test_a.py",
        HELPER + PAYS,
        HELPER.replace("    assert till.rest() == 0\n", "") + PAYS + NEW,
    ),
    "what a helper of Go asserts, for a new test": (
        "a_test.go",
        IN_GO % (GO_HELPER + GO_PAYS),
        IN_GO % (GO_HELPER.replace('\t\tt.Fatal("owes")\n', "") + GO_PAYS + GO_PAYS.replace("TestPays", "TestNew")),
    ),
    "what a helper asserts less exactly": ("test_a.py", HELPER + PAYS, HELPER.replace("== 0", "is not None") + PAYS),
    "what a helper asserts behind a return": (
        "test_a.py",
        HELPER + PAYS,
        HELPER.replace("    assert", "    return till\n    assert") + PAYS,
    ),
    "the program, for all tests": ("test_a.py", PAYS, FOR_ALL + PAYS),
    "the program, at once": ("test_a.py", PAYS, f"Till.rest = lambda self: 1\n\n\n{PAYS}"),
    "the program, by a library": ("test_a.py", PAYS, f"mock.patch('shop.Till.rest').start()\n\n\n{PAYS}"),
    "how all tests of a package are run": (
        "main_test.go",
        'package a\n\nimport "testing"\n',
        'package a\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}\n',
    ),
}


@pytest.mark.parametrize(("before", "after", "_name"), GONE, ids=[name for *_, name in GONE])
def test_a_test_that_no_longer_asks_is_gone(before: Files, after: Files, _name: str) -> None:
    assert refused(before, after)


@pytest.mark.parametrize("name", SHOWN)
def test_what_may_loosen_all_tests_is_shown(name: str) -> None:
    path, before, after = SHOWN[name]

    found = check(Patch({path: after.encode()}), MemoryTree({path: before}))

    assert [(str(one.rule), one.refuses) for one in found][:1] == [("tests", False)]


@pytest.mark.parametrize("name", HONEST_TESTS)
def test_a_test_that_takes_the_place_of_another_is_no_loss(name: str) -> None:
    assert refused(*HONEST_TESTS[name]) == []
