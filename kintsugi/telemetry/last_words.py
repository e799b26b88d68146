"""What is logged last is written, also where a process ends without Python's own end: by SIGTERM, as a child of
`multiprocessing`. Nothing can be done at `os._exit`, SIGKILL and power cuts: errors are written when they are logged.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import current_process, parent_process, util
from types import FrameType

from kintsugi.telemetry.unhandled import unhandled


def ended_by() -> BaseException | None:
    """What the program fails with at its end. The interpreter keeps it, also where another hook than ours shows it.

    Consoles and test runners keep there what they have shown, too: it did not come through the program's main module.
    At the interpreter's own prompt it does; what fails there ends nothing.
    """
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if hasattr(sys, "ps1") or not isinstance(error, BaseException) or isinstance(error, KeyboardInterrupt):
        return None
    trace = error.__traceback__
    home = trace.tb_frame.f_globals.get("__name__") if trace else ""
    return error if home in ("__main__", "runpy") else None


class LastWords:
    """Calls `flush` at such ends, until `close()`."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._over = False
        self._take_the_signal()
        util.register_after_fork(self, LastWords._at_the_childs_end)
        if parent_process() is not None:
            util.Finalize(None, self._say_in_a_child, exitpriority=0)

    def close(self) -> None:
        """Gives the signal back, where it is still ours."""
        self._over = True
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == self._ended:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _take_the_signal(self) -> None:
        """Only where the program has no handler: it would end at once."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._ended)

    def _ended(self, number: int, _: FrameType | None) -> None:
        """Ends the process as it would have ended without us, after its last words."""
        try:
            if not self._over:
                self._flush()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _at_the_childs_end(self) -> None:
        """Children end by `os._exit`, after these finalizers."""
        if not self._over:
            util.Finalize(None, self._say_in_a_child, (sys.exception(),), exitpriority=0)

    def _say_in_a_child(self, handled: BaseException | None = None) -> None:
        """`multiprocessing` prints what a child failed with after the finalizers, when nothing is sent any more: they
        run while it is on its way. `handled`: what the parent was about to handle when it forked, which is no failure
        of the child."""
        error = sys.exception()
        if isinstance(error, Exception) and error is not handled:
            message = "a child process failed: %s"
            unhandled(error, "child process", message, current_process().name, level=logging.CRITICAL)
        self._flush()
