"""`--processes N`: the tests on so many processes, which are forked when all is loaded and collected.

Each of xdist's workers loads and collects everything by itself, eight seconds of processor time, and what it finds out
takes a millisecond a test on its way. A file's tests stay on one process; whoever is free takes the next file.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import random
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from kintsugi.repair.sandbox import BoxFailed, Limits
from tests.world import boxes, terminal

Tests = Sequence[pytest.Item]  # of one file
_MANY = 1000  # tests, of which some surely need what takes seconds to make
_NUMBER = 2  # bytes of a file's place in the queue


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=0, help="run the tests on so many forks of this process")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    number = session.config.getoption("processes")
    if not number or session.config.option.collectonly or session.testsfailed:
        return None
    if len(session.items) > _MANY:
        _prepare(session.config)
    files = [list(tests) for _, tests in groupby(session.items, key=lambda item: item.nodeid.split("::")[0])]
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    capture.stop_global_capturing()  # the file behind it would be everybody's
    children = _forked(session, files, number)
    try:
        _hear(session, dict(children))
    finally:
        for line, child in children:
            line.close()
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)
            os.waitpid(child, 0)
    return True


def _prepare(config: pytest.Config) -> None:
    """What all processes share: it is made once, and before there are several."""
    terminal.prepare()
    boxes.share(config._tmp_path_factory.getbasetemp())
    with suppress(BoxFailed):  # whoever needs one says so
        asyncio.run(boxes.a_box(Path(sys.executable), Limits()))


def _forked(session: pytest.Session, files: Sequence[Tests], number: int) -> list[tuple[Connection, int]]:
    """The processes, and our end of the line to each."""
    queue, writing = os.pipe()
    os.write(writing, b"".join(place.to_bytes(_NUMBER) for place in range(len(files))))
    os.close(writing)
    children: list[tuple[Connection, int]] = []
    for each in range(number):
        ours, its = Pipe()
        if (child := os.fork()) == 0:
            for line in (ours, *(line for line, _ in children)):
                line.close()
            _run(session, _Taken(files, queue), its, each)
        its.close()
        children.append((ours, child))
    os.close(queue)
    return children


def _hear(session: pytest.Session, children: dict[Connection, int]) -> None:
    """Report what the processes tell, until the last has ended."""
    hook = session.config.hook
    runs = dict.fromkeys(children, "no test")
    while runs:
        for line in wait(list(runs)):
            assert isinstance(line, Connection)
            try:
                runs[line], location, reports = line.recv()
            except (EOFError, ConnectionError):
                raise session.Interrupted(f"a process ended in {runs[line]}") from None
            if not runs[line]:
                del runs[line]
            for each in reports:
                report = hook.pytest_report_from_serializable(config=session.config, data=each)
                hook.pytest_runtest_logreport(report=report)
            if reports:
                hook.pytest_runtest_logfinish(nodeid=runs[line], location=location)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)


class _Taken:
    """Files that this process takes from the queue of all."""

    def __init__(self, files: Sequence[Tests], queue: int) -> None:
        self._files, self._queue = files, queue

    def __iter__(self) -> Iterator[Tests]:
        while number := os.read(self._queue, _NUMBER):
            yield self._files[int.from_bytes(number)]


class _Teller:
    """Keeps what is reported of a test, for the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.reports: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reports.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))


def _run(session: pytest.Session, files: _Taken, line: Connection, number: int) -> NoReturn:
    config = session.config
    try:
        teller = _become_one_of_many(config, number)
        for test, following in _in_turn(files):
            line.send((test.nodeid, test.location, []))
            config.hook.pytest_runtest_protocol(item=test, nextitem=following)
            line.send((test.nodeid, test.location, teller.reports))
            teller.reports = []
        atexit._run_exitfuncs()
        line.send(("", (), []))
    except KeyboardInterrupt:
        session._setupstate.teardown_exact(None)
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(0)


def _in_turn(files: _Taken) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Each test and the one that follows, for whose sake something may be kept."""
    last: pytest.Item | None = None
    for test in (test for tests in files for test in tests):
        if last:
            yield last, test
        last = test
    if last:
        yield last, None


def _become_one_of_many(config: pytest.Config, number: int) -> _Teller:
    atexit._clear()  # what is to be done at the end of the first process
    random.seed()
    os.environ["PYTEST_XDIST_WORKER"] = f"gw{number}"  # what tests ask for is the same as there
    plugins = config.pluginmanager
    reporter = plugins.unregister(name="terminalreporter")
    plugins.register(SimpleNamespace(_tw=reporter._tw), "terminalreporter")  # whoever is in need finds the terminal
    capture = plugins.get_plugin("capturemanager")
    capture.start_global_capturing()
    capture.suspend_global_capture()
    folders = config._tmp_path_factory
    folders._basetemp = folders.getbasetemp() / f"popen-gw{number}"
    folders._basetemp.mkdir()
    teller = _Teller(config)
    plugins.register(teller)
    return teller
