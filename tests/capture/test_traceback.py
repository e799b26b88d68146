"""Finding the last failure in any log text."""

import json
import re
import subprocess
import sys
import textwrap
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.capture import read_failure
from kintsugi.workflow.payload import Failure

PLAIN = """\
Traceback (most recent call last):
  File "/srv/app/shop/web.py", line 31, in do_GET
    total = checkout(cart)
            ^^^^^^^^^^^^^^
  File "/srv/app/shop/pricing.py", line 12, in checkout
    return price - cart["discount"]
                   ~~~~^^^^^^^^^^^^
KeyError: 'discount'
"""

CHAINED = """\
Traceback (most recent call last):
  File "/srv/app/a.py", line 3, in load
    return table[name]
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/a.py", line 5, in load
    raise LoadError("no x") from error
a.LoadError: no x

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/main.py", line 9, in main
    report(error)
TypeError: report() takes 0 positional arguments but 1 was given
"""


def printed_by(program: str, tmp_path: Path) -> str:
    """What Python prints on standard error when this program dies."""
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(program))
    return subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False).stderr


def read(text: str) -> Failure:
    failure = read_failure(text)
    assert failure is not None
    return failure


def places(failure: Failure) -> list[tuple[str, int, str]]:
    return [(frame.path, frame.line, frame.function) for frame in failure.final.frames]


def kinds(failure: Failure) -> list[tuple[str, str]]:
    return [(raised.type, raised.link) for raised in failure.chain]


def test_a_plain_traceback_is_read_with_its_frames():
    failure = read(PLAIN)

    assert failure.language == "python"
    assert failure.complete
    assert (failure.final.type, failure.final.message) == ("KeyError", "'discount'")
    assert places(failure) == [("/srv/app/shop/web.py", 31, "do_GET"), ("/srv/app/shop/pricing.py", 12, "checkout")]
    assert [frame.code for frame in failure.final.frames] == [
        "total = checkout(cart)",
        'return price - cart["discount"]',
    ]


def test_a_chain_is_read_in_the_order_it_was_raised():
    assert kinds(read(CHAINED)) == [("KeyError", "cause"), ("a.LoadError", "context"), ("TypeError", "")]


def test_a_cause_that_was_never_raised_is_part_of_the_chain(tmp_path):
    text = printed_by("raise ValueError('late') from KeyError('never raised')", tmp_path)

    assert kinds(read(text)) == [("KeyError", "cause"), ("ValueError", "")]


def test_the_last_of_several_failures_counts():
    text = f"{CHAINED}INFO: going on\n{PLAIN}2026-11-23 10:00:00 INFO restarted\n"

    assert read(text) == read(PLAIN)


def test_a_group_has_its_members_before_it(tmp_path):
    text = printed_by(
        """
        def member(error):
            try:
                raise error
            except Exception as caught:
                return caught

        def deep():
            try:
                {}["a"]
            except KeyError as error:
                raise ValueError("wrapped") from error

        try:
            deep()
        except ValueError as error:
            first = error
        inner = member(ExceptionGroup("inner", [member(OSError("disk"))]))
        raise ExceptionGroup("outer", [first, inner])
        """,
        tmp_path,
    )

    failure = read(text)

    assert kinds(failure) == [
        ("KeyError", "cause"),
        ("ValueError", "group"),
        ("OSError", "group"),
        ("ExceptionGroup", "group"),
        ("ExceptionGroup", ""),
    ]
    assert failure.complete
    assert failure.final.message == "outer (2 sub-exceptions)"


def test_a_failure_after_a_group_is_not_taken_for_its_member(tmp_path):
    group = printed_by("raise ExceptionGroup('g', [ValueError('v')])", tmp_path)

    assert read(group + PLAIN) == read(PLAIN)


def test_a_note_does_not_part_an_exception_from_what_it_led_to(tmp_path):
    text = printed_by(
        "try: {}['mug']\nexcept KeyError as e:\n  e.add_note('while serving\\norder 17')\n  raise OSError('shop') from e",
        tmp_path,
    )

    assert [raised.type for raised in read(text).chain] == ["KeyError", "OSError"]


def test_a_note_does_not_part_a_group(tmp_path):
    text = printed_by(
        """
        noted = KeyError("mug")
        noted.add_note("Order: 17\\nwhile serving it")
        raise ExceptionGroup("two", [noted, OSError("shop")])
        """,
        tmp_path,
    )

    assert kinds(read(text)) == [("KeyError", "group"), ("OSError", "group"), ("ExceptionGroup", "")]


@pytest.mark.parametrize("between", ["", '  File "/srv/app/b.py", line 9, in retry\n'])
def test_what_led_to_another_exception_is_no_note_of_the_one_above(between: str):
    """It was never raised, or lost the head of its traceback."""
    others = f"retrying\n{between}ValueError: no price\n" + CHAINED.partition("KeyError: 'x'\n")[2]

    assert "KeyError" not in [raised.type for raised in read(PLAIN + others).chain]


def test_notes_stand_below_the_message(tmp_path):
    text = printed_by("e = ValueError('bad')\ne.add_note('while reading row 7')\nraise e", tmp_path)

    assert read(text).final.message == "bad\nwhile reading row 7"


def test_an_endless_recursion_is_a_few_frames(tmp_path):
    text = printed_by("def again():\n    again()\nagain()", tmp_path)

    failure = read(text)

    assert "Previous line repeated" in text
    assert failure.final.type == "RecursionError"
    assert failure.complete
    assert len(failure.final.frames) < 10


def test_a_program_that_does_not_compile_is_located_at_its_line(tmp_path):
    text = printed_by("def f(:\n    pass", tmp_path)

    failure = read(text)

    assert failure.final.type == "SyntaxError"
    assert failure.complete
    assert [(Path(frame.path).name, frame.line, frame.code) for frame in failure.final.frames] == [
        ("program.py", 1, "def f(:")
    ]


def test_a_syntax_error_in_an_import_comes_after_the_import(tmp_path):
    (tmp_path / "broken.py").write_text("x = (\n")

    failure = read(printed_by("import broken", tmp_path))

    assert [Path(frame.path).name for frame in failure.final.frames] == ["program.py", "broken.py"]
    assert failure.final.message == "'(' was never closed"


def test_frames_without_source_have_no_code():
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n  File "b.py", line 2, in g\nE\n'

    failure = read(text)

    assert places(failure) == [("a.py", 1, "f"), ("b.py", 2, "g")]
    assert [frame.code for frame in failure.final.frames] == ["", ""]


def test_a_message_of_several_lines_is_kept_whole():
    message = "1 validation error for Order\namount\n  Input should be a valid integer"

    failure = read(PLAIN.replace("KeyError: 'discount'", f"pydantic_core.ValidationError: {message}"))

    assert failure.final.message == message


def test_a_message_ends_where_the_next_log_line_begins():
    for following in ("2026-11-23 10:00:00,1 INFO next", "[INFO] next", '{"msg": "next"}', "ERROR:root:next"):
        assert read(f"{PLAIN}{following}\n").final.message == "'discount'"


def test_loguru_frames_are_read():
    text = (
        "Traceback (most recent call last):\n\n"
        '  File "/srv/app/a.py", line 9, in <module>\n    f(1)\n    └ <function f at 0x7f>\n\n'
        '> File "/srv/app/a.py", line 5, in f\n    1 / x\n        └ 0\n\n'
        "ZeroDivisionError: division by zero\n"
    )

    failure = read(text)

    assert places(failure) == [("/srv/app/a.py", 9, "<module>"), ("/srv/app/a.py", 5, "f")]
    assert failure.final.frames[-1].code == "1 / x"


@pytest.mark.parametrize(
    "dressed",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text: textwrap.indent(text, "        "), id="indented"),
        pytest.param(lambda text: textwrap.indent(text, "\t"), id="tabbed"),
        pytest.param(lambda text: textwrap.indent(text, "web_1  | ", lambda _: True), id="docker compose"),
        pytest.param(
            lambda text: textwrap.indent(text, "2026-11-23T01:02:03.123456789Z stderr F ", lambda _: True), id="cri"
        ),
        pytest.param(
            lambda text: "".join(
                f"Nov 23 01:02:{at:02} host app[{900 + at}]: {line}"
                for at, line in enumerate(text.splitlines(keepends=True))
            ),
            id="journal",
        ),
        pytest.param(lambda text: f"2026-11-23 10:00:00 ERROR web: {text}", id="logger"),
        pytest.param(lambda text: f"2026-11-23 10:00:00 ERROR web: failed\n{text}", id="logger above"),
        pytest.param(lambda text: re.sub(r"(?m)^(.+)$", "\x1b[31m\\1\x1b[0m", text), id="coloured"),
        pytest.param(lambda text: json.dumps({"ts": "2026-11-23T10:00:00Z", "exception": text}), id="JSON field"),
        pytest.param(lambda text: json.dumps({"a": [{"error": {"trace": text}}]}), id="JSON deep"),
        pytest.param(lambda text: json.dumps({"msg": f"request failed\n{text}"}), id="JSON message"),
        pytest.param(
            lambda text: "\n".join(json.dumps({"log": f"{line}\n", "stream": "stderr"}) for line in text.splitlines()),
            id="docker JSON",
        ),
        pytest.param(lambda text: f"level=error err={json.dumps(text)} host=a", id="logfmt"),
    ],
)
@pytest.mark.parametrize("text", [PLAIN, CHAINED], ids=["plain", "chained"])
def test_how_a_logger_dresses_it_makes_no_difference(dressed, text):
    failure = read(f"starting\n{dressed(text)}\n")

    assert failure.chain == read(text).chain
    assert failure.complete


def test_a_group_is_read_under_a_containers_prefix(tmp_path):
    text = printed_by(
        "def f(): 1/0\ntry:\n  f()\nexcept Exception as e: raise ExceptionGroup('g', [e, KeyError('k')])", tmp_path
    )

    assert read(textwrap.indent(text, "web_1  | ", lambda _: True)).chain == read(text).chain


def test_lines_of_other_containers_in_between_are_left_out():
    lines = textwrap.indent(PLAIN, "web-1 | ").splitlines()
    mixed = "\n".join(f"{line}\ndb-1 | checkpoint complete" for line in lines)
    assert read(textwrap.indent(PLAIN, "web-1 | ")).chain == read(PLAIN).chain

    failure = read(mixed.replace("web-1 | Traceback (most recent call last):\ndb-1 | checkpoint complete", lines[0]))

    assert failure.chain == read(PLAIN).chain


def test_a_report_without_its_tail_is_read_as_far_as_it_goes():
    for cut_at in range(PLAIN.index("  File"), PLAIN.index("KeyError"), 7):
        failure = read(PLAIN[:cut_at])

        assert not failure.complete
        assert failure.language == "python"


def test_a_report_without_its_head_is_read_as_far_as_it_goes():
    failure = read(PLAIN[PLAIN.index('b.py", line 31') :])

    assert not failure.complete
    assert failure.final.type == "KeyError"
    assert places(failure) == [("/srv/app/shop/pricing.py", 12, "checkout")]


def test_a_failure_of_a_pool_worker_keeps_the_workers_frames(tmp_path):
    text = printed_by(
        """
        from concurrent.futures import ProcessPoolExecutor
        def work(x):
            try:
                return 1 / x
            except ZeroDivisionError as error:
                raise ZeroDivisionError("no share") from error
        if __name__ == "__main__":
            with ProcessPoolExecutor(1) as pool:
                pool.submit(work, 0).result()
        """,
        tmp_path,
    )

    failure = read(text)

    assert kinds(failure) == [("ZeroDivisionError", "cause"), ("ZeroDivisionError", "")]
    assert [frame.function for frame in failure.chain[0].frames] == ["work"]
    assert [failure.final.frames[at].function for at in (0, -1)] == ["<module>", "work"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "all is well\n",
        "INFO: started\nINFO: stopped\n",
        "\x00\x01\x02\xff" * 50,
        '{"msg": "ok"}',
        "{}" * 99,
    ],
)
def test_where_nothing_failed_nothing_is_found(text):
    assert read_failure(text) is None


@pytest.mark.parametrize("style", ["long", "short", "native"])
def test_a_report_of_pytest_is_read_in_any_style(tmp_path, style):
    (tmp_path / "pricing.py").write_text("def total(cart):\n    return cart['discount']\n")
    (tmp_path / "test_pricing.py").write_text(
        "from pricing import total\n\ndef test_total():\n    assert total({}) == 0\n\n"
        "def test_other():\n    total({'discount': 1})\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", f"--tb={style}", "-p", "no:cacheprovider", "--rootdir", ".", "."]
    report = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    failure = read(report)

    assert (failure.final.type, failure.final.message) == ("KeyError", "'discount'")
    assert [(Path(frame.path).name, frame.line) for frame in failure.final.frames][-2:] == [
        ("test_pricing.py", 4),
        ("pricing.py", 2),
    ]


NODE = """\
/srv/app/index.js:12
    return user.name.first;
                     ^

TypeError: Cannot read properties of undefined (reading 'first')
    at greet (/srv/app/index.js:12:22)
    at async Promise.all (index 0)
    at async handle (file:///srv/app/web.mjs:5:3)
    at node:internal/main/run_main_module:28:49

Node.js v20.1.0
"""

NODE_CAUSED = """\
Error: outer
    at run (/srv/app/a.js:4:9)
    ... 2 lines matching cause stack trace ...
    at node:internal/main/run_main_module:28:49 {
  [cause]: RangeError: inner
      at deep (/srv/app/b.js:7:1)
      at run (/srv/app/a.js:3:9)
}
"""

JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: cannot price
\tat com.acme.shop.Pricing.total(Pricing.java:41)
\tat com.acme.shop.Main.main(Main.java:9)
Caused by: java.lang.NullPointerException: Cannot invoke "String.length()" because "<local1>" is null
\tat com.acme.shop.Cart.discount(Cart.java:17)
\tat com.acme.shop.Pricing.total(Pricing.java:39)
\t... 1 more
"""

GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.pick({0xc000012345, 0x3, 0x3}, 0x5)
\t/srv/app/main.go:12 +0x1d
main.(*Server).handle(0x0)
\t/srv/app/server.go:40 +0x85
exit status 2
"""


def test_a_node_stack_is_read():
    failure = read(NODE)

    assert failure.language == "node"
    assert (failure.final.type, failure.final.message) == (
        "TypeError",
        "Cannot read properties of undefined (reading 'first')",
    )
    assert places(failure)[-2:] == [("/srv/app/web.mjs", 5, "handle"), ("/srv/app/index.js", 12, "greet")]


def test_a_cause_in_node_was_raised_first():
    failure = read(NODE_CAUSED)

    assert kinds(failure) == [("RangeError", "cause"), ("Error", "")]
    assert failure.chain[0].frames[-1].path == "/srv/app/b.js"


def test_a_java_stack_is_read_root_cause_first():
    failure = read(JAVA)

    assert failure.language == "java"
    assert kinds(failure) == [
        ("java.lang.NullPointerException", "cause"),
        ("java.lang.IllegalStateException", ""),
    ]
    innermost = failure.chain[0].frames[-1]
    assert (innermost.path, innermost.line, innermost.function) == ("com/acme/shop/Cart.java", 17, "Cart.discount")


def test_a_go_panic_is_read():
    failure = read(GO)

    assert failure.language == "go"
    assert failure.final.message == "runtime error: index out of range [5] with length 3"
    assert places(failure) == [
        ("/srv/app/server.go", 40, "main.(*Server).handle"),
        ("/srv/app/main.go", 12, "main.pick"),
    ]


@pytest.mark.parametrize("text", [NODE, JAVA, GO], ids=["node", "java", "go"])
def test_other_languages_are_read_under_a_containers_prefix(text):
    assert read(textwrap.indent(text, "api_1 | ", lambda _: True)).chain == read(text).chain


def test_of_two_languages_the_last_counts():
    assert read(PLAIN + NODE).language == "node"
    assert read(NODE + PLAIN).language == "python"


@given(st.text(max_size=400))
def test_any_text_is_read_or_passed_over(text):
    for failure in (read_failure(text), read_failure(f"{PLAIN}{text}"), read_failure(f"{text}\n{PLAIN}")):
        assert failure is None or failure.chain


@given(st.text(alphabet="abc: '\"{}[]\\/.,", min_size=1, max_size=60), st.integers(min_value=1, max_value=9))
def test_what_python_prints_is_what_is_read(message, depth):
    def fall(left):
        if left:
            fall(left - 1)
        raise ValueError(message)

    try:
        fall(depth)
    except ValueError as error:
        printed = "".join(traceback.format_exception(error))

    failure = read(f"2026-11-23 10:00:00 INFO before\n{printed}2026-11-23 10:00:01 INFO after\n")

    assert failure.final.type == "ValueError"
    assert failure.final.message == message.rstrip()
    assert failure.final.frames[-1].function == "fall"
    assert failure.complete
