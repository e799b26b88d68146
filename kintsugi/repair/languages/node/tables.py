"""Tests of JavaScript whose name a table of their file newly makes: `it("writes 2")` by `it.each([…])("writes %i")`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from kintsugi.repair.languages.node.calls import call_of, is_suite
from kintsugi.repair.languages.node.tests import WrittenTest
from kintsugi.repair.languages.syntax import Node, above, tokens

_WORDS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\w+")


def cases_of(old: Mapping[str, WrittenTest], new: Mapping[str, WrittenTest]) -> dict[str, WrittenTest]:
    """The tests of a file that are gone, by name, with the table that has a new row for what their names say.

    It has to assert as much as they did. Whether that row makes a test of this name is not known here.
    """
    tables = [one for one in new.values() if ".*" in one.pattern]
    rows = {
        one.name: _words_around(one) - (_words_around(old[one.name]) if one.name in old else Counter())
        for one in tables
    }
    found: dict[str, WrittenTest] = {}
    for name, test in old.items():
        fits = (
            one for one in tables if name not in new and ".*" not in test.pattern and _takes(rows[one.name], test, one)
        )
        if table := next(fits, None):
            found[name] = table
    return found


def _takes(rows: Counter[str], test: WrittenTest, table: WrittenTest) -> bool:
    """Whether there is such a row. It is taken out."""
    made = re.fullmatch(table.pattern.replace(".*", "(.*)"), test.name, re.DOTALL)
    if made is None or not test.asserts or table.asserts.total() < test.asserts.total() or table.exact < test.exact:
        return False
    own = Counter(word for value in made.groups() for word in _words_of(value))
    if not own or own - rows:
        return False
    rows.subtract(own)
    return True


def _words_around(test: WrittenTest) -> Counter[str]:
    """Those of the statement in the suite or the file that makes the tests of a table."""
    inner: Node = test.node
    for one in above(test.node):
        if one.type == "call_expression" and is_suite(call_of(one)):
            break
        inner = one if one.type.endswith(("_statement", "_declaration")) else inner
    return Counter(
        word for token in tokens(inner, lambda one: bool(one.type == "comment")) for word in _words_of(token)
    )


def _words_of(text: str) -> Iterator[str]:
    """An empty text is a word as well."""
    for word in _WORDS.findall(text):
        yield from re.findall(r"\w+", word) or [""]
