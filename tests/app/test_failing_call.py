"""`kintsugi incident reproduce` and `bisect`, typed: the failing call of a log, in the real box, over real commits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from tests.app.test_command_line import Terminal
from tests.world.make import NOON

EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
GOOD = 'def discount(total, coupon):\n    return total * coupon.get("percent", 0) // 100\n'
BAD = 'def discount(total, coupon):\n    return total * coupon["percent"] // 100\n'
CALL = 'from shop.pricing import discount\n\n\ndef test_discount():\n    discount(200, coupon={"fixed": 5})\n'
CRASH = {
    "level": "ERROR",
    "msg": "no bill",
    "exception": 'Traceback (most recent call last):\n  File "shop/pricing.py", line 2, in discount\n'
    "    return total * coupon[\"percent\"] // 100\nKeyError: 'percent'\n",
    "capsule": {"module": "shop.pricing", "function": "discount", "source": CALL, "why_not": ""},
}
OTHER = 'Traceback (most recent call last):\n  File "shop/other.py", line 1, in other\n    x\nNameError: {}\n'


class Shop:
    """A repository of four commits, the third of which brought the failure by pull request 12."""

    def __init__(self, folder: Path) -> None:
        git = Git.init_bare(folder / "shop.git", "main")
        self.commits: list[str] = []
        texts = (GOOD, GOOD + "\n# tidied\n", BAD, BAD + "\n# tidied\n")
        titles = ("A shop", "Tidied", "Percentages (#12)", "Tidied again")
        for text, title in zip(texts, titles, strict=True):
            files = {"shop/__init__.py": b"", "shop/pricing.py": text.encode(), "tests/__init__.py": b""}
            self.commits.append(git.commit(git.write_tree(EMPTY, files), self.commits[-1:], title, NOON, "Somebody"))
        git.update_refs([RefChange("refs/heads/main", self.commits[-1], NO_OBJECT)])
        self.folder, self.terminal = folder, Terminal(folder)

    def types(self, *words: str, build: int | str = 3, stdin: str = "") -> tuple[int, str]:
        named = build if isinstance(build, str) else self.commits[build]
        settings = {"KINTSUGI_REPO": str(self.folder / "shop.git"), "KINTSUGI_BUILD_SHA": named}
        done = self.terminal.types(*words, stdin=stdin, **settings)
        return done.returncode, done.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.types("capture", "-", stdin=json.dumps(CRASH))
    return shop


def test_the_call_is_made_again_where_it_failed_and_elsewhere(shop: Shop):
    status, said = shop.types("incident", "reproduce", "1", "--seconds", "90", "--json")
    before, told = shop.types("incident", "reproduce", "1", "--at", shop.commits[0])

    assert status == 0, said
    assert json.loads(said)["outcome"] == "reproduced"
    assert before == 3
    assert "the call ends well here" in " ".join(told.split())


def test_the_deployed_commit_that_brought_it_is_named_with_its_pull_request(shop: Shop):
    for build in (0, 1, 2):
        shop.types("capture", "-", build=build, stdin=OTHER.format("ABCD"[build] * 4))

    status, said = shop.types("incident", "bisect", "1", "--json")

    found = json.loads(said)
    assert (status, found["answer"]) == (0, "guilty")
    assert (found["commit"], found["pull_request"]) == (shop.commits[2], 12)
    assert f"Brought by {shop.commits[2][:10]}, pull request #12" in shop.types("incident", "show", "1", "--json")[1]


def test_a_build_that_is_called_as_its_branch_is_no_commit_to_begin_at(shop: Shop):
    shop.types("capture", "-", build="main", stdin=OTHER.format("name"))

    assert shop.types("incident", "bisect", "2") == (1, "")


def test_the_file_becomes_a_test_of_theirs_once(shop: Shop, tmp_path: Path):
    folder = tmp_path / "tests"
    folder.mkdir()
    theirs = "from shop.base import BaseTest\n\n\nclass Pricing(BaseTest):\n    def test_it(self):\n        pass\n"
    (folder / "test_pricing.py").write_text(theirs)
    (folder / "testing.py").write_text("PRICES = [1]\n")

    status, _ = shop.types("incident", "reproduce", "1", "--write", str(folder))
    again, _ = shop.types("incident", "reproduce", "1", "--write", str(folder))

    written = (folder / "test_inc_1_discount.py").read_text()
    compile(written, "written", "exec")
    assert "class FailingCall(unittest.TestCase):\n    def test_discount(self):\n        discount(200" in written
    assert (status, again) == (0, 1)
