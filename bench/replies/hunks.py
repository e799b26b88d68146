"""Damages to what a reply quotes: numbers, context, blanks, and places that are not told."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from bench.replies.history import Changed, Fix, Line, Piece, pieces_of


def by_piece(
    spoil: Callable[[Piece, random.Random, Changed], Piece | None],
) -> Callable[[Fix, random.Random], Fix | None]:
    """A damage to a fix from one to a hunk; None where no hunk was changed."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        done, files = False, []
        for file in fix.files:
            pieces = [spoil(piece, chance, file) for piece in file.pieces]
            done = done or any(pieces)
            kept = tuple(new or old for new, old in zip(pieces, file.pieces, strict=True))
            files.append(replace(file, pieces=kept))
        return replace(fix, files=tuple(files)) if done else None

    return spoiled


def wrong_numbers(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    counts = (len(piece.old) + chance.randint(-3, 3), len(piece.new) + chance.randint(-3, 3))
    return replace(piece, start=max(1, piece.start + chance.randint(-40, 40)), counts=counts)


def no_numbers(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    return replace(piece, numbered=False)


def _far_context(piece: Piece) -> list[int]:
    """Unchanged lines that stand next to no change, blank lines aside: next to one they tell where it belongs."""
    telling = [at for at, (op, text) in enumerate(piece.lines) if op != " " or text.strip()]
    return [
        at
        for above, at, below in zip([None, *telling], telling, [*telling[1:], None], strict=False)
        if all(piece.lines[near][0] == " " for near in (above, at, below) if near is not None)
    ]


def _any_context(piece: Piece) -> list[int]:
    return [at for at, (op, text) in enumerate(piece.lines) if op == " " and len(text.strip()) > 6]


def _with_line(piece: Piece, at: int, *lines: Line) -> Piece:
    return replace(piece, lines=(*piece.lines[:at], *lines, *piece.lines[at + 1 :]))


def mistyped(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = _any_context(piece)
    if not places:
        return None
    at = chance.choice(places)
    return _with_line(piece, at, (" ", _typo(piece.lines[at][1], chance)))


def mistyped_old(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at, (op, text) in enumerate(piece.lines) if op == "-" and len(text.strip()) > 12]
    if not places:
        return None
    at = chance.choice(places)
    mistyped = _typo(piece.lines[at][1], chance)
    return None if mistyped in piece.new else _with_line(piece, at, ("-", mistyped))  # what it says is then no change


def _typo(text: str, chance: random.Random) -> str:
    letters = [at for at, character in enumerate(text[:-1]) if character.isalpha()]  # another digit is another number
    at = chance.choice(letters or [0])
    match chance.randrange(3):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + text[at] + text[at:]


def stale(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = _far_context(piece)
    if not places:
        return None
    at = chance.choice(places)
    text = piece.lines[at][1]
    words = re.findall(r"\w+", text)
    if chance.random() < 0.5 and words:
        return _with_line(
            piece, at, (" ", text.replace(chance.choice(words), chance.choice(("value", "result", "obj"))))
        )
    return _with_line(piece, at, (" ", text), (" ", text[: len(text) - len(text.lstrip())] + "check_again(state)"))


def elided(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at in _far_context(piece) if 0 < at < len(piece.lines) - 1]
    return _with_line(piece, chance.choice(places)) if places else None


def elided_marked(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    places = [at for at in _far_context(piece) if 0 < at < len(piece.lines) - 1]
    marker = chance.choice(("...", "# ...", "    # ... existing code ...", "…"))
    return _with_line(piece, chance.choice(places), (" ", marker)) if places else None


def no_blanks(piece: Piece, chance: random.Random, file: Changed) -> Piece | None:
    kept = [at for at in range(len(piece.lines)) if piece.lines[at][0] != " " or piece.lines[at][1].strip()]
    beside = any(
        not piece.lines[at][1].strip()
        and any(piece.lines[near][0] == "+" for near in (at - 1, at + 1) if 0 <= near < len(piece.lines))
        for at in range(len(piece.lines))
        if piece.lines[at][0] == " "
    )
    if beside or len(kept) == len(piece.lines):
        return None
    return replace(piece, lines=tuple(piece.lines[at] for at in kept))


def little_context(fix: Fix, chance: random.Random) -> Fix | None:
    files = []
    for file in fix.files:
        pieces = pieces_of(file.before.split("\n")[:-1], file.after.split("\n")[:-1], 1)
        text = f"\n{file.before}"
        if any(text.count("\n" + "\n".join(piece.old) + "\n") != 1 for piece in pieces):
            return None
        files.append(replace(file, pieces=pieces))
    return replace(fix, files=tuple(files))


def ambiguous(fix: Fix, chance: random.Random) -> Fix | None:
    """Every file's block twice in the file, so that nothing tells which is meant."""
    file = fix.files[0]
    piece = file.pieces[0]
    old = "\n".join(piece.old)
    if len(fix.files) > 1 or len(file.pieces) > 1 or not any(len(line.strip()) > 8 for line in piece.old):
        return None
    before = f"{file.before}\n\n{old}\n\n"
    doubled = replace(file, before=before, pieces=(replace(piece, numbered=False),))
    return replace(fix, files=(doubled,), tree={**fix.tree, file.path: before.encode()})


def twin(fix: Fix, chance: random.Random) -> Fix | None:
    """The hunk stands at the end of its file too; where it is meant, one of its lines has changed since."""
    file = fix.files[0]
    piece = file.pieces[0]
    places = [at for at in _far_context(piece) if len(piece.lines[at][1].strip()) > 12]
    if len(fix.files) > 1 or len(file.pieces) > 1 or not places:
        return None
    lines = file.before.split("\n")
    at = piece.start - 1 + sum(op != "+" for op, _ in piece.lines[: chance.choice(places)])
    lines[at] = _typo(lines[at], chance)
    before = "\n".join([*lines, "", "", *piece.old, "", ""])
    if before.count("\n".join(piece.old)) != 1:
        return None
    return replace(fix, files=(replace(file, before=before),), tree={**fix.tree, file.path: before.encode()})


def of_several(fix: Fix, chance: random.Random) -> Fix | None:
    return fix if len(fix.files) > 1 else None


def lazy(fix: Fix, chance: random.Random) -> Fix | None:
    """An added line that stands for code."""
    marker = chance.choice(
        (
            "# ... rest unchanged",
            "# ... existing code ...",
            "# rest of the function remains the same",
            "# (keep the remaining lines)",
            "// ... existing code ...",
            "# ... rest of the file unchanged",
        )
    )
    file = fix.files[0]
    added = [at for at, (op, _) in enumerate(file.pieces[0].lines) if op == "+"]
    lines = file.sent.split("\n")
    if not added or len(lines) < 30:
        return None
    at = added[-1] + 1
    piece = file.pieces[0]
    piece = replace(piece, lines=(*piece.lines[:at], ("+", marker), *piece.lines[at:]))
    sent = "\n".join([*lines[:10], marker, *lines[-8:]])
    changed = replace(file, pieces=(piece, *file.pieces[1:]), sent=sent)
    return replace(fix, files=(changed, *fix.files[1:]))
