"""What models answer with where nothing holds them to a schema: what is nearly right is read, and nothing is made up."""

from __future__ import annotations

import json
import math

import pytest

from kintsugi.integrations.model.reply import Cause, Fix, Step, UnreadableReply, read_reply, refusal_in
from kintsugi.integrations.model.tool_calls import as_call
from kintsugi.prompts import render
from kintsugi.repair.apply import Refused, apply
from kintsugi.workflow.incident import Category
from kintsugi.workflow.patch import Edit
from tests.repair.memory_tree import MemoryTree
from tests.world.openai import a_finding, a_fix

PLAIN = json.dumps(a_finding(), indent=1)
WITHOUT_END = PLAIN.rstrip("}").rstrip()

NEARLY_RIGHT = {
    "prose around it": f"Here is what I found:\n\n{PLAIN}\n\nTell me if you want a patch.",
    "a fence": f"```json\n{PLAIN}\n```",
    "a fence that does not end": f"```json\n{PLAIN}",
    "thoughts": f'<think>Is it {{"cause": "the total"}}? No.</think>\n{PLAIN}',
    "thoughts without a beginning": f"So it is the coupon.\n</think>\n\n{PLAIN}",
    "channels": f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{PLAIN}<|return|>",
    "a comma too many": f"{WITHOUT_END},\n}}",
    "comments": PLAIN.replace("{", "{ // the finding\n", 1).replace('"category"', '/* which kind */ "category"'),
    "a line break in a text": json.dumps(a_finding(explanation="one")).replace('"one"', '"one\n\ttwo"'),
    "a backslash that escapes nothing": json.dumps(a_finding(explanation="@")).replace("@", r"the pattern \d+ fits"),
    "Python instead of JSON": repr(a_finding()),
    "curly quotes": PLAIN.replace('"', "“", 1).replace('cause"', "cause”", 1),
    "an object around it": json.dumps({"finding": a_finding()}),
    "two objects around it": json.dumps({"result": {"answer": a_finding()}}),
    "a list around it": json.dumps([a_finding()]),
    "as the call of a tool": json.dumps({"name": "finding", "arguments": json.dumps(a_finding())}),
    "another case": json.dumps({"Cause": "c", "Explanation": "e", "Category": "CODE", "Probability": 0.9}),
    "camels": json.dumps(a_finding()).replace('"cause"', '"Cause"').replace('"explanation"', '"Explanation"'),
    "keys too many": json.dumps(a_finding(severity="high", reasoning={"steps": []})),
    "a number as text": json.dumps(a_finding(probability="0.9")),
    "a percentage": json.dumps(a_finding(probability="90%")),
    "no explanation": json.dumps({key: value for key, value in a_finding().items() if key != "explanation"}),
    "an explanation in points": json.dumps(a_finding(explanation=["first", "second"])),
    "a category in words": json.dumps(a_finding(category="code (a bug)")),
    "a draft before it": f"First: {json.dumps(a_finding(category='data', probability=0.1))}\nBetter: {PLAIN}",
}


@pytest.mark.parametrize("text", NEARLY_RIGHT.values(), ids=NEARLY_RIGHT.keys())
def test_what_is_nearly_right_is_read(text: str):
    found = read_reply(Cause, text)

    assert (found.category, found.probability) == (Category.CODE, 0.9)


def test_who_needs_nothing_more_says_so_in_many_ways():
    nothing = [
        "",
        "None",
        "n/a",
        "Nothing.",
        "nothing else is needed",
        "No additional information is required.",
        "…",
        "null",
    ]
    something = [
        "total()",
        "none of the tests, but shop/cart.py",
        "Nothing tells me what rate_of does",
        "no idea: show me x",
    ]

    assert [read_reply(Cause, json.dumps(a_finding(need=need))).need for need in nothing] == [""] * len(nothing)
    assert [read_reply(Cause, json.dumps(a_finding(need=need))).need for need in something] == something


UNREADABLE = {
    "nothing": ("", "is empty"),
    "thoughts alone": ("<think>Hm.</think>", "is empty"),
    "prose": ("It is the coupon.", "is no JSON"),
    "an object that does not end": (PLAIN[:-20], "has an object that does not end"),
    "another object": ('{"answer": 42}', "its keys are answer, and not cause, explanation"),
    "the example's own placeholder": (json.dumps(a_finding(cause="…")), "at cause: .*placeholder of the example"),
    "certainty beyond certainty": (json.dumps(a_finding(probability=400)), "at probability: .*between 0 and 1"),
    "a bare 90": (json.dumps(a_finding(probability=90)), "at probability: .*between 0 and 1"),
    "no number": (json.dumps(a_finding(probability=math.nan)), "at probability"),
    "a word for a number": (json.dumps(a_finding(probability="high")), "at probability: .*it is 'high'"),
    "a category of its own": (json.dumps(a_finding(category="logic error")), "at category: .*it is 'logic error'"),
    "no category": (json.dumps({"cause": "c", "probability": 1}), "at category: Field required"),
    "deep": ('{"cause": ' * 3000, "is no JSON"),
}


@pytest.mark.parametrize(("text", "says"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_told_with_its_place(text: str, says: str):
    with pytest.raises(UnreadableReply, match=says):
        read_reply(Cause, text)


DIFF = """\
--- a/shop/pricing.py
+++ b/shop/pricing.py
@@ -1,2 +1,2 @@
 def discount(total, coupon):
-    return total * coupon['percent']
+    return total * coupon.get('percent', 0)
"""
V4A = """\
*** Begin Patch
*** Update File: shop/pricing.py
@@
 def discount(total, coupon):
-    return total * coupon['percent']
+    return total * coupon.get('percent', 0)
*** End Patch
"""
BLOCKS = """\
shop/pricing.py
<<<<<<< SEARCH
    return total * coupon['percent']
=======
    return total * coupon.get('percent', 0)
>>>>>>> REPLACE
"""


@pytest.mark.parametrize("patch", [DIFF, V4A, BLOCKS, f"```diff\n{DIFF}```"], ids=["diff", "v4a", "blocks", "fenced"])
def test_a_patch_in_a_form_of_its_own_is_read_within_a_text(patch: str):
    fix = read_reply(Fix, f"The coupon may lack it, so:\n\n{patch}\n")

    (edit,) = fix.edits
    assert edit.path == "shop/pricing.py"
    assert "coupon['percent']" in edit.search
    assert "coupon.get('percent', 0)" in edit.replace
    assert math.isnan(fix.probability)


@pytest.mark.parametrize("patch", [DIFF, V4A, BLOCKS, f"```diff\n{DIFF}```"], ids=["diff", "v4a", "blocks", "fenced"])
def test_a_file_that_is_shown_beside_a_bare_patch_is_held_against_the_tree(patch: str):
    was = "def discount(total, coupon):\n    return total * coupon['percent']\n\n\ndef none(total):\n    return total\n"
    becomes = was.replace("['percent']", ".get('percent', 0)")

    def made_of(shown: str) -> bytes | None:
        fix = read_reply(Fix, f"shop/pricing.py\n```python\n{shown}```\n\n{patch}\n")
        edits = [Edit(edit.path, edit.search, edit.replace, edit.occurrence) for edit in fix.edits]
        return apply(edits, MemoryTree({"shop/pricing.py": was})).files["shop/pricing.py"]

    assert made_of(was) == made_of(becomes) == becomes.encode()
    with pytest.raises(Refused, match="the two differ"):
        made_of(f"{becomes}\n\nNONE = 0\n")


def test_a_patch_in_a_form_of_its_own_is_a_step_that_proposes_it():
    step = read_reply(Step, f"I would try this:\n\n{BLOCKS}\n")

    assert (step.tool, step.fix and [edit.path for edit in step.fix.edits]) == ("propose", ["shop/pricing.py"])
    assert read_reply(Step, step.model_dump_json()) == step


@pytest.mark.parametrize("kind", [Fix, Step])
def test_a_test_that_is_no_text_beside_a_patch_is_left_out(kind: type[Fix] | type[Step]):
    told = {"title": "Coupons", "regression_test": {"path": "test_coupons.py", "content": 5}}

    read = read_reply(kind, f"{json.dumps(told)}\n\n{BLOCKS}\n")

    fix = read.fix if isinstance(read, Step) else read
    assert fix
    assert fix.regression_test is None


def test_a_patch_as_the_text_of_edits_is_read_with_what_stands_beside_it():
    fix = read_reply(Fix, json.dumps({"edits": DIFF, "title": "Coupons without percent", "probability": 0.7}))

    assert (fix.edits[0].path, fix.title, fix.probability) == ("shop/pricing.py", "Coupons without percent", 0.7)


NEARLY_FIXES = {
    "nullable keys too few": {"edits": [{"path": "a.py", "search": "a", "replace": "b"}], "probability": 0.8},
    "one edit, and no list": a_fix(edits={"path": "a.py", "search": "a", "replace": "b", "occurrence": None}),
    "another case": {
        "Edits": [{"Path": "a.py", "Search": "a", "Replace": "b", "Occurrence": "null"}],
        "RegressionTest": None,
        "Probability": "0.8",
    },
    "other names": a_fix(edits=[{"file": "a.py", "old_string": "a", "new_string": "b"}]),
    "an empty test": a_fix(
        edits=[{"path": "a.py", "search": "a", "replace": "b"}], regression_test={"path": "", "content": ""}
    ),
}


@pytest.mark.parametrize("told", NEARLY_FIXES.values(), ids=NEARLY_FIXES.keys())
def test_a_fix_that_is_nearly_right_is_read(told: dict[str, object]):
    fix = read_reply(Fix, json.dumps(told))

    (edit,) = fix.edits
    assert (edit.path, edit.search, edit.replace, edit.occurrence) == ("a.py", "a", "b", None)
    assert fix.probability == 0.8


def test_an_occurrence_as_text_and_a_test_under_other_names_are_read():
    edit = {"path": "a.py", "search": "a", "replace": "b", "occurrence": "2"}
    fix = read_reply(Fix, json.dumps(a_fix(edits=[edit], regression_test={"filename": "t.py", "code": "assert 1\n"})))

    assert fix.edits[0].occurrence == 2
    assert fix.regression_test
    assert fix.regression_test.content == "assert 1\n"


def test_of_two_different_changes_none_is_taken():
    other = a_fix(edits=[{"path": "a.py", "search": "x", "replace": "y"}])

    with pytest.raises(UnreadableReply, match="two different changes"):
        read_reply(Fix, f"{json.dumps(a_fix())}\nor\n{json.dumps(other)}")


def test_an_edit_that_is_none_is_told_with_its_place():
    with pytest.raises(UnreadableReply, match="at edits: .*path"):
        read_reply(Fix, json.dumps(a_fix(edits=[{"search": "a", "replace": "b"}])))


def test_no_edits_are_an_answer():
    assert read_reply(Fix, json.dumps(a_fix(edits=[]))).edits == []
    assert read_reply(Fix, json.dumps(a_fix(edits=None))).edits == []


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, but I can't help with that.", "I cannot assist with this request.", "<think>No.</think>I won\u2019t."],
)
def test_a_refusal_in_plain_text_is_a_refusal(text: str):
    assert refusal_in(text)


@pytest.mark.parametrize(
    "text", ["It is the coupon.", f"I'm sorry for the delay. {PLAIN}", f"I can't be sure. {'x' * 900}"]
)
def test_an_answer_is_no_refusal(text: str):
    assert refusal_in(text) == ""


def test_the_shapes_that_the_prompts_show_are_those_that_are_read():
    values = {"first": "1", "last": "2", "fingerprint": "f", "failure": "x", "code": "y"}

    for name in ("diagnose", "reported"):
        read_reply(Cause, render(name, **values).text.replace("…", "own words"))
    read_reply(Fix, render("fix", call="").text.replace("…", "own words"))


@pytest.mark.parametrize("piece", ["read{", 'read { {"a":1} ', "<function=read><parameter=a>"])
def test_calls_without_an_end_are_given_up_soon(piece: str):
    """Each look at what does not end goes through all that follows: thirty thousand of them would take minutes."""
    with pytest.raises(UnreadableReply):
        read_reply(Step, piece * (150_000 // len(piece)))


@pytest.mark.parametrize("kept", ['{"tool": "propose", "fix": "***"}', '{"tool": ["read"]}', "***", "[1]"])
def test_a_step_that_redacting_changed_is_told_as_text(kept: str):
    assert as_call(kept) is None
