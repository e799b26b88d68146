"""What is read of tests and patches in Node, Go and Python without running them."""

from __future__ import annotations

import pytest

from kintsugi.repair.languages import Language
from kintsugi.repair.languages.go.language import Go
from kintsugi.repair.languages.node.language import JavaScript
from kintsugi.repair.languages.python.language import Python

NODE, GO, PYTHON = JavaScript(), Go(), Python()
ASSERTS = {
    "expect(f(1)).toBe(2)": True,
    "expect(f()).to.be.true": True,
    "f().should.equal(3)": True,
    "t.is(f(), 2)": True,
    "await expect(f()).rejects.toThrow('x')": True,
    "assert(f())": True,
    "checkIt(f())": True,
    "if (f() !== 2) throw new Error('no')": True,
    "const same = (a, b) => assert.equal(a, b); same(f(), 2)": True,
    "const call = (a) => a(); call(f)": False,
    "f()": False,
    "t.end()": False,
    "t.pass()": False,
    "expect(() => f()).not.toThrow()": False,
    "assert.doesNotThrow(() => f())": False,
    "assert.ok(true)": False,
    "expect(1).toBe(1)": False,
}
ASSERTS_IN_GO = {
    'if got := f(); got != 2 { t.Errorf("got %d", got) }': True,
    'if err := f(); err == nil { t.Fatal("no error") }': True,
    "require.Equal(t, 2, f())": True,
    "checkIt(t, f())": True,
    "f()": False,
    "if err := f(); err != nil { t.Fatal(err) }": False,
    "require.NoError(t, f())": False,
    "t.Log(f())": False,
}


@pytest.mark.parametrize("line", ASSERTS)
def test_a_test_of_node_asserts_a_value_or_only_that_nothing_is_thrown(line: str) -> None:
    source = f'test("x", async () => {{ {line}; }});\n'

    assert NODE.asserts_a_value({"a.test.js": source}, "x") is ASSERTS[line]
    turned = NODE.turned_round(source, ["x"])
    assert turned is not None
    assert turned != source
    assert NODE.can_read(turned)


@pytest.mark.parametrize("line", ASSERTS_IN_GO)
def test_a_test_of_go_asserts_a_value_or_only_that_nothing_failed(line: str) -> None:
    source = f"package a\n\nfunc TestX(t *testing.T) {{\n\t{line}\n}}\n"

    assert GO.asserts_a_value({"a_test.go": source}, "TestX") is ASSERTS_IN_GO[line]
    turned = GO.turned_round(source, ["TestX"])
    assert turned is not None
    assert turned != source
    assert GO.can_read(turned)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("const a = 'x'", 'const a = "x"; // said', True),
        ("function f(a) { return a }", "function f(a: number): number { return a; }", True),
        ("call(a, b)", "call(\n  a,\n  b,\n)", True),
        ("f()", "console.log('f'); f()", True),
        ("const a = x.y", "const a = x?.y", False),
        ("f(1)", "f(2)", False),
    ],
)
def test_what_of_node_runs_the_same(before: str, after: str, same: bool) -> None:
    assert NODE.runs_the_same(before, after) is same


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("func f() int { return 1 }", "// f is one.\nfunc f() int {\n\treturn 1\n}", True),
        ("func f() { g() }", 'func f() { log.Println("g"); g() }', True),
        ("func f() { g() }", "//go:noinline\nfunc f() { g() }", False),
        ("func f() int { return 1 }", "func f() int { return 2 }", False),
    ],
)
def test_what_of_go_runs_the_same(before: str, after: str, same: bool) -> None:
    assert GO.runs_the_same(f"package a\n{before}\n", f"package a\n{after}\n") is same


@pytest.mark.parametrize(
    ("after", "drops"),
    [
        ("try { f() } catch {}", True),
        ("try { f() } catch (e) { console.error(e) }", True),
        ("try { f() } catch (e) { return null }", True),
        ("f().catch(() => {})", True),
        ("f().catch(noop)", True),
        ("try { f() } catch (e) { throw new Error('more', { cause: e }) }", False),
        ("try { f() } catch (e) { answer(400) }", False),
        ("try { f() } catch (e) { if (e.code !== 'ENOENT') throw e; return [] }", False),
    ],
)
def test_what_a_patch_of_node_drops(after: str, drops: bool) -> None:
    found = NODE.swallowing({"a.js": "function g() { f() }"}, {"a.js": f"function g() {{ {after} }}"})

    assert bool(found.places) is drops
    assert found.is_all is drops


CATCHES = "function g() { try { return f() } catch (e) { return null } }"


@pytest.mark.parametrize(
    ("after", "drops"),
    [
        (CATCHES.replace("null", "undefined"), False),
        (CATCHES.replace("f()", "f(1)"), False),
        (CATCHES.replace("f()", "f(1)").replace("null", "[]"), True),
        (CATCHES.replace("null", "[]") + CATCHES.replace("f()", "h()"), True),
        (CATCHES.replace("return null", "if (e.code === 1) return null"), False),
    ],
)
def test_what_a_handler_dropped_before_is_not_dropped_anew(after: str, drops: bool) -> None:
    assert bool(NODE.swallowing({"a.js": CATCHES}, {"a.js": after}).places) is drops


def test_a_handler_that_told_is_one_that_drops_now() -> None:
    tells = CATCHES.replace("return null", "throw new No(e)")

    assert NODE.swallowing({"a.js": tells}, {"a.js": CATCHES}).places


@pytest.mark.parametrize(
    ("after", "drops"),
    [
        ("\tdefer func() { recover() }()\n\tf()", True),
        ("\tdefer func() { if r := recover(); r != nil { log.Println(r) } }()\n\tf()", True),
        ("\tdefer func() { if r := recover(); r != nil { panic(r) } }()\n\tf()", False),
        ("\tif err := f(); err != nil { return nil }", True),
        ("\tif err := f(); err != nil { return err }", False),
    ],
)
def test_what_a_patch_of_go_drops(after: str, drops: bool) -> None:
    source = "package a\n\nfunc g() error {\n%s\n\treturn nil\n}\n"

    assert bool(GO.swallowing({"a.go": source % "\tf()"}, {"a.go": source % after}).places) is drops


def _checks(language: Go | JavaScript, *pairs: tuple[str, str]) -> str:
    """A test that compares each pair."""
    if language is GO:
        lines = "".join(f'\tif {one} != {other} {{\n\t\tt.Error("no")\n\t}}\n' for one, other in pairs)
        return f"package tide\n\nfunc TestRead(t *testing.T) {{\n{lines}}}\n"
    lines = "".join(f"  expect({one}).toBe({other});\n" for one, other in pairs)
    return f"test('reads', () => {{\n{lines}}});\n"


KEPT, HEIGHT = ("tide.name", '"south"'), ("tide.height", "420")
COMES = [("tide.low", "12"), ("tide.mean", "99")]


@pytest.mark.parametrize("language", [GO, NODE], ids=["Go", "Node"])
@pytest.mark.parametrize(
    ("after", "is_refused"),
    [
        ([KEPT, *COMES], True),
        ([KEPT, ("tide.height", "421"), *COMES], False),
        ([KEPT, ("tide.marks.height", "420"), *COMES], False),
        ([KEPT, HEIGHT, *COMES], False),
    ],
    ids=["gone for others", "another value", "another way to it", "all are kept"],
)
def test_what_a_test_no_longer_asserts_is_seen_beside_what_it_newly_does(
    language: Go | JavaScript, after: list[tuple[str, str]], is_refused: bool
) -> None:
    path = "tide_test.go" if language is GO else "tide.test.js"
    before = _checks(language, KEPT, HEIGHT)

    found = language.loosened({path: before}, {path: _checks(language, *after)})

    assert bool(found.refusals) is is_refused


@pytest.mark.parametrize(
    ("line", "is_told"),
    [("if (tide.marks) return;", True), ("tide.each((mark) => { return mark; });", False), ("tide.turn();", False)],
)
def test_a_test_that_may_end_before_what_it_asserts_is_told(line: str, is_told: bool) -> None:
    before = "it('reads', () => {\n  expect(tide.height).toBe(420);\n  return tide.end();\n});\n"
    after = before.replace("  expect", f"  {line}\n  expect")

    found = NODE.loosened({"tide.test.js": before}, {"tide.test.js": after})

    assert not found.refusals
    assert any("may no longer come to what it asserts" in flag for flag in found.flags) is is_told


IN_PYTHON = """\
class T(TestCase):
    def test_a(self):
        x = f()
        for row in x:
            self.assertEqual(row, 1)
        self.assertEqual(x, [1])
"""
IN_NODE = """\
it('a', () => {
  const x = f();
  for (const row of x) {
    expect(row).toBe(1);
  }
  x.forEach((row) => {
    expect(row).toEqual(1);
  });
  expect(x).toEqual([1]);
});
"""
IN_GO = """\
package a

func TestA(t *testing.T) {
	x := f()
	for _, row := range x {
		t.Run("one", func(t *testing.T) {
			require.Equal(t, 2, row)
		})
	}
	require.Equal(t, x, []int{1})
}
"""
PATHS: dict[str, tuple[Language, str]] = {
    IN_PYTHON: (PYTHON, "test_a.py"),
    IN_NODE: (NODE, "a.test.js"),
    IN_GO: (GO, "a_test.go"),
}


@pytest.mark.parametrize(
    ("before", "old", "new", "is_told"),
    [
        (IN_PYTHON, "self.assertEqual(x", "q and self.assertEqual(x", True),
        (IN_PYTHON, "self.assertEqual(x, [1])", "self.assertEqual(x, [1]) if q else None", True),
        (IN_PYTHON, "self.assertEqual(x, [1])", "[self.assertEqual(x, [1]) for _ in q]", True),
        (IN_PYTHON, "            self", "            if row:\n                continue\n            self", True),
        (IN_PYTHON, "            self", "            if row:\n                break\n            self", True),
        (IN_PYTHON, "        self.assertEqual(x", "        if x:\n            return\n        self.assertEqual(x", True),
        (IN_PYTHON, "        self.assertEqual(x", "        for y in x:\n            if y:\n                continue\n        self.assertEqual(x", False),
        (IN_PYTHON, "        self.assertEqual(x", "        def g():\n            return 1\n        self.assertEqual(x", False),
        (IN_NODE, "expect(x)", "q && expect(x)", True),
        (IN_NODE, "expect(x)", "q ?? expect(x)", True),
        (IN_NODE, "    expect(row).toBe", "    if (row) continue;\n    expect(row).toBe", True),
        (IN_NODE, "    expect(row).toEqual", "    if (row) return;\n    expect(row).toEqual", True),
        (IN_NODE, "  expect(x).toEqual([1]);", "  a: { if (x) break a;\n  expect(x).toEqual([1]); }", True),
        (IN_NODE, "  expect(x).toEqual([1]);", "  do { if (x) break;\n  expect(x).toEqual([1]); } while (0);", True),
        (IN_NODE, "  expect(x)", "  for (const y of x) { if (y) break; g(y); }\n  expect(x)", False),
        (IN_NODE, "f()", "f(q && 1)", False),
        (IN_GO, "\trequire.Equal(t, x", "\tif len(x) > 0 {\n\t\treturn\n\t}\n\trequire.Equal(t, x", True),
        (IN_GO, "\t\tt.Run", "\t\tif row > 0 {\n\t\t\tcontinue\n\t\t}\n\t\tt.Run", True),
        (IN_GO, "\t\t\trequire", "\t\t\tif row > 0 {\n\t\t\t\treturn\n\t\t\t}\n\t\t\trequire", True),
        (IN_GO, "\trequire.Equal(t, x", "\tif x == nil {\n\t\tt.Error(1)\n\t\treturn\n\t}\n\trequire.Equal(t, x", False),
        (IN_GO, "\trequire.Equal(t, x", "\th := func() int { return 1 }\n\tg(h)\n\trequire.Equal(t, x", False),
    ],
)  # fmt: skip
def test_a_test_that_may_pass_by_what_it_asserts_is_told(before: str, old: str, new: str, is_told: bool) -> None:
    language, path = PATHS[before]
    assert old in before

    found = language.loosened({path: before}, {path: before.replace(old, new, 1)})

    assert not found.refusals
    assert bool(found.guarded) is is_told
    assert any("may no longer come to what it asserts" in flag for flag in found.flags) is is_told


def test_another_assertion_that_is_come_to_sometimes_is_told_as_well() -> None:
    before = IN_PYTHON.replace("        for row in x:\n            self.assertEqual(row, 1)\n", "")
    after = before.replace("self.assertEqual(x, [1])", "[self.assertEqual(one, [1]) for one in q]")

    assert PYTHON.loosened({"test_a.py": before}, {"test_a.py": after}).guarded == {("test_a.py", "T.test_a")}


@pytest.mark.parametrize(("chosen", "is_refused"), [("only ? it.only : it.skip", True), ("quick ? it : test", False)])
def test_a_test_by_another_name_is_left_out_where_that_name_may_be(chosen: str, is_refused: bool) -> None:
    before = "it('reads', () => {\n  expect(tide.height).toBe(420);\n});\n"
    after = f"const run = {chosen};\n{before.replace('it(', 'run(')}"

    found = NODE.loosened({"tide.test.js": before}, {"tide.test.js": after})

    assert bool(found.refusals) is is_refused


@pytest.mark.parametrize("language", [GO, NODE], ids=["Go", "Node"])
@pytest.mark.parametrize(
    ("before", "after", "drops"),
    [
        ([KEPT, HEIGHT], [KEPT, COMES[0]], True),
        ([HEIGHT], [COMES[0]], False),
        ([HEIGHT], [("ferry.low", "12")], True),
        ([KEPT, HEIGHT], [KEPT, ("tide.height", "421")], False),
        ([KEPT, HEIGHT], COMES, False),
    ],
    ids=["for another", "of the same", "of something else", "another value", "written anew"],
)
def test_one_assertion_for_another_is_told_as_dropped(
    language: Go | JavaScript, before: list[tuple[str, str]], after: list[tuple[str, str]], drops: bool
) -> None:
    path = "tide_test.go" if language is GO else "tide.test.js"

    found = language.loosened({path: _checks(language, *before)}, {path: _checks(language, *after)})

    assert not found.refusals
    assert len(found.changed) == 1
    assert bool(found.dropped) is drops


@pytest.mark.parametrize(
    ("after", "drops"),
    [
        ("it('writes a pair', () => {\n  expect(write('tide', 'low')).toBe('tide=low');\n});\n", False),
        ("it('keeps names', () => {\n  expect(write('tide', 'low', {})).toBe('tide=low; fast');\n});\n", True),
    ],
    ids=["renamed", "another test"],
)
def test_a_test_that_another_stands_for_without_its_words_may_be_gone(after: str, drops: bool) -> None:
    before = "it('writes', () => {\n  expect(write('tide', 'low')).toBe('tide=low');\n});\n"

    found = NODE.loosened({"tide.test.js": before}, {"tide.test.js": after})

    assert not found.refusals
    assert bool(found.dropped) is drops


@pytest.mark.parametrize(
    ("id", "stem"),
    [
        ("t.js::cases > a => B", r"t.js::cases > cases .*\ =>\ .*"),
        ("t.js::suite > inner > reads low", r"t.js::suite > inner > reads\ .*"),
        ("t.js::cases > alone => whole", ""),
        ("t.js::cases > a, B", ""),
        ("reads > the mark is low", "reads"),
        ("test 3", ""),
    ],
)
def test_cases_of_node_are_told_by_the_title_that_makes_them(id: str, stem: str) -> None:
    source = (
        "describe('cases', () => {\n  it.each([['a', 'B']])('%s => %s', (a, b) => expect(a).toBe(b));\n"
        "  it('alone => whole', () => expect(1).toBe(1));\n});\n"
        "function reads(mark) { it(`reads ${mark}`, () => expect(mark).toBe(1)); }\n"
    )

    assert NODE.stem_of(id, source) == stem


ALONE = "  it('takes mid', () => {\n    expect(read('mid')).toBe('m');\n  });\n"
TABLE = (
    "describe('reads', () => {\n  for (const value of ['low', 'high']) {\n    it(`takes ${value}`, () => {\n"
    "      expect(read(value)).toBe(value);\n    });\n  }\n});\n"
)
MORE = TABLE.replace("'high']", "'high', 'mid']")


@pytest.mark.parametrize(
    ("after", "is_refused"),
    [
        (MORE, False),
        (
            TABLE.replace("for (const value of ['low', 'high']) {\n    it(", "it.each(['low', 'high', 'mid'])(")
            .replace("  }\n", "")
            .replace("${value}`, () =>", "%s`, (value) =>"),
            False,
        ),
        (TABLE, True),
        (TABLE.replace("'high']", "'high', 'most']"), True),
        (TABLE.replace("'high']", "'high' /* 'mid' */]"), True),
        (MORE.replace("expect(read(value)).toBe(value)", "read(value)"), True),
        (MORE.replace("toBe(value)", "toBeTruthy()"), True),
        (MORE.replace("it(", "it.skip("), True),
        (MORE.replace("takes $", "is handed $"), True),
        (MORE.replace("'reads'", "'writes'"), True),
        (f"const more = ['mid'];\n{TABLE}", True),
    ],
    ids=[
        "row",
        "each",
        "none",
        "other row",
        "comment",
        "no assertion",
        "loose",
        "skipped",
        "name",
        "suite",
        "elsewhere",
    ],
)
def test_a_test_may_become_a_case_of_a_table_that_has_a_row_for_it(after: str, is_refused: bool) -> None:
    before = TABLE.replace("  }\n});", f"  }}\n{ALONE}}});")

    found = NODE.loosened({"tide.test.js": before}, {"tide.test.js": after})

    assert bool(found.refusals) is is_refused, found
    assert is_refused or found.dropped == {("tide.test.js", "reads takes mid")}
