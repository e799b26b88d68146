"""The `kintsugi` command: options in, exit status out. `kintsugi/commands/tree.py` has all commands.

Exit status: 0 done, 1 a fault, 2 wrong usage or settings, 3 refused with a reason, 130 interrupted.
"""

from __future__ import annotations

import gc
import io
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


def main() -> None:
    """The entry point."""
    gc.set_threshold(_NEW_OBJECTS)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it is None where it is closed
            stream.reconfigure(errors="replace")  # a sign that the terminal cannot show is no reason to fail
    try:
        whole()()
    except KeyboardInterrupt:  # before or after the command itself, which has its own sentence
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        raise SystemExit(how_to_install(error, "server")) from None


if __name__ == "__main__":
    main()
