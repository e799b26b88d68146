"""Kinds of damage that once led astray: lines of dashes, fences in files, names that two files share, half lines."""

from __future__ import annotations

import json

import pytest

from kintsugi.repair.apply import apply
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.replies import read_reply
from tests.repair.memory_tree import MemoryTree

NEWS = "Changes\n-------\n\n- sort by name\n- read quotes\n\nOlder\n-----\n\n- first\n"
GUIDE = "# Guide\n\nRun it:\n\n```sh\nshop run\n```\n\nStop it:\n\n```sh\nshop stop\n```\n"


def made(reply: str, files: dict[str, str]) -> dict[str, bytes | None]:
    return dict(apply(read_reply(reply), MemoryTree(files)).files)


def test_lines_of_dashes_that_lost_their_blank_are_read_as_what_fits():
    diff = "--- a/NEWS\n+++ b/NEWS\n@@ -1,5 +1,6 @@\nChanges\n-------\n\n+- keep order\n- sort by name\n- read quotes\n"

    assert made(diff, {"NEWS": NEWS}) == {"NEWS": NEWS.replace("- sort", "- keep order\n- sort").encode()}


def test_lines_of_dashes_that_fit_either_way_are_refused():
    diff = "--- a/NEWS\n+++ b/NEWS\n@@ -1,3 +1,3 @@\nOne\n---\n+Two\n"

    with pytest.raises(Refused, match="lost the blank"):
        made(diff, {"NEWS": "One\n---\n\nOne\n--\n"})


def test_the_fences_of_a_file_are_no_fences_of_a_bare_diff():
    diff = (
        "--- a/GUIDE.md\n+++ b/GUIDE.md\n@@ -3,5 +3,5 @@\nRun it:\n\n```sh\n-shop run\n+shop start\n```\n\n"
        "@@ -11,3 +11,3 @@\n```sh\n-shop stop\n+shop end\n```\n"
    )

    assert made(diff, {"GUIDE.md": GUIDE}) == {
        "GUIDE.md": GUIDE.replace("shop run", "shop start").replace("shop stop", "shop end").encode()
    }


@pytest.mark.parametrize("path", ["forms/cart.py", "/srv/app/src/forms/cart.py", "app/src/forms/cart.py"])
def test_of_two_files_of_a_name_the_one_whose_path_ends_so_is_meant(path: str):
    held = "def total(cart):\n    return sum(cart)\n"
    files = {"src/forms/cart.py": held, "src/pages/cart.py": held}
    edit = {"path": path, "search": "    return sum(cart)\n", "replace": "    return sum(cart or ())\n"}

    assert list(made(json.dumps({"edits": [edit]}), files)) == ["src/forms/cart.py"]


def test_of_two_files_of_a_name_none_is_guessed():
    edit = {"path": "lib/cart.py", "search": "    return sum(cart)\n", "replace": "    return 0\n"}
    held = "def total(cart):\n    return sum(cart)\n"

    with pytest.raises(Refused, match="fits 2 other files"):
        made(json.dumps({"edits": [edit]}), {"src/forms/cart.py": held, "src/pages/cart.py": held})


@pytest.mark.parametrize("end", ['{"', '{"path"', '{"path":', '{"path": "b'])
def test_a_call_that_ends_within_its_first_name_is_cut_off(end: str):
    call = json.dumps({"path": "a.txt", "old_str": "one\n", "new_str": "two\n"})

    with pytest.raises(Refused, match="cut off"):
        made(f"{call}\n{end}", {"a.txt": "one\n"})


def test_blanks_in_the_last_line_of_a_tag_are_the_files():
    reply = "<edit>\n<path>a.js</path>\n<search>\none();\n  \n</search>\n<replace>\ntwo();\n  \n</replace>\n</edit>\n"

    assert made(reply, {"a.js": "one();\n  \nend();\n"}) == {"a.js": b"two();\n  \nend();\n"}


def test_a_whole_file_of_code_is_as_it_was_sent_and_one_of_text_keeps_its_line_breaks():
    code, text = "a = 1  \nb = 2\nc = 3\n", "one  \ntwo\nthree\nfour\nfive\nsix\nseven\n"

    assert made("a.py\n```python\na = 1\nb = 2\nc = 4\n```\n", {"a.py": code}) == {"a.py": b"a = 1\nb = 2\nc = 4\n"}
    assert made(f"a.md\n```\n{text.replace('one  ', 'one').replace('seven', '7')}```\n", {"a.md": text}) == {
        "a.md": text.replace("seven", "7").encode()
    }


def test_a_line_that_lost_its_first_letter_is_not_torn_in_two():
    before = "4.9.6 / today\n=============\n\n  * deps\n"
    edit = {
        "path": "NEWS.md",
        "search": ".9.6 / today\n=============\n",
        "replace": "unreleased\n==========\n\n.9.6 / today\n=============\n",
    }

    try:
        after = made(json.dumps({"edits": [edit]}), {"NEWS.md": before})
    except Refused:
        return
    assert after == {"NEWS.md": f"unreleased\n==========\n\n{before}".encode()}


def test_a_slip_in_the_indentation_of_one_line_says_nothing_of_the_others():
    table = "# Ways\n\n| Name | Way |\n| --- | --- |\n| one | two |\n| three | four |\n"
    edit = {"path": "a.md", "search": table.replace("\n| ---", "\n ---"), "replace": table.replace("---", "------")}

    assert made(json.dumps({"edits": [edit]}), {"a.md": table}) == {"a.md": table.replace("---", "------").encode()}


def test_what_stands_before_a_quoted_piece_is_not_written_twice():
    edit = {"path": "a.py", "search": "IZE = 5\n", "replace": "SIZE = 6\n"}

    try:
        after = made(json.dumps({"edits": [edit]}), {"a.py": "SIZE = 5\nend = 1\n"})
    except Refused:
        return
    assert after == {"a.py": b"SIZE = 6\nend = 1\n"}


SERVE = "func a() {\n\tif x {\n\t\tfail()\n\t}\n}\n\nfunc b() {\n\tif y {\n\t\tstop()\n\t}\n}\n"


def test_a_brace_is_not_taken_for_one_that_is_set_in_otherwise():
    old, new = "\t\tfail()\n}\n", "\nfunc c() {\n\tgo()\n}\n"
    edit = {"path": "a.go", "search": old, "replace": old + new}

    assert made(json.dumps({"edits": [edit]}), {"a.go": SERVE}) == {
        "a.go": SERVE.replace("\n\nfunc b", f"\n{new}\nfunc b").encode()
    }


def test_two_sections_of_a_diff_for_one_file_are_one_and_contradict_each_other_where_they_overlap():
    section = "--- a/a.go\n+++ b/a.go\n@@ -{} +{} @@\n-\t\t{}()\n+\t\t{}()\n"
    first, second = section.format(3, 3, "fail", "warn"), section.format(9, 9, "stop", "wait")

    assert made(first + second, {"a.go": SERVE}) == {
        "a.go": SERVE.replace("fail", "warn").replace("stop", "wait").encode()
    }
    with pytest.raises(Refused, match="contradict"):
        made(first + first.replace("warn", "log"), {"a.go": SERVE})


def test_a_blank_that_a_line_begins_with_may_be_the_one_that_was_lost():
    todo = "TODO\n----\n * streams\n * http2\n\nLimits\n"
    diff = "--- a/TODO\n+++ b/TODO\n@@ -1,6 +1,5 @@\nTODO\n----\n- * streams\n * http2\n\nLimits\n"

    assert made(diff, {"TODO": todo}) == {"TODO": todo.replace(" * streams\n", "").encode()}


def test_a_whole_file_may_be_rid_of_blanks_alone():
    assert made("a.py\n```python\na = 1\nb = 2\n```\n", {"a.py": "a = 1  \nb = 2\n"}) == {"a.py": b"a = 1\nb = 2\n"}
