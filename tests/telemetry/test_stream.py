import io

from kintsugi.telemetry.redact import LineState, filter_stream, redact

BODY = ["aB3d" * 16, "Ef0/" * 16, "xyz="]
BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"


def filtered(text):
    out = io.StringIO()
    filter_stream(io.StringIO(text), out)
    return out.getvalue()


def test_a_key_that_comes_line_by_line_leaves_only_its_armour():
    assert filtered("\n".join(("before", BEGIN, *BODY, END, "after", ""))) == (
        f"before\n{BEGIN}\n***\n***\n***\n{END}\nafter\n"
    )


def test_lines_of_others_between_those_of_a_key_stay():
    assert filtered("\n".join((BEGIN, BODY[0], "order 7 was shipped", BODY[1], END))) == (
        f"{BEGIN}\n***\norder 7 was shipped\n***\n{END}"
    )


def test_time_stamps_before_the_lines_of_a_key_stay():
    assert filtered(f"01:02:03 {BEGIN}\n01:02:04 {BODY[0]}\n01:02:05 {END}\n") == (
        f"01:02:03 {BEGIN}\n01:02:04 ***\n01:02:05 {END}\n"
    )


def test_a_quoted_value_of_an_environment_file_may_have_many_lines():
    assert (
        filtered('A=1\nDB_PASSWORD="first part\nsecond part\nlast"\nB=2\n') == 'A=1\nDB_PASSWORD="***\n***\n***"\nB=2\n'
    )


def test_a_key_that_never_ends_closes_after_some_hundred_lines():
    state = LineState()
    state.follow(BEGIN, BEGIN)

    for _ in range(1_000):
        state.follow("an ordinary line of words", "an ordinary line of words")

    assert not state.is_open
    assert state.follow(BODY[0], BODY[0]) == BODY[0]


def test_line_ends_stay_as_they_are():
    assert filtered("a\r\nb\n\nc") == "a\r\nb\n\nc"


def test_the_filter_and_the_function_agree_on_single_lines():
    line = "password=" + "hunter2hunter2"

    assert filtered(line) == redact(line)
