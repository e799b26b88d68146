"""Applying: exactly one place or a refusal, and only lines that differ change."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kintsugi.repair.apply import apply, unified_diff
from kintsugi.repair.applying.changes import Refused, WholeFile
from kintsugi.repair.applying.readings import straight
from kintsugi.repair.replies import read_reply
from kintsugi.workflow.patch import Edit
from tests.repair.memory_tree import MemoryTree

PRICING = '''\
"""Prices."""

import json


def total(cart):
    price = sum(item["price"] for item in cart["items"])
    if price > 100:
        price = price - 10
    return price - cart["discount"]


def load(path):
    with open(path) as file:
        return json.load(file)


def save(path, cart):
    with open(path, "w") as file:
        json.dump(cart, file)
'''
FIXED = PRICING.replace('cart["discount"]', 'cart.get("discount", 0)')
PATH = "shop/pricing.py"
DIFF = (
    "--- a/shop/pricing.py\n+++ b/shop/pricing.py\n@@ -7,5 +7,5 @@ def total(cart):\n"
    '     price = sum(item["price"] for item in cart["items"])\n'
    "     if price > 100:\n"
    "         price = price - 10\n"
    '-    return price - cart["discount"]\n'
    '+    return price - cart.get("discount", 0)\n'
    " \n"
)


def applied(reply: str, before: str | bytes = PRICING, path: str = PATH) -> bytes | None:
    return apply(read_reply(reply), MemoryTree({path: before})).files[path]


def test_code_that_is_escaped_as_html_throughout_is_meant_without():
    search, wanted = "x = 1\n", "if a &lt; 1 and b:\n    x = &quot;1&quot;\n"

    assert edited({"search": search, "replace": wanted}, before=search) == b'if a < 1 and b:\n    x = "1"\n'
    with pytest.raises(Refused, match="not valid Python"):
        edited({"search": search, "replace": wanted + "y = 1 < 2\n"}, before=search)


def test_a_file_shown_beside_its_edits_is_the_one_that_was_or_becomes():
    edits = json.dumps({"edits": [{"path": PATH, "search": '["discount"]', "replace": '.get("discount", 0)'}]})
    shown = f"`{PATH}`\n\n```python\n%s```\n\n{edits}\n"

    assert applied(shown % PRICING) == applied(shown % FIXED) == FIXED.encode()
    assert applied(shown % PRICING.replace(":\n", ":  # here it fails\n")) == FIXED.encode()
    with pytest.raises(Refused, match="the two differ"):
        applied(shown % f"{FIXED}\nKNOWN = 1\n")
    for line, kept in (
        ("    with open(path) as file:", True),
        ("    with open(path, 'rb') as file:", False),
        ("", False),
    ):
        loads = f"def load(path):\n{line}\n        return json.load(file)\n\n\ndef save(path, cart):\n"
        closed = f"{edits}\nNow it is:\n\n{PATH}\n```python\n{loads}```\n"
        if kept:
            assert applied(closed) == FIXED.encode()
        else:
            with pytest.raises(Refused, match="has shop/pricing.py as a whole"):
                applied(closed)
    with pytest.raises(Refused, match="code for shop/pricing.py that they do not make"):
        applied(shown % "def known(code):\n    if code is None:\n        return False\n    return code in CODES\n")


@pytest.mark.parametrize("number", ["{:6}\t", "{} | ", "> {}: ", "{:4}│ ", "{}-"])
def test_a_listing_before_the_edits_is_only_shown(number: str):
    block = '<<<<<<< SEARCH\n    return price - cart["discount"]\n=======\n    return price\n>>>>>>> REPLACE\n'
    lines = [number.format(at) + line for at, line in enumerate(PRICING.splitlines(), 1)]
    wanted = PRICING.replace(' - cart["discount"]', "").encode()

    for shown in (lines, lines[13:]):
        assert applied(f"{PATH}\n```python\n" + "\n".join(shown) + f"\n```\n\n{PATH}\n{block}") == wanted
    with pytest.raises(Refused, match="the two differ"):
        applied(f"{PATH}\n```\n" + "\n".join([*lines, number.format(21) + "KNOWN = 1"]) + f"\n```\n\n{PATH}\n{block}")


def test_edits_may_build_on_each_other():
    first = {"search": '    return price - cart["discount"]\n', "replace": "    # to be written\n    return price\n"}
    then = {"search": "    # to be written\n", "replace": "    price -= RATE\n"}
    last = {"search": "RATE", "replace": 'cart.get("discount", 0)'}
    written = '    price -= cart.get("discount", 0)\n    return price\n'

    assert edited(first, then, last) == PRICING.replace('    return price - cart["discount"]\n', written).encode()
    assert edited({"search": "", "replace": "a = 1\n"}, {"search": "1", "replace": "2"}, path="new.py") == b"a = 2\n"


def edited(*edits: dict[str, object], before: str | bytes = PRICING, path: str = PATH) -> bytes | None:
    changes = read_reply(json.dumps({"edits": [{"path": path, **edit} for edit in edits]}))
    return apply(changes, MemoryTree({PATH: before})).files[path]


@pytest.mark.parametrize(
    ("damage", "reply"),
    [
        ("none", DIFF),
        ("wrong numbers", DIFF.replace("-7,5 +7,5", "-40,9 +38,2")),
        ("no numbers", DIFF.replace("-7,5 +7,5 ", "")),
        ("no prefixes", DIFF.replace("a/shop", "shop").replace("b/shop", "shop")),
        ("fences and prose", f"The discount may be missing.\n\n```diff\n{DIFF}```\n\nThat is all.\n"),
        ("CRLF", DIFF.replace("\n", "\r\n")),
        ("trailing blanks", DIFF.replace("> 100:", "> 100:   ")),
        ("elided", DIFF.replace("     if price > 100:\n", "")),
        ("elided and marked", DIFF.replace("     if price > 100:\n", "     ...\n")),
        ("stale", DIFF.replace("> 100", ">= 99")),
        ("mistyped", DIFF.replace("price = sum", "prise = sum")),
        ("tabs", re.sub(r"(?m)^([ +-])((?: {4})+)", lambda m: m[1] + "\t" * (len(m[2]) // 4), DIFF)),
        ("set in deeper", DIFF.replace("\n     ", "\n         ").replace("-    ", "-        ").replace("+    ", "+        ")),
        ("lost blanks", "\n".join(line.removeprefix(" ") for line in DIFF.split("\n"))),
        ("wrong folder", DIFF.replace("shop/", "app/store/")),
        ("absolute path", DIFF.replace("a/shop", "/srv/app/shop").replace("b/shop", "/srv/app/shop")),
        ("typographic quotes", DIFF.replace('"', "\u201d")),
        ("line numbers", DIFF.replace("\n     price = sum", "\n  7 |     price = sum").replace("\n     if", "\n  8 |     if").replace("\n         price", "\n  9 |         price").replace("\n-    ", "\n- 10 |     ")),
    ],
)  # fmt: skip
def test_a_damaged_diff_lands_all_the_same(damage: str, reply: str):
    assert applied(reply) == FIXED.encode()


@pytest.mark.parametrize(
    "edit",
    [
        {"search": 'cart["discount"]', "replace": 'cart.get("discount", 0)'},
        {"search": 'return price - cart["discount"]\n', "replace": 'return price - cart.get("discount", 0)'},
        {"search": 'price = price - 10\nreturn price - cart["discount"]', "replace": 'price = price - 10\nreturn price - cart.get("discount", 0)'},
        {"search": '        price = price - 10\\n    return price - cart[\\"discount\\"]', "replace": '        price = price - 10\\n    return price - cart.get(\\"discount\\", 0)'},
        {"search": "    return price - cart[\u2018discount\u2019]", "replace": "    return price - cart.get(\u2018discount\u2019, 0)"},
    ],
)  # fmt: skip
def test_a_careless_edit_lands_or_is_refused_but_never_elsewhere(edit: dict[str, object]):
    before = PRICING if "\u2018" not in str(edit) else PRICING.replace('"discount"', "'discount'")
    after = FIXED if "\u2018" not in str(edit) else FIXED.replace('"discount"', "'discount'")

    if "price = price - 10\nreturn" in str(edit["search"]):  # flattened: its indentation is gone
        with pytest.raises(Refused):
            edited(edit, before=before)
    else:
        assert edited(edit, before=before) == after.encode()


def test_dashes_of_another_language_stay_where_quotes_are_straightened():
    assert straight("say(\u2018\u043e\u043d \u2014 \u2026\u2019)") == "say('\u043e\u043d \u2014 \u2026')"
    assert straight("say(\u2018a \u2014 b\u2026\u2019)") == "say('a - b...')"
    edit = {"search": "say('a')  # b", "replace": "say('a')  # b \u2014 c\u2026"}
    typeset = {name: value.replace("'", "\u2019") for name, value in edit.items()}
    assert edited(typeset, before=f"{edit['search']}\n") == f"{edit['replace']}\n".encode()
    added = {"search": "x = 1", "replace": "x = \u201ca \u2014 b\u201d"}
    assert edited(added, before="x = 1\n") == 'x = "a \u2014 b"\n'.encode()


def test_the_added_lines_follow_the_files_indentation():
    before = "def f(a):\n\tif a:\n\t\treturn 1\n\treturn 2\n"

    after = edited(
        {"search": "    if a:\n        return 1\n", "replace": "    if a:\n        a += 1\n        return a\n"},
        before=before,
    )

    assert after == b"def f(a):\n\tif a:\n\t\ta += 1\n\t\treturn a\n\treturn 2\n"


SENT = "def sent(cart):\n    cart = dict(cart)\n    return cart\n"


def test_smaller_steps_are_read_from_the_added_lines_where_one_indentation_is_known():
    after = edited(
        {
            "search": "  cart = dict(cart)\n",
            "replace": "  cart = dict(cart)\n  if not cart:\n    raise ValueError(cart)\n",
        },
        before=SENT,
    )

    wanted = "    cart = dict(cart)\n    if not cart:\n        raise ValueError(cart)\n"
    assert after == SENT.replace("    cart = dict(cart)\n", wanted).encode()


def test_where_lines_may_stand_further_out_as_well_as_in_smaller_steps_nobody_guesses():
    before = "class Cart:\n    def sent(self):\n        self.log()\n        return self\n"

    with pytest.raises(Refused):
        edited(
            {
                "search": "    self.log()\n    return",
                "replace": "    self.log()\n    if self:\n        self.keep()\n    return",
            },
            before=before,
        )


@pytest.mark.parametrize("step", ["\t", "  "])
def test_a_change_between_lines_at_the_margin_is_set_in_as_its_neighbour_tells(step: str):
    before = f"import json\n\n\n{SENT}"
    new = "def kept(cart):\n    if cart:\n        return cart\n    return None\n\n\n"
    edits = [
        {"search": "\n\ndef sent(cart):\n", "replace": f"\n\n{new.replace('    ', step)}def sent(cart):\n"},
        {
            "search": f"def sent(cart):\n{step}cart = dict(cart)\n{step}return cart",
            "replace": f"def sent(cart):\n{step}return dict(cart)",
        },
    ]

    after = edited(*edits, before=before)

    wanted = before.replace("def sent", f"{new}def sent")
    assert after == wanted.replace("    cart = dict(cart)\n    return cart", "    return dict(cart)").encode()


def test_a_slip_of_the_keys_in_a_line_that_goes_does_not_save_it():
    before = PRICING.replace("price > 100", "price > 1.0.2")

    after = edited({"search": "    if price > 1..02:\n", "replace": "    if price > 1.3.0:\n"}, before=before)

    assert after == before.replace("1.0.2", "1.3.0").encode()


def test_another_number_in_a_line_that_goes_is_no_slip():
    with pytest.raises(Refused, match="the very words that differ"):
        edited(
            {
                "search": "    if price > 250:\n        price = price - 10",
                "replace": "    if price > 50:\n        price = price - 10",
            }
        )


def test_lines_of_a_minified_file_are_the_same_or_they_are_not():
    """To find out how much alike two such lines are would take hours."""
    bundle = [";".join(f"let v{number}=f({number}%{line})" for number in range(5_000)) for line in range(2, 9)]
    seen = bundle[3].replace("f(4", "g(4")

    with pytest.raises(Refused):
        edited({"search": seen, "replace": seen + ";"}, before="\n".join(bundle))
    assert edited({"search": bundle[3], "replace": "1"}, before="\n".join(bundle)) is not None


def test_a_line_that_stands_elsewhere_is_not_one_mistyped():
    before = "def test():\n    assert p[0] is None\n    assert p[2].value == 'AS'\n    assert p[4].value == 'WITH'\n"
    edit = {
        "search": "    assert p[0] is None\n    assert p[4].value == 'WITH'\n",
        "replace": "    assert p[0] is None\n    assert p[4].value == 'WITH'\n    assert len(p) == 5\n",
    }

    assert edited(edit, before=before) == f"{before}    assert len(p) == 5\n".encode()


def test_lines_that_are_only_set_in_otherwise_are_not_there_already():
    before = "def f():\n    try:\n        a = begin()\n            # taken from the specification\n        return a\n"
    search = "        a = begin()\n            # takn from the specification\n        return a\n"

    after = edited(
        {"search": search, "replace": search.replace("            # takn", "        # taken")}, before=before
    )

    assert after == before.replace("            #", "        #").encode()


METHOD = "class Cart:\n    def sent(self):\n        self.log()\n        return self\n"


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        pytest.param(
            "def f(a):\n    use(a)\n\n\nf(1)\n",
            [{"search": "use(a)\n", "replace": "use(a)\nif a:\n\tuse(2)\n"}],
            "def f(a):\n    use(a)\n    if a:\n        use(2)\n\n\nf(1)\n",
            id="flattened, further lines in tabs",
        ),
        pytest.param(
            "def main():\n    parser = make()\n    parser.add('--a4')\n    parser.add('--a5')\n    run()\n",
            [
                {
                    "search": "    parser = make()\n    parser.add('--a3')\n    parser.add('--a4')\n    parser.add('--a5')\n",
                    "replace": "    parser = make()\n    parser.add('--a4')\n    parser.add('--a5')\n",
                }
            ],
            None,
            id="deleted already, beside its like",
        ),
        pytest.param(
            METHOD,
            [
                {
                    "search": "    self.log()\n    return self",
                    "replace": "    self.log()\n    if self:\n        self.keep(1,\n                  2)\n    return self",
                }
            ],
            None,
            id="further out, with an aligned line",
        ),
        pytest.param(
            METHOD,
            [
                {
                    "search": "  self.log()\n  return self",
                    "replace": "  self.log()\n  if self:\n    self.keep()\n  return self",
                }
            ],
            None,
            id="one level of smaller steps is two in the file",
        ),
        pytest.param(
            "def f(a):\n    check(a,\n          b)\n    y = g(a)\n    return y.z\n",
            [
                {
                    "search": "    y = g(a)\n    return y.x\n",
                    "replace": "    check(a,\n        b)\n    y = g(a)\n    return y.z\n",
                }
            ],
            None,
            id="applied already, aligned otherwise",
        ),
        pytest.param(
            "def f(x):\n    x = 2 * x\n    return -x\n",
            [{"search": "    x = 2 * x\n    return x\n", "replace": "    x = 2 * x\n    return g * x\n"}],
            None,
            id="a sign that the reply has not seen",
        ),
        pytest.param(
            "def f():\n    begin()\n    timeout = 21\n",
            [{"search": "    begin()\n    timeout = 12\n", "replace": "    begin()\n    timeout = 30\n"}],
            None,
            id="another number of the same digits",
        ),
        pytest.param(
            f"X = 1\n\n\n{SENT}",
            [
                {"search": "def sent(cart):\n  cart = dict(cart)\n", "replace": "def sent(cart):\n  cart = dict(cart or ())\n"},
                {"search": "X = 1\n", "replace": 'X = 1\nUSAGE = """\nusage:\n  --flag  what\n"""\n'},
            ],
            f"X = 1\nUSAGE = \"\"\"\nusage:\n  --flag  what\n\"\"\"\n\n\n{SENT}".replace("(cart)\n    r", "(cart or ())\n    r"),
            id="a string says what it says",
        ),
        pytest.param(
            "def f(\n        a, b):\n    return a\n\n\ndef g(\n        a, b):\n    x = a\n    return x\n",
            [{"search": "\tx = a\n\treturn x", "replace": "\tx = a\n\tif x:\n\t\tx = 2\n\treturn x"}],
            "def f(\n        a, b):\n    return a\n\n\ndef g(\n        a, b):\n    x = a\n    if x:\n        x = 2\n    return x\n",
            id="most lines further in are aligned",
        ),
        pytest.param(
            "def f():\n    if a:\n        log()\n    if b:\n        c()\n    log()   \n",
            [{"search": "    log()", "replace": "    log()\n    more()", "occurrence": 1}],
            None,
            id="which of several pieces, and none such line",
        ),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused_or_read_as_the_file_tells(
    before: str, edits: list[dict[str, object]], after: str | None
):
    if after is None:
        with pytest.raises(Refused):
            edited(*edits, before=before)
    else:
        assert edited(*edits, before=before) == after.encode()


ALIGNED = (
    PRICING.replace(
        "json.dump(cart, file)", "json.dump(cart,\n                  file)"
    )  # 18 blanks, halved by steps 10
    + "\n\ndef keep(cart):\n    return json.dumps(\n                    cart)\n"  # 20 blanks, halved 10 as well
)


def halved(python: str) -> str:
    """In steps of two, as some send it whatever they were shown."""
    return re.sub(r"^(?: {4})+", lambda found: "  " * (len(found[0]) // 4), python, flags=re.MULTILINE)


def test_a_whole_file_in_smaller_steps_keeps_what_the_file_aligns():
    after = ALIGNED.replace('cart["discount"]', 'cart.get("discount", 0)').replace(
        "    if price", "    assert price\n    if price"
    )

    assert apply([WholeFile(PATH, halved(after))], MemoryTree({PATH: ALIGNED})).files[PATH] == after.encode()


@pytest.mark.parametrize("step", ["\t", "  "])
def test_a_whole_file_in_other_steps_leaves_the_blanks_of_blank_lines(step: str):
    before = PRICING.replace("    return price", "        \n    return price")
    sent = re.sub(r"(?m)^(?: {4})+", lambda found: step * (len(found[0]) // 4), before)

    after = apply((WholeFile(PATH, sent.replace("> 100", "> 1000")),), MemoryTree({PATH: before})).files[PATH]

    assert after == before.replace("> 100", "> 1000").encode()


def test_a_whole_file_in_smaller_steps_may_set_a_line_out():
    after = ALIGNED.replace("        price = price - 10\n    return", "        price = price - 10\n        return")

    assert apply([WholeFile(PATH, halved(after))], MemoryTree({PATH: ALIGNED})).files[PATH] == after.encode()


def test_a_whole_file_in_smaller_steps_with_a_new_line_between_steps_is_refused():
    after = halved(ALIGNED).replace("  if price", "  assert (price\n     > 0)\n  if price")

    with pytest.raises(Refused, match="Keep its indentation"):
        apply([WholeFile(PATH, after)], MemoryTree({PATH: ALIGNED}))


def test_only_lines_that_differ_change():
    before = b'a = 1  \r\nb = 2\r\nc = 3\t\r\nd = "x"'

    after = edited({"search": 'a = 1\nb = 2\nc = 3\nd = "x"', "replace": 'a = 1\nb = 5\nc = 3\nd = "x"'}, before=before)

    assert after == b'a = 1  \r\nb = 5\r\nc = 3\t\r\nd = "x"'


def test_the_last_line_stays_open_unless_the_diff_says_otherwise():
    opened = "--- a/shop/pricing.py\n+++ b/shop/pricing.py\n@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n\\ No newline at end of file\n+b = 3\n"

    assert edited({"search": "b = 2", "replace": "b = 3"}, before="a = 1\nb = 2") == b"a = 1\nb = 3"
    assert applied(opened, "a = 1\nb = 2") == b"a = 1\nb = 3\n"


def test_bytes_that_are_not_utf_8_stay():
    before = b"# caf\xe9\na = 1\n"

    assert edited({"search": "a = 1", "replace": "a = 2"}, before=before) == b"# caf\xe9\na = 2\n"


@pytest.mark.parametrize(
    ("reason", "edits"),
    [
        ("ambiguous", [{"search": "with open(path", "replace": "with open(str(path)"}]),
        ("already applied", [{"search": "import json\n", "replace": "import json\n\n\ndef total(cart):\n"}]),
        ("stands for code", [{"search": "    if price > 100:\n        price = price - 10\n", "replace": "    # ... existing code ...\n"}]),
        ("does not fit", [{"search": "def refund(cart):\n    pass\n", "replace": "x\n"}]),
        ("contradict", [{"search": "import json", "replace": "import a"}, {"search": "import json\n", "replace": "import b\n"}]),
        ("nearly what stands at line 9", [{"search": "import json\n", "replace": "import json\nprice  =  price - 10\n"}, {"search": "price  =  price - 10", "replace": "x"}]),
        ("several others make: '# one'", [{"search": "import json", "replace": "import csv  # one"}, {"search": "# one", "replace": ""}, {"search": "def load(path):", "replace": "def load(at):  # one"}, {"search": "# one", "replace": ""}]),
        ("at place 3", [{"search": "with open(path", "replace": "x", "occurrence": 3}]),
        ("changes nothing|already is", [{"search": "import json", "replace": "import json"}]),
        ("search text is empty|quotes no line", [{"search": "\n\n", "replace": "x\n"}]),
    ],
)  # fmt: skip
def test_what_has_not_exactly_one_place_is_refused(reason: str, edits: list[dict[str, object]]):
    with pytest.raises(Refused, match=reason):
        edited(*edits)


def test_an_occurrence_picks_one_of_several():
    after = edited({"search": "with open(path", "replace": "with open(str(path)", "occurrence": 2})

    assert after == PRICING.replace('with open(path, "w")', 'with open(str(path), "w")').encode()


def test_a_refusal_names_the_nearest_lines():
    with pytest.raises(Refused, match=r"line 10: 'return price - cart\[\"discount\"\]'"):
        edited({"search": 'return price + discounts[cart["discount"]] - 1000', "replace": "x"})


def test_a_patch_that_is_there_already_is_refused():
    with pytest.raises(Refused, match="already applied"):
        applied(DIFF, FIXED)


def test_all_files_or_none():
    second = DIFF.replace("shop/pricing.py", "shop/other.py")

    with pytest.raises(Refused, match=r"shop/other\.py"):
        apply(read_reply(DIFF + second), MemoryTree({PATH: PRICING, "shop/other.py": "x = 1\n"}))


def test_a_wrong_path_counts_only_where_one_file_fits():
    tree = MemoryTree({"a/pricing.py": PRICING, "b/pricing.py": PRICING})

    with pytest.raises(Refused, match=r"fits 2 other files"):
        apply(read_reply(DIFF), tree)


@pytest.mark.parametrize(
    "path", ["../x.py", "/etc/passwd", ".git/config", "a/../../x.py", "~/x", "a\0b", ".GIT/hooks/x"]
)
def test_nothing_outside_is_made(path: str):
    with pytest.raises(Refused):
        apply((Edit(path, "", "x = 1\n"),), MemoryTree({PATH: PRICING}))


def test_a_new_file_must_be_new():
    tree = MemoryTree({PATH: PRICING})

    assert apply((Edit("shop/new.py", "", "x = 1\n"),), tree).files == {"shop/new.py": b"x = 1\n"}
    with pytest.raises(Refused, match="already there"):
        apply((Edit(PATH, "", "x = 1\n"),), tree)


def test_a_whole_file_changes_only_what_differs():
    before = PRICING.replace("import json\n", "import json  \n").replace("\n", "\r\n")

    after = applied(f"{PATH}\n```python\n{FIXED}```\n", before)

    assert after == FIXED.replace("import json\n", "import json  \n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize("reply", [f"{PATH}\n```\n{FIXED}```\n", json.dumps({"path": PATH, "content": FIXED})])
def test_a_whole_file_keeps_the_mark_at_its_head(reply: str):
    assert applied(reply, "\ufeff" + PRICING) == ("\ufeff" + FIXED).encode()


def test_a_new_empty_file_is_no_version_of_another():
    made = apply(read_reply("shop/new/__init__.py\n```\n```\n"), MemoryTree({"shop/__init__.py": ""}))

    assert dict(made.files) == {"shop/new/__init__.py": b""}


@pytest.mark.parametrize(("before", "whole"), [("x = 1\n", ""), ("a = 1\nb = 2\n\nc = 3\nd = 4\n", "total(cart)\n")])
def test_a_short_file_is_not_emptied(before: str, whole: str):
    with pytest.raises(Refused, match="nothing is left"):
        applied(f"{PATH}\n```\n{whole}```\n", before)


def test_the_same_file_twice_is_one_change():
    whole = f'<file path="{PATH}">\n{FIXED}</file>\n'

    assert applied(whole + whole) == FIXED.encode()


def test_a_name_without_a_folder_or_ending_is_a_path():
    block = "<<<<<<< SEARCH\n\techo a\n=======\n\techo b\n>>>>>>> REPLACE\n"

    assert applied(f"Makefile\n{block}", "all:\n\techo a\n", "Makefile") == b"all:\n\techo b\n"


@pytest.mark.parametrize(
    ("reason", "whole"),
    [
        ("stands for code", "\n".join([*FIXED.split("\n")[:12], "# ... rest unchanged ..."])),
        ("are left", "def total(cart):\n    return 0\n"),
        ("already is", PRICING),
    ],
)
def test_a_part_of_a_file_is_no_whole_file(reason: str, whole: str):
    with pytest.raises(Refused, match=reason):
        applied(f"{PATH}\n```python\n{whole}```\n" if whole.endswith("\n") else f"{PATH}\n```python\n{whole}\n```\n")


def test_a_number_decides_between_equal_places():
    before = "def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return x\n"
    diff = "--- a/shop/pricing.py\n+++ b/shop/pricing.py\n@@ -7,2 +7,2 @@\n     x = 1\n-    return x\n+    return -x\n"

    assert applied(diff, before) == b"def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return -x\n"
    with pytest.raises(Refused, match="ambiguous"):
        applied(diff.replace("-7,2 +7,2", "-5,2 +5,2"), before)


def test_a_heading_decides_between_equal_places():
    before = "def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return x\n"
    patch = "*** Begin Patch\n*** Update File: shop/pricing.py\n@@ def b():\n     x = 1\n-    return x\n+    return -x\n*** End Patch\n"

    assert applied(patch, before) == b"def a():\n    x = 1\n    return x\n\n\ndef b():\n    x = 1\n    return -x\n"


LINES = st.lists(
    st.sampled_from(["", "a", "    b", "\tc", "d  ", "e = [1]", "}", "é", "-- x", "++ y", "@@ z"]), max_size=12
)


@given(before=LINES, after=LINES)
@example(before=["a", "-- x"], after=["++ y"])
@example(before=["-- x", "a"], after=["++ y", "a"])
def test_what_git_would_take_gives_the_same_tree_or_a_refusal(before: list[str], after: list[str]):
    old, new = ("".join(f"{line}\n" for line in lines).encode() for lines in (before, after))
    first, second = MemoryTree({"f.txt": old}), MemoryTree({"f.txt": new})
    if old == new or not old or not new:
        return
    diff = unified_diff(apply_all("f.txt", new), first)

    try:
        result = apply(read_reply(diff), first)
    except Refused:
        return

    assert result.files["f.txt"] == second.read("f.txt")


def test_counts_that_are_one_too_high_do_not_swallow_the_next_files_header():
    diff = (
        "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n-a = 1\n+a = 2\n--- a/b.py\n+++ b/b.py\n@@ -1 +1 @@\n-b = 1\n+b = 2\n"
    )

    result = apply(read_reply(diff), MemoryTree({"a.py": "a = 1\n", "b.py": "b = 1\n"}))

    assert result.files == {"a.py": b"a = 2\n", "b.py": b"b = 2\n"}


def apply_all(path: str, content: bytes):  # type: ignore[no-untyped-def]
    from kintsugi.repair.apply import Applied

    return Applied({path: content})


def test_the_shown_diff_is_one_that_git_takes(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / PATH).write_text(PRICING)
    tree = MemoryTree({PATH: PRICING})
    result = apply((*read_reply(DIFF), Edit("shop/new.py", "", "x = 1")), tree)

    diff = unified_diff(result, tree)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff.encode(), check=True)

    assert (tmp_path / PATH).read_text() == FIXED
    assert (tmp_path / "shop/new.py").read_text() == "x = 1"


def test_a_short_file_sent_as_a_listing_loses_its_numbers():
    changes = [WholeFile("version.py", '   1│ VERSION = "1.3"\n')]

    assert apply(changes, MemoryTree({"version.py": 'VERSION = "1.2"\n'})).files == {"version.py": b'VERSION = "1.3"\n'}


def test_a_short_file_may_begin_with_a_number():
    changes = [WholeFile("motto.txt", "3 times\n")]

    assert apply(changes, MemoryTree({"motto.txt": "twice\n"})).files == {"motto.txt": b"3 times\n"}


@pytest.mark.parametrize(
    "reply",
    [
        "new.txt\n```\n<<<<<<< SEARCH\na\n```\n",
        "new.txt\n```\na\n=======\n\nb\n```\n",
        "new.js\n````\na;\n```\n````\n",
        json.dumps({"edits": [{"path": "new.txt", "search": "", "replace": "*** Begin Patch\na\n"}]}),
        json.dumps({"edits": [{"path": "new.txt", "search": "", "replace": "</replace>\na\n"}]}),
        json.dumps({"edits": [{"path": "new.txt", "search": "", "replace": "a\n@@ -1,2 +1,2 @@\n"}]}),
        json.dumps({"edits": [{"path": "new.txt", "search": "", "replace": "a\n<<<<<<< HEAD\n"}]}),
        "--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,2 @@\n+a\n+------- SEARCH\n",
    ],
)
def test_no_mark_up_of_a_reply_is_written(reply: str):
    with pytest.raises(Refused, match=r"marks up a reply|cut off"):
        apply(read_reply(reply), MemoryTree({}))


def test_mark_up_that_a_file_has_already_and_headings_stay():
    guide = "Fruits\n=======\n\n<<<<<<< SEARCH\n\nold\n"

    assert (
        applied(json.dumps([{"path": "a.rst", "search": "old", "replace": "new"}]), guide, "a.rst")
        == guide.replace("old", "new").encode()
    )
    made = apply(
        read_reply(json.dumps([{"path": "b.rst", "search": "", "replace": "Pears\n=======\n"}])), MemoryTree({})
    )
    assert made.files["b.rst"] == b"Pears\n=======\n"


@pytest.mark.parametrize(
    ("path", "before", "search", "replace"),
    [
        ("a.py", "x = 1\n", "1", "(1"),
        ("a.json", '{"x": 1}\n', "1", "1,"),
        ("a.toml", "x = 1\n", "1", "[1"),
        ("new.py", "", "", "def f(:\n"),
    ],
)
def test_what_could_be_parsed_can_be_parsed_after(path: str, before: str, search: str, replace: str):
    edit = json.dumps([{"path": path, "search": search, "replace": replace}])

    with pytest.raises(Refused, match="is not valid"):
        apply(read_reply(edit), MemoryTree({path: before} if before else {}))


def test_what_could_not_be_parsed_before_may_be_changed():
    assert applied(json.dumps([{"path": "a.py", "search": "1", "replace": "2"}]), "print 1\n", "a.py") == b"print 2\n"


@pytest.mark.parametrize(("short", "counts"), [(1, "7,5 +7,5"), (2, "7,5 +7,5")])
def test_a_last_hunk_that_is_cut_off_is_refused(short: int, counts: str):
    cut = "".join(DIFF.splitlines(keepends=True)[: -1 - short])

    with pytest.raises(Refused, match="cut off"):
        applied(cut)


def test_a_miscounted_hunk_that_ends_as_whole_ones_do_lands():
    lines = PRICING.splitlines(keepends=True)
    body = "".join([*(f" {line}" for line in lines[6:9]), f"-{lines[9]}", f"+{FIXED.splitlines()[9]}\n"])
    tail = "".join(f" {line}" for line in lines[10:13])

    assert applied(f"--- a/{PATH}\n+++ b/{PATH}\n@@ -5,9 +5,9 @@\n{body}{tail}") == FIXED.encode()
    with pytest.raises(Refused, match="cut off"):
        applied(f"--- a/{PATH}\n+++ b/{PATH}\n@@ -7,9 +7,9 @@\n{body}{tail}")


def test_every_place_is_changed_where_the_reply_says_so():
    edit = {"path": PATH, "old_string": "price", "new_string": "sum_"}

    assert applied(json.dumps({**edit, "replace_all": True})) == PRICING.replace("price", "sum_").encode()
    count = PRICING.count("price")
    assert applied(json.dumps({**edit, "expected_replacements": count})) == PRICING.replace("price", "sum_").encode()
    with pytest.raises(Refused, match=f"expected 2 times; it is there {count} times"):
        applied(json.dumps({**edit, "expected_replacements": 2}))
    with pytest.raises(Refused, match="ambiguous"):
        applied(json.dumps(edit))


def test_a_block_without_a_path_is_for_the_one_file_it_fits():
    block = f"<<<<<<< SEARCH\n{PRICING.splitlines()[9]}\n=======\n{FIXED.splitlines()[9]}\n>>>>>>> REPLACE\n"

    assert applied(block) == FIXED.encode()
    with pytest.raises(Refused, match="names no file, and the change fits 2"):
        apply(read_reply(block), MemoryTree({PATH: PRICING, "other.py": PRICING}))


def test_lines_that_only_nearly_stand_where_the_reply_means_them_are_not_looked_for_elsewhere():
    twin = PRICING.replace("def total(cart):", "def sum_(cart):")
    before = PRICING.replace("if price > 100:", "if price > 1000:") + "\n\n" + twin.partition("import json\n\n\n")[2]

    with pytest.raises(Refused, match="fits at line 24, but the reply means the lines near line 7"):
        applied(DIFF, before)


def test_a_hunk_that_lost_its_spaces_before_a_function_is_not_cut_off():
    lines = PRICING.splitlines()
    kept = [f" {line}" for line in lines[6:9]], [f" {line}" for line in lines[10:14]]
    hunk = "\n".join([*kept[0], f"-{lines[9]}", f"+{FIXED.splitlines()[9]}", *kept[1]])

    assert (
        applied(f"--- a/{PATH}\n+++ b/{PATH}\n@@ -7,8 +7,8 @@\n" + hunk.replace("\n ", "\n") + "\n") == FIXED.encode()
    )


def test_a_whole_file_sent_under_the_path_of_another_is_refused():
    tree = MemoryTree({"pricing.py": "x = 1\n", PATH: PRICING})

    with pytest.raises(Refused, match=f"nothing like it, but like {PATH}"):
        apply(read_reply(f"pricing.py\n```python\n{FIXED}```\n"), tree)
