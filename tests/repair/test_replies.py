"""Reading replies in all formats, however they are wrapped."""

from __future__ import annotations

import json

import pytest

from kintsugi.repair.applying.changes import FilePatch, Op, Refused, Removal, WholeFile
from kintsugi.repair.replies import read_reply
from kintsugi.workflow.patch import Edit, ReplyFormat

EDIT = {"path": "shop/pricing.py", "search": "a\n", "replace": "b\n"}
DIFF = "--- a/shop/pricing.py\n+++ b/shop/pricing.py\n@@ -3,2 +3,2 @@ def total():\n a\n-b\n+c\n"
V4A = "*** Begin Patch\n*** Update File: shop/pricing.py\n@@ def total():\n a\n-b\n+c\n*** End Patch\n"
WHOLE = "shop/pricing.py\n```python\na\nc\n```\n"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([EDIT]),
        json.dumps({"cause": "…", "edits": [EDIT]}),
        json.dumps(EDIT),
        f"Here it is:\n\n```json\n{json.dumps({'edits': [EDIT]})}\n```\n\nDone.",
        f"The fix: {json.dumps({'edits': [EDIT]})} and that is all.",
        json.dumps({"edits": [EDIT]}).replace("}]", "},]"),
        json.dumps(json.dumps({"edits": [EDIT]})),
        json.dumps({"edits": [EDIT]}).replace("\\n", "\n"),
    ],
)
def test_edits_are_read_however_they_are_wrapped(text: str):
    assert read_reply(text) == (Edit("shop/pricing.py", "a\n", "b\n"),)


@pytest.mark.parametrize("text", [DIFF, f"Sure:\n```diff\n{DIFF}```\nBye.", DIFF.replace("\n", "\r\n")])
def test_a_diff_is_read_however_it_is_wrapped(text: str):
    (patch,) = read_reply(text)

    assert isinstance(patch, FilePatch)
    assert patch.path == "shop/pricing.py"
    assert [(line.op, line.text) for line in patch.hunks[0].lines] == [(Op.KEEP, "a"), (Op.DROP, "b"), (Op.ADD, "c")]
    assert patch.hunks[0].start == 3
    assert patch.hunks[0].headings == ("def total():",)


def test_prose_after_a_diff_is_none_of_it():
    (patch,) = read_reply(f"{DIFF}\nThis mends it.\nIt was wrong.\n")

    assert isinstance(patch, FilePatch)
    assert patch.hunks[0].old == ["a", "b"]


@pytest.mark.parametrize("header", ["@@", "@@ ... @@", "@@ -1 +1 @@", "@@ -9,99 +9,1 @@"])
def test_numbers_of_a_hunk_may_be_wrong_or_missing(header: str):
    (patch,) = read_reply(DIFF.replace("@@ -3,2 +3,2 @@ def total():", header))

    assert isinstance(patch, FilePatch)
    assert patch.hunks[0].new == ["a", "c"]


def test_git_says_what_is_new_gone_and_moved():
    text = (
        "diff --git a/new.py b/new.py\nnew file mode 100755\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x\n"
        "diff --git a/old.py b/old.py\ndeleted file mode 100644\n--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n"
        "diff --git a/a.py b/b.py\nsimilarity index 100%\nrename from a.py\nrename to b.py\n"
    )

    assert read_reply(text) == (
        WholeFile("new.py", "x\n", is_new=True, mode="100755"),
        Removal("old.py", "y\n"),
        FilePatch("a.py", (), moved_to="b.py"),
    )


@pytest.mark.parametrize("text", [V4A, f"```\n{V4A}```", f"Well:\n\n{V4A}"])
def test_v4a_is_read_however_it_is_wrapped(text: str):
    (patch,) = read_reply(text)

    assert isinstance(patch, FilePatch)
    assert patch.hunks[0].headings == ("def total():",)
    assert patch.hunks[0].new == ["a", "c"]


@pytest.mark.parametrize(
    "heading",
    [
        "shop/pricing.py",
        "### shop/pricing.py",
        "**`shop/pricing.py`**",
        "File: shop/pricing.py:",
        "In `shop/pricing.py`, change:",
    ],
)
def test_a_whole_file_is_headed_by_its_path(heading: str):
    assert read_reply(f"{heading}\n\n```python\na\nc\n```\n") == (WholeFile("shop/pricing.py", "a\nc\n"),)


def test_a_path_may_stand_beside_the_fence_or_in_the_first_line():
    assert read_reply("```python shop/pricing.py\na\n```\n") == (WholeFile("shop/pricing.py", "a\n"),)
    assert read_reply("```python\n# shop/pricing.py\na\n```\n") == (WholeFile("shop/pricing.py", "a\n"),)


def test_a_python_file_may_hold_fences_itself():
    body = '"""Doc.\n\n```\nexample\n```\n"""\n\nx = 1\n'

    assert read_reply(f"doc.py\n```python\n{body}```\n") == (WholeFile("doc.py", body),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no patch"),
        ("I cannot help with that.", "holds no patch"),
        (f"{json.dumps({'edits': [EDIT]})}\n{json.dumps({'edits': [{**EDIT, 'replace': 'x'}]})}", "two different"),
        (f"{V4A}\n{V4A.replace('+c', '+d')}", "two patches"),
        (f"```diff\n{DIFF}```\nor\n```diff\n{DIFF.replace('+c', '+d')}```", "two patches"),
        (f"```json\n{json.dumps({'edits': [EDIT]})}\n```\n```diff\n{DIFF}```", "two patches"),
        (WHOLE + WHOLE.replace("\nc\n", "\nd\n"), "twice"),
        (V4A.replace("*** End Patch\n", ""), "cut off"),
        (f"```diff\n{DIFF}", "cut off"),
        ("shop/pricing.py\n```python\na\n", "cut off"),
        ('{"edits": [{"path": "a.py", "search": "x"}]}', "no text for 'replace'"),
        ('{"edits": [{"path": "a.py", "search": "x", "replace": "y", "occurrence": 0}]}', "counts from 1"),
        ("diff --git a/x b/x\nBinary files a/x and b/x differ\n", "binary"),
    ],
)
def test_what_cannot_be_read_or_contradicts_itself_is_refused(text: str, reason: str):
    with pytest.raises(Refused, match=reason):
        read_reply(text)


def test_the_same_patch_twice_is_one():
    assert len(read_reply(f"```diff\n{DIFF}```\nAgain:\n```diff\n{DIFF}```")) == 1


def test_a_format_that_was_asked_for_must_be_there():
    with pytest.raises(Refused, match="nothing in the format v4a"):
        read_reply(DIFF, ReplyFormat.V4A)
