import io
import os
import threading
from pathlib import Path

import pytest

from kintsugi.telemetry.writer import Writer


def report(count):
    return f"{count} dropped"


def test_everything_is_written_in_order_by_the_end():
    stream = io.StringIO()
    writer = Writer(stream, report)

    for number in range(3_000):
        writer.put(str(number))
    writer.close()

    assert stream.getvalue().split() == [str(number) for number in range(3_000)]


def test_an_unread_pipe_stops_nobody_and_the_loss_is_told_later():
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    writer = Writer(stream, report, capacity=100)

    for number in range(5_000):
        writer.put(f"{number} " + "x" * 1_000)
    dropped = writer.dropped
    received = bytearray()
    reader = threading.Thread(target=read_all, args=(reading, received))
    reader.start()
    writer.close(timeout=30)
    stream.close()
    reader.join()

    assert dropped > 4_000
    assert writer.waiting == 0
    assert f"{dropped} dropped".encode() in received


def read_all(pipe, received):
    while part := os.read(pipe, 65_536):
        received += part
    os.close(pipe)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full: run them on Linux")
def test_a_full_disk_is_counted_and_not_raised():
    writer = Writer(Path("/dev/full").open("w", encoding="utf-8"), report)

    for number in range(10):
        writer.put(str(number))
    writer.close()

    assert writer.dropped == 10


def test_after_the_end_lines_are_written_at_once(tmp_path):
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        writer = Writer(stream, report)
        writer.close()

        writer.put("late")

    assert (tmp_path / "log").read_text() == "late\n"


def test_a_closed_stream_is_counted():
    stream = io.StringIO()
    writer = Writer(stream, report)
    stream.close()

    writer.put("lost")
    writer.close()

    assert writer.dropped == 1
