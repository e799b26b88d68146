"""What a human has to be shown, as no rule can judge it; and what is silent."""

from __future__ import annotations

import pytest

from kintsugi.repair.apply import Applied
from kintsugi.repair.policy import Rule, check
from tests.repair.memory_tree import MemoryTree

BEFORE = '''\
"""The till."""

import logging
import os

log = logging.getLogger(__name__)
MAX_ITEMS = 50
TIMEOUT = 5
VERBOSE = False
KEEP = os.environ.get("KEEP", "7")


class Settings:
    origin: str = "https://shop.example"


@has_role("manager")
def refund(user, amount, token):
    if user.is_away:
        return None
    try:
        amount = int(amount)
    except ValueError:
        amount = 0
    if user.role != "admin":
        raise PermissionError
    if amount > 100:
        raise ValueError("too much")
    if amount < 0 or amount is None:
        raise ValueError("too little")
    log.info("refund of %s", amount)
    names = sorted(user.names)[:25]
    wait(names, timeout=30)
    return amount if user.is_owner else min(amount, 40)
'''


def flagged(old: str, new: str) -> list[str]:
    assert BEFORE.count(old) == 1
    found = check(Applied({"shop/till.py": BEFORE.replace(old, new).encode()}), MemoryTree({"shop/till.py": BEFORE}))
    return [finding.sentence for finding in found if not finding.refuses or finding.rule is not Rule.LOOK]


def test_the_same_change_is_read_twice():
    """As while a model looks, and when it is checked."""
    assert flagged("user.role != ", "user.role == ") == flagged("user.role != ", "user.role == ") != []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('user.role != "admin"', 'user.role == "admin"', "who may"),
        ('user.role != "admin"', 'user.role != "customer"', "who may"),
        ('@has_role("manager")', '@has_role("everyone")', "who may"),
        ("if user.is_owner", "if not user.is_owner", "who may"),
        ("amount > 100", "amount < 100", "turns a condition"),
        ("amount > 100", "amount > 100000", "a limit"),
        ("amount < 0 or amount is None", "amount < 0 and amount is None", "turns a condition"),
        ('    if amount > 100:\n        raise ValueError("too much")\n', "", "left before"),
        ("MAX_ITEMS = 50", "MAX_ITEMS = 5000", "a limit"),
        ("TIMEOUT = 5", "TIMEOUT = 60 * 60", "a limit"),
        ("timeout=30", "timeout=3000", "a limit"),
        ("[:25]", "[:2500]", "a limit"),
        ("min(amount, 40)", "min(amount, 4000)", "a limit"),
        ("VERBOSE = False", "VERBOSE = True", "default of a setting"),
        ('get("KEEP", "7")', 'get("KEEP", "0")', "default of a setting"),
        ('"https://shop.example"', '"https://other.example"', "default of a setting"),
        ('log.info("refund of %s", amount)', 'log.info("refund of %s by %s", amount, token)', "logged about a secret"),
        ("class Settings:", 'prepare("now")\n\n\nclass Settings:', "runs on import"),
        ("class Settings:", "STATE = prepared()\n\n\nclass Settings:", "runs on import"),
        ("class Settings:", "if VERBOSE:\n    prepare()\n\n\nclass Settings:", "runs on import"),
        ("class Settings:", "class Settings:\n    prepare()", "runs on import"),
        ("timeout=30", "timeout=None", "a limit"),
        ("    if user.is_away:\n        return None\n", "", "left before"),
        ('        raise ValueError("too little")', "        amount = 1", "left before"),
        ("except ValueError", "except Exception", "catches more"),
        ("except ValueError", "except (TypeError, ValueError)", "catches more"),
        ('@has_role("manager")', '@has_role("manager")\n@commands.has_permissions()', "who may"),
        ('log.info("refund of %s", amount)', 'log.info("%s by %s", amount, os.environ["API_KEY"])', "about a secret"),
        ('log.info("refund of %s", amount)', 'user.send(os.getenv("BOT_TOKEN"))', "about a secret"),
        ('raise ValueError("too little")', "raise ValueError(user.password)", "about a secret"),
    ],
)
def test_it_is_said_in_one_line(old: str, new: str, says: str):
    found = flagged(old, new)

    assert any(says in sentence for sentence in found), found
    assert all("\n" not in sentence for sentence in found)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("ADMIN_IDS = [1]", "ADMIN_IDS = [1, 2]", "who may"),
        ("TIMEOUT = 5", "TIMEOUT = None", "a limit"),
        ("def refund(amount, strict=True):\n    pass", "def refund(amount, strict=False):\n    pass", "default"),
        ("TRIES = list(range(3))", "TRIES = list(range(300))", "a limit"),
        (
            "def is_open(till):\n    if not till.key:\n        return False\n    return till",
            "def is_open(till):\n    return till",
            "left before",
        ),
        *(
            (f"def f(user, x):\n    {old}", f"def f(user, x):\n    {new}", says)
            for old, new, says in (
                ("return user.active and user.here", "return user.active or user.here", "turns a condition"),
                ("return all(x)", "return any(x)", "turns a condition"),
                ("go(x) if x.user_id == user.id else 0", "go(x) if x else 0", "asks less"),
                ("return x.get(pk=1, owner=user)", "return x.get(pk=1)", "no longer tells users apart"),
                ("x.send(1, ephemeral=True)", "x.send(1, ephemeral=False)", "who sees it"),
                ("x.send(1, allowed_mentions=NONE)", "x.send(1)", "who sees it"),
                ("x.start(Intents.default())", "x.start(Intents.all())", "who may"),
                ("return Semaphore(4)", "return Semaphore(4000)", "a limit"),
                ("return x.limit(25)", "return x", "a limit"),
                ("go(validate(x))", "go(x)", "no longer checks"),
                ("re.compile('[a-z]+')", "re.compile('.*')", "any text"),
            )
        ),
        ("def f(x, mode='strict'):\n    pass", "def f(x, mode='lax'):\n    pass", "default"),
        ("@commands.check(is_manager)\ndef refund():\n    pass", "def refund():\n    pass", "who may"),
        (
            "def refund(till):\n    if till.key:\n        return till\n    raise KeyError(till)",
            "def refund(till):\n    if till.key:\n        return till",
            "raises less",
        ),
    ],
)
def test_so_is_what_a_name_or_a_default_stands_for(before: str, after: str, says: str):
    tree = MemoryTree({"shop/till.py": f"{before}\n"})

    found = check(Applied({"shop/till.py": f"{after}\n".encode()}), tree)

    assert [says in one.sentence for one in found if one.rule is Rule.LOOK] == [True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"too much"', '"that is too much"'),
        ("return amount if", "total = amount\n    return total if"),
        ("sorted(user.names)", "sorted(user.names or [])"),
        ("    names = sorted", "    if user is None:\n        return 0\n    names = sorted"),
        ("    names = sorted", "    if not user.names:\n        raise LookupError\n    names = sorted"),
        ("if user.is_away:", "if user.is_away or not user.names:"),
        ("except ValueError", "except ValueError as wrong"),
        ("int(amount)", "int(amount or 0)"),
        ('log.info("refund of %s", amount)', 'log.debug("refund of %s for %s", amount, user.id)'),
    ],
)
def test_a_plain_fix_is_silent(old: str, new: str):
    assert flagged(old, new) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("if not os.path.exists(x):\n        raise E", "if not Path(x).exists():\n        raise E"),
        ("if x != 1 and x != 2:\n        raise E", "if x not in (1, 2):\n        raise E"),
        ("if not x.ok:\n        raise E", "assert x.ok"),
        ("if y != x:\n        raise E", "if x != y:\n        raise E"),
        ("if isinstance(x, A) or isinstance(x, B):\n        raise E", "if isinstance(x, (A, B)):\n        raise E"),
        ("if 'a' in x and x['a']:\n        raise E", "if x.get('a'):\n        raise E"),
        ("if x > 100:\n        x = 100", "x = min(x, 100)"),
        ("go(range(0, 9))", "go(range(9))"),
        ("if x.status == 200:\n        go()", "if x.ok:\n        go()"),
        ("go(x.get('a', None))", "go(x.get('a'))"),
        ("if x.id in staff:\n        go()", "if x.id and x.id in staff:\n        go()"),
    ],
)
def test_the_same_in_other_words_is_silent(old: str, new: str):
    before, after = (f"def f(x, y, staff):\n    {text}\n" for text in (old, new))

    assert check(Applied({"a.py": after.encode()}), MemoryTree({"a.py": before})) == ()
