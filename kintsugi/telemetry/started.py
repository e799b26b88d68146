"""What a program starts by itself: threads and background tasks. Bound, counted, and seen where they fail.

A thread or task that was started in a run belongs to it, and fails it. One that was started by nobody's run is a run of
its own. Only what the program's own code does is looked at; a library's threads and tasks are left alone.
"""

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import CodeType
from typing import Any

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.context import Bound, bind, bind_run, bound, rebind
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.runs import Run, name_of
from kintsugi.telemetry.undo import replace_attribute
from kintsugi.telemetry.unhandled import mark_of, unhandled

UNAWAITED_AFTER = 30.0  # seconds after which nobody comes for a task that failed
_MOST_CODES = 10_000


class Started:
    """Watches what is started until `close()`."""

    def __init__(self, outcomes: Outcomes, unawaited_after: float = UNAWAITED_AFTER) -> None:
        self._outcomes = outcomes
        self._patience = unawaited_after
        self._watching = True
        self._codes: dict[CodeType, bool] = {}
        self._failed = weakref.WeakKeyDictionary[Any, Bound]()
        self._undo = ExitStack()
        self._start: Callable[..., None] = threading.Thread.start
        self._create: Callable[..., Any] = asyncio.BaseEventLoop.create_task
        replace_attribute(self._undo, threading.Thread, "start", self._start_function())
        replace_attribute(self._undo, asyncio.BaseEventLoop, "create_task", self._create_function())

    def close(self) -> None:
        """Somebody may have wrapped ours since, and keeps calling it: it does nothing any more."""
        self.tell()
        self._watching = False
        self._undo.close()

    def tell(self) -> None:
        """Of tasks that failed and nobody awaited so far, as the program ends."""
        for task, fields in list(self._failed.items()):
            self._unawaited(task, fields)

    # --- threads --------------------------------------------------------------------------------------------------

    def _start_function(self) -> Callable[..., None]:
        """A plain function, as it is called as a method."""

        def start(thread: threading.Thread) -> None:
            work = getattr(thread, "_target", None) or getattr(thread, "function", None) or type(thread).run
            if self._watching and self._is_programs(_code_of(work)):
                thread.run = partial(self._in_thread, thread, thread.run, bound(), name_of(work))  # type: ignore[method-assign]
            self._start(thread)

        return start

    def _in_thread(self, thread: threading.Thread, work: Callable[[], None], fields: Bound, name: str) -> None:
        """What leaves it comes to `threading.excepthook` on this thread, still bound."""
        own = self._begin(fields, f"{name} (thread)")
        vars(thread).pop("run", None)  # once, should it have been started in vain before
        work()
        if own is not None:
            own.succeeded()

    def _begin(self, fields: Bound, name: str) -> Run | None:
        """In the run that it was started in, or in one of its own."""
        rebind(fields)
        if fields.run is not None:
            return None
        own = Run(self._outcomes, name)
        bind(intent=name)
        bind_run(own)
        return own

    # --- tasks ----------------------------------------------------------------------------------------------------

    def _create_function(self) -> Callable[..., Any]:
        def create_task(loop: asyncio.AbstractEventLoop, coro: Any, **named: Any) -> Any:
            code = getattr(coro, "cr_code", None)
            if not (self._watching and code and self._is_programs(code)):
                return self._create(loop, coro, **named)
            if bound().run is not None:
                return self._watched(self._create(loop, coro, **named), None)
            name = f"{name_of(coro)} (task)"
            own = Run(self._outcomes, name)
            with bind(intent=name):
                bind_run(own)
                return self._watched(self._create(loop, coro, **named), own)

        return create_task

    def _watched(self, task: Any, own: Run | None) -> Any:
        if isinstance(task, asyncio.Task):
            task.add_done_callback(partial(self._done, own))
        return task

    def _done(self, own: Run | None, task: "asyncio.Task[Any]") -> None:
        """In the context that it was started in. Whether somebody comes for its exception is only known later."""
        if not self._watching or task.cancelled():
            return
        error: BaseException | None = getattr(task, "_exception", None)
        if error is None:
            if own is not None:
                own.succeeded()
            return
        mark = mark_of(error)
        mark.context = mark.context or bound()
        self._failed[task] = bound()
        task.get_loop().call_later(self._patience, self._look_again, weakref.ref(task))

    def _look_again(self, kept: "weakref.ref[Any]") -> None:
        task = kept()
        if task is not None and self._watching and task in self._failed:
            self._unawaited(task, self._failed[task])

    def _unawaited(self, task: Any, fields: Bound) -> None:
        self._failed.pop(task, None)
        error = getattr(task, "_exception", None)
        if error is None or not getattr(task, "_log_traceback", False):
            return  # somebody took it
        with rebind(fields):
            unhandled(error, "background task", "a task failed and nobody awaits it: %s", task.get_name())

    def _is_programs(self, code: CodeType | None) -> bool:
        if code is None:
            return False
        known = self._codes.get(code)
        if known is None:
            known = not is_installed(code.co_filename)
            if len(self._codes) < _MOST_CODES:
                self._codes[code] = known
        return known


def _code_of(work: Any) -> CodeType | None:
    while isinstance(work, partial):
        work = work.func
    return getattr(getattr(work, "__func__", work), "__code__", None)
