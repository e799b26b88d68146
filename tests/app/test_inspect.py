"""`kintsugi inspect` and `kintsugi capture` as they are typed, on logs with several failures and with none."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.capture.printed import ALL, CARRIED, GO, PYTHON
from tests.world import terminal

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "pricing.py").write_text("\n" * 10 + 'def total():\n    return price - cart["discount"]\n')
    log = f"2026-11-28 10:00:00 INFO up\n{PYTHON.text}\n2026-11-28 10:00:01 INFO on\n{CARRIED['compose'](GO.text)}"
    (tmp_path / "bot.log").write_text(log)
    return tmp_path


def given(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    return kept | {"PYTHONPATH": str(ROOT), "KINTSUGI_DATABASE_URL": f"sqlite:///{folder}/k.db"}


def types(folder: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return terminal.run(words, folder, given(folder), stdin)


def objects(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_failure_is_told_with_its_lines_and_place_and_nothing_is_written(folder: Path):
    done = types(folder, "inspect", "--json", "--repo", "code", "bot.log")

    first, second = objects(done)
    assert done.returncode == 0
    assert (first["file"], first["first_line"], first["last_line"], first["language"]) == ("bot.log", 2, 9, "python")
    assert (first["type"], first["message"], first["chain"]) == ("KeyError", "'discount'", ["KeyError"])
    assert first["place"] == "pricing.py:12"
    assert [frame["line"] for frame in first["frames"]] == [31, 12]
    assert first["fingerprint"].startswith("v")
    assert "KeyError: 'discount'" in first["log"]
    assert (second["language"], second["first_line"], second["place"]) == ("go", 11, None)
    assert not (folder / "k.db").exists()


def test_people_read_a_line_for_each(folder: Path):
    done = types(folder, "inspect", "--repo", "code", "bot.log")

    assert done.stdout.decode().splitlines()[0] == "bot.log:2-9: python: KeyError: 'discount' in pricing.py:12"


def test_asked_why_it_says_what_a_failure_is_grouped_by(folder: Path):
    read = types(folder, "inspect", "--why", "--repo", "code", "bot.log")
    given = objects(types(folder, "inspect", "--why", "--json", "--repo", "code", "bot.log"))

    why = "types and project frames: KeyError; pricing.py:total; 'discount' on the line that failed"
    assert read.stdout.decode().splitlines()[1] == f"    grouped by {why}"
    assert given[0]["grouped_by"] == why


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is empty"),
        (b"all is well\n", "there is no failure in this text. 1 line was looked at"),
        (b"Traceback (most recent call last):\n", "the report on line 1 is cut before it tells what failed or where"),
        (gzip.compress(os.urandom(9_000)), "is binary or compressed: unpack it first"),
    ],
)
def test_where_nothing_failed_a_sentence_says_what_was_looked_at(folder: Path, raw: bytes, says: str):
    for command, status in (("inspect", 3), ("capture", 2)):
        done = types(folder, command, "-", stdin=raw)

        assert done.returncode == status
        assert done.stdout == b""
        assert says in done.stderr.decode()


def test_a_file_that_is_absent_is_said(folder: Path):
    done = types(folder, "inspect", "absent.log")

    assert done.returncode == 2
    assert b"absent.log cannot be read: No such file or directory." in done.stderr


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("", "The name of the file is empty.\n"),
        ("/proc/self/mem", "/proc/self/mem cannot be read: Input/output error.\n"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(folder: Path, file: str, says: str):
    done = types(folder, "inspect", file)

    assert (done.returncode, done.stderr.decode()) == (2, says)


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("- <&-", 2, "Standard input is closed. Name a file, or pipe the text in.\n"),
        ("bot.log >&-", 0, ""),
    ],
)
def test_what_is_closed_is_a_sentence_at_most(folder: Path, typed: str, status: int, says: str):
    line = f"exec {sys.executable} -m kintsugi inspect {typed}"

    done = subprocess.run(["sh", "-c", line], cwd=folder, env=given(folder), capture_output=True, check=False)

    assert (done.returncode, done.stderr.decode()) == (status, says)


def test_a_secret_in_a_log_is_not_shown(folder: Path):
    secret = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345"
    done = types(folder, "inspect", "--json", "-", stdin=PYTHON.text.replace("'discount'", secret).encode())

    assert objects(done)
    assert secret.encode() not in done.stdout


def test_a_file_becomes_an_incident_for_each_failure(folder: Path):
    (folder / "all.log").write_text("\nINFO: on\n".join(printed.text for printed in ALL.values()))

    done = types(folder, "capture", "all.log")

    assert done.stdout.decode().splitlines() == [f"INC-{at + 1}" for at in range(len(ALL))]


def test_of_very_many_failures_the_first_become_incidents_and_the_rest_is_told(folder: Path):
    text = "".join(PYTHON.text.replace("KeyError", f"{'A' * at}Error") + "\n" for at in range(1, 24))

    done = types(folder, "capture", "-", stdin=text.encode())

    assert len(done.stdout.splitlines()) == 20
    assert b"3 more failures in standard input were left" in done.stderr


def test_the_same_failure_again_counts(folder: Path):
    done = types(folder, "capture", "-", stdin=f"{PYTHON.text}\n".encode() * 3)

    assert done.stdout == b"INC-1\n"
    assert json.loads(types(folder, "incident", "show", "1", "--json").stdout)["count"] == 3
