"""Programs for a newer Python than the one that runs us: their patches are applied, what is cut off is refused."""

from __future__ import annotations

import pytest

from kintsugi.parsing import parse
from kintsugi.repair.apply import apply
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.newer_python import in_older_words
from kintsugi.repair.applying.wholeness import refuse_broken
from kintsugi.repair.replies import read_reply
from tests.repair.memory_tree import MemoryTree

NEWER = [
    'name = f"{row["name"]} of {len(rows)}"',
    "path = f'{'/'.join(parts)}'",
    "type Rows[T] = list[T]",
    "async def first[T: int](rows: list[T]) -> T:\n    return rows[0]",
    "class Shelf[T]:\n    pass",
    "class Shelf[T](Base[T]):\n    pass",
    "try:\n    load()\nexcept KeyError, IndexError:\n    pass",
]


@pytest.mark.parametrize("source", NEWER)
def test_newer_words_have_older_ones(source: str) -> None:
    parse(in_older_words(source, (3, 11)))


@pytest.mark.parametrize("source", NEWER)
def test_a_file_in_newer_words_is_whole(source: str) -> None:
    refuse_broken("a.py", b"x = 1\n", f"{source}\n".encode())


@pytest.mark.parametrize("source", NEWER)
def test_a_file_in_newer_words_that_is_cut_off_is_not(source: str) -> None:
    with pytest.raises(Refused, match="not valid Python"):
        refuse_broken("a.py", b"x = 1\n", f"{source}\ntotal = sum(\n".encode())


@pytest.mark.parametrize(
    "source", ['f"{row.name} costs {row.price:.2f}"', "type = 3\ntype[1] = 2", "def f(x): return x[1]"]
)
def test_older_words_say_the_same(source: str) -> None:
    parse(in_older_words(source, (3, 11)))
    assert in_older_words(source, (3, 14)) == source


def test_a_patch_for_a_newer_python_is_applied() -> None:
    reply = '<<<<<<< SEARCH\nprint(row)\n=======\nprint(f"{row["name"]}")\n>>>>>>> REPLACE\n'

    files = apply(read_reply(f"a.py\n```python\n{reply}```\n"), MemoryTree({"a.py": "row = {}\nprint(row)\n"})).files

    assert files == {"a.py": b'row = {}\nprint(f"{row["name"]}")\n'}
