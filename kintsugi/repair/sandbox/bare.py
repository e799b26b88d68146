"""What the launcher uses in place of modules that take longer to load than the interpreter, and its sizes."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own, for those who check types
if TYPE_CHECKING:
    from types import TracebackType

COPIED = "/srv/.base"
"""Where the tree lies inside that the command's user copies, where folders cannot be laid over each other."""

MB = 1 << 20
SHM_MB = 64
SMALLEST_FILE = 4096  # an empty file costs an inode


class suppress:  # noqa: N801 (as in contextlib)
    """contextlib's: what is raised in its block and is of one of these kinds ends there."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> bool:
        return kind is not None and issubclass(kind, self._kinds)
