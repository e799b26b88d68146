"""What the proof decides without running anything: swallowing, loosened tests, right and wrong reasons, commands."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

import pytest

from kintsugi.parsing import parsed
from kintsugi.repair.languages.known import PYTHON
from kintsugi.repair.languages.python.command import (
    SuiteKind,
    find_suite,
    is_test_file,
    is_test_path,
    related_files,
)
from kintsugi.repair.languages.python.swallow import essence, swallowing
from kintsugi.repair.languages.python.tests import asserts_a_value, loosened
from kintsugi.repair.languages.python.turned_round import turned_round
from kintsugi.repair.languages.results import Crash, Ending, Failure, Frame, TestResult, lost, read_results
from kintsugi.repair.proof.judge import read_patch
from kintsugi.repair.sandbox import Outcome
from kintsugi.repair.sandbox.record import Record
from kintsugi.repair.sandbox.room import Interpreter
from kintsugi.repair.syntax import read_source, why_unreadable
from kintsugi.workflow.patch import Run

END = {"finished": 0, "changed": []}
BEFORE = "def total(cart):\n    price = cart['price']\n    return price\n"


@pytest.mark.parametrize(
    "handler",
    [
        "except Exception:\n        pass",
        "except:\n        return None",
        "except BaseException:\n        return 0",
        "except Exception:\n        price = 0",
        "except Exception as error:\n        log.warning('no price: %s', error)",
        "except KeyError:\n        pass",
        "except (KeyError, TypeError):\n        return",
        "except KeyError:\n        log.exception('no price')\n        return None",
    ],
)
def test_a_handler_that_only_drops_the_exception_is_all_the_patch_does(handler: str) -> None:
    tried = f"    try:\n        price = cart['price']\n    {handler}\n"
    after = f"import logging\nlog = 1\ndef total(cart):\n{tried}    return price\n"

    seen = swallowing({"a.py": f"log = 1\n{BEFORE}"}, {"a.py": after})

    assert seen.is_all
    assert [place.line for place in seen.places] == [6]


@pytest.mark.parametrize(
    "body",
    [
        "price = cart.get('price', 0)\n    return price",
        "if 'price' not in cart:\n        return 0\n    return cart['price']",
        "try:\n        price = cart['price']\n    except KeyError:\n        price = 0\n    return price",
        "try:\n        return cart['price']\n    except KeyError as e:\n        raise ValueError('no price') from e",
        "try:\n        price = cart['price']\n    except Exception:\n        price = ask(cart)\n    return price",
        "try:\n        price = cart['price']\n    finally:\n        cart.close()\n    return price",
    ],
)
def test_answering_an_error_is_not_swallowing(body: str) -> None:
    assert swallowing({"a.py": BEFORE}, {"a.py": f"def total(cart):\n    {body}\n"}).places == ()


def test_suppress_is_swallowing() -> None:
    tried = "    with contextlib.suppress(KeyError):\n        price = cart['price']\n"
    after = f"import contextlib\ndef total(cart):\n{tried}    return price\n"

    assert swallowing({"a.py": BEFORE}, {"a.py": after}).is_all


def test_what_a_patch_swallows_can_be_taken_away_from_what_else_it_does() -> None:
    tried = "    try:\n        price = cart['price'] * 2\n    except Exception:\n        pass\n"
    after = f"def total(cart):\n{tried}    return price\n"

    seen = swallowing({"a.py": BEFORE}, {"a.py": after})

    assert not seen.is_all
    assert seen.without == {"a.py": "def total(cart):\n    price = cart['price'] * 2\n    return price"}


def test_a_handler_that_was_there_is_no_concern_of_the_patch() -> None:
    before = "try:\n    import fast\nexcept ImportError:\n    pass\n"

    assert swallowing({"a.py": before}, {"a.py": f"{before}x = 1\n"}).places == ()


def test_a_narrow_handler_may_be_widened_but_not_to_everything() -> None:
    before = "try:\n    go()\nexcept ValueError:\n    pass\n"

    assert not swallowing({"a.py": before}, {"a.py": before.replace("ValueError", "(ValueError, OSError)")}).places
    assert swallowing({"a.py": before}, {"a.py": before.replace("ValueError", "Exception")}).places


def test_a_handler_that_does_the_same_may_come_beside_one_that_was_there() -> None:
    before = "try:\n    go()\nexcept ValueError:\n    pass\n"

    assert not swallowing({"a.py": before}, {"a.py": f"{before}except OSError:\n    pass\n"}).places


def test_a_new_swallow_is_found_although_another_handler_drops_as_well() -> None:
    before = "try:\n    go()\nexcept ValueError:\n    pass\nstop()\n"
    after = before.replace("stop()", "try:\n    stop()\nexcept TypeError:\n    pass")

    found = swallowing({"a.py": before}, {"a.py": after})

    assert [str(place) for place in found.places] == ["a.py:7 catches TypeError and drops it"]
    assert found.is_all


def test_a_new_swallow_is_found_although_its_like_stands_elsewhere() -> None:
    before = (
        "try:\n    convert()\nexcept ValueError:\n    raise BadPath\n\ntry:\n    other()\nexcept KeyError:\n    pass\n"
    )
    after = before.replace("    convert()\n", "    try:\n        convert()\n    except KeyError:\n        pass\n")

    found = swallowing({"a.py": before}, {"a.py": after})

    assert [place.line for place in found.places] == [4]
    assert found.is_all


def test_a_handler_whose_try_was_mended_is_not_new() -> None:
    before = "try:\n    fetch(1)\nexcept KeyError:\n    pass\n"

    assert swallowing({"a.py": before}, {"a.py": before.replace("fetch(1)", "fetch(2)")}).places == ()


def test_what_does_nothing_is_not_of_the_essence() -> None:
    first = parsed('"""Text."""\nlog.info("x")\nx = 1  # one\n')
    second = parsed("x = (\n    1\n)\n")

    assert first is not None
    assert second is not None
    assert essence(first) == essence(second)


TEST = "def test_total():\n    assert total({}) == 0\n    assert total({'price': 3}) == 3\n"


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("", "test_total is removed"),
        ("def test_other():\n    assert ready()\n", "test_total is removed"),
        (f"import pytest\n@pytest.mark.skip\n{TEST}", "test_total is skipped"),
        (f"import pytest\npytestmark = pytest.mark.skip('later')\n{TEST}", "tests are skipped that were not"),
        ("def test_total():\n    assert total({}) == 0\n", "asserts less than it did"),
        ("def test_total():\n    pass\n", "asserts less than it did"),
        (
            "def test_total():\n    assert total({}) is not None\n    assert total({'price': 3}) == 3\n",
            "asserts less exactly than it did",
        ),
    ],
)
def test_a_loosened_test_is_refused(after: str, reason: str) -> None:
    seen = loosened({"test_a.py": TEST}, {"test_a.py": after})

    assert any(reason in refusal for refusal in seen.refusals)


@pytest.mark.parametrize("mark", ["pytest.mark.xfail(reason='wrong error')", "expectedFailureIf(True)"])
def test_a_test_that_was_expected_to_fail_may_lose_its_mark_and_not_get_it(mark: str) -> None:
    marked = f"@{mark}\n{TEST}"

    assert loosened({"test_a.py": marked}, {"test_a.py": TEST}).refusals == ()
    assert loosened({"test_a.py": TEST}, {"test_a.py": marked}).refusals == ("test_a.py: test_total is skipped",)


def test_a_removed_test_file_is_refused() -> None:
    assert loosened({"test_a.py": TEST}, {}).refusals == ("test_a.py: test_total is removed",)


@pytest.mark.parametrize("other", ["test_a.py", "test_b.py"])
def test_a_test_may_be_renamed_or_moved(other: str) -> None:
    after = {"test_a.py": "", other: TEST.replace("test_total", "test_the_total")}

    assert loosened({"test_a.py": TEST}, after).refusals == ()


def test_a_changed_assertion_is_flagged_for_a_human() -> None:
    seen = loosened({"test_a.py": TEST}, {"test_a.py": TEST.replace("== 3", "== 4")})

    assert seen.refusals == ()
    assert seen.flags == ("test_a.py: the assertions of test_total are changed",)


@pytest.mark.parametrize(
    "body",
    [
        "assert f() == 1",
        "self.assertEqual(f(), 1)",
        "with pytest.raises(ValueError): f()",
        "check_output(f())",
        "self.assertIsNone(f())",
    ],
)
def test_a_test_that_asserts_a_value(body: str) -> None:
    assert asserts_a_value({"t.py": f"def test_it(self):\n    {body}\n"}, "test_it")


@pytest.mark.parametrize(
    "body",
    [
        "f()",
        "assert True",
        "self.assertTrue(True)",
        "assert f() == f()",
        "x = f()\n    assert x == x",
        "assert 1 or f()",
    ],
)
def test_a_test_that_asserts_nothing(body: str) -> None:
    assert not asserts_a_value({"t.py": f"def test_it(self):\n    {body}\n"}, "test_it")


def failed(kind: str, message: str, *frames: str, assertion: bool = False) -> TestResult:
    failure = Failure(kind, message, assertion, tuple(Frame(path, 1, "f") for path in frames))
    return TestResult("tests/test_a.py::test_it", "tests/test_a.py", Ending.FAILED, failure)


TESTS = frozenset({"tests/test_a.py"})


@pytest.mark.parametrize(
    "test",
    [
        failed("AssertionError", "1 != 2", "tests/test_a.py", assertion=True),
        failed("KeyError", "'price'", "tests/test_a.py", "app.py"),
        failed("ImportError", "circular", "tests/test_a.py", "app.py"),
        failed("KeyError", "'price'", "tests/test_a.py"),
        failed("AttributeError", "'NoneType' object has no attribute 'name'", "tests/test_a.py"),
    ],
)
def test_right_reasons_to_fail(test: TestResult) -> None:
    assert PYTHON.why_wrong(test, TESTS, None) is None


@pytest.mark.parametrize(
    "test",
    [
        failed("ImportError", "cannot import name 'extra' from 'app'", "tests/test_a.py"),
        failed("NameError", "name 'extra' is not defined", "tests/test_a.py"),
        failed("AttributeError", "module 'app' has no attribute 'extra'", "tests/test_a.py"),
        failed("AttributeError", "'Cart' object has no attribute 'extra'", "tests/test_a.py"),
        failed("TypeError", "f() got an unexpected keyword argument 'extra'", "tests/test_a.py"),
        failed("FixtureLookupError", "fixture 'extra' not found"),
    ],
)
def test_wrong_reasons_to_fail(test: TestResult) -> None:
    assert PYTHON.why_wrong(test, TESTS, None) is not None
    assert PYTHON.why_wrong(test, TESTS, Crash("AttributeError")) is not None


def test_the_very_crash_is_a_right_reason_wherever_it_is_raised() -> None:
    test = failed("AttributeError", "'Cart' object has no attribute 'extra'", "tests/test_a.py")

    assert PYTHON.why_wrong(test, TESTS, Crash("AttributeError", "has no attribute 'extra'")) is None


def test_a_package_that_is_not_installed_is_told_from_one_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "src" / "ours").mkdir(parents=True)
    missing = failed("ModuleNotFoundError", "No module named 'requests.auth'").failure
    ours = failed("ModuleNotFoundError", "No module named 'ours.extra'").failure

    assert PYTHON.missing(missing, tmp_path) == "requests is not installed"
    assert PYTHON.missing(ours, tmp_path) is None


def test_a_patch_that_changes_nothing_that_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BEFORE)

    reading = read_patch(tmp_path, {"app.py": f"# better\n{BEFORE}".encode(), "README.md": b"better"}, {})

    assert reading.refusal == "the patch changes nothing that runs"


def test_an_import_that_was_missing_changes_something(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BEFORE)

    assert read_patch(tmp_path, {"app.py": f"import json\n{BEFORE}".encode()}, {}).refusal is None


def test_new_tests_may_be_skipped_on_other_machines() -> None:
    more = f"{TEST}\n@skip_on_windows\ndef test_other():\n    assert f() == 1\n"

    assert (
        loosened({"test_a.py": TEST}, {"test_a.py": f"skip_on_windows = pytest.mark.skipif(True)\n{more}"}).refusals
        == ()
    )


def test_a_patch_of_a_data_file_changes_something(tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("select 1")

    assert read_patch(tmp_path, {"query.sql": b"select 2"}, {}).refusal is None


KEY = b"k" * 32


def outcome(*lines: object, status: int | None = 0, more: bytes = b"") -> Outcome:
    """A run that recorded these lines, signed as the referee's own part signs them."""
    written = b""
    for number, line in enumerate(lines):
        body = line if isinstance(line, bytes) else json.dumps(line).encode()
        sign = blake2b(b"%d " % number + body, key=KEY, digest_size=16).hexdigest().encode()
        written += sign + b" " + body + b"\n"
    return Outcome(Run(("test",), status, 1.0, ""), None, 0, Record(KEY, written + more))


def ended(name: str, how: str, **about: object) -> dict[str, object]:
    return {"id": name, "file": "t.py", "outcome": how, **about}


def test_a_record_is_read_test_by_test_and_the_worst_ending_counts() -> None:
    broken = ended("a", "error", kind="OSError", message="", assertion=False, frames=[], causes=[])

    seen = read_results(outcome(ended("a", "passed"), broken, ended("b", "passed"), END))

    assert seen.passed == {"b"}
    assert seen.tests["a"].ending is Ending.ERROR
    assert seen.complete


@pytest.mark.parametrize("end", [None, {"finished": 2, "changed": []}, {"finished": 3, "changed": []}])
def test_a_record_without_a_good_end_is_not_complete(end: object) -> None:
    lines = [ended("a", "passed")] if end is None else [ended("a", "passed"), end]

    assert read_results(outcome(*lines)).broken == "the runner ended early"
    assert not read_results(outcome(*lines, more=b"half a li")).complete


@pytest.mark.parametrize(
    ("lines", "more", "says"),
    [
        ([{"outcome": "passed"}, END], b"", "a test has no name"),
        ([ended("n" * 100_000, "passed"), END], b"", "one too long to read"),
        ([{"id": "a", "file": "t.py"}, END], b"", "the result of a is of another shape"),
        ([ended("a", "great"), END], b"", "the result of a is of another shape"),
        ([ended("a", "failed", kind="KeyError"), END], b"", "the result of a is of another shape"),
        ([b"[" * 100_000, END], b"", "line 1 cannot be read"),
        ([["a"], END], b"", "line 1 is of another shape"),
        ([{"finished": "yes"}], b"", "its end is of another shape"),
        ([END, ended("a", "passed")], b"", "it goes on after its end"),
        ([END], b"more", "it goes on after its end"),
        ([ended("a", "passed"), END], b'{"id": "b"}\n', "line 3 is not the referee's own"),
    ],
)
def test_junk_in_the_record_is_refused_with_a_sentence(lines: list[object], more: bytes, says: str) -> None:
    seen = read_results(outcome(*lines, more=more))

    assert seen.forged
    assert not seen.passed
    assert seen.broken is not None
    assert says in seen.broken


def test_without_a_record_the_exit_status_stands_for_all() -> None:
    printed = "E   shop.errors.PriceError: no price\nmake: *** [test] Error 1\n"
    seen = read_results(Outcome(Run(("make", "test"), 2, 1.0, printed), None, 0))

    (test,) = seen.bad.values()
    assert test.failure is not None
    assert (test.failure.kind, test.failure.message) == ("PriceError", "no price")


def test_tests_that_vanish_or_are_skipped_are_lost() -> None:
    before = read_results(outcome(*(ended(name, "passed") for name in "abc")))
    after = read_results(outcome(ended("a", "passed"), ended("b", "skipped")))

    assert lost(before, after) == {"b": "skipped", "c": "vanished"}


def an_interpreter(*, pytest_too: bool = False, tox_too: bool = False) -> Interpreter:
    modules = frozenset(name for name, there in (("pytest", pytest_too), ("tox", tox_too)) if there)
    return Interpreter(Path("/usr/bin/python3"), (), modules, (3, 11))


def a_tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_pytest_is_taken_where_the_interpreter_has_it(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, {"tests/test_a.py": "import unittest"})

    assert find_suite(tree, {}, an_interpreter(pytest_too=True), None).kind is SuiteKind.PYTEST
    assert find_suite(tree, {}, an_interpreter(), None).kind is SuiteKind.UNITTEST


def test_an_interpreter_without_pytest_is_told_where_nothing_else_runs_the_tests(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, {"tests/test_a.py": "def test_a(): pass"})

    found = find_suite(tree, {"shop.py": b""}, an_interpreter(), None)
    (tree / "Makefile").write_text("test:\n\tpytest\n")
    made = find_suite(tree, {"shop.py": b""}, an_interpreter(), None)

    assert (found.kind, made.arguments) == (SuiteKind.PYTEST, ("make", "test"))
    assert found.lacks == made.lacks
    assert "no pytest: KINTSUGI_TEST_PYTHON" in made.lacks
    assert find_suite(tree, {"shop.py": b""}, an_interpreter(pytest_too=True), None).lacks == ""
    assert find_suite(tree, {"shop.js": b""}, an_interpreter(tox_too=True), None).kind is SuiteKind.OTHER


def test_tox_and_make_come_last(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("all:\n\ttrue\ntest: all\n\ttrue\n")
    made = find_suite(tmp_path, {}, an_interpreter(tox_too=True), None)
    (tmp_path / "tox.ini").write_text("[tox]\n")
    by_tox = find_suite(tmp_path, {}, an_interpreter(tox_too=True), None)

    assert made.arguments == ("make", "test")
    assert by_tox.arguments == ("/usr/bin/python3", "-m", "tox")


def test_where_there_is_nothing_no_command_is_made_up(tmp_path: Path) -> None:
    assert find_suite(tmp_path, {}, an_interpreter(pytest_too=True), None).kind is SuiteKind.NONE


def test_a_test_file_that_only_the_patch_brings_counts(tmp_path: Path) -> None:
    assert find_suite(tmp_path, {"test_a.py": b"x"}, an_interpreter(pytest_too=True), None).files == ("test_a.py",)


def test_the_paths_of_a_given_pytest_command_give_way_to_chosen_files(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()

    suite = find_suite(tmp_path, {}, an_interpreter(), ("pytest", "-q", "-k", "tests", "tests"))

    assert suite.shown([])[-4:] == ("-q", "-k", "tests", "tests")
    assert suite.shown(["tests/test_a.py"])[-4:] == ("-q", "-k", "tests", "tests/test_a.py")


def test_a_given_unittest_command_keeps_its_arguments_for_the_whole() -> None:
    suite = find_suite(Path("/nowhere"), {}, an_interpreter(), ("python", "-m", "unittest", "discover", "-s", "t"))

    assert suite.shown([])[-4:] == ("unittest", "discover", "-s", "t")
    assert suite.shown(["t/test_a.py"])[-2:] == ("unittest", "t/test_a.py")


def test_any_other_command_is_run_as_it_is() -> None:
    suite = find_suite(Path("/nowhere"), {}, an_interpreter(), ("./run-tests", "--fast"))

    assert (suite.kind, suite.arguments, suite.files) == (SuiteKind.OTHER, ("./run-tests", "--fast"), ())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[project]\nrequires-python = ">=3.9,<4,>3.12"\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.12"\n'),
        ("setup.cfg", "[options]\npython_requires = >=3.12\n"),
        ("setup.py", "setup(\n    python_requires='>= 3.12',\n)\n"),
    ],
)
def test_a_python_older_than_the_project_asks_for_is_said(tmp_path: Path, name: str, text: str) -> None:
    tree = a_tree(tmp_path, {name: text, "test_a.py": "import pytest"})

    assert find_suite(tree, {}, an_interpreter(pytest_too=True), None).lacks == (
        "The project needs Python 3.12, and its tests run with 3.11: KINTSUGI_TEST_PYTHON names another interpreter."
    )


@pytest.mark.parametrize("said", ['requires-python = ">=3.11"', 'requires-python = "<4"', "requires-python = 3", ""])
def test_a_python_that_is_new_enough_is_not_spoken_of(tmp_path: Path, said: str) -> None:
    tree = a_tree(tmp_path, {"pyproject.toml": f"[project]\n{said}\n", "test_a.py": "import pytest"})

    assert find_suite(tree, {}, an_interpreter(pytest_too=True), None).lacks == ""


def test_related_tests_are_those_that_name_a_changed_module(tmp_path: Path) -> None:
    tree = a_tree(tmp_path, {"test_a.py": "from shop.cart import Cart", "test_b.py": "from shop.user import User"})

    assert related_files(tree, {}, ["test_a.py", "test_b.py"], ["shop/cart.py"]) == ("test_a.py",)


@pytest.mark.parametrize(
    ("path", "as_file", "as_path"),
    [
        ("tests/test_a.py", True, True),
        ("pkg/a_test.py", True, True),
        ("tests/data.json", False, True),
        ("conftest.py", False, True),
        ("app.py", False, False),
        ("latest/app.py", False, False),
    ],
)
def test_what_belongs_to_the_tests(path: str, as_file: bool, as_path: bool) -> None:
    assert (is_test_file(path), is_test_path(path)) == (as_file, as_path)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"", "# coding: utf-8\nname = 'é'\n".encode(), None),
        (b"# coding: latin-1\n", "# coding: latin-1\nname = 'é'\n".encode("latin-1"), None),
        (None, b"# coding: latin-1\n", "comes in the encoding iso-8859-1: write it in UTF-8"),
        (b"# coding: utf-7\n", b"# coding: utf-7\nX = 1\n", "comes in the encoding utf-7: write it in UTF-8"),
        (b"", b"# coding: unicode_escape\n", "comes in the encoding unicode_escape: write it in UTF-8"),
        (b"", b"# coding: klingon\n", "cannot be read in the encoding that it names"),
        (b"", b"# coding: rot13\n", "cannot be read in the encoding that it names"),
        (b"", b"name = '\xe9'\n", "cannot be read in the encoding that it names"),
    ],
)
def test_source_is_read_as_the_interpreter_reads_it_or_refused(
    before: bytes | None, after: bytes, says: str | None
) -> None:
    assert why_unreadable(before, after) == says


def test_a_comment_that_is_code_in_another_encoding_is_read_as_code() -> None:
    assert read_source(b"# coding: utf-7\n# +AAo-import os\n") == "# coding: utf-7\n# \nimport os\n"


@pytest.mark.parametrize("encoding", [b"rot13", b"utf-16", b"hex", b"undefined"])
def test_no_encoding_stops_the_reader(encoding: bytes) -> None:
    assert isinstance(read_source(b"# coding: " + encoding + b"\nX = 1\n"), str)


@pytest.mark.parametrize(
    ("path", "refused"),
    [("json.py", True), ("src/json/__init__.py", True), ("site/a.py", False), ("shop/json.py", False)],
)
def test_a_module_in_place_of_the_standard_librarys_is_refused(tmp_path: Path, path: str, refused: bool) -> None:
    reading = read_patch(tmp_path, {path: b"A = 1\n"}, {})

    assert (reading.refusal is not None) == refused


def test_assertions_are_turned_round() -> None:
    source = """
def test_all():
    assert total(1) == 2
    assert 3 == total(2)
    assert found
    check.assertEqual(total(1), 2)
    check.assertIn(1, found)
    with raises(KeyError):
        total(None)

def test_none():
    verify(total(1))

def test_other():
    assert total(1) == 2
"""

    turned = turned_round(source, {"test_all", "test_none"})

    assert turned is not None
    first, second, third = turned.strip().split("\n\n")
    assert first.splitlines()[1:] == [
        "    assert total(1) == (2, object())[1]",
        "    assert (3, object())[1] == total(2)",
        "    assert not found",
        "    check.assertEqual(total(1), (2, object())[1])",
        "    check.assertNotIn(1, found)",
        "    with raises(type('Stranger', (Warning,), {})):",
        "        total(None)",
    ]
    assert second.splitlines()[-1] == "    raise AssertionError('turned round')"
    assert third.splitlines()[-1] == "    assert total(1) == 2"
