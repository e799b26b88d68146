"""`kintsugi prove` as a workflow runs it: a repository, a patch, what failed; JSON and an exit status come back."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.proof_false import SHOP, TREE
from tests.world import terminal

CRASH = """\
Traceback (most recent call last):
  File "/srv/shop/main.py", line 3, in <module>
    shop.total(order)
  File "/srv/shop/shop.py", line 2, in total
    return order["price"] - order["discount"]
KeyError: 'discount'
"""
FIX = """\
--- a/shop.py
+++ b/shop.py
@@ -1,2 +1,2 @@
 def total(order):
-    return order["price"] - order["discount"]
+    return order["price"] - order.get("discount", 0)
"""
TEST = """\
--- /dev/null
+++ b/tests/test_shows.py
@@ -0,0 +1,7 @@
+import unittest
+
+import shop
+
+
+class Shows(unittest.TestCase):
+    def test_shows(self): self.assertEqual(shop.total({"price": 5}), 5)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    for path, text in TREE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / ".gitattributes").write_text("tests export-ignore\n")
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    for words in (("init", "--quiet", "."), ("add", "--all"), (*who, "commit", "--quiet", "-m", "all")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    (tmp_path / "crash.log").write_text(CRASH)
    return folder


@dataclass(frozen=True)
class Said:
    status: int
    output: str
    errors: str

    @property
    def facts(self) -> dict[str, Any]:
        found = json.loads(self.output)
        assert list(found) == ["tier", "says", "flags", "red", "green", "reproduced", "tests"]
        return dict(found)


def prove(repository: Path, patch: str, *words: str) -> Said:
    (repository.parent / "fix.diff").write_text(patch)
    typed = ["prove", "--repo", str(repository), "--patch", "../fix.diff", *words]
    done = terminal.run(typed, repository, os.environ)
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


UNITTEST = ("--test-command", "python -m unittest", "--json")


def test_a_true_fix_is_proven_for_the_failure_it_mends(repository: Path) -> None:
    said = prove(repository, FIX + TEST, "--failure", "../crash.log", *UNITTEST)

    assert said.status == 0, said.errors
    assert said.facts["tier"] == "E2"
    assert said.facts["reproduced"] is True
    assert said.facts["red"]["exit_status"] == 1
    assert "KeyError: 'discount'" in said.facts["red"]["output"]
    assert said.facts["green"]["exit_status"] == 0
    assert (repository / "shop.py").read_text() == SHOP


def test_a_fix_that_breaks_the_only_test_is_refused_whatever_is_left_out_of_archives(repository: Path) -> None:
    said = prove(repository, FIX.replace('.get("discount", 0)', '.get("discount", 0) + 1') + TEST, *UNITTEST)

    assert said.status == 3
    assert said.facts["tier"] is None
    assert said.facts["says"].startswith("Still failing with the patch")


def test_a_patch_that_breaks_the_policy_is_refused_and_nothing_is_run(repository: Path) -> None:
    hook = "--- /dev/null\n+++ b/conftest.py\n@@ -0,0 +1 @@\n+import shop\n"

    said = prove(repository, FIX + TEST + hook, "--json")

    assert said.status == 3
    assert said.facts["says"].startswith("The patch breaks the policy: conftest.py")
    assert said.facts["red"] is None


def test_a_patch_that_does_not_apply_is_refused(repository: Path) -> None:
    other = "--- a/shop.py\n+++ b/shop.py\n@@ -1,2 +1,2 @@\n class Basket:\n-    weight = 12\n+    weight = 13\n"

    said = prove(repository, other, "--json")

    assert said.status == 3
    assert said.facts["says"].startswith("The patch does not apply")


def test_what_has_no_tests_could_not_be_tried(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "shop.py").write_text(SHOP)

    said = prove(folder, FIX, "--json")

    assert said.status == 1
    assert said.facts["tier"] == "E0"


def test_a_log_without_a_failure_is_named(repository: Path) -> None:
    (repository.parent / "crash.log").write_text("all is well\n")

    said = prove(repository, FIX, "--failure", "../crash.log")

    assert said.status == 2
    assert "There is no failure in ../crash.log" in said.errors
