"""The failing call in a real box: made again before any model is asked, and in the proof of a patch."""

from __future__ import annotations

import importlib
import inspect
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from kintsugi.capture.live import from_exception
from kintsugi.capture.shown import shown_call
from kintsugi.capture.source import lines_of, locate
from kintsugi.repair.capsule import Made, failing_call, make, reproduced
from kintsugi.repair.languages.results import Crash, Ending, TestResult
from kintsugi.repair.languages.results import Failure as ItsFailure
from kintsugi.repair.proof import ProofSettings, Proposal, Unproven, prove
from kintsugi.repair.referee import crash_of
from kintsugi.repair.sandbox import Outcome, ground
from kintsugi.telemetry.capsule import helpers, record
from kintsugi.workflow.patch import Evidence, Reproduction, Rerun, Run, Tier
from kintsugi.workflow.payload import Capsule, Failure
from tests.repair.programs import with_walls
from tests.world.patience import PATIENCE

TILL = """\
import os


class Order:
    def __init__(self, price, code=None, file=None):
        self.price, self.code, self.file = price, code, file

    def total(self, codes):
        return self.price - reduction(codes, self.code)

    def kept(self):
        return self.file.read() + 1

    def here(self):
        return {}[os.environ["TILL_IS"]]


def reduction(codes, code):
    return codes[code]


class Unsold(Exception):
    pass
"""
FIXED = TILL.replace("codes[code]", "codes.get(code, 0)")
BESIDE = """return "" + 1"""
SWALLOWED = TILL.replace(
    "        return self.price - reduction(codes, self.code)",
    "        try:\n            return self.price - reduction(codes, self.code)\n        except KeyError:\n            pass",
)
WORKS = """\
import unittest

import src_of_till


class Works(unittest.TestCase):
    def test_total(self):
        self.assertEqual(src_of_till.Order(5, "a").total({"a": 2}), 3)
"""
SHOWS = WORKS.replace("test_total", "test_no_code").replace('Order(5, "a")', "Order(5)").replace("2}), 3", "2}), 5")
ELSEWHERE = WORKS.replace("test_total", "test_other").replace(
    "self.assertEqual", 'self.assertEqual(src_of_till.reduction({}, "b"), 0)\n        self.assertEqual'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await with_walls(ProofSettings(("python", "-m", "unittest"), seconds=PATIENCE))


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("")
    (tmp_path / "tests" / "test_works.py").write_text(WORKS)
    (tmp_path / "src_of_till.py").write_text(TILL)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("TILL_IS", "there")
    yield tmp_path
    sys.modules.pop("src_of_till", None)


def crashed(base: Path, method: str = "total", *given: object) -> tuple[Failure, Capsule]:
    """A crash of the program in this process, as it is captured."""
    till = importlib.import_module("src_of_till")
    with (base / "tests" / "test_works.py").open() as file:
        order = till.Order(5, file=file)
        with pytest.raises((KeyError, TypeError, AttributeError, ValueError)) as seen:
            getattr(order, method)(*given)
        found = record(seen.value, is_project=lambda path: path == till.__file__)
    assert found
    capsule = Capsule(module=found.module, function=found.function, source=found.source, why_not=found.why_not)
    return locate(from_exception(seen.value), base), capsule


async def made_again(base: Path, settings: ProofSettings, failure: Failure, capsule: Capsule) -> Reproduction:
    assert settings.box
    return await reproduced(
        capsule, failure, crash_of(failure), base, settings.in_box(settings.box), commit="c0ffee" * 6
    )


async def test_the_call_fails_in_the_same_way_in_the_box(base: Path, settings: ProofSettings) -> None:
    found = await made_again(base, settings, *crashed(base, "total", {"a": 2}))

    assert found.rerun is Rerun.REPRODUCED
    assert found.says.startswith("src_of_till.Order.total fails in the same way at c0ffeec0ff, in ")


async def test_what_was_not_written_down_is_the_reason(base: Path, settings: ProofSettings) -> None:
    failure, capsule = crashed(base, "kept")
    found = await made_again(base, settings, failure, capsule)
    bare = "try:\n            return self.file.read() + 1\n        except:\n            return 0"
    (base / "src_of_till.py").write_text(TILL.replace("return self.file.read() + 1", bare))
    caught = await made_again(base, settings, failure, capsule)
    (base / "src_of_till.py").write_text(TILL.replace("return self.file.read() + 1", bare.replace("return 0", BESIDE)))
    fails_alike = await made_again(base, settings, failure, capsule)
    in_c = "try:\n            return ''.join([self.file])\n        except Exception:\n            return 0"
    (base / "src_of_till.py").write_text(TILL.replace("return self.file.read() + 1", in_c))
    by_code_in_c = await made_again(base, settings, failure, capsule)

    for each in (found, caught, fails_alike, by_code_in_c):
        assert (each.rerun, each.ends_well) == (Rerun.NOT_REPRODUCIBLE, False)
    for each in (found, caught, fails_alike):
        assert each.why == "file: a _io.TextIOWrapper, which holds more than can be seen"
    assert by_code_in_c.why.startswith("a value that could not be written down: sequence item 0")


async def test_another_failure_is_said_to_be_one(base: Path, settings: ProofSettings) -> None:
    found = await made_again(base, settings, *crashed(base, "here"))

    assert found.rerun is Rerun.OTHER_FAILURE
    assert found.why == "KeyError: 'TILL_IS'"


async def test_a_call_that_ends_well_is_not_reproduced(base: Path, settings: ProofSettings) -> None:
    failure, capsule = crashed(base, "total", {"a": 2})
    (base / "src_of_till.py").write_text(FIXED)

    found = await made_again(base, settings, failure, capsule)

    assert found.rerun is Rerun.NOT_REPRODUCIBLE
    assert found.why.startswith("the call ends well here")


async def test_a_module_that_is_not_there_is_said(base: Path, settings: ProofSettings) -> None:
    failure, capsule = crashed(base, "total", {"a": 2})
    (base / "src_of_till.py").unlink()

    found = await made_again(base, settings, failure, capsule)

    assert found.rerun is Rerun.NOT_REPRODUCIBLE


async def test_a_secret_says_so(base: Path, settings: ProofSettings) -> None:
    found = await made_again(base, settings, *crashed(base, "total", {"password": "correct-horse-battery"}))

    assert (found.rerun, found.why[:8]) == (Rerun.NOT_REPRODUCIBLE, "a secret")


async def test_a_call_that_a_report_shows_is_made_in_part(base: Path, settings: ProofSettings) -> None:
    with pytest.raises(KeyError) as seen:
        importlib.import_module("src_of_till").reduction({"a": 2}, None)
    failure = locate(from_exception(seen.value), base)
    capsule = shown_call(failure, lines_of(base, None))
    assert capsule

    found = await made_again(base, settings, failure, capsule)
    call = failing_call(capsule, failure, crash_of(failure))
    evidence = await proven(
        Proposal(base, {"src_of_till.py": FIXED.encode()}, crash=crash_of(failure), call=call), settings
    )

    assert found.rerun is Rerun.REPRODUCED
    assert found.words.endswith("before any model was asked (in part: as far as the report shows the call).")
    assert "src_of_till.reduction (in part: as far as the report shows the call), failed before" in evidence.says


async def test_a_call_in_part_refuses_no_patch_and_is_said_to_be_in_part(base: Path, settings: ProofSettings) -> None:
    failure, whole = crashed(base, "total", {"a": 2})
    capsule = whole.model_copy(update={"in_part": "the call around it, serve, holds a secret: a value"})
    call, part = failing_call(capsule, failure, crash_of(failure)), f"total (in part: {capsule.in_part})"
    swallowed = SWALLOWED.replace("import os\n", "import os\nimport sys\n\nsys.path\n")
    rejecting = TILL.replace("    return codes[code]", REJECTED["a check before"])

    swallows, rejects = [
        await proven(Proposal(base, {"src_of_till.py": text.encode()}, crash=crash_of(failure), call=call), settings)
        for text in (swallowed, rejecting)
    ]

    assert (swallows.tier, rejects.tier) == (Tier.E1, Tier.E1)
    assert any("only dropping the exception" in flag and part in flag for flag in swallows.flags)
    assert f"{part}, failed before and is rejected on purpose" in rejects.says


def a_proposal(base: Path, program: str, test: str | None) -> Proposal:
    failure, capsule = crashed(base, "total", {"a": 2})
    crash = crash_of(failure)
    tests = {"tests/test_shows.py": test.encode()} if test else {}
    call = failing_call(capsule, failure, crash)
    return Proposal(base, {"src_of_till.py": program.encode(), **tests}, tests, crash=crash, call=call)


async def proven(proposal: Proposal, settings: ProofSettings) -> Evidence:
    return await prove(proposal, settings, progress=lambda _: None)


async def test_the_failing_call_turns_green_with_a_true_fix(base: Path, settings: ProofSettings) -> None:
    evidence = await proven(a_proposal(base, FIXED, SHOWS), settings)

    assert (evidence.tier, evidence.reproduced) == (Tier.E2, True)
    assert evidence.says.startswith(
        "The failing call itself, src_of_till.Order.total, failed before and ends well now."
    )


async def test_without_a_test_the_call_is_evidence_and_a_human_is_told(base: Path, settings: ProofSettings) -> None:
    evidence = await proven(a_proposal(base, FIXED, None), settings)

    assert (evidence.tier, evidence.reproduced) == (Tier.E2, True)
    assert "no test asserts what the failing call should give" in evidence.flags


async def test_a_swallow_that_only_moves_the_handler_stays_red(base: Path, settings: ProofSettings) -> None:
    beside = SWALLOWED.replace('"there"', '"here"').replace("import os\n", "import os\nimport sys\n\nsys.path\n")

    with pytest.raises(Unproven) as refused:
        await proven(a_proposal(base, beside, None), settings)

    assert "dropping the exception" in refused.value.reason


async def test_a_patch_that_leaves_the_call_failing_is_refused(base: Path, settings: ProofSettings) -> None:
    half = TILL.replace("return codes[code]", 'return 0 if code == "b" else codes[code]')

    with pytest.raises(Unproven, match="fails with the patch as it did without: KeyError: None"):
        await proven(a_proposal(base, half, ELSEWHERE), settings)


async def test_a_patch_of_what_made_the_object_is_for_a_human_to_judge(base: Path, settings: ProofSettings) -> None:
    maker = TILL.replace("price, code, file\n", 'price, code or "a", file\n')
    default = TILL.replace("code=None", 'code="a"')

    for patch, how in ((maker, "of what they held"), (default, "with its own defaults")):
        evidence = await proven(a_proposal(base, patch, None), settings)

        said = f"still fails on the objects as they were; it ends well on objects that their own __init__ makes {how}:"
        assert evidence.tier is Tier.E1
        assert any(said in flag for flag in evidence.flags), (patch, evidence.flags)


WITH_MORE = TILL.replace("price, code, file\n", "price, code, file\n        self.without = 0\n")
MENDED_BY_MORE = WITH_MORE.replace("- reduction(codes, self.code)", "- codes.get(self.code, self.without)")
NOT_MENDED_BY_MORE = {
    "it still fails": WITH_MORE.replace("- reduction(", "- self.without - reduction("),
    "the exception is dropped": SWALLOWED.replace("file\n", "file\n        self.without = 0\n", 1).replace(
        "        try:", "        self.without\n        try:"
    ),
}


async def test_a_patch_that_gives_an_object_one_more_attribute_is_tried_on_objects_that_have_it(
    base: Path, settings: ProofSettings
) -> None:
    evidence = await proven(a_proposal(base, MENDED_BY_MORE, None), settings)

    assert evidence.tier is Tier.E2
    assert "have what their __init__ gives them now besides), failed before and ends well now" in evidence.says
    assert any("comes to an attribute that they do not have; it ends well where" in flag for flag in evidence.flags)
    for lie, program in NOT_MENDED_BY_MORE.items():
        try:
            evidence = await proven(a_proposal(base, program, None), settings)
        except Unproven as refused:
            assert "fails with the patch as it did" in refused.reason or "dropping" in refused.reason, lie
        else:
            pytest.fail(f"{lie}: {evidence.says}")


class Child:
    """What its `__init__` gives an object besides `parent`; and what else that changes."""

    def __init__(self, parent: list[object]) -> None:
        self.parent, self.size, self.first, self.lock = parent, len(parent), parent[0], threading.Lock()
        parent.clear()


class ChildOfSlots:
    __slots__ = ("parent", "size")

    def __init__(self, parent: list[object]) -> None:
        self.parent, self.size = parent, len(parent)


class ChildOfNew(Child):
    def __new__(cls, parent: list[object]) -> ChildOfNew:
        return object.__new__(cls)

    def __getattr__(self, name: str) -> object:
        raise AttributeError(name)


class ChildInList(list[object]):
    def __init__(self, *items: object, parent: list[object] | None = None) -> None:
        self.parent, self.size = parent, len(parent or ())
        self.extend(parent or ())


class Childless:
    def __init__(self, parent: list[object]) -> None:
        self.size = 1
        raise ValueError(parent)


def test_what_an_object_is_given_besides_changes_nothing_of_what_was_written_down() -> None:
    names: dict[str, Any] = {"inspect": inspect}
    exec(helpers.HELPERS["new"], names)
    for name in ("with_state", "rebuilt", "filled"):
        exec(helpers.WITH_MORE[name], names)
    for kind, size in {Child: 1, ChildOfSlots: 1, ChildOfNew: 1, ChildInList: 1, Childless: None}.items():
        item = object()
        parent = [item]

        made = (names["filled"], kind, list) if kind is ChildInList else (names["rebuilt"], kind)
        one = made[0](*made[1:], parent=parent)

        assert one.parent is parent, kind
        assert parent == [item], kind
        assert getattr(one, "size", None) == size, kind
        assert not isinstance(one, Child) or (one.first is item and one.lock.acquire(blocking=False)), kind
        assert not isinstance(one, list) or list(one) == [], kind


def test_two_messages_are_the_same_whatever_the_order_of_a_list_but_not_with_other_words_at_a_place() -> None:
    same = (
        ("not one of mug, tea, pot", "not one of tea, pot, mug"),
        ("unknown: {Mug, Tea of the house, Pot}", "unknown: {Tea of the house, Pot, Mug}"),
        ("frozenset({a, b}) is too much", "frozenset({b, a}) is too much"),
        ("{(a, b), (c, d)}", "{(c, d), (a, b)}"),
        ("{frozenset({x, y}), k}", "{k, frozenset({y, x})}"),
        ("no such keys: [b, a].", "no such keys: [a, b]."),
        ("no fields b, a.", "no fields a, b."),
    )
    other = (
        ("expected int, got str", "expected str, got int"),
        ("x must be an int, not a str", "x must be a str, not an int"),
        ("no way from a to b, c", "no way from c to b, a"),
        ("{a: b, c: d}", "{a: d, c: b}"),
        ("{(a, b)}", "{(b, a)}"),
        ("f(a, b)", "f(b, a)"),
        ("[a, b] is not in [c, d]", "[a, c] is not in [b, d]"),
    )
    outcome = Outcome(Run((), 1, 1.0, ""), None, 0)
    for pairs, are_same in ((same, True), (other, False)):
        for one, another in pairs:
            failure = ItsFailure("ValueError", one, assertion=False, frames=())
            made = Made(TestResult("", "", Ending.FAILED, failure), outcome)
            assert made.fails_by(Crash("ValueError", another)) is are_same, (one, another)


async def test_a_list_of_words_that_comes_in_any_order_is_the_same_message(base: Path, settings: ProofSettings) -> None:
    said = "raise ValueError('not one of ' + ', '.join(sorted(codes, reverse=LAST)))"
    program = TILL.replace("return codes[code]", said)
    (base / "src_of_till.py").write_text(program.replace("import os\n", "LAST = True\n"))
    failure, capsule = crashed(base, "total", {"mug": 2, "tea": 3, "pot": 4})
    (base / "src_of_till.py").write_text(program.replace("import os\n", "LAST = False\n"))
    changed = capsule.model_copy(update={"source": capsule.source.replace('"tea"', '"jug"')})

    found = await made_again(base, settings, failure, capsule)
    other = await made_again(base, settings, failure, changed)

    assert (found.rerun, other.rerun) == (Rerun.REPRODUCED, Rerun.OTHER_FAILURE)


REJECTED = {
    "a check before": (
        "    if code not in codes:\n        raise ValueError(f'no such code: {code}')\n    return codes[code]"
    ),
    "by the class of the crash": "    if code not in codes:\n        raise KeyError('no such code')\n    return codes[code]",
    "by a class of its own": (
        "    if code is None:\n        raise NoCode\n    return codes[code]\n\n\nclass NoCode(LookupError):\n    pass"
    ),
    "deeper": (
        "    checked(codes, code)\n    return codes[code]\n\n\ndef checked(codes, code):\n"
        "    if code is None:\n        raise ValueError('no code')"
    ),
}
for looks in ("(KeyError, 'no code')", "property(lambda self: self.there_is_none())"):
    REJECTED[looks] = f"{REJECTED['by a class of its own'].removesuffix('pass')}exceptions = {looks}"
REJECTED["by what tells another's end"] = REJECTED["a check before"].replace(
    "no such", "Traceback (most recent call last):"
)
NOT_REJECTED = {
    "raised of it": "    try:\n        return codes[code]\n    except KeyError as e:\n        raise ValueError('no code') from e",
    "raised from nothing": (
        "    try:\n        return codes[code]\n    except KeyError:\n        raise RuntimeError('no code') from None"
    ),
    "raised of it, by a class that the patch brings": (
        "    try:\n        return codes[code]\n    except KeyError as e:\n        raise NoCode from e\n\n\n"
        "class NoCode(LookupError):\n    pass"
    ),
    "behind the handler": (
        "    try:\n        return codes[code]\n    except KeyError:\n        found = False\n"
        "    if not found:\n        raise ValueError('no code')"
    ),
    "behind the handler, by the class of the crash": (
        "    try:\n        return codes[code]\n    except KeyError:\n        found = False\n"
        "    if not found:\n        raise KeyError('no code')"
    ),
    "behind a handler elsewhere, by the class of the crash": (
        "    return looked(codes, code)\n\n\ndef looked(codes, code):\n    try:\n        return codes[code]\n"
        "    except KeyError:\n        found = False\n    if not found:\n        raise KeyError('no code')"
    ),
    "by a group of what was never raised": "    raise ExceptionGroup('no', [ExceptionGroup('none', [ValueError('no code')])])",
    "behind a handler elsewhere": (
        "    if not is_there(codes, code):\n        raise ValueError('no code')\n\n\ndef is_there(codes, code):\n"
        "    try:\n        return codes[code]\n    except KeyError:\n        return None"
    ),
    "behind a handler in another file": (
        "    from is_elsewhere import is_there\n    if not is_there(codes, code):\n        raise ValueError('no code')"
    ),
    "without where it came from": (
        "    try:\n        return codes[code]\n    except KeyError as e:\n        kept = e\n    raise kept.with_traceback(None)"
    ),
    "on its way to a rejection": "    raise ValueError(int(code))",
    "by what says nothing": "    if code is None:\n        raise Exception('no code')\n    return codes[code]",
    "by the program's end": "    if code is None:\n        raise SystemExit('no code')\n    return codes[code]",
    "by a loop's end": "    if code is None:\n        raise StopIteration\n    return codes[code]",
    "by an assertion": "    assert code is not None\n    return codes[code]",
    "by nobody": "    return codes[0:code]['x']",
}
ANSWERED = (  # by a class that the program had before, or that a framework documents
    "    try:\n        return codes[code]\n    except KeyError as e:\n        raise Unsold('no code') from e",
    (
        "    from click.exceptions import BadParameter\n    try:\n        return codes[code]\n"
        "    except KeyError:\n        raise BadParameter('no code')"
    ),
)
ELSEWHERE_TOO = """\
def is_there(codes, code):
    try:
        return codes[code]
    except KeyError:
        return None
"""


async def test_what_is_rejected_on_purpose_is_told_from_another_crash(base: Path, settings: ProofSettings) -> None:
    failure, capsule = crashed(base, "total", {"a": 2})
    crash = crash_of(failure)
    call = failing_call(capsule, failure, crash)
    assert call
    assert crash
    assert settings.box

    async with ground(settings.in_box(settings.box), base) as on:

        async def with_it(body: str) -> Made:
            files = {"src_of_till.py": TILL.replace("    return codes[code]", body), "is_elsewhere.py": ELSEWHERE_TOO}
            return await make(call, on, {path: text.encode() for path, text in files.items()}, seconds=30)

        async def rejected(body: str) -> str:
            made = await with_it(body)
            rejection = made.rejection(crash)
            assert made.result
            assert not made.passed
            assert made.answer(crash, base) is None
            return rejection.says.partition(" (at src_of_till.py, line ")[0] if rejection else ""

        assert {what: await rejected(body) for what, body in REJECTED.items()} == {
            "a check before": "ValueError",
            "by the class of the crash": "KeyError",
            "by a class of its own": "NoCode",
            "deeper": "ValueError",
            "(KeyError, 'no code')": "NoCode",  # what only looks like a group
            "property(lambda self: self.there_is_none())": "NoCode",
            "by what tells another's end": "ValueError",
        }
        assert {what: await rejected(body) for what, body in NOT_REJECTED.items()} == dict.fromkeys(NOT_REJECTED, "")
        for body in ANSWERED:
            made = await with_it(body)
            assert made.fails_by(crash)
            assert made.rejection(crash) is None
            assert made.answer(crash, base)
        for masked, message, is_the_same in MASKED:
            assert made.result
            assert made.result.failure
            failed = replace(made.result.failure, kind=crash.short_kind, message=message)
            again = replace(made, result=replace(made.result, failure=failed))
            assert again.fails_by(replace(crash, message=masked)) is is_the_same, (masked, message)
        ended = replace(made.result.failure, kind="RecursionError", message=f"{ENDED} in comparison")
        made = replace(made, result=replace(made.result, failure=ended))
        assert made.fails_by(replace(crash, kind="RecursionError", message=ENDED, function="another"))
        assert not made.fails_by(replace(crash, kind="RecursionError", message=ENDED, path="another.py"))
        refused = replace(made, result=replace(made.result, failure=replace(ended, message="nested too deeply")))
        assert not refused.fails_by(replace(crash, kind="RecursionError", message=ENDED))
        assert refused.fails_by(replace(crash, kind="RecursionError", message="nested too deeply"))
        assert not refused.fails_by(replace(crash, kind="RecursionError", message="no such depth"))


ENDED = "maximum recursion depth exceeded"
MASKED = (  # what was said in production, in the box, and whether that is the same
    ("no *** for ***", "no code for Ann Lee", True),
    ("no *** for ***", "no code", False),
    ("ab *** bc", "ab bc", False),
    ("*** b", "a b b", True),
    ("*** b", "a b c", False),
    ("***", "whatever", True),
    (f"{'*** ' * 40}end", f"{'a ' * 90}other", False),  # answered at once, whatever there is to try
)


async def test_a_rejection_is_said_and_is_no_proof(base: Path, settings: ProofSettings) -> None:
    rejecting = TILL.replace("    return codes[code]", REJECTED["a check before"])

    evidence = await proven(a_proposal(base, rejecting, None), settings)

    assert (evidence.tier, evidence.reproduced) == (Tier.E1, None)
    assert "failed before and is rejected on purpose now, by ValueError (at src_of_till.py, line 20)" in evidence.says
    assert any(flag.endswith("is rejected on purpose, by ValueError: is that right?") for flag in evidence.flags)


async def test_a_rejection_that_the_program_had_before_is_said_to_be_one(base: Path, settings: ProofSettings) -> None:
    checked = "\n\ndef checked(code):\n    if not code:\n        raise Unsold('no code')\n"
    (base / "src_of_till.py").write_text(TILL + checked)
    rejecting = (TILL + checked).replace("    return codes[code]", "    checked(code)\n    return codes[code]")

    evidence = await proven(a_proposal(base, rejecting, None), settings)

    assert evidence.tier is Tier.E1
    assert any(flag.endswith("is that right? That `raise` was there before the patch.") for flag in evidence.flags)


async def test_another_exception_in_its_place_is_for_a_human_to_judge(base: Path, settings: ProofSettings) -> None:
    other = TILL.replace("return codes[code]", 'return codes[str(code)] if code else ValueError("no code").real')

    evidence = await proven(a_proposal(base, other, None), settings)

    assert evidence.tier is Tier.E1
    assert any("raises something else" in flag for flag in evidence.flags)
