"""Reading replies in all formats, however they are wrapped."""

from __future__ import annotations

import json

import pytest

from kintsugi.repair.applying.changes import Change, FilePatch, Op, Refused, Removal, WholeFile
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


def test_the_markers_of_a_patch_may_have_stars_behind_them_too():
    assert read_reply(V4A.replace(" Patch\n", " Patch ***\n")) == read_reply(V4A)


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


@pytest.mark.parametrize("text", [V4A, f"```\n{V4A}```", f"Well:\n\n{V4A}", f"So:\n```\n{V4A}```\n\n- Tested\n"])
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


def test_several_patches_are_one_where_each_speaks_of_another_file():
    other = V4A.replace("pricing", "cart")
    calls = [{"name": "apply_patch", "input": one} for one in (V4A, other)]

    assert read_reply(f"{V4A}\nThen:\n\n{other}") == (*read_reply(V4A), *read_reply(other))
    assert read_reply(json.dumps(calls)) == (*read_reply(V4A), *read_reply(other))


@pytest.mark.parametrize(
    "path", ["app/[id]/page.tsx", "app/(shop)/page.tsx", "app/[[...all]]/x.ts", "routes/$id.tsx", "docs/my file.md"]
)
def test_a_path_may_have_brackets_and_blanks(path: str):
    for reply in (f"{path}\n```\na\n```\n", f"### `{path}`\n\n```\na\n```\n", f"```ts {path}\na\n```\n"):
        assert read_reply(reply) == (WholeFile(path, "a\n"),)


def test_a_format_that_was_asked_for_must_be_there():
    with pytest.raises(Refused, match="nothing in the format v4a"):
        read_reply(DIFF, ReplyFormat.V4A)


OLD = '    return price - cart["discount"]\n'
NEW = '    return price - cart.get("discount", 0)\n'
PRICING = f"def total(cart):\n    price = cart.price\n{OLD}"
BLOCK = f"<<<<<<< SEARCH\n{OLD}=======\n{NEW}>>>>>>> REPLACE\n"
CLINE = BLOCK.replace("<<<<<<<", "-------").replace(">>>>>>>", "+++++++")
PATH = "shop/pricing.py"
FIX = (Edit(PATH, OLD, NEW),)


@pytest.mark.parametrize(
    "text",
    [
        f"The fix:\n\n{PATH}\n```python\n{BLOCK}```\nDone.\n",
        f"```python\n{PATH}\n{BLOCK}```\n",
        f"```\n{PATH}\n{BLOCK}```\n",
        f"```python {PATH}\n{BLOCK}```\n",
        f"```python:{PATH}\n{BLOCK}```\n",
        f"```12:15:{PATH}\n{BLOCK}```\n",
        f"**{PATH}**\n\n{BLOCK}",
        f"`{PATH}`\n```\n{BLOCK}```\n",
        f"### `{PATH}`\n\nA cart may lack the key.\n\n```diff\n{BLOCK}```\n",
        f"In `{PATH}` the key may be missing:\n\n{BLOCK}\nThat is all.\n",
        f"File: {PATH}\n{BLOCK}",
        f"<<<<<<< SEARCH {PATH}\n{BLOCK.partition(chr(10))[2]}",
        f"- {PATH}:\n\n  ```\n" + "".join(f"  {line}\n" for line in BLOCK.splitlines()) + "  ```\n",
        f"{PATH}\n" + BLOCK.replace("<<<<<<<", "<" * 5).replace("=======", "=" * 5).replace(">>>>>>>", ">" * 5),
        f"{PATH}\n" + BLOCK.replace("<<<<<<<", "<" * 9).replace("=======", "=" * 9).replace(">>>>>>>", ">" * 9),
        f"{PATH}\n" + BLOCK.replace("SEARCH", "SEARCH>").replace("REPLACE", "REPLACE>"),
        f"{PATH}\n" + BLOCK.replace("SEARCH", "ORIGINAL").replace("REPLACE", "UPDATED"),
        f"{PATH}\n" + BLOCK.replace("SEARCH", "SEARCH\n:start_line:3\n:end_line:3\n-------"),
        f"<replace_in_file>\n<path>{PATH}</path>\n<diff>\n{CLINE}</diff>\n</replace_in_file>\n",
        f"<replace_in_file>\n<path>{PATH}</path>\n<diff>\n{CLINE.replace('+++++++', '>>>>>>>')}</diff>\n</replace_in_file>",
        f"<apply_diff><args><file>\n  <path>{PATH}</path>\n  <diff>\n    <content><![CDATA[\n{BLOCK}]]></content>\n  </diff>\n",
        f"<tool_call>\n<file_path>{PATH}</file_path>\n<content>\n{BLOCK}</content>\n</tool_call>\n",
        json.dumps({"path": PATH, "diff": BLOCK}),
        f"<think>\nPerhaps so:\n\n{PATH}\n{BLOCK.replace('0)', '1)')}\nNo.\n</think>\n\n{PATH}\n{BLOCK}",
        f"I looked.\n<thinking>\n{PATH}\n{BLOCK.replace('0)', '1)')}</thinking>\n\n{PATH}\n{BLOCK}",
        f"{PATH}\n{BLOCK.replace('0)', '1)')}\nNo, better:\n</think>\n\n{PATH}\n{BLOCK}",
        f"[THINK]{PATH}\n{BLOCK.replace('0)', '1)')}[/THINK]{PATH}\n{BLOCK}",
        f"<|channel|>analysis<|message|>{PATH}\n{BLOCK.replace('0)', '1)')}<|end|><|channel|>final<|message|>{PATH}\n{BLOCK}",
        f"{PATH}\n" + BLOCK.replace("SEARCH", "search").replace("REPLACE", "replace"),
        f"{PATH}\n" + BLOCK.replace("0)\n>", "0)>"),
    ],
)
@pytest.mark.parametrize("format", [ReplyFormat.AUTO, ReplyFormat.EDITS])
def test_search_replace_blocks_are_read_wherever_their_path_stands(text: str, format: ReplyFormat):
    assert read_reply(text, format) == FIX


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"command": "str_replace", "path": PATH, "old_str": OLD, "new_str": NEW}),
        json.dumps({"name": "editor", "input": {"path": PATH, "old_str": OLD, "new_str": NEW}}),
        json.dumps({"file_path": PATH, "old_string": OLD, "new_string": NEW, "replace_all": False}),
        json.dumps({"file_path": PATH, "edits": [{"old_string": OLD, "new_string": NEW}]}),
        json.dumps({"cause": "…", "edits": json.dumps([{"path": PATH, "search": OLD, "replace": NEW}])}),
        "edits = " + repr([{"path": PATH, "search": OLD, "replace": NEW}]),
        json.dumps({"path": PATH, "edits": [{"oldText": OLD, "newText": NEW}], "dryRun": False}),
        json.dumps({"files": [{"path": PATH, "edits": [{"search": OLD, "replace": NEW}]}]}),
        json.dumps(
            {"tool_calls": [{"function": {"arguments": json.dumps({"path": PATH, "old_str": OLD, "new_str": NEW})}}]}
        ),
        f"<edit><path>{PATH}</path>\n<search>\n{OLD}</search>\n<replace>\n{NEW}</replace></edit>",
        f'<edit path="{PATH}">\n  <search>\n{OLD}  </search>\n  <replace>\n{NEW}  </replace>\n</edit>',
        f"<file>\n<path>{PATH}</path>\n<old_str>\n{OLD}</old_str>\n<new_str>\n{NEW}</new_str>\n</file>",
        f"<function=edit>\n<parameter=path>{PATH}</parameter>\n<parameter=old_str>{OLD}</parameter>\n"
        f"<parameter=new_str>{NEW}</parameter>\n</function>",
        f'<parameter name="path">{PATH}</parameter>\n<parameter name="old_str">{OLD}</parameter>\n'
        f'<parameter name="new_str">{NEW}</parameter>\n',
        f"<path>{PATH}</path>\n<operations>\n{json.dumps([{'search': OLD, 'replace': NEW}])}\n</operations>\n",
        json.dumps({"functionCall": {"name": "replace", "args": {"path": PATH, "old_string": OLD, "new_string": NEW}}}),
        json.dumps({"TargetFile": PATH, "ReplacementChunks": [{"TargetContent": OLD, "ReplacementContent": NEW}]}),
        json.dumps({"path": PATH, "oldStr": OLD, "newStr": NEW, "security_risk": "LOW"}),
        json.dumps({"edits": [{"path": PATH, "search": OLD.splitlines(), "replace": NEW.splitlines()}]}),
        str({"path": PATH, "search": OLD, "replace": NEW}),
        f'{{"path": "{PATH}", "search": """{OLD}""", "replace": """{NEW}"""}}',
        f"```tool_code\nprint(api.replace(path='{PATH}', old_str={OLD!r}, new_str={NEW!r}))\n```\n",
        f"<path>{PATH}</path>\n<edits>\n<old_text line=6>\n{OLD}</old_text>\n<new_text>\n{NEW}</new_text>\n</edits>",
        f"<FILEPATH>{PATH}</FILEPATH>\n<SEARCH>\n{OLD}</SEARCH>\n<REPLACE>\n{NEW}</REPLACE>\n",
        f'<|DSML|parameter name="path" string="true">{PATH}</|DSML|parameter>\n'
        f'<|DSML|parameter name="old_str" string="true">{OLD}</|DSML|parameter>\n'
        f'<|DSML|parameter name="new_str" string="true">{NEW}</|DSML|parameter>\n',
        f"<arg_key>path</arg_key>\n<arg_value>{PATH}</arg_value>\n<arg_key>old_str</arg_key>\n<arg_value>{OLD}</arg_value>\n"
        f"<arg_key>new_str</arg_key>\n<arg_value>{NEW}</arg_value>\n",
        f"<path>{PATH}</path>\n<operations>\n<operation>\n<search>\n{OLD}</search>\n<replace>\n{NEW}</replace>\n"
        "</operation>\n</operations>\n",
    ],
)
def test_edits_are_read_under_the_names_of_other_tools(text: str):
    assert read_reply(text) == FIX


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"files": [{"path": PATH, "content": NEW}]}),
        json.dumps({"files": {PATH: NEW}}),
        json.dumps({"command": "create", "path": PATH, "file_text": NEW}),
        json.dumps({"file_path": PATH, "content": NEW}),
        f'<file path="{PATH}">\n{NEW}</file>\n',
        f'<file path="{PATH}">  \n{NEW}</file>\n',
        f'<x-write file_path="{PATH}">\n{NEW}</x-write>\n',
        f'<boltAction type="file" filePath="{PATH}">{NEW}</boltAction>\n',
        f"```{{.python filename={PATH}}}\n{NEW}```\n",
        f"<write_to_file>\n<path>{PATH}</path>\n<content>\n{NEW}</content>\n</write_to_file>\n",
    ],
)
def test_whole_files_are_read_from_json_and_tags(text: str):
    assert read_reply(text) == (WholeFile(PATH, NEW),)


def test_several_objects_and_blocks_are_one_patch():
    other = {"path": "shop/cart.py", "old_str": "a\n", "new_str": "b\n"}
    objects = f"{json.dumps({'path': PATH, 'old_str': OLD, 'new_str': NEW})}\nand then\n{json.dumps(other)}\n"
    blocks = f"{PATH}\n{BLOCK}\nshop/cart.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"

    assert read_reply(objects) == read_reply(blocks) == (*FIX, Edit("shop/cart.py", "a\n", "b\n"))
    assert read_reply(f"{PATH}\n{BLOCK}\nAnd:\n\n```\n{BLOCK.replace('price', 'sum')}```\n")[1].path == PATH


def test_an_empty_search_makes_a_new_file():
    (edit,) = read_reply(f"shop/new.py\n```python\n<<<<<<< SEARCH\n=======\n{NEW}>>>>>>> REPLACE\n```\n")

    assert edit == Edit("shop/new.py", "", NEW)


def test_headings_of_equal_signs_may_stand_on_both_sides_of_a_block():
    body = "<<<<<<< SEARCH\nFruits\n=======\npear\n=======\nFruits\n=======\nplum\n>>>>>>> REPLACE\n"

    assert read_reply(f"a.rst\n{body}") == (Edit("a.rst", "Fruits\n=======\npear\n", "Fruits\n=======\nplum\n"),)
    assert read_reply(f"a.rst\n{body}".replace("Fruits\n=======", "Fruits\n\\=======")) == read_reply(f"a.rst\n{body}")


@pytest.mark.parametrize(
    "command",
    [
        "pytest tests/test_pricing.py",
        "cp config.example.yml config.yml",
        "rm -rf node_modules && npm ci",
        "python -m shop > out.txt",
        "make build/x.o",
    ],
)
def test_a_command_that_touches_no_file_of_the_program_may_stand_beside_a_patch(command: str):
    assert read_reply(f"```diff\n{DIFF}```\nThen:\n```bash\n{command}\n```\n") == read_reply(DIFF)


@pytest.mark.parametrize("text", [DIFF, V4A, f"```diff\n{DIFF}```\n"])
def test_an_object_that_the_patch_writes_is_no_edit(text: str):
    written = 'x = {"path": "a.txt", "content": "hi"}'

    assert [one.path for one in read_reply(text.replace("+c", f"+{written}"))] == ["shop/pricing.py"]


def test_commands_that_the_patch_writes_are_its_own():
    assert read_reply("a.sh\n```bash\nrm build/x.o\n```\n") == (WholeFile("a.sh", "rm build/x.o\n"),)
    assert read_reply(DIFF.replace("-b", "-rm build/b.o").replace("+c", "+rm build/c.o"))


def test_what_is_only_shown_beside_a_patch_is_none_of_it():
    shown = f"In `shop/cart.py` it is called:\n```python\ntotal(cart)\n```\n\n{PATH}\n```python\nreturn price\n```\n"
    guide = "Run it:\n\n```python shop/run.py\nx = 1\n```\n"
    edit = {"path": "GUIDE.md", "search": "Run it:\n", "replace": guide}

    assert read_reply(f"{shown}\n```diff\n{DIFF}```\n") == read_reply(DIFF)
    assert read_reply(f"In `shop/cart.py` it is called:\n```python\ntotal(cart)\n```\n{PATH}\n{BLOCK}") == FIX
    assert read_reply(f"In `shop/cart.py` it is called:\n```python\ntotal(cart)\n```\n```\n{V4A}```") == read_reply(V4A)
    assert read_reply(f"{json.dumps(EDIT)}\nNow it is:\n\n{PATH}\n```python\nb\nx\n```\n") == (Edit(**EDIT),)
    assert read_reply(f"{PATH}\n{BLOCK}```console\n$ pytest\n1 passed\n```\n") == FIX
    assert read_reply(f"<edit>\n{PATH}\n{BLOCK}</edit>\n```console\n$ pytest\n1 passed\n```\n") == FIX
    assert read_reply(f"{PATH}\n{BLOCK}\nAs a diff:\n```diff\n-{OLD}+{NEW}```\n") == FIX
    assert read_reply(f"<path>GUIDE.md</path>\n<content>\n{guide}</content>\n") == (WholeFile("GUIDE.md", guide),)
    assert read_reply(json.dumps({"diff": DIFF, "path": PATH})) == read_reply(DIFF)
    assert read_reply(json.dumps(edit)) == (Edit(**edit),)


@pytest.mark.parametrize("head", ["@@ -1,3 +1,3 @@\n", ""])
def test_a_diff_block_may_have_its_path_in_the_prose(head: str):
    (patch,) = read_reply(f"In `{PATH}` it fails:\n\n```diff\n{head}     price = cart.price\n-{OLD}+{NEW}```\n")

    assert isinstance(patch, FilePatch)
    assert (patch.path, patch.hunks[0].new) == (PATH, ["    price = cart.price", NEW.rstrip()])


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"name": "apply_patch", "arguments": json.dumps({"input": V4A})}),
        json.dumps({"cmd": ["bash", "-lc", f"cd /srv && apply_patch <<'EOF'\n{V4A}EOF\n"]}),
        f"<|channel|>commentary to=functions.apply_patch <|message|>{json.dumps({'input': V4A})}<|call|>",
        f"The fix:\n```json\n{json.dumps({'patch': V4A})}\n```\n",
        "1. So:\n\n   ```diff\n" + "".join(f"   {line}\n" for line in V4A.splitlines()) + "   ```\n",
        V4A.replace("@@ ", "--- a/shop/pricing.py\n+++ b/shop/pricing.py\n@@ "),
        V4A.replace("@@ ", "```python\n@@ ").replace("*** End", "```\n*** End"),
        V4A.replace("pricing.py", "pricing.py ***"),
    ],
)
def test_a_patch_may_be_the_input_of_a_call_and_be_wrapped(text: str):
    assert read_reply(text) == read_reply(V4A)


def test_a_patch_may_come_as_a_mail():
    mail = f"From 0123 Mon Sep 17 00:00:00 2001\nSubject: fix\n---\n a | 2 +-\n\n{DIFF}-- \n2.39.2\n\n"

    assert read_reply(mail) == read_reply(DIFF)


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ({"type": "create_file", "path": "new.py", "diff": "+x\n+y\n"}, WholeFile("new.py", "x\ny\n", is_new=True)),
        ({"type": "delete_file", "path": "old.py"}, Removal("old.py")),
        (
            {"type": "update_file", "path": PATH, "diff": V4A.partition(".py\n")[2].partition("***")[0]},
            read_reply(V4A)[0],
        ),
    ],
)
def test_an_operation_has_a_diff_without_headers(operation: dict[str, str], change: Change):
    assert read_reply(json.dumps({"type": "apply_patch_call", "operation": operation})) == (change,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{PATH}\n{BLOCK}".replace(">>>>>>> REPLACE\n", ""), "cut off"),
        (f"{PATH}\n{BLOCK}".replace("=======\n", ""), "no line ======="),
        (f"{PATH}\n{BLOCK}".replace("=======\n", "=======\n=======\n"), "its middle is unknown"),
        (f"{PATH}\n<<<<<<< SEARCH\n{BLOCK}", "within another"),
        (f"{PATH}\n{BLOCK}>>>>>>> REPLACE\n", "none is open"),
        (f"{PATH}\n{BLOCK}\n{json.dumps(EDIT)}", "two formats"),
        (f"{PATH}\n{BLOCK}\nshop/new.py\n```python\nx = 1\n```\n", "shop/new.py as a whole"),
        (f"<path>{PATH}</path>\n<search>\n{OLD}</search>\n<replace>\n{NEW}", "cut off"),
        (f"<path>{PATH}</path>\n<search>\n{OLD}</search>\n", "cut off"),
        (
            f"<edit><path>{PATH}</path>\n<search>\n{OLD}</search>\n<replace>\n{NEW}</replace></edit>\n"
            "<edit>\n<path>shop/cart.py</path>\n",
            "cut off: for shop/cart.py it says no change",
        ),
        (f'<file path="{PATH}">\n{NEW}', "cut off"),
        (json.dumps(EDIT) + '\n{"path": "shop/cart.py", "search": "x', "cut off"),
        (json.dumps(EDIT) + '\n{"pa', "cut off"),
        (json.dumps({"command": "insert", "path": PATH, "insert_line": 3, "content": NEW}), "line numbers"),
        (json.dumps({**EDIT, "use_regex": True}), "regular expression"),
        (json.dumps([EDIT, {"action": "delete", "path": "shop/old.py"}]), "'delete' of shop/old.py"),
        (json.dumps([EDIT, {"name": "rename", "input": {"path": "shop/old.py"}}]), "'rename' of shop/old.py"),
        (json.dumps([EDIT, {"command": "insert", "path": PATH, "insert_line": 3, "new_str": NEW}]), "'insert' of shop"),
        (f"{json.dumps(EDIT)}\n{json.dumps({'path': 'shop/cart.py'})}", "'no change' of shop/cart.py"),
        (json.dumps({"edits": [EDIT], "deletions": ["shop/old.py"]}), "'deletions' beside"),
        (
            json.dumps({"files": [{"path": PATH, "content": NEW}, {"path": "a.py", "deleted": True}]}),
            "'no change' of a.py",
        ),
        (json.dumps([EDIT, {"action": "move", "source": "a.py", "destination": "b.py"}]), "'move' beside"),
        (f"{PATH}\n{BLOCK}\n```bash\ngit rm shop/old.py\n```\n", "'git rm shop/old.py' beside its patch"),
        (f"```diff\n{DIFF}```\n```sh\nsed -i 's/a/b/' shop/cart.py\n```\n", "beside its patch"),
        (f"{json.dumps(EDIT)}\n```bash\ncat > a.py <<'EOF'\nx = 1\nEOF\n```\n", "'cat > a.py' beside"),
        (f"{json.dumps(EDIT)}\n{json.dumps({'name': 'bash', 'input': {'command': 'rm a.py'}})}", "'rm a.py' beside"),
        (f"{PATH}\n{BLOCK}<delete_file>\n<path>shop/old.py</path>\n</delete_file>\n", "'<delete_file>' beside"),
        (f'<file path="{PATH}">\n{NEW}</file>\n<file path="a.py" action="delete" />\n', "beside its patch"),
        (
            f"<path>{PATH}</path>\n<search>\n{OLD}</search>\n<replace>\n{NEW}</replace>\n"
            f"<path>{PATH}</path>\n<command>insert</command>\n<new_str>\n{NEW}</new_str>\n",
            "'insert' of shop/pricing.py",
        ),
        (f"{PATH}\n{BLOCK}\n*** Begin Patch\n*** Delete File: shop/old.py\n*** End Patch\n", "two formats"),
        (f"{json.dumps(EDIT)}\n```\n{V4A}```\n", "two formats"),
        (json.dumps({"cmd": ["bash", "-lc", f"apply_patch <<'EOF'\n{V4A}EOF\nrm -rf shop\n"]}), "holds no patch"),
        (json.dumps([{"input": V4A}, {"input": V4A.replace("+c", "+d")}]), "two patches"),
        (json.dumps([{"input": DIFF}, {"input": DIFF.replace("+c", "+d")}]), "several patches"),
        (f"{json.dumps(EDIT)}\n{V4A}", "two formats"),
        (f"{json.dumps(EDIT)}\n{DIFF}", "two formats"),
        (f"{PATH}\n{BLOCK}\n{DIFF}", "two formats"),
        (
            f"<edit><path>{PATH}</path>\n<old_str>\n{OLD}</old_str>\n<new_str>\n{NEW}</new_str></edit>\n{V4A}",
            "two formats",
        ),
        (json.dumps({"edits": [EDIT], "patch": V4A}), "two formats"),
        (json.dumps([{"input": V4A}, {"input": EDIT}]), "two formats"),
        (json.dumps({"patch": V4A, "commands": ["make"]}), "'commands' beside its patch"),
        (json.dumps([{"input": V4A}, {"command": ["rm", "-r", "shop"]}]), "'rm -r shop' beside its patch"),
        (
            json.dumps({"edits": [EDIT], "new_files": [{"path": "a.py", "content": "x = 1\n"}]}),
            "changes in 'new_files'",
        ),
        (f"{json.dumps(EDIT)}\n\nshop/new.py\n```python\nx = 1\n```\n", "has shop/new.py as a whole"),
        (f"```diff\n{DIFF}```\n\n```python shop/new.py\nx = 1\n```\n", "has shop/new.py as a whole"),
        (f"```\n{V4A}```\n\nshop/new.py\n```python\nx = 1\n```\n", "has shop/new.py as a whole"),
        (f"{DIFF}\n{V4A.replace('+c', '+d')}", "two formats"),
        (f"{DIFF}\n{V4A.replace(' shop/', ' app/shop/')}", "two formats"),
        (f"```\n{V4A}```\n\n{DIFF.replace('pricing', 'cart')}", "two formats"),
        (f"{PATH}\n{BLOCK}\n{json.dumps({'input': V4A})}", "two formats"),
        (f"{json.dumps({'input': V4A})}\n{PATH}\n{BLOCK}", "two formats"),
        (f"```json\n{json.dumps(EDIT)}\n```\nAnd:\n{json.dumps({**EDIT, 'path': 'shop/cart.py'})}", "two formats"),
        (f'{json.dumps(EDIT)}\n<file path="shop/cart.py">\nx = 1\n</file>\n', "two formats"),
        (f"{json.dumps(EDIT)}\nNo, so:\n\n{PATH}\n```python\nelse\n```\n", "has shop/pricing.py as a whole"),
        (
            f"```diff\n{DIFF}```\n\nAdd the new file `shop/new.py`:\n```python\nx = 1\n```\n",
            "has shop/new.py as a whole",
        ),
        ("a.md\n```\n# A\n\n```\nmake\n```\n\nEnd.\n```\n", "between four backticks"),
        (f"{PATH}\n{BLOCK}\nAnd:\n\n" + json.dumps({"edits": [EDIT]})[:-9], "ends within edits"),
        (
            f"```json\n{json.dumps(EDIT)}\n```\nAnd:\n\n" + json.dumps({"command": "create", "path": "a.py"})[:-3],
            "ends within",
        ),
        (f"```diff\n{DIFF}```\n" + json.dumps({"name": "apply_patch", "input": V4A})[:-9], "ends within edits"),
        (
            "1. So:\n\n"
            + "".join(f"   {line}\n" for line in DIFF.replace("pricing", "cart").splitlines())
            + f"\n{DIFF}",
            "set in",
        ),
        (f"1. So:\n\n   shop/cart.py\n   ```python\n   x = 1\n   ```\n\n{WHOLE}", "has shop/cart.py as a whole"),
        (f"<think>\n{PATH}\n{BLOCK}", "all thought"),
        (f"Updated `shop/cart.py`:\n\n```python\nx = 1\n```\n\n{PATH}\n{BLOCK}", "has shop/cart.py as a whole"),
        (f"{PATH}\n{BLOCK}\nHere is the complete `shop/cart.py`:\n\n```python\nx = 1\n```\n", "has shop/cart.py as a"),
        (f"**Option A**\n\n{PATH}\n{BLOCK}\n**Option B**\n\n{PATH}\n{BLOCK.replace('0)', '1)')}", "several options"),
        (f"{PATH}\n{BLOCK}\nAlternatively:\n\nshop/cart.py\n{BLOCK}", "several options"),
        ("--- a/x.py\n+++ b/x.py\n", "cut off"),
        (f"{DIFF}@@ -20,3 +20,3 @@\n a\n", "cut off"),
        ("--- /dev/null\n+++ b/x.py\n@@ -0,0 +1,3 @@\n+a\n", "cut off"),
    ],
)
def test_what_is_not_whole_is_refused(text: str, reason: str):
    with pytest.raises(Refused, match=reason):
        read_reply(text)


@pytest.mark.parametrize("field", [{"mode": "100755"}, {"symlink": "/etc"}, {"run": "make"}, {"delete": True}])
def test_fields_that_ask_for_more_than_an_edit_are_refused(field: dict[str, object]):
    with pytest.raises(Refused, match="which is no part of an edit"):
        read_reply(json.dumps({"edits": [{**EDIT, **field}]}))
    with pytest.raises(Refused, match="beside its edits"):
        read_reply(json.dumps({"edits": [EDIT], **field}))


def test_fields_that_only_say_something_are_passed_over():
    said = {"explanation": "…", "confidence": 0.9, "occurrence": None}

    assert read_reply(json.dumps({"edits": [{**EDIT, **said}], "title": "…", "commands": []})) == (Edit(**EDIT),)
