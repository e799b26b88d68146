"""Code is found by the words of a report, where nothing crashed."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.repair.context import build_context, index_of, tokens_in
from kintsugi.repair.context.by_words import WordIndex, pointed_at
from kintsugi.repair.context.sources import Commit, Sources, sources_at
from kintsugi.workflow.payload import About, Occurred, Payload
from tests.repair.test_context import commit_all, git, shown

CHART = '''\
"""Pictures for the monthly mail."""


def drawPanel(rows):
    return "\\n".join(rows)


@bot.command(name="month-chart")
def month_chart(today):
    """The chart of a month."""
    return drawPanel(rows_of(today.month - 1))
'''
STOCK = """\
import logging

log = logging.getLogger("shop.stock")


def reserve(item, count):
    log.warning("too few left of %s", item)
    return item.left - count


def cheapest(items):
    return max(items, key=price)
"""
PLAIN = "def alpha():\n    return 1\n\n\ndef beta():\n    return 2\n"
TEST = """\
def test_the_shelf_is_never_oversold():
    assert reserve(item, 3) == 0
"""


def a_tree(**files: str) -> Sources:
    texts = {"shop/chart.py": CHART, "shop/stock.py": STOCK, "shop/plain.py": PLAIN, "tests/test_stock.py": TEST}
    return Sources(Path(), None, texts | files)


def first(report: str, *, log: tuple[str, ...] = (), commits: tuple[Commit, ...] = ()) -> str:
    found = WordIndex(a_tree(), commits).ranked(report, log)
    return found[0].unit.name if found else ""


def told(words: str, **more: object) -> Payload:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    about = About(fingerprint="v2:0", summary=words, opened_by="cli:alice")
    return Payload(incident=about, occurred=Occurred(first=now, last=now), **more)


@pytest.mark.parametrize(
    ("report", "found"),
    [
        ("The month chart shows last month", "month_chart"),  # the command, and the function
        ("the panel is drawn upside down", "drawPanel"),  # camelCase, and another form of the word
        ("it says TOO FEW LEFT although the shop is full", "reserve"),  # what the program says
        ("Shelves are oversold", "reserve"),  # as only its test speaks of it
        ("the cheapest item is the dearest", "cheapest"),
    ],
)
def test_a_function_is_found_by_what_a_person_calls_it(report: str, found: str):
    assert first(report) == found


def test_a_commit_that_speaks_of_it_leads_to_what_it_changed():
    commit = Commit("c0ffee0", "2026-11-01", "Rounding of invoices: half up", ("shop/plain.py",))

    index = WordIndex(a_tree(), (commit,))

    assert index.places("invoices are rounded wrongly") == []  # no unit says so: a commit alone shows nothing
    assert {one.unit.path for one in index.ranked("alpha of invoices")} == {"shop/plain.py"}


def test_log_lines_that_speak_of_it_too_count():
    lines = (
        json.dumps({"logger": "shop.stock", "msg": "too few left of 7 in the order of bob"}),
        json.dumps({"logger": "shop.web", "msg": "GET /health 200"}),
    )

    assert first("bob gets nothing") == ""
    assert first("bob gets nothing", log=lines) == "reserve"
    assert first("alice gets nothing", log=lines) == ""  # none of them speaks of her


@pytest.mark.parametrize("report", ["", "   ", "it is not as it should be", "??? !!!", '"', "NEAR(", "* AND OR NOT -"])
def test_words_that_say_nothing_find_nothing_and_break_nothing(report: str):
    assert first(report) in ("", "month_chart", "reserve")


@given(st.text(max_size=200))
def test_any_text_may_be_asked_for(report: str):
    for ranked in _INDEX.ranked(report, (report,)):
        assert ranked.weight > 0


_INDEX = WordIndex(a_tree())


def test_of_a_long_function_the_part_is_shown_that_speaks_of_it():
    body = "".join(f"    step_{number}()\n" for number in range(300))
    long = f"def settle():\n{body}    total = discount_of(basket)\n{body}    return total\n"

    found = WordIndex(a_tree(**{"shop/long.py": long})).ranked("the discount of a basket")[0].unit

    assert (found.path, found.name) == ("shop/long.py", "settle")
    assert found.holds(302)
    assert found.lines <= 40


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("shop/chart.py:month_chart", ["month_chart"]),
        ("shop/chart.py:10", ["month_chart"]),
        ("shop/plain.py", ["alpha", "beta"]),
        ("shop/plain.py:gone", ["alpha", "beta"]),
        ("../etc/passwd:root", []),
        ("", []),
    ],
)
def test_a_place_is_a_function_a_line_or_a_file(place: str, names: list[str]):
    assert [one.unit.name for one in pointed_at(place, a_tree())] == names


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for path, text in a_tree().texts.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    git(tmp_path, "init", "-q")
    commit_all(tmp_path, "All of it")
    return tmp_path


def test_a_report_in_words_is_shown_its_code_at_the_build_that_ran(shop: Path):
    build = git(shop, "rev-parse", "HEAD").strip()
    (shop / "shop/chart.py").write_text("")
    commit_all(shop, "No charts any more")

    context = build_context(told("The chart shows last month", build={"sha": build}), shop)

    assert {8, 9, 11} <= shown(context, "shop/chart.py")
    assert "no stack says where" in context.text
    assert context.commit == build


def test_where_a_person_points_comes_first(shop: Path):
    context = build_context(told("The chart shows last month", pointed="shop/plain.py:beta"), shop)

    assert (context.regions[0].path, context.regions[0].start, context.regions[0].end) == ("shop/plain.py", 5, 6)
    assert context.regions[0].why == "where the report points"


@pytest.mark.parametrize("tokens", [1, 60, 130, 400])
def test_the_budget_holds(shop: Path, tokens: int):
    assert tokens_in(build_context(told("chart of the stock"), shop, tokens=tokens).text) <= tokens


def test_secrets_in_the_code_stay_here(shop: Path):
    secret = "-".join(("ghp", "x" * 3)).replace("-", "_") + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6"
    (shop / "shop/keys.py").write_text(f'def upload_chart():\n    token = "{secret}"\n')

    assert secret not in build_context(told("uploading a chart"), shop).text


def test_the_newest_commits_are_read_with_what_they_changed(shop: Path):
    (shop / "shop/plain.py").write_text("def gamma():\n    return 3\n")
    commit_all(shop, "Gamma rays: in colour")

    (newest, oldest) = sources_at(shop, "HEAD").newest_commits()

    assert (newest.subject, newest.paths) == ("Gamma rays: in colour", ("shop/plain.py",))
    assert (oldest.subject, len(oldest.paths)) == ("All of it", 4)


def test_a_folder_without_git_has_its_words_too(tmp_path: Path):
    (tmp_path / "app.py").write_text(CHART)

    assert index_of(tmp_path, None).places("month chart")[0] == "app.py:month_chart"
