"""Replies about lines with a masked secret: they apply, the secret stays, and no mask is ever written."""

from __future__ import annotations

import json

import pytest

from kintsugi.repair.apply import apply
from kintsugi.repair.applying.changes import Refused, WholeFile
from kintsugi.repair.applying.masks import refuse_masks
from kintsugi.repair.context import build_context
from kintsugi.repair.replies import read_reply
from kintsugi.telemetry.redact import redact_source
from kintsugi.workflow.patch import Edit
from kintsugi.workflow.payload import Failure, Frame, Raised
from tests.repair.memory_tree import MemoryTree

KEY, OTHER, WORD = "aB3dE6gH9j" + "K2mN5pQ8sT", "zZ9yX8wV7u" + "T6sR5qP4oN", "sun" + "flower77"
LOGIN = f'''\
"""Logging in."""

API_KEY = "{KEY}"
OTHER_KEY = "{OTHER}"


def login(user, password):
    token = b64encode(password.encode()).decode()
    dsn = "postgres://app:{WORD}@db.example.com/shop"
    return connect(dsn, token, API_KEY, timeout=5)
'''
PATH = "shop/login.py"
SHOWN = redact_source(LOGIN, PATH)


def edited(search: str, replace: str, before: str = LOGIN, path: str = PATH) -> str:
    made = apply([Edit(path, search, replace)], MemoryTree({path: before})).files[path]
    assert made is not None
    return made.decode()


def lines_of(text: str, first: int, last: int) -> str:
    return "\n".join(text.split("\n")[first - 1 : last]) + "\n"


def test_a_line_that_is_only_quoted_stays_as_it_is():
    search = lines_of(SHOWN, 9, 10)

    assert edited(search, search.replace("timeout=5", "timeout=9")) == LOGIN.replace("timeout=5", "timeout=9")


def test_a_masked_line_may_be_changed_beside_its_secret():
    made = edited(lines_of(SHOWN, 9, 9), lines_of(SHOWN, 9, 9).replace("dsn =", "address =").replace("/shop", "/store"))

    assert made == LOGIN.replace("dsn =", "address =").replace("/shop", "/store")


def test_of_several_secrets_each_goes_back_to_its_own_name():
    made = edited(lines_of(SHOWN, 3, 4), 'OTHER_KEY: str = "***"  # the second\nAPI_KEY = "***"\n')

    assert made == LOGIN.replace(f'API_KEY = "{KEY}"\nOTHER_KEY = "{OTHER}"', f'OTHER_KEY: str = "{OTHER}"  # the second\nAPI_KEY = "{KEY}"')  # fmt: skip


def test_lines_added_between_masked_ones_leave_them_in_place():
    made = edited(lines_of(SHOWN, 3, 4), 'API_KEY = "***"\nTIMEOUT = 5\nOTHER_KEY = "***"\n')

    assert made == LOGIN.replace("\nOTHER_KEY", "\nTIMEOUT = 5\nOTHER_KEY")


def test_a_masked_line_may_be_taken_away():
    assert edited(lines_of(SHOWN, 3, 4), lines_of(SHOWN, 3, 3)) == LOGIN.replace(f'OTHER_KEY = "{OTHER}"\n', "")


def test_a_unified_diff_and_a_whole_file_may_quote_masks_too():
    wanted = SHOWN.replace("timeout=5", "timeout=9")
    tree = MemoryTree({PATH: LOGIN})
    diff = (
        f"--- a/{PATH}\n+++ b/{PATH}\n@@ -9,2 +9,2 @@\n {lines_of(SHOWN, 9, 9)}-{lines_of(SHOWN, 10, 10)}"
        f"+{lines_of(wanted, 10, 10)}"
    )

    for changes in (read_reply(diff), [WholeFile(PATH, wanted)]):
        made = apply(changes, tree).files[PATH]
        assert made is not None
        assert made.decode() == LOGIN.replace("timeout=5", "timeout=9")


def test_a_scalar_of_yaml_gets_its_own_text_back():
    before = f"db:\n  password: {WORD}\n  user: bob\n"
    shown = redact_source(before, "compose.yml")

    made = edited(shown, shown.replace("bob", "alice") + "  pool: 3\n", before, "compose.yml")

    assert made == before.replace("bob", "alice") + "  pool: 3\n"


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("    return connect(", '    key = "***"\n    return connect('),
        (lines_of(SHOWN, 10, 10), lines_of(SHOWN, 10, 10).replace("token, ", '"Bearer ***", ')),
        (lines_of(SHOWN, 3, 3), 'API_KEY = "***"\nCOPY = f"{x}:***"\n'),
    ],
)
def test_a_mask_is_written_nowhere_else(search, replace):
    with pytest.raises(Refused, match=r"would write \*\*\* into the file"):
        edited(search, replace)


def test_a_new_file_with_a_mask_is_refused():
    with pytest.raises(Refused, match=r"tests/test_login\.py: the change would write \*\*\*"):
        apply([Edit("tests/test_login.py", "", 'def test_it():\n    login("bob", "***")\n')], MemoryTree({PATH: LOGIN}))


def test_which_of_two_lines_that_look_alike_is_meant_is_not_guessed():
    before = f'KEYS = [\n    "{KEY}",\n    "{OTHER}",\n]\nkey, password = KEYS\n'.replace(
        "KEYS = [", "API_KEYS = dict(a=["
    )
    before = f'password = "{KEY}"\npassword = "{OTHER}"\nuser = "bob"\n'
    shown = redact_source(before, PATH)

    with pytest.raises(Refused, match="are shown alike"):
        edited(shown, 'password = "***"\nuser = "bob"\n', before)


def test_asterisks_that_were_there_before_may_stay_and_move():
    before = 'MASK = "***"\n\n\ndef masked(text):\n    return text\n'

    assert edited("    return text", "    return MASK", before) == before.replace("return text", "return MASK")
    assert edited('MASK = "***"\n', 'SIGN = "***"\n', before).startswith('SIGN = "***"\n')


@pytest.mark.parametrize("line", ["# the key {key} is old", 'log.info("key {key} used")', 'KEYS = """\nx {key} y\n"""'])
def test_a_mask_in_the_place_of_a_line_that_was_shown_with_one_is_never_written(line: str):
    before = line.format(key="AKIA" + "ABCDEFGHIJKLMNOP") + "\nretries = 1\n"
    shown = redact_source(before, PATH)
    assert "***" in shown

    with pytest.raises(Refused, match="what a secret is shown as"):
        refuse_masks(PATH, before.encode(), shown.replace("retries = 1", "retries = 2").encode())
    refuse_masks(PATH, before.encode(), f'{before}log.info("*** done ***")\n'.encode())


def test_markdown_may_have_rules_and_stressed_words():
    assert edited("one\n", "one\n\n***\n\n***both*** ends\n", "one\n", "notes.md") == "one\n\n***\n\n***both*** ends\n"


def test_what_is_shown_of_the_code_can_be_sent_back_as_an_edit(tmp_path):
    file = tmp_path / PATH
    file.parent.mkdir()
    file.write_text(LOGIN)
    frame = Frame(path=PATH, reported=PATH, line=10, function="login", in_project=True)
    failure = Failure(chain=(Raised(type="NameError", message="connect", frames=(frame,)),))

    shown = build_context(failure, tmp_path).text

    region = shown[shown.index('API_KEY = "***"') :].rstrip("\n") + "\n"
    assert not any(secret in shown for secret in (KEY, OTHER, WORD))
    assert "token = b64encode(password.encode()).decode()" in shown
    reply = {"edits": [{"path": PATH, "search": region, "replace": region.replace("timeout=5", "timeout=9")}]}
    made = apply(read_reply(json.dumps(reply)), MemoryTree({PATH: LOGIN})).files[PATH]
    assert made == LOGIN.replace("timeout=5", "timeout=9").encode()


@pytest.mark.parametrize(
    "line", ['print("*** late ***")', 'say(f"***{name}***")', 'return "***"', 're.sub(word, "***", text)']
)
def test_asterisks_of_the_programs_own_are_no_mask(line: str):
    before = "def told(name, text, word):\n    pass\n"

    assert edited("    pass", f"    {line}", before) == before.replace("pass", line)
