"""What a box is, what is run in it, and how a run ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from kintsugi.repair.sandbox.record import Record
from kintsugi.repair.sandbox.room import Interpreter
from kintsugi.workflow.patch import Run


class Mechanism(StrEnum):
    """What closes the box, the strongest first."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"  # the same, made by our own launcher
    LANDLOCK = "landlock"  # with seccomp: no sockets
    LIMITS = "limits"


WITH_MOUNTS = (Mechanism.BUBBLEWRAP, Mechanism.NAMESPACES)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Memory, processes and disk are those of the whole box."""

    seconds: float = 300
    memory_mb: int = 1024
    processes: int = 1024  # and threads: a suite of a bot with workers had over 128
    output_kb: int = 256  # kept of what it prints, from the end
    disk_mb: int = 512


@dataclass(frozen=True, slots=True)
class Box:
    """A kind of box that works on this machine. `says` is what it contained when it was probed."""

    mechanism: Mechanism
    interpreter: Interpreter
    other_user: bool  # run as a user of its own; needs root
    limits: Limits = field(default_factory=Limits)
    says: str = ""
    maps_users: bool = False  # the kernel can show our files as the other user's
    got_through: tuple[str, ...] = ()  # the hostile actions that it did not contain
    rooms: Path | None = None  # where rooms are made; None: the system's temporary folder
    placed: tuple[tuple[Path, str], ...] = ()  # folders of the machine to be read at a path of the tree
    variables: Mapping[str, str] = field(default_factory=dict)  # of the environment, beside its own
    services: tuple[str, ...] = ()  # shell commands that are started beside each run of tests
    built: Path | None = None  # what was compiled before any test was run, to be read at `room.BUILT`

    @property
    def has_its_network(self) -> bool:
        """Whether its loopback is its own, so that servers can run in it."""
        return self.mechanism in WITH_MOUNTS

    @property
    def shares_builds(self) -> bool:
        """Whether what one run compiles fits the others: the tree lies at the same path in each."""
        return self.mechanism in WITH_MOUNTS

    def with_folders(self, folders: tuple[Path, ...], placed: tuple[tuple[Path, str], ...]) -> Box:
        """The same with more of the machine to be read: folders where they are, and folders at a path of the tree."""
        interpreter = replace(self.interpreter, folders=(*self.interpreter.folders, *folders))
        return replace(self, interpreter=interpreter, placed=placed)


@dataclass(frozen=True, slots=True)
class Ground:
    """A tree that runs are made on, one after the other, each on the tree as it was: copied once, if at all.

    `uid` is the user that its runs are; None: we ourselves. `kb` is what a copy takes in memory.
    """

    box: Box
    tree: Path
    uid: int | None
    kb: int


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: a command in the tree with `changes` made to it (None removes a file).

    `script` comes on the command's standard input, which is empty otherwise. With `recorded` its third handle is a
    socket that takes lines of a `Record`. `{tree}` in the environment becomes the path inside.
    """

    command: tuple[str, ...]
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    script: str = ""
    recorded: bool = False
    served: bool = True  # whether the box's services are to run beside it
    builds: bool = False  # whether it may write to what is `built`: only for what runs nothing of the tree


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `stopped` says why we ended it, `in_time` whether by anything but its time; `record` is what
    came of a recorded job.
    """

    run: Run
    stopped: str | None
    left_behind: int  # processes it left running; they are dead now
    record: Record | None = None
    in_time: bool = True


class BoxFailed(Exception):
    """The box could not be closed or the command not started: says nothing about the command."""


class NoInterpreter(BoxFailed):
    """There is no such Python to run tests with: says nothing about the box either."""
