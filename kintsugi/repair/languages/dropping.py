"""What a patch added that makes a failure disappear, and the patch without it: for languages read by tree-sitter."""

from __future__ import annotations

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
        """Those that drop and were not there: around the same, or else around something that was changed.

        One that dropped what the same code fails by, and now answers something else instead, drops nothing more.
        """
        gone, come = list(self.handlers(old)), list(self.handlers(tree))
        for is_it in (_is_kept, _drops_again, _is_moved):
            come = [one for one in come if not _taken(gone, one, is_it)]
        return [one for one in come if one.drops]


def _is_kept(one: Handler, was: Handler) -> bool:
    return (one.tried, one.does) == (was.tried, was.does)


def _drops_again(one: Handler, was: Handler) -> bool:
    return was.drops and one.tried == was.tried


def _is_moved(one: Handler, was: Handler) -> bool:
    return one.does == was.does


def _taken(gone: list[Handler], one: Handler, is_it: Callable[[Handler, Handler], bool]) -> bool:
    """Whether one that was there is this one. It is taken out."""
    at = next((at for at, was in enumerate(gone) if is_it(one, was)), None)
    if at is not None:
        del gone[at]
    return at is not None
