"""Anybody's patch for an incident, from the command line to the question: proven by the real referee, in the real box."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from tests.app.test_command_line import Terminal
from tests.world.boxes import WITHOUT_PLUGINS
from tests.world.make import NOON

PRICING = 'def discount(total, coupon):\n    return total * coupon["percent"] // 100\n'
TEST = """import unittest

from shop.pricing import discount


class DiscountTest(unittest.TestCase):
    def test_a_percentage(self):
        self.assertEqual(discount(200, {"percent": 10}), 20)
"""
CRASH = """Traceback (most recent call last):
  File "shop/pricing.py", line 2, in discount
    return total * coupon["percent"] // 100
KeyError: 'percent'
"""
PATCH = """--- a/shop/pricing.py
+++ b/shop/pricing.py
@@ -1,2 +1,4 @@
 def discount(total, coupon):
+    if "fixed" in coupon:
+        return coupon["fixed"]
     return total * coupon["percent"] // 100
--- a/tests/test_pricing.py
+++ b/tests/test_pricing.py
@@ -6,3 +6,6 @@
 class DiscountTest(unittest.TestCase):
     def test_a_percentage(self):
         self.assertEqual(discount(200, {"percent": 10}), 20)
+
+    def test_a_fixed_amount(self):
+        self.assertEqual(discount(200, {"fixed": 5}), 5)
"""
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    git = Git.init_bare(tmp_path / "shop.git", "main")
    files = {
        "shop/__init__.py": b"",
        "shop/pricing.py": PRICING.encode(),
        "tests/__init__.py": b"",
        "tests/test_pricing.py": TEST.encode(),
    }
    commit = git.commit(git.write_tree(EMPTY, files), [], "A shop", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    return {"KINTSUGI_REPO": str(tmp_path / "shop.git"), "KINTSUGI_TEST_ENV": json.dumps(WITHOUT_PLUGINS)}


def shown(terminal: Terminal, settings: dict[str, str]) -> Any:
    return json.loads(terminal.types("incident", "show", "1", "--json", **settings).stdout)


def test_a_patch_from_anywhere_is_proven_and_asked_about(tmp_path: Path, settings: dict[str, str]):
    terminal = Terminal(tmp_path)
    terminal.types("capture", "-", stdin=CRASH, **settings)

    handed = terminal.types(
        "propose", "1", "--patch", "-", "--title", "Fixed amounts", "--json", stdin=PATCH, **settings
    )
    facts = json.loads(handed.stdout)
    assert (facts["incident"], facts["state"], facts["proven"]) == ("INC-1", "diagnosed", None)

    drained = terminal.types("run", "--drain", **settings)
    assert drained.returncode == 0, drained.stderr
    incident = shown(terminal, settings)
    assert incident["state"] == "awaiting_confirm"
    assert incident["evidence"]["tier"] == "E2", incident["evidence"]
    again = terminal.types("propose", "1", "--patch", "-", "--json", stdin=PATCH, **settings)
    assert json.loads(again.stdout)["proven"] is True
    other = terminal.types("propose", "1", "--patch", "-", stdin=PATCH + "\n", **settings)
    assert other.returncode == 3
    assert "INC-1 is awaiting confirm" in other.stderr.replace("_", " ")


@pytest.mark.parametrize(
    ("words", "stdin", "status", "says"),
    [
        (["99", "--patch", "-"], PATCH, 3, "There is no INC-99"),
        (["x", "--patch", "-"], PATCH, 2, "'x' is not an incident"),
        (["1", "--patch", "-"], "", 2, "The patch is empty"),
        (["1", "--patch", "-"], "Please rate it.", 2, "The patch cannot be read. The reply holds no patch"),
        (["1", "--patch", "no-such.diff"], "", 2, "no-such.diff cannot be read"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path: Path, words: list[str], stdin: str, status: int, says: str):
    terminal = Terminal(tmp_path)
    terminal.types("capture", "-", stdin=CRASH)

    done = terminal.types("propose", *words, stdin=stdin)

    assert (done.returncode, says in done.stderr) == (status, True), done.stderr
