"""The forms in which a process's own secrets may turn up: as they are, escaped, encoded or in pieces."""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

# A shorter value would take ordinary words and numbers out of the log with it.
SHORTEST = 6


def forms(secrets: Iterable[str]) -> list[str]:
    """Every form of every secret, the longest first. Values below `SHORTEST` characters are left out."""
    found = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def _forms(secret: str) -> Iterator[str]:
    for value in {secret, secret.strip(), *_lines(secret)}:
        if len(value) >= SHORTEST:
            yield value
            yield from _written(value)
            yield from encoded(value.encode("utf-8", "surrogatepass"))


def _lines(secret: str) -> list[str]:
    """A key of many lines may arrive line by line."""
    return [line for line in secret.splitlines() if len(line) >= 16 and not line.startswith("-----")]


def _written(value: str) -> Iterator[str]:
    once = json.dumps(value)[1:-1]
    yield once
    yield json.dumps(once)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield repr(value.encode("utf-8", "surrogatepass"))[2:-1]
    for safe in ("", "/"):
        percent = quote(value, safe=safe, errors="surrogatepass")
        yield percent
        yield percent.lower() if "%" in percent else percent
    yield quote_plus(value, errors="surrogatepass")


def encoded(raw: bytes) -> Iterator[str]:
    """In hex, and in base64 at any place of a longer text."""
    yield raw.hex()
    yield raw.hex().upper()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield _whole_digits(encode(b"\0" * shift + raw).decode(), shift, len(raw))


def _whole_digits(encoded: str, shift: int, length: int) -> str:
    """Only the base64 digits that depend on nothing before or after the value."""
    last = (shift + length) * 8 // 6
    return encoded[(0, 2, 3)[shift] : last]
