"""A program that is followed prints and ends as without us, whoever of us is killed, and whatever the database does."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database
from tests.app.test_follow import environment, incidents
from tests.world.migrated import migrate
from tests.world.patience import PATIENCE

ECHOES = """
import sys, traceback
def fails(what):
    try:
        raise LookupError(what)
    except LookupError:
        traceback.print_exc()
        sys.stderr.flush()
fails("at first")
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
    if line == "fail\\n":
        fails("later")
open("ended", "w").close()
raise SystemExit(7)
"""


class Followed:
    """A program that answers each line, under `capture --follow`, with our ends of its pipes."""

    def __init__(self, folder: Path, *, limit: str = "unlimited", **settings: str) -> None:
        follow = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", sys.executable, "-c", ECHOES)
        self.process = subprocess.Popen(
            ("sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", *follow),
            cwd=folder,
            env=environment(folder) | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def answers(self, line: str) -> bool:
        """Whether its answer arrives. Waits for nothing else."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return self.process.stdout.readline() == f"heard {line}\n".encode()

    def says(self, words: str) -> None:
        """Reads standard error until it says so."""
        assert self.process.stderr
        assert any(words.encode() in line for line in self.process.stderr)

    def ends(self) -> int:
        """The status that its caller has, after all that it prints is read."""
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


def children_of(process: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def copier_of(followed: Followed) -> int:
    """Of the two children, the one that is no program: it is what we are."""
    ours = Path(f"/proc/{followed.process.pid}/cmdline").read_bytes()
    (copier,) = [
        each for each in children_of(followed.process.pid) if Path(f"/proc/{each}/cmdline").read_bytes() == ours
    ]
    return copier


def test_who_looks_may_be_killed(tmp_path: Path):
    followed = Followed(tmp_path)
    assert followed.answers("one")
    (watcher,) = children_of(copier_of(followed))

    os.kill(watcher, signal.SIGKILL)

    assert all(followed.answers(str(number)) for number in range(50))
    assert followed.ends() == 7


def test_who_copies_may_be_killed_and_what_fails_then_is_captured(tmp_path: Path):
    followed = Followed(tmp_path)
    assert followed.answers("one")
    followed.says("kintsugi: INC-1: LookupError: at first")

    for _ in range(3):
        os.kill(copier_of(followed), signal.SIGKILL)
        assert all(followed.answers(str(number)) for number in range(20))
    assert followed.answers("fail")
    followed.says("kintsugi: INC-2: LookupError: later")

    assert followed.ends() == 7
    assert sorted(one["summary"] for one in incidents(tmp_path)) == ["LookupError: at first", "LookupError: later"]


def test_who_waits_may_be_killed_and_the_program_goes_on(tmp_path: Path):
    followed = Followed(tmp_path)
    assert followed.answers("one")
    followed.says("kintsugi: INC-1: LookupError: at first")

    followed.process.kill()
    followed.process.wait()

    assert all(followed.answers(str(number)) for number in range(50))
    assert followed.answers("fail")
    followed.says("kintsugi: INC-2: LookupError: later")
    followed.ends()
    assert (tmp_path / "ended").exists()


def test_whoever_reads_no_more_is_told_to_the_program(tmp_path: Path):
    """As without us: the program's own write fails, although two processes of ours hold its pipe."""
    followed = Followed(tmp_path)
    assert followed.answers("one")
    assert followed.process.stdin and followed.process.stdout
    followed.process.stdout.close()

    with suppress(BrokenPipeError):  # the program's end, which reads no more
        while True:
            followed.process.stdin.write(b"two\n" * 1_000)
    with suppress(BrokenPipeError):
        followed.process.stdin.close()
    followed.process.stdin = followed.process.stdout = None

    assert followed.ends() == 1  # Python's own, for a broken pipe
    assert not (tmp_path / "ended").exists()


FLOODS = """
import os, sys, traceback
for number in range(600):
    os.write(1, b"%09d nothing happened\\n" % number * 4_000)
try:
    raise LookupError("at last")
except LookupError:
    traceback.print_exc(file=sys.stdout)
"""


@pytest.mark.parametrize("into", ["a pipe", "a file", "a file's end"])
def test_a_flood_arrives_whole_and_its_end_is_looked_at(tmp_path: Path, into: str):
    """Whether the kernel moves it or we do."""
    program = (sys.executable, "-c", FLOODS)
    wanted = subprocess.run(program, stdout=subprocess.PIPE, check=True).stdout
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", *program)
    with (tmp_path / "out").open("ab" if into == "a file's end" else "wb") as file:
        to = subprocess.PIPE if into == "a pipe" else file
        done = subprocess.run(typed, cwd=tmp_path, env=environment(tmp_path), stdout=to, stderr=subprocess.PIPE)

    assert (done.stdout if into == "a pipe" else (tmp_path / "out").read_bytes()) == wanted
    assert b"KB of output came too fast to be looked at" in done.stderr
    assert [one["summary"] for one in incidents(tmp_path)] == ["LookupError: at last"]


@contextmanager
def a_locked_database(folder: Path) -> Iterator[Followed]:
    database = Database.at(folder / ".kintsugi" / "kintsugi.db")
    migrate(database)
    assert database.file
    holder = sqlite3.connect(database.file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    followed = Followed(folder)
    followed.says("kintsugi: not recorded yet")
    yield followed
    holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def a_silent_server(folder: Path) -> Iterator[Followed]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg://u:p@127.0.0.1:{server.getsockname()[1]}/x"
        followed = Followed(folder, KINTSUGI_DATABASE_URL=url)
        server.settimeout(PATIENCE)
        with server.accept()[0]:  # who records waits for an answer now
            yield followed


@contextmanager
def no_server(folder: Path) -> Iterator[Followed]:
    followed = Followed(folder, KINTSUGI_DATABASE_URL="postgresql+psycopg://u:p@127.0.0.1:1/x")
    followed.says("kintsugi: not recorded yet")
    yield followed


@contextmanager
def a_full_disk(folder: Path) -> Iterator[Followed]:
    """No file may grow beyond what the database is."""
    database = Database.at(folder / ".kintsugi" / "kintsugi.db")
    migrate(database)
    followed = Followed(folder, limit="1")
    followed.says("kintsugi: not recorded yet")
    yield followed


@pytest.mark.parametrize("trouble", [a_locked_database, a_silent_server, no_server, a_full_disk])
def test_the_output_is_there_while_the_database_is_not(tmp_path: Path, trouble):
    """Each line is on the other end while the database is still held, refused, silent or full."""
    with trouble(tmp_path) as followed:
        assert all(followed.answers(str(number)) for number in range(100))

    assert followed.ends() == 7
