"""What goes from the process that copies a program's output to the one that looks at it: see `follow.py`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

STDOUT, STDERR, MISSED, ENDED = range(4)
FRAME = struct.Struct("!BI")  # which of these, and a length or a number; output follows its length


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    repo: Path | None = None
    dry_run: bool = False
    exit_status: bool = False
    pty: bool = True
