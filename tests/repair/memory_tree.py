"""A tree for tests, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from kintsugi.repair.trees import Kind


class MemoryTree:
    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self._files = {path: held.encode() if isinstance(held, str) else held for path, held in files.items()}

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def paths(self) -> Collection[str]:
        return self._files.keys()

    def kind(self, path: str) -> Kind | None:
        if path in self._files:
            return Kind.FILE
        return Kind.FOLDER if any(one.startswith(f"{path}/") for one in self._files) else None

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, self._files[path]) for path in paths if path in self._files)
