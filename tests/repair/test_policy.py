"""The policy: every class of malice is refused by its own rule, plain fixes pass, settings widen it."""

from __future__ import annotations

import pytest

from kintsugi.repair.apply import Applied
from kintsugi.repair.policy import Finding, PolicySettings, Rule, check
from tests.repair.malicious import BEFORE, Patch, in_pricing, patches, plain
from tests.repair.memory_tree import MemoryTree
from tests.repair.names import HARMLESS, HOSTILE

TREE = MemoryTree(BEFORE)


def findings(patch: Patch, settings: PolicySettings | None = None) -> tuple[Finding, ...]:
    return check(Applied(patch.files, modes=patch.modes), TREE, settings)


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: ascii(patch.name))
def test_malice_is_refused_by_its_rule(patch: Patch):
    refused_by = {finding.rule.value for finding in findings(patch) if finding.refuses}

    assert patch.rule in refused_by


@pytest.mark.parametrize("patch", plain(), ids=lambda patch: patch.name)
def test_a_plain_fix_passes(patch: Patch):
    assert [finding for finding in findings(patch) if finding.refuses] == []


@pytest.mark.parametrize(("head", "line"), HOSTILE, ids=[ascii(line)[:50] for _, line in HOSTILE])
def test_no_way_around_names_passes(head: str, line: str):
    assert [finding for finding in findings(Patch("", "", in_pricing(line, head))) if finding.refuses]


@pytest.mark.parametrize(("head", "line"), HARMLESS, ids=[ascii(line)[:50] for _, line in HARMLESS])
def test_what_is_only_called_like_something_dangerous_passes(head: str, line: str):
    assert [finding for finding in findings(Patch("", "", in_pricing(line, head))) if finding.refuses] == []


def test_changed_assertions_are_flagged():
    (changed,) = [patch for patch in plain() if patch.name == "a changed assertion"]

    assert [(finding.rule, finding.refuses) for finding in findings(changed)] == [(Rule.TESTS, False)]


def test_a_team_widens_a_rule_path_by_path():
    patch = Patch("", "", {"pyproject.toml": b"x", "other/pyproject.toml": b"x"})
    settings = PolicySettings(allowed={Rule.DEPENDENCIES: ("pyproject.*",)})

    assert {finding.path for finding in findings(patch, settings)} == {"other/pyproject.toml"}


def test_a_path_outside_is_never_allowed():
    settings = PolicySettings(allowed=dict.fromkeys(Rule, ("*",)))

    assert [finding.rule for finding in findings(Patch("", "", {"../x": b"x"}), settings)] == [Rule.PATH]


def test_what_was_there_before_is_not_minded():
    tree = MemoryTree({"a.py": "import os\n\n\ndef f():\n    os.system('id')\n"})

    assert check(Applied({"a.py": b"import os\n\n\ndef f():\n    os.system('id')\n    return 1\n"}), tree) == ()


def test_a_secret_is_not_quoted():
    value = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    said = check(Applied({"a.py": f'token = "{value}"\n'.encode()}), TREE)

    assert [finding.rule for finding in said] == [Rule.SECRET]
    assert value not in said[0].sentence


def test_a_password_that_a_test_makes_up_is_only_shown_and_what_a_field_is_called_is_none():
    made_up, random = "Sh" + "areSecret123!", "q7" + "Rk2pX9vB4m"
    at = "postgres://user:" + "%s@localhost/spam"
    rows = {
        ("tests/test_a.py", f'login(password="{made_up}")\n'): [False],
        ("a.py", f'login(password="{made_up}")\n'): [True],
        ("tests/test_a.py", f'ask("{at % "p%40ss%3Aw0rd"}")\n'): [False],
        ("tests/test_a.py", f'ask("{at % "s3"}\\ncret")\n'): [],
        ("a.py", f'ask("{at % "p%40ss%3Aw0rd"}")\n'): [True],
        ("tests/test_a.py", f'ask("{at % (random[:5] + "%40" + random[5:])}")\n'): [True],
        ("tests/test_a.py", f'login(password="{random}")\n'): [True],
        ("tests/test_a.py", f'login(password="{random}pass")\n'): [True],
        ("tests/test_a.py", f'login(password="p4ss{random.lower()}")\n'): [True],
        ("a.py", f'password = "{random}=2024-01-01"\n'): [True],
        ("a.py", f'password = "2024-01-01T{"83749283" * 3}"\n'): [True],
        ("a.py", 'at = "https://host/?access_key=2024-01-01T10:00:00Z"\n'): [],
        ("i18n/sv.json", '{"users.password": "L\u00f6senordet"}\n'): [],
        ("config/sv.json", '{"users.password": "L\u00f6senordet"}\n'): [True],
        ("i18n/sv.json", f'{{"users.password": "{random}"}}\n'): [True],
        ("NEWS.md", "- It redeems the token (@shopkeeper87)\n"): [],
        ("NEWS.md", f"- It redeems the token ({random})\n"): [True],
        ("NEWS.md", f"token: @{random}\n"): [True],
        ("a.py", f'token = "@{random}"\n'): [True],
        ("a.py", f'{{"passphrase": "{random.lower()}.example.com:9009"}}\n'): [True],
        ("a.py", '{"passphrase": "relay4.example.com:9009"}\n'): [],
        ("a.py", f'{{"passphrase": "{random}:9009"}}\n'): [True],
        ("a.py", f'{{"passphrase": "https://{random}@relay4.example.com:9009"}}\n'): [True],
        ("tests/test_a.py", f'login(password="1113-{made_up}")\n'): [False],
        ("tests/test_a.py", f'login(password="1113-{random}")\n'): [True],
    }

    told = {one: check(Applied({one[0]: one[1].encode()}), TREE) for one in rows}

    assert {one: [of.refuses for of in found if of.rule == Rule.SECRET] for one, found in told.items()} == rows


def test_a_test_holds_nothing_back():
    turned_off = check(Applied({"tests/test_a.py": b"get(verify=False)\n"}), TREE)
    guarded, bare = b"def f(x):\n    if x.is_admin:\n        return 1\n", b"def f(x):\n    return 1\n"
    moved = check(Applied({"a.py": bare, "tests/test_a.py": guarded}), MemoryTree({"a.py": guarded.decode()}))
    in_test = check(Applied({"tests/test_a.py": bare}), MemoryTree({"tests/test_a.py": guarded.decode()}))

    assert [one.refuses for one in turned_off if one.rule == Rule.SECURITY] == [False]
    assert [one.path for one in moved if one.rule == Rule.SECURITY and one.refuses] == ["a.py"]
    assert [one for one in in_test if one.rule == Rule.SECURITY] == []


def test_a_key_that_only_stands_deeper_is_not_new():
    key = f"x = '-----BEGIN {'PRIVATE'} KEY-----'\n"
    deeper = f"if y:\n    {key}"

    assert not check(Applied({"a.py": deeper.encode()}), MemoryTree({"a.py": key}))
    assert check(Applied({"a.py": deeper.encode()}), MemoryTree({"a.py": "x = 1\n"}))[0].refuses


def test_malicious_patches_are_many_and_of_every_rule():
    rules = {patch.rule for patch in patches()}

    assert len(patches()) >= 80
    assert rules >= {rule.value for rule in Rule} - {Rule.LINK, Rule.UNUSABLE, Rule.LOOK}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("\u0430pp/cart.py", "look alike"),  # a Cyrillic letter in a folder
        ("shop/\u0441\u0430rt.py", "look alike"),
        ("shop/\ufb01xes.py", "the usual form"),
        ("shop/\uff43art.py", "the usual form"),
        ("shop/cafe\u0301.py", "the usual form"),
    ],
)
def test_a_new_path_that_looks_like_another_is_refused(path: str, said: str):
    found = check(Applied({path: b"x = 1\n"}), MemoryTree({"app/cart.py": "x = 2\n"}))

    assert any(said in one.sentence and one.refuses for one in found), found


def test_a_new_path_in_another_alphabet_passes():
    assert not check(Applied({"docs/руководство.md": b"# x\n"}), MemoryTree({}))


@pytest.mark.parametrize(
    "line",
    [
        f"PuTTY-User-Key-File-{3}: ssh-ed25519",
        f"AGE-SECRET-{'KEY'}-1{'Q' * 58}",
        f"---- BEGIN SSH2 {'PRIVATE'} KEY ----",
        f'{{"kty": "OKP", "d": "{"q7" * 20}", "x": "{"p9" * 20}"}}',
    ],
)
def test_a_private_key_is_refused_in_any_clothes(line: str):
    found = check(Applied({"shop/settings.txt": f"{line}\n".encode()}), MemoryTree({}))

    assert [one.rule for one in found if one.refuses] == [Rule.SECRET]
