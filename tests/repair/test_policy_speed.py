"""What makes the policy fast changes no answer: patterns behind their words, lines that differ, touched statements."""

from __future__ import annotations

import random
import re
import sys
from difflib import SequenceMatcher

import pytest

from kintsugi.repair.languages.node import tests as of_node
from kintsugi.repair.line_diff import differing_lines
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.flags import flags
from kintsugi.repair.policy.screen import Screened, needed_words

CLASSES = '''\
"""About."""

import os


class Shop:
    """Sells."""

    def open(self):
        return "opened"

    @property
    def sign(self):
        return """
at the margin
"""

    def close(self):
        return "closed"


def untouched():
    return 1
'''


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (r"\bverify\s*=\s*(?:False|0)\b", {"verify"}),
        (r"(?:eval|run)\s*\(", {"eval", "run"}),
        (r"[ab]+|x", set()),
        (r"(?:abc)?d", {"d"}),
        (r"(?:abc){2}d", {"abc"}),
    ],
)
def test_a_pattern_needs_one_of_its_words(expression: str, words: set[str]):
    assert needed_words(expression) == words


def test_letters_that_only_ignoring_case_makes_alike_are_found():
    assert Screened("kelvin", re.IGNORECASE).search("\u212aelvin")


@pytest.mark.parametrize("seed", range(40))
def test_lines_that_differ_lead_from_one_text_to_the_other(seed: int):
    chance = random.Random(seed)
    old = [chance.choice(("", "x", f"line {number}")) for number in range(60)]
    new = [line for line in old if chance.random() > 0.1]
    new[10:10] = ["", "more", "x"]

    gone, come = differing_lines(old, new)

    assert sorted(gone + new) == sorted(come + old)
    kept = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    assert len(gone) <= len(old) - sum(block.size for block in kept) + 6


class Counted(str):
    """A line that counts how often it is compared."""

    asked = 0
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        Counted.asked += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("several", [400, 800])
def test_lines_that_come_again_and_again_are_not_compared_with_each_other(several: int):
    Counted.asked = 0
    old, new = ([Counted(line) for n in range(several) for line in (f"{name}{n}", "return")] for name in "ab")

    gone, come = differing_lines(old, new)

    assert len(gone) == len(come) == several
    assert Counted.asked < 60 * several


MANY = {
    "a.py": "def f{n}(x):\n    if x.a and x.b{n} == {n}:\n        return\n    go(x, timeout={n})\n",
    "a.js": "a.get('/{n}', auth, (q, r) => {{ if (!q.a || q.b > {n}) return r.status(401); go({n}); }});\n",
    "a.go": "func f{n}() error {{\nmu.Lock()\ndefer mu.Unlock()\nif a > {n} {{\nreturn err\n}}\nreturn nil\n}}\n",
}


@pytest.mark.parametrize("path", MANY)
def test_the_cost_of_flags_goes_with_the_change(path: str):
    def calls(several: int) -> int:
        texts = ["".join(MANY[path].format(n=n) for n in range(start, start + several)) for start in (1000, 3000)]
        change = Change(path, texts[0].encode(), texts[1].encode())
        count = 0

        def counted(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            list(flags(change))
        finally:
            sys.setprofile(None)
        return count

    calls(5)  # what is made ready once

    assert calls(80) < 5 * calls(20)


def test_each_of_many_tests_of_one_name_is_one_of_its_own():
    found = of_node.tests_of("a.test.js", "it('x', () => { assert(1); });\n" * 3000)

    assert len(found) == 3000
    assert max(map(len, found)) < 20


def test_a_change_of_every_other_line_is_read():
    old = [f"{word}{number}" for number in range(1200) for word in ("kept", "gone")]

    assert differing_lines(old, [line for line in old if "kept" in line]) == (
        [line for line in old if "gone" in line],
        [],
    )


def touched(old: str, new: str) -> tuple[str, str]:
    before, after = Change("a.py", old.encode(), new.encode()).touched
    return before.text, after.text


def test_only_the_member_that_changes_is_looked_at():
    before, after = touched(CLASSES, CLASSES.replace('"closed"', '"shut"'))

    assert before == 'class Shop:\n    def close(self):\n        return "closed"\n\n\n'
    assert after == before.replace("closed", "shut")


def test_a_text_at_the_margin_belongs_to_its_statement():
    before, after = touched(CLASSES, CLASSES.replace("at the margin\n", "import this\n"))

    assert "def sign" in before
    assert "untouched" not in before
    assert 'return """\nimport this\n"""' in after


def test_quotes_that_make_code_of_text_are_seen_through():
    _, after = touched(CLASSES, CLASSES.replace("at the margin\n", '"""\n    os.system("id")\n    """\n'))

    assert '"""\n    os.system("id")\n' in after


def test_a_decorator_belongs_to_its_statement():
    _, after = touched(CLASSES, CLASSES.replace("def untouched", "@cache\n\ndef untouched"))

    assert after == "@cache\n\ndef untouched():\n    return 1\n"
