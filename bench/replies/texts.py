"""Damages to how a reply is written, wrapped and cut, to the paths it gives, and to the tree it is for."""

from __future__ import annotations

import json
import random
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace

from bench.replies.forms import BLOCKS, CALLS, TAGS
from bench.replies.history import Changed, Fix, Line, Piece
from kintsugi.workflow.patch import ReplyFormat


def _by_text(change: Callable[[list[str]], list[str]]) -> Callable[[Fix, random.Random], Fix | None]:
    """A damage to every line of hunks and whole files alike."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        files = []
        for file in fix.files:
            pieces = []
            for piece in file.pieces:
                texts = change([text for _, text in piece.lines])
                lines = tuple((op, text) for (op, _), text in zip(piece.lines, texts, strict=True))
                pieces.append(replace(piece, lines=lines))
            sent = "\n".join([*change(file.sent.split("\n")[:-1]), ""])
            files.append(replace(file, pieces=tuple(pieces), sent=sent))
        spoiled = replace(fix, files=tuple(files))
        return None if spoiled == fix else spoiled

    return spoiled


def dedented(texts: list[str]) -> list[str]:
    return textwrap.dedent("\n".join(texts)).split("\n")


def deeper(texts: list[str]) -> list[str]:
    return [f"    {text}" if text.strip() else text for text in texts]


def tabbed(texts: list[str]) -> list[str]:
    return [re.sub(r"^(?: {4})+", lambda m: "\t" * (len(m[0]) // 4), text) for text in texts]


def halved(texts: list[str]) -> list[str]:
    return [re.sub(r"^(?: {4})+", lambda m: "  " * (len(m[0]) // 4), text) for text in texts]


def only_in_hunks(change: Callable[[list[str]], list[str]]) -> Callable[[Fix, random.Random], Fix | None]:
    """Only where the lines are set in by fours and not by what a text aligns."""

    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        texts = [text for file in fix.files for piece in file.pieces for _, text in piece.lines if text.strip()]
        plain = all((len(text) - len(text.lstrip())) % 4 == 0 and "\t" not in text for text in texts)
        python = all(file.path.endswith(".py") for file in fix.files)
        plain = plain and not any(
            text and not text.strip() for file in fix.files for piece in file.pieces for _, text in piece.lines
        )
        return _by_text(change)(fix, chance) if plain and python else None

    return spoiled


def _trimmed(texts: list[str]) -> list[str]:
    return [text.rstrip() for text in texts]


def trailing(piece: Piece, chance: random.Random, file: Changed) -> Piece:
    return replace(piece, lines=tuple((op, text if op == "+" else f"{text}  ") for op, text in piece.lines))


def _curly(texts: list[str]) -> list[str]:
    return [re.sub(r'"([^"]*)"', "\u201c\\1\u201d", text).replace("'", "\u2019") for text in texts]


def curled(fix: Fix, chance: random.Random) -> Fix | None:
    if any(mark in file.before + file.after for file in fix.files for mark in "\u201c\u201d\u2018\u2019"):
        return None
    if any(not file.path.endswith(".py") for file in fix.files):
        return None
    return _by_text(_curly)(fix, chance)


def listed(fix: Fix, chance: random.Random) -> Fix | None:
    """Each line with its number, as copied from a listing."""
    written = chance.choice(("{:>4} | {}", "{}: {}", "{:>6}\t{}", "{:4d}│ {}"))
    files = []
    for file in fix.files:
        pieces = []
        for piece in file.pieces:
            at, lines = piece.start, list[Line]()
            for op, text in piece.lines:
                lines.append((op, text if op == "+" else written.format(at, text)))
                at += op != "+"
            pieces.append(replace(piece, lines=tuple(lines)))
        sent = "".join(f"{written.format(n, line)}\n" for n, line in enumerate(file.sent.split("\n")[:-1], 1))
        files.append(replace(file, pieces=tuple(pieces), sent=sent))
    return replace(fix, files=tuple(files))


def escaped(text: str, format: str, chance: random.Random) -> str:
    loaded = json.loads(text)
    for edit in loaded["edits"]:
        for name in ("search", "replace"):
            edit[name] = json.dumps(edit[name])[1:-1]
    return json.dumps(loaded)


def renamed(change: Callable[[str, random.Random], str]) -> Callable[[Fix, random.Random], Fix | None]:
    def spoiled(fix: Fix, chance: random.Random) -> Fix | None:
        files = [replace(file, named=change(file.path, chance)) for file in fix.files]
        renamed = replace(fix, files=tuple(files))
        return None if renamed == fix else renamed

    return spoiled


def without_first(path: str, chance: random.Random) -> str:
    return path.split("/", 1)[-1]


def elsewhere(path: str, chance: random.Random) -> str:
    return chance.choice((f"/srv/app/{path}", f"project/{path}", f"lib/{path.rpartition('/')[2]}", f"./{path}"))


def in_prose(text: str, format: str, chance: random.Random) -> str:
    before = "The crash comes from a missing check. Here is the fix:\n\n"
    after = "\n\nThis keeps the behaviour of everything else.\n\n- Tested by hand\n- No change of interface\n"
    if format is ReplyFormat.WHOLE:
        return before + text + after
    if format in (BLOCKS, TAGS):
        return before + text + after
    info = {ReplyFormat.EDITS: "json", CALLS: "json", ReplyFormat.UDIFF: "diff", ReplyFormat.V4A: ""}[format]
    text = text if text.endswith("\n") else f"{text}\n"
    return f"{before}```{info}\n{text}```{after}"


def with_crlf(text: str, format: str, chance: random.Random) -> str:
    return text.replace("\n", "\r\n")


_LAST_UNIT: dict[str, tuple[str, str]] = {  # what the last change of a reply begins with, and what closes it
    ReplyFormat.EDITS: (r'"path":', r"\]"),
    ReplyFormat.UDIFF: (r"^@@", r"^[+-]"),
    ReplyFormat.V4A: (r"^\*\*\* Update", r"^\*\*\* End"),
    ReplyFormat.WHOLE: (r"^```python", r"^```$"),
    BLOCKS: (r"SEARCH$", r"REPLACE$"),
    CALLS: (r'^\{"', r"\}$"),
    TAGS: (r"^<path>", r"^</(?:replace|new_str|new_string)>"),
}


def cut(text: str, format: str, chance: random.Random) -> str:
    """Cut off within the last change, or before its last line that adds or drops one."""
    opening, closing = (re.compile(one, re.MULTILINE) for one in _LAST_UNIT[format])
    start, end = ([found.start() for found in one.finditer(text)][-1] for one in (opening, closing))
    at = chance.randint(start + 3, end - 1)
    return text[:at] if format == CALLS else text[: text.find("\n", at, end) + 1 or end]


def headless(text: str, format: str, chance: random.Random) -> str:
    """Each file's hunks in a block of their own, with the path in the prose above."""
    sections = re.split(r"^--- .*\n\+\+\+ (?:b/)?(.*)\n", text, flags=re.MULTILINE)[1:]
    pairs = zip(sections[::2], sections[1::2], strict=True)
    return "\n".join(f"In `{path}` the check is missing:\n\n```diff\n{body}```\n" for path, body in pairs)


def lost_spaces(text: str, format: str, chance: random.Random) -> str:
    return "\n".join(line[1:] if line.startswith(" ") else line for line in text.split("\n"))


def crlf_tree(fix: Fix) -> dict[str, bytes]:
    return {path: content.replace(b"\n", b"\r\n") for path, content in fix.tree.items()}


def crlf_after(file: Changed) -> bytes:
    return file.after.replace("\n", "\r\n").encode()


def open_tree(fix: Fix) -> dict[str, bytes]:
    """Files that lack their last newline."""
    return {**fix.tree, **{file.path: file.before.rstrip("\n").encode() for file in fix.files}}


def inside(fix: Fix, chance: random.Random) -> Fix | None:
    """Only changes that do not reach the end of their file, whose last line says something."""
    ends = any(file.before.split("\n")[:-1][-1:] != file.after.split("\n")[:-1][-1:] for file in fix.files)
    blank = any(text.endswith("\n\n") for file in fix.files for text in (file.before, file.after))
    return None if ends or blank else fix


def open_after(file: Changed) -> bytes:
    return file.after.rstrip("\n").encode()


def done(fix: Fix) -> dict[str, bytes]:
    return {**fix.tree, **{file.path: file.after.encode() for file in fix.files}}


def half_done(fix: Fix) -> dict[str, bytes]:
    return {**fix.tree, fix.files[0].path: fix.files[0].after.encode()}
