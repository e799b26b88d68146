"""The proof as a whole, on a small shop with a real crash, in a real box."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from kintsugi.repair.proof import Crash, ProofSettings, Proposal, SandboxFailed, Unproven, prove
from kintsugi.repair.sandbox import Mechanism
from kintsugi.workflow.patch import Evidence, Tier
from tests.repair.programs import with_walls
from tests.world import boxes
from tests.world.patience import PATIENCE

DEFAULTED = "shop.py newly answers with a fixed value where it failed: order.get('discount', 0). Is that the right one?"
UNITTEST = ("python", "-m", "unittest")
PYTEST = ("pytest",)
SHOP = """\
def total(order):
    return order["price"] - order["discount"]


def label(order):
    return order["name"].title()
"""
FIXED = SHOP.replace('order["discount"]', 'order.get("discount", 0)')
WORKS = """\
import unittest

import shop


class Label(unittest.TestCase):
    def test_label(self):
        self.assertEqual(shop.label({"name": "tea"}), "Tea")

    def test_total(self):
        self.assertEqual(shop.total({"price": 5, "discount": 2}), 3)
"""
SHOWS = """\
import unittest

import shop


class Discount(unittest.TestCase):
    def test_no_discount(self):
        self.assertEqual(shop.total({"price": 5}), 5)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await with_walls(ProofSettings(UNITTEST, seconds=PATIENCE))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("")
    (tmp_path / "tests" / "test_works.py").write_text(WORKS)
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def a_patch(base: Path, shop: str = FIXED, test: str | None = SHOWS, **more: str | None) -> Proposal:
    files = {"shop.py": shop.encode()}
    others = {f"tests/{name}.py": None if text is None else text.encode() for name, text in more.items()}
    tests = {} if test is None else {"tests/test_shows.py": test.encode()}
    return Proposal(
        base, {**files, **others, **tests}, tests, crash=Crash("KeyError", "'discount'", "shop.py", "total")
    )


async def proven(proposal: Proposal, settings: ProofSettings) -> Evidence:
    return await prove(proposal, settings, progress=lambda _: None)


async def refusal_of(proposal: Proposal, settings: ProofSettings) -> Unproven:
    with pytest.raises(Unproven) as refused:
        await proven(proposal, settings)
    return refused.value


async def test_a_true_fix_goes_from_red_to_green(base: Path, settings: ProofSettings) -> None:
    steps: list[str] = []

    evidence = await prove(a_patch(base), settings, progress=steps.append)

    assert evidence.tier is Tier.E2
    assert evidence.says == (
        "Red to green: tests.test_shows.Discount.test_no_discount failed before and passes now. "
        "Tests that passed before: 2, none is lost. All 2 tests ran. The failing call itself was not made again."
    )
    assert evidence.red is not None
    assert evidence.green is not None
    assert "KeyError: 'discount'" in evidence.red.output
    assert (evidence.red.exit_status, evidence.green.exit_status) == (1, 0)
    assert "hostile actions contained" in evidence.box
    assert evidence.reproduced is True
    assert evidence.flags == (DEFAULTED,)
    assert steps[:3] == [
        "compiling the changed files",
        "running the regression test without the patch: tests/test_shows.py",
        "running the regression test with the patch",
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def no_walls() -> ProofSettings:
    asked = ProofSettings(UNITTEST, seconds=PATIENCE)
    return replace(asked, box=await boxes.a_box(asked.python, asked.limits, [Mechanism.LIMITS]))


async def test_where_there_are_no_walls_nothing_of_a_stranger_is_run(base: Path, no_walls: ProofSettings) -> None:
    evidence = await proven(a_patch(base), no_walls)

    assert (evidence.tier, evidence.red, evidence.green) == (Tier.E0, None, None)
    assert "no box with walls works on this machine" in evidence.says


async def test_a_trusted_patch_is_proven_without_walls_and_the_evidence_says_so(
    base: Path, no_walls: ProofSettings
) -> None:
    evidence = await proven(a_patch(base), replace(no_walls, without_walls=True))

    assert evidence.tier is Tier.E2
    assert evidence.box.startswith("limits only, no walls")


async def test_the_base_is_only_read(base: Path, settings: ProofSettings) -> None:
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}

    await proven(a_patch(base), settings)

    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before


async def test_pytest_tells_the_same_story(base: Path, settings: ProofSettings) -> None:
    test = "import shop\n\n\ndef test_none(tmp_path):\n    assert shop.total({'price': 5}) == 5\n"

    with_workers = (*PYTEST, "-p", "xdist", "-n", "2")  # which nobody would hear

    evidence = await proven(a_patch(base, test=test), replace(settings, test_command=with_workers))

    assert evidence.tier is Tier.E2
    assert "tests/test_shows.py::test_none failed before" in evidence.says


async def test_an_existing_failing_test_is_as_good_as_a_new_one(base: Path, settings: ProofSettings) -> None:
    (base / "tests" / "test_shows.py").write_text(SHOWS)
    proposal = replace(a_patch(base, test=None), failing=("tests/test_shows.py",))

    assert (await proven(proposal, settings)).tier is Tier.E2


@pytest.mark.parametrize("shows", [True, False], ids=["beside one that shows it", "alone"])
async def test_what_failed_once_before_and_passes_now_by_chance_speaks_neither_for_nor_against_a_patch(
    base: Path, settings: ProofSettings, shows: bool
) -> None:
    weather = base / "weather.txt"
    by_chance = SHOWS.replace('shop.total({"price": 5}), 5', 'open("weather.txt").read(), "fine"')
    (base / "tests" / "test_weather.py").write_text(by_chance)
    if shows:
        (base / "tests" / "test_shows.py").write_text(SHOWS)

    def changes(step: str) -> None:
        weather.write_text("rain" if step == "running all tests without the patch" else "fine")

    evidence = await prove(a_patch(base, test=None), settings, progress=changes)

    assert evidence.tier is (Tier.E2 if shows else Tier.E1)
    assert any("pass now shows nothing" in flag for flag in evidence.flags) is not shows
    assert "test_weather" not in evidence.says


async def test_a_test_that_was_there_and_turned_is_taken_as_it_is(base: Path, settings: ProofSettings) -> None:
    smoke = SHOWS.replace('self.assertEqual(shop.total({"price": 5}), 5)', 'shop.total({"price": 5})')
    (base / "tests" / "test_smoke.py").write_text(smoke)

    evidence = await proven(a_patch(base, test=None), settings)

    assert evidence.tier is Tier.E2
    assert evidence.reproduced is True


async def test_where_a_test_that_may_ask_nothing_cannot_be_tried_the_evidence_says_so(
    base: Path, settings: ProofSettings
) -> None:
    (base / "tests" / "__init__.py").write_text(
        "import os\nif open('weather.txt').read() == 'rain':\n    os._exit(3)\n"
    )
    (base / "weather.txt").write_text("fine")
    guarded = WORKS.replace(
        "        self.assertEqual(shop.total", "        if shop:\n            self.assertEqual(shop.total"
    )

    def ends_early(step: str) -> None:
        if step.startswith("running tests that may no longer ask anything"):
            (base / "weather.txt").write_text("rain")

    evidence = await prove(a_patch(base, test_works=guarded), settings, progress=ends_early)

    assert evidence.tier is Tier.E2
    assert "whether tests/test_works.py: Label.test_total can still fail could not be tried" in evidence.flags


async def test_without_a_test_that_shows_it_the_tier_is_lower(base: Path, settings: ProofSettings) -> None:
    evidence = await proven(a_patch(base, test=None), settings)

    assert evidence.tier is Tier.E1
    assert evidence.flags == (DEFAULTED, "no test shows that the failure is gone")


async def test_a_project_without_tests_has_the_lowest_tier(tmp_path: Path, settings: ProofSettings) -> None:
    (tmp_path / "shop.py").write_text(SHOP)

    evidence = await proven(a_patch(tmp_path, test=None), replace(settings, test_command=None))

    assert evidence.tier is Tier.E0
    assert "no test command is known" in evidence.says


async def test_what_does_not_compile_is_refused(base: Path, settings: ProofSettings) -> None:
    refused = await refusal_of(a_patch(base, shop=f"{FIXED}def (:\n"), settings)

    assert refused.reason == "the patch does not compile: SyntaxError: invalid syntax"


async def test_a_regression_test_in_which_there_is_no_test_is_refused(base: Path, settings: ProofSettings) -> None:
    for command in (UNITTEST, PYTEST):
        refused = await refusal_of(a_patch(base, test="assert True\n"), replace(settings, test_command=command))

        assert refused.reason == "the test runner finds no test in the regression test"


async def test_a_half_fix_is_refused_with_both_outputs(base: Path, settings: ProofSettings) -> None:
    refused = await refusal_of(a_patch(base, shop=SHOP.replace("return order", "return 0 + order", 1)), settings)

    assert refused.reason == "still failing with the patch: tests.test_shows.Discount.test_no_discount"
    assert refused.red is not None
    assert refused.green is not None
    assert "KeyError: 'discount'" in refused.green.output


async def test_half_of_two_regression_tests_is_not_enough(base: Path, settings: ProofSettings) -> None:
    two = f"{SHOWS}\n    def test_no_price(self):\n        self.assertEqual(shop.total({{}}), 0)\n"

    refused = await refusal_of(a_patch(base, test=two), settings)

    assert refused.reason == "still failing with the patch: tests.test_shows.Discount.test_no_price"


async def test_swallowing_among_other_changes_is_found_by_taking_it_away(base: Path, settings: ProofSettings) -> None:
    swallowing = 'def total(order):\n    try:\n        return order["price"] - order["discount"]\n'
    swallowing += '    except Exception:\n        return order["price"]\n'
    shop = swallowing + SHOP[SHOP.index("\n\ndef label") :].replace("title()", "title().strip()")

    refused = await refusal_of(a_patch(base, shop=shop), settings)

    assert refused.reason == (
        "only dropping the exception makes the test pass: shop.py:4 catches Exception and drops it"
    )


async def test_a_test_that_fails_by_chance_proves_nothing(base: Path, settings: ProofSettings) -> None:
    # It would have to fail and to pass in turn, seven times over: 3 in 100,000.
    drawn = "__import__('random').SystemRandom().randrange(3)"
    by_chance = SHOWS.replace('shop.total({"price": 5}), 5', f"{drawn}, 0")

    refused = await refusal_of(a_patch(base, shop=f"{SHOP}\n\nVERSION = 2\n", test=by_chance), settings)

    assert refused.reason.startswith(
        ("the regression test passes", "the regression test does not turn", "still failing")
    )


async def test_a_test_of_another_function_is_red_for_another_reason(base: Path, settings: ProofSettings) -> None:
    shop = SHOP.replace('order["name"].title()', '(order["name"] or "").title()')
    other = SHOWS.replace('shop.total({"price": 5}), 5', 'shop.label({"name": None}), ""')

    evidence = await proven(a_patch(base, shop=shop, test=other), settings)

    assert evidence.reproduced is False
    assert evidence.flags[0] == (
        "the test is red for another reason than the failure, which was KeyError in shop.py, total: "
        "tests.test_shows.Discount.test_no_discount by AttributeError"
    )


async def test_a_crash_that_the_program_answers_itself_is_reached_all_the_same(
    base: Path, settings: ProofSettings
) -> None:
    served = "\n\ndef serve(order):\n    try:\n        return 200, total(order)\n    except Exception:\n        return 500, None\n"
    (base / "shop.py").write_text(SHOP + served)
    test = SHOWS.replace('shop.total({"price": 5}), 5', 'shop.serve({"price": 5}), (200, 5)')

    evidence = await proven(a_patch(base, shop=FIXED + served, test=test), settings)

    assert evidence.reproduced is True


async def test_a_crash_that_the_test_catches_is_not_why_it_is_red(base: Path, settings: ProofSettings) -> None:
    caught = "try:\n            shop.total({'price': 5})\n        except KeyError:\n            pass\n        "
    test = SHOWS.replace("self.assertEqual(", f"{caught}self.assertEqual(").replace(
        'shop.total({"price": 5}), 5', 'getattr(shop, "VERSION", 1), 2'
    )

    evidence = await proven(a_patch(base, shop=f"{SHOP}\n\nVERSION = 2\n", test=test), settings)

    assert evidence.reproduced is False


async def test_without_a_failure_what_the_test_is_red_by_is_not_claimed(base: Path, settings: ProofSettings) -> None:
    evidence = await proven(replace(a_patch(base), crash=None), settings)

    assert evidence.reproduced is None
    assert evidence.flags[0] == "no failure was given: whether the test is red by it is not known"


async def test_a_failing_test_that_was_there_is_found_without_being_named(base: Path, settings: ProofSettings) -> None:
    (base / "tests" / "test_shows.py").write_text(SHOWS)

    evidence = await proven(a_patch(base, test=None), settings)

    assert (evidence.tier, evidence.reproduced) == (Tier.E2, True)


@pytest.mark.parametrize("command", [UNITTEST, PYTEST])
async def test_a_test_that_the_fix_renames_or_moves_is_paired_with_its_new_name(
    base: Path, settings: ProofSettings, command: tuple[str, ...]
) -> None:
    renamed = WORKS.replace("test_total", "test_total_with_discount")
    moved = {"test_works": None, "test_labels": renamed}

    evidence = await proven(a_patch(base, **moved), replace(settings, test_command=command))

    assert evidence.tier is Tier.E2
    assert any(flag.startswith("tests with another name or place: ") for flag in evidence.flags)


async def test_links_that_lead_out_of_the_tree_are_no_hindrance(
    base: Path, settings: ProofSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "test_away.py").write_text("raise SystemExit(0)\n")
    (base / "tests" / "test_away.py").symlink_to(outside / "test_away.py")
    (base / "gone").symlink_to("/nowhere/at/all")

    assert (await proven(a_patch(base), settings)).tier is Tier.E2


@pytest.mark.parametrize(
    ("old", "new"), [("shop.total({", "shop.total(sale={"), ('"Tea")', '"Tea", "a label")')], ids=["name", "message"]
)
async def test_tests_that_only_follow_the_patch_are_no_failed_attempt_to_show_it(
    base: Path, settings: ProofSettings, old: str, new: str
) -> None:
    followed = WORKS.replace(old, new)
    patch = a_patch(base, FIXED.replace("order", "sale"), test=None, test_works=followed)

    evidence = await proven(replace(patch, tests={"tests/test_works.py": followed.encode()}), settings)

    assert evidence.tier is Tier.E1
    assert "no test shows that the failure is gone" in evidence.flags


async def test_a_fix_that_breaks_another_test_is_refused(base: Path, settings: ProofSettings) -> None:
    refused = await refusal_of(a_patch(base, shop=FIXED.replace("title", "upper")), settings)

    assert refused.reason == "passed without the patch and not with it: tests.test_works.Label.test_label (failed)"
    assert refused.red is not None


async def test_a_test_that_is_skipped_when_it_runs_counts_as_lost(base: Path, settings: ProofSettings) -> None:
    shop = FIXED.replace("def label(order):", "def label(order):\n    import unittest\n    raise unittest.SkipTest")

    refused = await refusal_of(a_patch(base, shop=shop), settings)

    assert refused.reason == "passed without the patch and not with it: tests.test_works.Label.test_label (skipped)"


async def test_tests_that_settings_leave_out_are_lost_and_not_flaky(base: Path, settings: ProofSettings) -> None:
    patch = a_patch(base)
    only = replace(patch, files={**patch.files, "pytest.ini": b"[pytest]\npython_files = test_shows.py\n"})

    refused = await refusal_of(only, replace(settings, test_command=PYTEST))

    assert "passed without the patch and not with it: tests/test_works.py" in refused.reason


async def test_a_runner_that_is_ended_early_is_no_success(base: Path, settings: ProofSettings) -> None:
    shop = FIXED.replace("def label(order):", "def label(order):\n    import os\n    os._exit(0)")

    refused = await refusal_of(a_patch(base, shop=shop), settings)

    assert refused.reason == "the tests did not come to their end with the patch: the runner ended early"


async def test_a_package_that_is_not_here_is_no_evidence_for_or_against(base: Path, settings: ProofSettings) -> None:
    evidence = await proven(a_patch(base, test=f"import no_such_package_at_all\n{SHOWS}"), settings)

    assert evidence.tier is Tier.E0
    assert "no_such_package_at_all is not installed" in evidence.says


async def test_a_crash_at_import_is_mended_too(base: Path, settings: ProofSettings) -> None:
    (base / "shop.py").write_text(f"{SHOP}\n\nDEFAULT = total({{'price': 1}})\n")
    proposal = a_patch(base, shop=f"{FIXED}\n\nDEFAULT = total({{'price': 1}})\n")

    assert (await proven(proposal, settings)).tier is Tier.E2


async def test_a_test_that_never_ends_without_the_patch_is_red(base: Path, settings: ProofSettings) -> None:
    endless = "import time\n\n\ndef total(order):\n    while 'discount' not in order:\n        time.sleep(1)\n    return order['price']\n"
    (base / "shop.py").write_text(endless + SHOP[SHOP.index("\n\ndef label") :])
    (base / "tests" / "test_works.py").write_text(WORKS[: WORKS.index("    def test_total")])
    slower = f"import time\ntime.sleep(min(max(time.monotonic() - {time.monotonic()}, 0) / 16, 4))  # at each run"
    patch = a_patch(base, test=f"{slower}\n{SHOWS}")

    evidence = await proven(patch, replace(settings, seconds=120))  # of which a quarter is spent: it waits

    assert evidence.tier is Tier.E2
    assert evidence.red is not None
    assert evidence.red.exit_status is None


async def test_a_test_that_is_only_slow_without_the_patch_is_not_red(base: Path, settings: ProofSettings) -> None:
    slow = f"{SHOWS}\n\nimport time\ntime.sleep(4)\n"  # by then a quarter of all the time is over
    (base / "shop.py").write_text(FIXED)

    evidence = await proven(a_patch(base, shop=f"{FIXED}\nKNOWN = 1\n", test=slow), replace(settings, seconds=12))

    assert evidence.tier is Tier.E0
    assert "Give it more time" in evidence.says


async def test_a_patch_whose_tests_leave_a_daemon_is_flagged(base: Path, settings: ProofSettings) -> None:
    daemon = "\n\nimport subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"

    evidence = await proven(a_patch(base, shop=FIXED + daemon), settings)

    assert "processes its tests leave behind, now killed: 1" in evidence.flags


async def test_an_exit_status_alone_proves_nothing(base: Path, settings: ProofSettings) -> None:
    (base / "Makefile").write_text(f"test:\n\t{sys.executable} -m unittest discover -s tests -t .\n")

    evidence = await proven(a_patch(base), replace(settings, test_command=("make", "test")))

    assert evidence.tier is Tier.E0
    assert evidence.says.startswith("It applies; `make test` fails without it and ends well with it.")
    assert evidence.red is not None
    assert evidence.red.exit_status == 2


async def test_a_path_out_of_the_tree_is_refused(base: Path, settings: ProofSettings) -> None:
    proposal = a_patch(base)
    outside = replace(proposal, files={**proposal.files, "../outside.py": b"x = 1\n"})

    assert "leads out of the tree" in (await refusal_of(outside, settings)).reason


async def test_a_box_that_fails_says_nothing_about_the_patch(base: Path) -> None:
    with pytest.raises(SandboxFailed, match="no interpreter for the tests"):
        await proven(a_patch(base), ProofSettings(python=Path("/no/such/python")))


async def test_a_cancelled_proof_stops(base: Path, settings: ProofSettings) -> None:
    begun = asyncio.Event()
    running = asyncio.create_task(prove(a_patch(base), settings, progress=lambda _: begun.set()))
    await begun.wait()

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert running.cancelled()
