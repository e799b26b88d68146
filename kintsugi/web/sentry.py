"""What Sentry's SDKs deliver: envelopes and bare events, however they are packed. Pure.

An envelope is a header line, then pairs of an item's header line and its payload, which ends at the header's `length`
or, without one, at the line's end (https://develop.sentry.dev/sdk/data-model/envelopes/).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import brotli
import zstandard

from kintsugi.web.no_delivery import Unreadable

LARGEST = 10 * 2**20  # bytes, expanded, with attachments and whatever else is passed over
LARGEST_EVENT = 2**20  # bytes; as Sentry's own. Reading JSON holds up the whole process, in a thread as well
_MOST_ITEMS = 100
_KEY = re.compile(r"\bsentry_key=([^,\s]+)")
_CHUNK = 64 * 1024
_GZIP, _MOST_MEMBERS = b"\x1f\x8b", 100
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{4}[A-Za-z0-9+/\s]*={0,2}\s*\Z")


class TooLarge(Exception):
    """It expands to more than is read, or holds an event that is larger than any is."""


@dataclass(frozen=True, slots=True)
class Project:
    """One program that reports here. `opens`: whether its failures open incidents by themselves, `a_day` at most.

    `a_failure`: how many of these one failure may open, so that one that comes often holds back itself alone.

    `origins`: the pages, such as https://shop.example, that browsers may report from; none: any. `public`: whether
    anybody can read the key, and so report as this program; not said: whether it has origins. `program`
    parts its failures from those of others: "" where there are no others. `check_ins`: whether a check-in that does not
    come is a failure; never of a key that anybody can read, as anybody could make up jobs.
    """

    key: str
    opens: bool = True
    a_day: int = 20
    a_failure: int = 3
    origins: tuple[str, ...] = ()
    public: bool | None = None
    program: str = ""
    check_ins: bool = False

    @property
    def a_kin(self) -> int:
        """How many incidents failures may open in a day that differ in words alone."""
        return max(self.a_failure, self.a_day // 4)

    @property
    def believed(self) -> bool:
        """Whether what it tells is believed alone. A key that pages use can be read, and written with, by anybody."""
        return not (bool(self.origins) if self.public is None else self.public)

    @property
    def a_peer(self) -> int:
        """How many of the day's incidents one peer may open by a key that anybody can read: a quarter, at least one."""
        return max(self.a_day // 4, 1)


def is_known(project: Project | None, given: str) -> bool:
    """In the same time whether the project, the key, or neither is wrong."""
    known = hmac.compare_digest((project.key if project else "").encode(), given.encode("utf-8", "replace"))
    return known and project is not None


def key_of(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The public key of a head: in X-Sentry-Auth or Authorization, or the query; "" for none."""
    for name in ("X-Sentry-Auth", "Authorization"):
        if found := _KEY.search(headers.get(name, "")):
            return found[1]
    return query.get("sentry_key", "")


def key_within(body: bytes) -> str:
    """The public key of the envelope's DSN; "" for none."""
    try:
        dsn = _object(body.partition(b"\n")[0], "the envelope's header").get("dsn")
        return urlsplit(dsn).username or "" if isinstance(dsn, str) else ""
    except (ValueError, Unreadable, TooLarge):
        return ""


def expanded(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was packed. Raises TooLarge, long before it is, and Unreadable."""
    try:
        return _unpacked(_decoded(body, encoding.strip().lower()))
    except (zlib.error, brotli.error, zstandard.ZstdError, binascii.Error) as error:
        raise Unreadable(f"The body is no {encoding or 'JSON, nor packed JSON'}.") from error


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "" | "identity":
            return body
        case "gzip" | "x-gzip" | "deflate":
            return _inflated(body)
        case "br":
            return _unbrotlied(body)
        case "zstd":
            return _unzstandarded(body)
    raise Unreadable(f"Content-Encoding {encoding[:40]!r} is not read. Send gzip, deflate, br, zstd, or none.")


def _unpacked(body: bytes) -> bytes:
    """Without what SDKs before 2018 wrapped it in and no header tells: base64, of zlib mostly."""
    if _BASE64.match(body):
        body = base64.b64decode(body, validate=False)
    return _inflated(body) if body[:1] in (b"\x78", b"\x1f") else body


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an envelope, of a kind that is read. Delivered again, it has the same `digest`."""

    kind: str
    data: dict[str, Any]
    digest: str = ""


EVENT, CHECK_IN = "event", "check_in"
_COUNTED = frozenset({"transaction", "session", "sessions", CHECK_IN})
_OTHERS = frozenset(
    (
        *(
            "attachment",
            "client_report",
            "feedback",
            "log",
            "metric_buckets",
            "profile",
            "profile_chunk",
            "raw_security",
        ),
        *("replay_event", "replay_recording", "replay_video", "span", "statsd", "trace_metric", "user_report"),
    )
)
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Unasked:
    """An item from which nothing follows, by its kind: one that is known, else OTHER."""

    kind: str


def items_in(body: bytes) -> Iterator[Item | Unasked | Unreadable | TooLarge]:
    """The items of an envelope, or why one of them cannot be read; of other kinds the kind alone.

    Raises Unreadable, TooLarge for what holds no envelope.
    """
    header, _, rest = body.partition(b"\n")
    _object(header, "the envelope's header")
    for number in range(_MOST_ITEMS):
        rest = rest.lstrip(b"\n")
        if not rest:
            return
        line, _, rest = rest.partition(b"\n")
        try:
            item = _object(line, "an item's header")
            payload, rest = _payload(item.get("length"), rest)
        except (Unreadable, TooLarge) as error:
            yield error  # where the next one begins is not known
            return
        yield _item(item.get("type"), payload, b"%d\n%s\n%s" % (number, header, payload))
    if rest.strip():
        yield Unreadable(f"The envelope holds more than {_MOST_ITEMS} items.")


def _item(kind: object, payload: bytes, place: bytes) -> Item | Unasked | Unreadable | TooLarge:
    """`place`: the payload and where it stood. What is only counted is passed over where it cannot be read."""
    if not isinstance(kind, str) or kind not in {EVENT, *_COUNTED}:
        return Unasked(kind if isinstance(kind, str) and kind in _OTHERS else OTHER)
    try:
        return Item(kind, _object(payload, "an event" if kind == EVENT else f"a {kind}"), sha256(place).hexdigest())
    except (Unreadable, TooLarge) as error:
        return error if kind == EVENT else Unasked(kind)


def event_in(body: bytes) -> Item:
    """What an old SDK sends alone: an event, or a transaction. Raises Unreadable, TooLarge."""
    data = _object(body, "the event")
    if data.get("type") == "transaction":
        return Item("transaction", data, sha256(body).hexdigest())
    return Item(EVENT, data, sha256(body).hexdigest())


def _payload(length: object, rest: bytes) -> tuple[bytes, bytes]:
    if length is None:
        line, _, after = rest.partition(b"\n")
        return line, after
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= len(rest):
        raise Unreadable("An item's length is not that of its payload.")
    return rest[:length], rest[length:]


def _object(text: bytes, what: str) -> dict[str, Any]:
    if len(text) > LARGEST_EVENT:
        raise TooLarge
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"This cannot be read: {what} is no JSON.") from error
    if not isinstance(found, dict):
        raise Unreadable(f"This cannot be read: {what} is no object.")
    return found


def _inflated(body: bytes) -> bytes:
    """gzip, of one member or several, zlib, or as some call deflate, neither's header."""
    try:
        found, rest = _bounded(zlib.decompressobj(zlib.MAX_WBITS | 32), body)
    except zlib.error:
        return _bounded(zlib.decompressobj(-zlib.MAX_WBITS), body)[0]
    members = [found]
    while rest.startswith(_GZIP) and len(members) < _MOST_MEMBERS:
        found, rest = _bounded(zlib.decompressobj(zlib.MAX_WBITS | 16), rest, LARGEST - sum(map(len, members)))
        members.append(found)
    return b"".join(members)


def _bounded(unpacker: Any, body: bytes, most: int = LARGEST) -> tuple[bytes, bytes]:
    """What it holds, and what follows."""
    found: bytes = unpacker.decompress(body, most + 1)
    if len(found) > most:
        raise TooLarge
    if not unpacker.eof:
        raise zlib.error("cut off")
    return found, unpacker.unused_data


def _unbrotlied(body: bytes) -> bytes:
    unpacker, found = brotli.Decompressor(), bytearray()
    found += unpacker.process(body, output_buffer_limit=_CHUNK)
    while not unpacker.is_finished():
        if len(found) > LARGEST:
            raise TooLarge
        if unpacker.can_accept_more_data():
            raise brotli.error("cut off")
        found += unpacker.process(b"", output_buffer_limit=_CHUNK)
    return bytes(found)


def _unzstandarded(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor(max_window_size=2 * LARGEST).stream_reader(body) as reader:
        found = reader.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise TooLarge
    return found
