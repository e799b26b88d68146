"""A known beginning of a token in base64, at any of its three alignments, and in hexadecimal."""

import base64
from collections.abc import Callable, Iterable, Iterator

from kintsugi.telemetry import lazy_re as re

Span = tuple[int, int]
Check = Callable[[str, int, int], Iterable[Span]]


def in_disguise(prefix: str) -> Iterator[tuple[str, Check, bool]]:
    """The prefix in base64 at its three alignments, and in hexadecimal."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + prefix.encode()).decode().rstrip("=")
        core = encoded[(0, 2, 3)[shift] : len(encoded) - (1 if (len(prefix) + shift) % 3 else 0)]
        if len(core) >= (4 if shift == 1 else 5):
            yield core, _decoded(prefix, core, shift), False
    yield prefix.encode().hex(), _of_hex, False


_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{16,4096}={0,2}")


def _decoded(prefix: str, core: str, shift: int) -> Check:
    def check(text: str, start: int, end: int) -> Iterable[Span]:
        run = _BASE64_RUN.match(text, start) if text.startswith(core, start) else None
        if not run:
            return ()
        lead = "A" * (0, 2, 3)[shift]
        head = f"{lead}{run[0][:40]}".replace("-", "+").replace("_", "/").rstrip("=")
        lost = min(shift, 1)  # of the first byte some bits stand in a digit before the run
        raw = base64.b64decode(head[: len(head) // 4 * 4])[shift + lost :]
        return (run.span(),) if raw.startswith(prefix[lost:].encode()) and _TOKEN.match(raw) else ()

    return check


_TOKEN = re.compile(rb"[!-~]{12}")
_HEX_START = re.compile(r"(?:[0-9A-Fa-f]{2}){14,20}")
_HEX_RUN = re.compile(r"(?:[0-9A-Fa-f]{2}){14,1200}")


def _of_hex(text: str, start: int, end: int) -> Iterable[Span]:
    begin = _HEX_START.match(text, start)
    if not begin or not _TOKEN.match(bytes.fromhex(begin[0])):
        return ()
    run = _HEX_RUN.match(text, start)
    return (run.span(),) if run else ()
