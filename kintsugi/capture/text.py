"""Bytes made text, whatever their encoding: blocks of whole lines, as many as there are. Pure, flat in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from kintsugi.capture.errors import CaptureError
from kintsugi.telemetry import lazy_re as re

BLOCK = 64 * 1024  # bytes read at a time
_LONGEST_LINE = 4 * 1024 * 1024  # bytes: what has no line end is cut here
_LOOKED_AT = 4 * 1024  # bytes that tell UTF-16 without a mark

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)|[@-Z\\-_])")
_LONE_RETURN = re.compile(r"\r(?!\n)")


def read_text(raw: bytes) -> str:
    """The bytes as text. CaptureError for what is no text in any encoding."""
    text = "".join(blocks([raw]))
    if unreadable(raw):
        raise CaptureError("This input is binary or in an unknown encoding. A traceback or a log is text.")
    return text


def unreadable(raw: bytes) -> bool:
    """Whether this is no text in any encoding: a picture, a program, something packed."""
    raw = raw[:BLOCK]
    if _wide(raw) is not None:
        return False
    text = raw.replace(b"\0", b"").decode("utf-8", "replace")
    controls = sum(char == "\x7f" or (char < " " and char not in "\t\n\r\x0c\x1b") for char in text)
    return controls > 0.05 * len(text) or text.count("\ufffd") > 0.9 * max(len(text), 1)


def blocks(chunks: Iterable[bytes]) -> Iterator[str]:
    """The text in pieces that end with a line, without colours and NULs. UTF-16 by its mark or its zeros; else
    UTF-8, and lines that are not UTF-8 as Windows writes Western text."""
    chunks = iter(chunks)
    first = b""
    while len(first) < _LOOKED_AT and (more := next(chunks, b"")):
        first += more
    wide = _wide(first)
    decode = _narrow if wide is None else _decoder(wide)
    for piece in _whole_lines(chain([first], chunks), b"\n" if wide is None else "\n".encode(wide)):
        yield uncoloured(decode(piece))


def uncoloured(text: str) -> str:
    return _ANSI.sub("", text) if "\x1b" in text else text


def split_lines(text: str) -> list[str]:
    """The lines as they were logged, without colours and line endings."""
    lines = uncoloured(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def returned(line: str) -> list[str]:
    """What a program wrote on one line of a terminal, one over the other; a single item for most."""
    line = line.removesuffix("\r")
    return _LONE_RETURN.split(line) if "\r" in line else [line]


def _wide(start: bytes) -> str | None:
    """UTF-16 by its mark, or by the zeros beside every ASCII character."""
    if start.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if start.startswith(b"\xfe\xff"):
        return "utf-16-be"
    looked = start[:_LOOKED_AT]
    pairs = len(looked) // 2
    if pairs < 4:
        return None
    high, low = looked[1::2].count(0) / pairs, looked[0::2].count(0) / pairs
    if high > 0.4 and low < 0.1:
        return "utf-16-le"
    return "utf-16-be" if low > 0.4 and high < 0.1 else None


def _decoder(encoding: str):  # type: ignore[no-untyped-def]
    return lambda piece: piece.decode(encoding, "replace").lstrip("\ufeff").replace("\0", "")


def _narrow(piece: bytes) -> str:
    piece = piece.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "\n".join(map(_one_line, piece.split(b"\n")))


def _one_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def _whole_lines(chunks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    kept = bytearray()
    width = len(end)
    for chunk in chunks:
        kept += chunk
        cut = kept.rfind(end)
        while cut % width and cut > 0:  # the end of a line in UTF-16 stands on an even place
            cut = kept.rfind(end, 0, cut + width - 1)
        if cut < 0 and len(kept) < _LONGEST_LINE:
            continue
        at = cut + width if cut >= 0 else len(kept) - len(kept) % width
        yield bytes(kept[:at])
        del kept[:at]
    if kept:
        yield bytes(kept)


def read_lines(raw: bytes) -> list[str]:
    """The lines in these bytes."""
    return split_lines("".join(blocks([raw])))
