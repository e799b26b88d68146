"""The `kintsugi` command: options in, exit status out. `kintsugi/commands/tree.py` has all commands.

Exit status: 0 done, 1 a fault, 2 wrong usage or settings, 3 refused with a reason, 130 interrupted.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from kintsugi.extras import how_to_install

try:
    from kintsugi.commands.tree import whole
except KeyboardInterrupt:  # somebody thought better of it while this was read
    raise SystemExit(130) from None
except ModuleNotFoundError as error:
    raise SystemExit(how_to_install(error, "server")) from None

_NEW_OBJECTS = 20_000
"""After so many the collector looks for garbage. Python's own 700 makes it look all the time while modules are loaded,
where there is none: a fifth of a command's start."""


def _fill_what_is_closed() -> None:
    """Else the first files that are opened, a database perhaps, would be what our children take for their output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def main() -> None:
    """The entry point."""
    gc.set_threshold(_NEW_OBJECTS)
    _fill_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a test's is none
            stream.reconfigure(errors="replace")  # a sign that the terminal cannot show is no reason to fail
    try:
        whole()()
    except KeyboardInterrupt:  # before or after the command itself, which has its own sentence
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        raise SystemExit(how_to_install(error, "server")) from None


if __name__ == "__main__":
    main()
