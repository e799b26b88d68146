"""`--processes N`: the tests on so many processes, which are forked when all is loaded and collected.

Each of xdist's workers loads and collects everything by itself, which takes seconds, and makes anew what could be shared.
A file's tests stay on one process; whoever is free takes the next file.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import random
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from _pytest.capture import CaptureManager, FDCapture
from _pytest.runner import CallInfo
from _pytest.unraisableexception import collect_unraisable

Tests = Sequence[pytest.Item]  # of one file
_NUMBER = 2  # bytes of a file's place in the queue


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=0, help="run the tests on so many forks of this process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """None leaves it to pytest, which tells of what could not be collected."""
    number = session.config.getoption("processes")
    if not number or session.config.option.collectonly or session.testsfailed:
        return None
    if "tests.world.terminal" in sys.modules:
        _prepare(session.config)
    files = [list(tests) for _, tests in groupby(session.items, key=lambda item: item.nodeid.split("::")[0])]
    session.config.pluginmanager.get_plugin("capturemanager").suspend_global_capture(in_=True)
    children: dict[Connection, int] = {}  # our ends of the lines to the processes, and their numbers
    try:
        _fork(session, files, min(number, len(files)), children)
        _hear(session, children)
    finally:
        for line, child in children.items():
            line.close()
            os.kill(child, signal.SIGINT)
        for child in children.values():
            os.waitpid(child, 0)
    return True


def _prepare(config: pytest.Config) -> None:
    """What takes seconds to make, and all processes share."""
    from hypothesis import strategies

    from kintsugi.repair.sandbox import BoxFailed, Limits
    from kintsugi.telemetry import lazy_re
    from tests.world import boxes, migrated, terminal

    strategies.text().validate()  # in a fresh clone it looks at each letter of Unicode
    lazy_re.compile_all()
    migrated.prepare()
    terminal.prepare()
    boxes.share(config._tmp_path_factory.getbasetemp())
    with suppress(BoxFailed):  # whoever needs one says so
        asyncio.run(boxes.a_box(Path(sys.executable), Limits()))


def _fork(session: pytest.Session, files: Sequence[Tests], number: int, children: dict[Connection, int]) -> None:
    assert threading.active_count() == 1, f"a thread would be lost: {threading.enumerate()}"
    queue, writing = os.pipe()
    os.write(writing, b"".join(place.to_bytes(_NUMBER, "big") for place in range(len(files))))
    os.close(writing)
    for each in range(number):
        ours, its = Pipe()
        if (child := os.fork()) == 0:
            for line in (ours, *children):
                line.close()
            _run(session, _taken(files, queue), its, each)
        its.close()
        children[ours] = child
    os.close(queue)


def _hear(session: pytest.Session, children: dict[Connection, int]) -> None:
    """Report what the processes tell, until the last has ended. Those that are left in `children` have not."""
    hook = session.config.hook
    runs = dict.fromkeys(children, "no test")
    while children:
        for line in wait(list(children)):
            assert isinstance(line, Connection)
            try:
                reports, runs[line] = line.recv()
            except (EOFError, ConnectionError):
                raise session.Interrupted(f"a process ended in {runs[line]}") from None
            for each in reports:
                report = hook.pytest_report_from_serializable(config=session.config, data=each)
                hook.pytest_runtest_logreport(report=report)
            if reports:
                hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
            if not runs[line]:
                os.waitpid(children.pop(line), 0)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)


class _Teller:
    """Keeps what is reported of a test, for the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.reports: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reports.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))


def _run(session: pytest.Session, files: Iterator[Tests], line: Connection, number: int) -> NoReturn:
    """Tell what was reported of each test, and which is next; empty where there is none."""
    config = session.config
    try:
        os.setpgid(0, 0)  # Ctrl-C comes once, from the first process: a second one would end what lets go of things
        teller = _become_one_of_many(config, number)
        try:
            test = None
            for tests in files:
                for test, following in pairwise([*tests, session]):  # what is made for all files stays
                    line.send((teller.reports, test.nodeid))
                    teller.reports = []
                    config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            if test:
                left = CallInfo.from_call(lambda: _leave(session), "teardown", reraise=KeyboardInterrupt)
                teller.pytest_runtest_logreport(config.hook.pytest_runtest_makereport(item=test, call=left))
        finally:
            session._setupstate.teardown_exact(None)
            atexit._run_exitfuncs()
        line.send((teller.reports, ""))
    except (KeyboardInterrupt, ConnectionError):
        pass  # the first process was interrupted, or has ended
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(0)


def _leave(session: pytest.Session) -> None:
    """What was made for all files is let go, and what fails as garbage fails."""
    session._setupstate.teardown_exact(None)
    gc.collect()
    collect_unraisable(session.config)


def _taken(files: Sequence[Tests], queue: int) -> Iterator[Tests]:
    """Files that this process takes from the queue of all."""
    while number := os.read(queue, _NUMBER):
        yield files[int.from_bytes(number, "big")]


def _become_one_of_many(config: pytest.Config, number: int) -> _Teller:
    atexit._clear()  # what is to be done at the end of the first process
    random.seed()
    os.environ["PYTEST_XDIST_WORKER"] = f"gw{number}"  # what tests ask for is the same as there
    plugins = config.pluginmanager
    reporter = plugins.unregister(name="terminalreporter")
    plugins.register(SimpleNamespace(_tw=reporter._tw), "terminalreporter")  # whoever is in need finds the terminal
    _print_into_files_of_its_own(plugins.get_plugin("capturemanager"))
    folders = config._tmp_path_factory
    folders._basetemp = folders.getbasetemp() / f"popen-gw{number}"
    folders._basetemp.mkdir()
    teller = _Teller(config)
    plugins.register(teller)
    return teller


def _print_into_files_of_its_own(capture: CaptureManager) -> None:
    """Under the numbers of those that it shared: some modules keep the streams that were there when they were loaded."""
    captured = capture._global_capturing
    for each in (captured.out, captured.err) if captured else ():
        if isinstance(each, FDCapture):
            with TemporaryFile() as own:
                os.dup2(own.fileno(), each.tmpfile.fileno())
