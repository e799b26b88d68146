"""What a patch added that makes a failure disappear, and the patch without it: for languages read by tree-sitter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kintsugi.repair.languages.found import Swallow, Swallowing
from kintsugi.repair.languages.syntax import Node, Piece, written_with

_MOST = 50


@dataclass(frozen=True, slots=True)
class Handler:
    """One place where a failure is handled. `tried` is what may fail there and `does` what is done about it, in one
    layout; `pieces` take the handling away; `drops`: it goes on as if nothing had happened.
    """

    line: int
    catches: str
    tried: str
    does: str
    drops: bool
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Droppings:
    """How a language is asked: its tree, its handlers, and what of a program matters (without imports)."""

    tree: Callable[[str, str], Node | None]  # of a path and its source
    handlers: Callable[[Node], Iterator[Handler]]
    essence: Callable[[Node], Sequence[str]]

    def swallowing(self, before: Mapping[str, str], after: Mapping[str, str]) -> Swallowing:
        """Files that cannot be read are left out, and count as a change."""
        places: list[Swallow] = []
        without: dict[str, str] = {}
        left = bool(before.keys() - after.keys())
        for path, source in after.items():
            old, new = self.tree(path, before.get(path, "")), self.tree(path, source)
            if old is None or new is None:
                left = True
                continue
            stripped, found = self._stripped(path, source, old)
            places += found
            if found:
                without[path] = stripped
            now = self.tree(path, stripped)
            left = left or now is None or self.essence(now) != self.essence(old)
        return Swallowing(tuple(places), without, is_all=bool(places) and not left)

    def _stripped(self, path: str, source: str, old: Node) -> tuple[str, list[Swallow]]:
        """One after the other, as one may stand in another."""
        found: list[Swallow] = []
        while len(found) < _MOST and (tree := self.tree(path, source)) is not None:
            handler = next(iter(self._new(tree, old)), None)
            if handler is None:
                break
            found.append(Swallow(path, handler.line, handler.catches))
            source = written_with(source, handler.pieces)
        return source, found

    def _new(self, tree: Node, old: Node) -> list[Handler]:
        """Those that drop and were not there: around the same, or else around something that was changed."""
        were = Counter((one.tried, one.does) for one in self.handlers(old))
        are = list(self.handlers(tree))
        same = were & Counter((one.tried, one.does) for one in are)
        moved = Counter(does for (_, does), count in (were - same).items() for _ in range(count))
        found = []
        for one in are:
            if same[one.tried, one.does] > 0:
                same[one.tried, one.does] -= 1
            elif moved[one.does] > 0:
                moved[one.does] -= 1
            elif one.drops:
                found.append(one)
        return found
