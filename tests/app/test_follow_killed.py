"""A program that is followed prints and ends as without us, whoever of us is killed, and whatever the database does."""

from __future__ import annotations

import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kintsugi.persistence.database import Database
from tests.app.test_follow import environment, incidents
from tests.world import terminal
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

    def __init__(self, folder: Path, *options: str, most: int = -1, stdout: int | None = None, **settings: str) -> None:
        """`most`: bytes of any file that it writes. `stdout`: where it prints to instead of a pipe of ours."""
        follow = ("capture", "--follow", *options, "--", sys.executable, "-c", ECHOES)
        limit = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
        env = environment(folder) | settings
        self.process = terminal.StartedInPipes(follow, folder, env, stdout=stdout, before=limit)

    def answers(self, line: str) -> bool:
        """Whether its answer is what arrives. Waits for nothing else."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        return self.hears(line)

    def hears(self, line: str) -> bool:
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], PATIENCE)[0]
        self.heard = self.process.stdout.readline()
        return self.heard == f"heard {line}\n".encode()

    def says(self, words: str) -> None:
        """Reads standard error until it says so."""
        assert any(words.encode() in line for line in self.process.stderr)

    def ends(self) -> int:
        """The status that its caller has, after all that it prints is read."""
        return self.process.ends(PATIENCE)


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


def test_who_copies_takes_nothing_along(tmp_path: Path):
    """Killed while it waits for output, and on a processor only when the next line is there."""
    followed = Followed(tmp_path)
    assert followed.answers("one")

    with a_busy_processor() as processor:
        for number in range(5):
            run_late(copier_of(followed), processor)
            os.kill(copier_of(followed), signal.SIGKILL)
            assert followed.answers(str(number))

    assert followed.ends() == 7


def test_to_a_terminal_the_last_piece_may_come_twice_and_no_line_is_lost(tmp_path: Path):
    """Here nobody can move it and take it away at once: who is killed in between has written it.

    A piece may be several lines, or the end of one: the program writes that by itself.
    """
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal, a_busy_processor() as processor:
        followed = Followed(tmp_path, "--no-pty", stdout=theirs)
        followed.process.stdout = terminal
        assert followed.answers("0")
        for number in range(1, 6):
            run_late(copier_of(followed), processor)
            os.kill(copier_of(followed), signal.SIGKILL)
            arrived = followed.answers(str(number))
            while not arrived:
                assert followed.heard
                assert any(f"heard {earlier}\n".encode().endswith(followed.heard) for earlier in range(number))
                arrived = followed.hears(str(number))
        followed.process.stdout = None
        assert followed.ends() == 7
    os.close(theirs)


@contextmanager
def a_busy_processor() -> Iterator[int]:
    """One that somebody keeps busy, its number: somebody who comes before `run_late`, and keeps it from nobody else."""
    processor = max(os.sched_getaffinity(0))
    busy = subprocess.Popen(
        (sys.executable, "-c", f"import os; os.nice(10); os.sched_setaffinity(0, [{processor}])\nwhile True: pass")
    )
    try:
        yield processor
    finally:
        busy.kill()
        busy.wait()


def run_late(process: int, processor: int) -> None:
    """It runs on that processor alone, when nobody else wants to."""
    for thread in (int(each.name) for each in Path(f"/proc/{process}/task").iterdir()):
        os.sched_setaffinity(thread, [processor])
        os.setpriority(os.PRIO_PROCESS, thread, 19)


def test_who_waits_may_be_killed_and_the_program_goes_on(tmp_path: Path):
    followed = Followed(tmp_path)
    assert followed.answers("one")
    followed.says("kintsugi: INC-1: LookupError: at first")

    followed.process.kill()

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


def followed_into(into: str, program: Sequence[str], folder: Path) -> tuple[int, bytes, bytes]:
    """Its status, what arrived of its output, and what we said."""
    words = ("capture", "--follow", "--", *program)
    with (folder / "out").open("ab" if into == "a file's end" else "wb") as file:
        to = None if into == "a pipe" else file.fileno()
        process = terminal.StartedInPipes(words, folder, environment(folder), stdout=to)
    assert process.stdin
    process.stdin.close()
    came = process.stdout.read() if process.stdout else b""
    told = process.stderr.read()
    return process.ends(PATIENCE), came or (folder / "out").read_bytes(), told


FLOODS = """
import os, sys, traceback
for number in range(200):
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

    _, came, told = followed_into(into, program, tmp_path)

    assert came == wanted
    assert b"KB of output came too fast to be looked at" in told
    assert [one["summary"] for one in incidents(tmp_path)] == ["LookupError: at last"]


RESTS_AFTER_A_FLOOD = """
import os, time, traceback
os.write(1, b"%09d nothing happened\\n" % 7 * 400_000)
try:
    raise LookupError("at last")
except LookupError:
    *stack, what = traceback.format_exc().encode().splitlines(keepends=True)
os.write(1, b"".join(stack))
time.sleep(1)
os.write(1, what)
time.sleep(1)
"""


@pytest.mark.parametrize("into", ["a pipe", "a file", "a file's end"])
def test_what_fails_at_the_end_of_a_flood_is_looked_at_although_the_program_rests_then(tmp_path: Path, into: str):
    """When there is room to look again, what passed by last comes first."""
    status, _, _ = followed_into(into, (sys.executable, "-c", RESTS_AFTER_A_FLOOD), tmp_path)

    assert status == 0
    assert [one["summary"] for one in incidents(tmp_path)] == ["LookupError: at last"]


FILLS_BOTH_PIPES = """
import os, sys, traceback
ended = open("ended", "w")
os.write(1, b"%09d nothing happened\\n" % 7 * 60_000)
try:
    raise LookupError("at last")
except LookupError:
    traceback.print_exc(file=sys.stdout)
"""


@pytest.mark.parametrize("stopped", [False, True], ids=["left alone", "stopped"])
def test_a_slow_reader_gets_it_all_after_the_program_has_ended(tmp_path: Path, stopped: bool):
    """It rests for longer than a program that prints nothing more is waited for, and longer than we are there."""
    program = (sys.executable, "-c", FILLS_BOTH_PIPES)
    (tmp_path / "alone").mkdir()
    wanted = subprocess.run(program, cwd=tmp_path / "alone", stdout=subprocess.PIPE, check=True).stdout
    os.mkfifo(tmp_path / "ended")
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", *program)
    followed = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE)
    assert (tmp_path / "ended").read_bytes() == b""  # until the program has ended
    time.sleep(1)
    if stopped:
        followed.terminate()
        assert followed.wait(PATIENCE) == 0

    assert followed.communicate(timeout=PATIENCE)[0] == wanted
    assert [one["summary"] for one in incidents(tmp_path)] == ["LookupError: at last"]


def test_what_a_program_leaves_printing_is_not_waited_for(tmp_path: Path):
    program = ("sh", "-c", "(while :; do echo goes on; done) & echo $! > left")
    typed = (sys.executable, "-m", "kintsugi", "capture", "--follow", "--", *program)
    followed = subprocess.Popen(typed, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL)
    try:
        assert followed.wait(PATIENCE) == 0
    finally:
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


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
    followed = Followed(folder, most=512)
    followed.says("kintsugi: not recorded yet")
    yield followed


@pytest.mark.parametrize("trouble", [a_locked_database, a_silent_server, no_server, a_full_disk])
def test_the_output_is_there_while_the_database_is_not(tmp_path: Path, trouble):
    """Each line is on the other end while the database is still held, refused, silent or full."""
    with trouble(tmp_path) as followed:
        assert all(followed.answers(str(number)) for number in range(100))

    assert followed.ends() == 7
