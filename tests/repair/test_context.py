"""What the model is shown for a failure: the right regions, in order, within the budget, of this project alone."""

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.repair.context import Context, ContextError, build_context, tokens_in
from kintsugi.repair.context.index import parse
from kintsugi.workflow.payload import Failure, Frame, Raised

PRICING = '''\
"""Prices."""

import math

from shop.tax import rate_of

ROUNDING = 2
UNRELATED = {"colour": "gold"}


class Basket:
    """What is bought."""

    def __init__(self, items):
        self.items = items

    def total(self, country):
        net = sum(item["price"] for item in self.items)
        return round(net * rate_of(country), ROUNDING)

    def describe(self):
        return ", ".join(self.items)


def far_away():
    return math.pi
'''
TAX = """\
RATES = {"DE": 1.19}


def rate_of(country):
    return RATES[country]


def never_called():
    return 0
"""
WEB = """\
from shop.pricing import Basket


def checkout(request):
    return Basket(request["items"]).total(request["country"])


def other_page(request):
    return Basket([]).total("DE")
"""
TEST = """\
from shop.pricing import Basket


def test_total():
    assert Basket([]).total("DE") == 0
"""
STACK = (("shop/web.py", 5, "checkout"), ("shop/pricing.py", 19, "total"), ("shop/tax.py", 5, "rate_of"))


@pytest.fixture
def shop(tmp_path):
    files = {"shop/pricing.py": PRICING, "shop/tax.py": TAX, "shop/web.py": WEB, "tests/test_pricing.py": TEST}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    return subprocess.run(["git", "-C", folder, *who, *arguments], capture_output=True, text=True, check=True).stdout


def commit_all(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD").strip()


def failure_at(*frames: tuple[str, int, str], message: str = "'FR'") -> Failure:
    made = tuple(Frame(path=path, line=line, function=function, in_project=True) for path, line, function in frames)
    return Failure(chain=(Raised(type="KeyError", message=message, frames=made),))


def shown(context: Context, path: str) -> set[int]:
    return {line for one in context.regions if one.path == path for line in range(one.start, one.end + 1)}


def test_every_function_on_the_stack_is_shown_whole_the_innermost_first(shop):
    context = build_context(failure_at(*STACK), shop)

    assert context.regions[0].path == "shop/tax.py"
    assert shown(context, "shop/tax.py") >= {4, 5}
    assert shown(context, "shop/pricing.py") >= {17, 18, 19}
    assert shown(context, "shop/web.py") >= {4, 5}


def test_the_constant_that_the_failing_line_reads_comes_with_it(shop):
    context = build_context(failure_at(*STACK), shop, tokens=200)

    assert shown(context, "shop/tax.py") >= {1, 4, 5}


def test_a_function_that_is_called_is_shown(shop):
    stack = failure_at(("shop/pricing.py", 19, "total"))

    assert shown(build_context(stack, shop), "shop/tax.py") >= {4, 5}


def test_callers_and_tests_come_last(shop):
    context = build_context(failure_at(("shop/pricing.py", 19, "total")), shop)

    paths = [region.path for region in context.regions]
    assert paths[0] == "shop/pricing.py"
    assert shown(context, "shop/web.py") >= {8, 9}
    assert shown(context, "tests/test_pricing.py") >= {4, 5}
    assert paths[-1] == "tests/test_pricing.py"


def test_a_test_on_the_stack_gives_way_to_the_program(shop):
    context = build_context(
        failure_at(("shop/pricing.py", 19, "total"), ("tests/test_pricing.py", 5, "test_total")), shop
    )

    assert context.regions[0].path == "shop/pricing.py"


def test_each_region_is_verbatim_below_its_place(shop):
    context = build_context(failure_at(*STACK), shop)

    for region in context.regions:
        lines = (shop / region.path).read_text().splitlines()[region.start - 1 : region.end]
        body = "\n".join(lines)
        assert f"=== {region.path}:{region.start}-{region.end} ({region.why})\n{body}\n" in context.text


def test_regions_do_not_overlap(shop):
    regions = build_context(failure_at(*STACK), shop).regions

    lines = [(region.path, line) for region in regions for line in range(region.start, region.end + 1)]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("tokens", [0, 1, 60, 80, 160, 240, 400, 8_000])
def test_the_budget_is_kept(shop, tokens):
    git(shop, "init", "-q")
    commit_all(shop, "a long subject " * 20)

    assert tokens_in(build_context(failure_at(*STACK), shop, tokens=tokens).text) <= tokens


def test_the_text_is_that_of_the_asked_commit(shop):
    git(shop, "init", "-q")
    first = commit_all(shop, "first")
    (shop / "shop" / "tax.py").write_text(TAX.replace("RATES[country]", "RATES.get(country)"))
    commit_all(shop, "second")

    assert "RATES[country]" in build_context(failure_at(*STACK), shop, rev=first).text
    assert "RATES.get(country)" in build_context(failure_at(*STACK), shop, rev="HEAD").text
    assert build_context(failure_at(*STACK), shop, rev=first).commit == first


def test_the_newest_commits_on_the_failing_lines_are_named(shop):
    git(shop, "init", "-q")
    commit_all(shop, "first of all")
    (shop / "shop" / "tax.py").write_text(TAX.replace("RATES[country]", "RATES[country.upper()]"))
    commit_all(shop, "accept lower case countries")

    assert "accept lower case countries" in build_context(failure_at(*STACK), shop, rev="HEAD").text


def test_a_bare_repository_is_read_at_its_head(shop, tmp_path):
    git(shop, "init", "-q")
    commit_all(shop, "first")
    git(tmp_path, "clone", "-q", "--bare", str(shop), str(tmp_path / "bare.git"))

    assert build_context(failure_at(*STACK), tmp_path / "bare.git").regions[0].path == "shop/tax.py"


@pytest.mark.parametrize("options", [(), ("--bare",)])
def test_an_empty_repository_shows_nothing(tmp_path, options):
    git(tmp_path, "init", "-q", *options)

    assert build_context(failure_at(*STACK), tmp_path).regions == ()


def test_an_absent_folder_or_commit_is_said(shop):
    with pytest.raises(ContextError, match="There is no folder"):
        build_context(failure_at(*STACK), shop / "absent")
    git(shop, "init", "-q")
    with pytest.raises(ContextError, match="has no commit"):
        build_context(failure_at(*STACK), shop, rev="0ldc0de")
    with pytest.raises(ContextError, match="has no commit"):
        build_context(failure_at(*STACK), shop, rev="--output=/tmp/x")


def test_nothing_outside_the_project_is_read(shop, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "hidden.py").write_text("def hidden():\n    return 'outside'\n")
    (shop / "link.py").symlink_to(outside / "hidden.py")
    (shop / "folder").symlink_to(outside)
    climbing = f"../{outside.name}/hidden.py"
    stack = failure_at(
        (climbing, 2, "a"), (str(outside / "hidden.py"), 2, "b"), ("link.py", 2, "c"), ("folder/hidden.py", 2, "d")
    )

    context = build_context(stack, shop)

    assert context.regions == ()
    assert "outside" not in context.text


def test_a_tracked_folder_that_became_a_link_is_not_followed(shop, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "tax.py").write_text("SECRET = 'outside'\n")
    git(shop, "init", "-q")
    commit_all(shop, "first")
    (shop / "shop").rename(shop / "moved")
    (shop / "shop").symlink_to(outside)

    assert "outside" not in build_context(failure_at(*STACK), shop).text


def test_binary_and_huge_files_are_passed_over(shop):
    (shop / "shop" / "tax.py").write_bytes(b"\0" * 100)
    (shop / "shop" / "web.py").write_text("x = 1\n" * 200_000)

    assert {region.path for region in build_context(failure_at(*STACK), shop).regions}.isdisjoint(
        {"shop/tax.py", "shop/web.py"}
    )


def test_a_file_that_does_not_parse_is_shown_around_the_frame(shop):
    (shop / "shop" / "tax.py").write_text("print 'old'\n" * 300)

    lines = shown(build_context(failure_at(("shop/tax.py", 150, "f")), shop), "shop/tax.py")

    assert lines >= set(range(145, 156))


def test_other_languages_are_shown_around_the_frame(shop):
    (shop / "index.js").write_text("\n".join(f"line({at})" for at in range(1, 400)))

    assert 200 in shown(build_context(failure_at(("index.js", 200, "f")), shop), "index.js")


def test_a_long_function_is_shown_around_the_failing_line(shop):
    body = "\n".join(f"    x{at} = {at}" for at in range(5_000))
    (shop / "shop" / "tax.py").write_text(f"def rate_of(country):\n{body}\n")

    lines = shown(build_context(failure_at(("shop/tax.py", 3_000, "rate_of")), shop, tokens=2_000), "shop/tax.py")

    assert lines >= set(range(2_950, 3_050))


def test_a_failure_outside_the_project_shows_nothing(shop):
    frame = Frame(path="/usr/lib/python3.11/json/decoder.py", line=1, function="decode")
    failure = Failure(chain=(Raised(type="ValueError", frames=(frame,)),))

    assert build_context(failure, shop).regions == ()


def test_secrets_in_the_source_are_not_shown(shop):
    secret = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345"
    (shop / "shop" / "tax.py").write_text(TAX.replace('{"DE": 1.19}', f'{{"DE": "{secret}"}}'))

    assert secret not in build_context(failure_at(*STACK), shop).text


def test_a_line_beyond_the_end_of_its_file_is_no_fault(shop):
    context = build_context(failure_at(("shop/tax.py", 4_000, "rate_of")), shop)

    assert context.text


def test_units_cover_what_they_name():
    units = {(unit.kind, unit.name): (unit.start, unit.end) for unit in parse("shop/pricing.py", PRICING).units}

    assert units["imports", ""] == (3, 5)
    assert units["class", "Basket"] == (11, 12)
    assert units["function", "total"] == (17, 19)
    assert units["function", "far_away"] == (25, 26)


@given(st.text(max_size=300))
def test_any_text_is_cut_into_units_that_do_not_overlap(text):
    units = parse("a.py", text).units

    for above, below in pairwise(units):
        assert above.start <= above.end < below.start
