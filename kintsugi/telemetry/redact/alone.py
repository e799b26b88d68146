"""Secrets that only their looks tell: a word that nobody made up, where people do not write ids and digests.

Three questions, from the cheap to the dear: does the text hold letters and digits in an order that no word has, is the
whole word as mixed as only chance mixes, and may a secret stand in this place?
"""

import base64
import binascii
import re
from collections.abc import Iterator
from string import ascii_lowercase, digits
from typing import NamedTuple

from kintsugi.telemetry.redact.keys import Grade, grade

# Pairs of letters that less than one word in 30,000 has, counted in the sources and documentation of sixty programs.
# A made-up word of 24 letters and digits has one of them, or a digit in a place as below, 199 times in 200.
_PAIRS = (
    "bw bx bz cz dz fh fj fq fv fx fz gj hj hq hz iw jb jc jd jf jg jh jj jl jn jr jt jx jy jz kj kq kv lx lz mq mx "
    "mz pj pq pz qb qc qd qe qf qg qh qi qj qk qo qp qq qr qs qv qw qx qy qz uj uq vf vh vj vk vn vq vv vx vz wj wq "
    "wx wy wz xg xj xk xq xv xw xz yx zb zc zd zf zg zj zk zl zm zn zp zq zr zv zx"
)


def leads() -> Iterator[str]:
    """What leads to such a word, in lower case: a rare pair of letters, or a digit between letters that are no hex."""
    yield from _PAIRS.split()
    for before in ascii_lowercase:
        for after in ascii_lowercase:
            if before > "f" or after > "f":
                yield from (f"{before}{digit}{after}" for digit in digits)


class Word(NamedTuple):
    """A run of letters, digits and the signs of base64 in the text, `[start, end)`."""

    start: int
    end: int


_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_OF_BASE64 = _SIGNS + "+/="
_LONGEST, _FAR = 200, 160
_RUN = re.compile(r"[\w+/=-]{1,4096}", re.ASCII)
_PLAIN_RUN = re.compile(r"[\w-]{1,4096}={0,2}", re.ASCII)
_BASE64 = re.compile(r"(?=[^+/]{0,60}[+/])[A-Za-z0-9+/]{32,}={0,2}")


def word_at(text: str, at: int) -> Word:
    """The word in which the place lies: of base64 with its slashes, or without them as a part of a path."""
    whole = _word(text, at, _OF_BASE64, _RUN)
    if _BASE64.fullmatch(text, *whole) and (whole.end - whole.start) % 4 == 0:
        return whole
    return _word(text, at, _SIGNS, _PLAIN_RUN)


def _word(text: str, at: int, signs: str, run: re.Pattern[str]) -> Word:
    before = text[max(0, at - _LONGEST) : at]
    start = at - len(before) + len(before.rstrip(signs))
    found = run.match(text, start)
    return Word(start, found.end() if found else at)


_CHUNK = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_MIXED = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[\w+/-]+={0,2}", re.ASCII)
_SMALL = re.compile(r"(?=[0-9a-f]*[g-z])(?=(?:[a-z]*[0-9]){3})[a-z0-9]{24,64}")
_LEAST_CHUNKS = 0.3  # to a character: names that people make have one in five, made-up words one in two
_PIECE, _MOST_OF_ONE = 10, 6
# What begins as ids of objects, certificates, public keys, digests, pictures, archives and documents do.
_KNOWN = re.compile(
    r"[a-z]{2,12}[_-]|[A-Z]{2,8}_|MI[IGH]|AAAA|(?:sha|md)\d|iVBOR|R0lG|/9j/|UklGR|H4sI|JVBER|UEsD|PD94|PHN2|eyJ"
)
_OF_DOCUMENTS = re.compile(r"1[\w-]{43}|UC[\w-]{22}|PL[\w-]{32}|0B[\w-]{26}")  # Google's: sheets, channels, lists


def is_made_up(word: str) -> bool:
    """Whether chance mixed the word: capitals, small letters and digits, and nothing in it that can be read."""
    return (
        _MIXED.fullmatch(word) is not None
        and len(_CHUNK.findall(word)) >= _LEAST_CHUNKS * len(word)
        and word.count("A") * _MOST_OF_ONE <= len(word)  # bytes of numbers, and letters of two bytes, have many
        and not (_KNOWN.match(word) or _OF_DOCUMENTS.fullmatch(word) or _is_text(word))
        and any(len(piece) >= _PIECE and _MIXED.fullmatch(piece) for piece in re.split("[-_]", word))
    )


def _is_text(word: str) -> bool:
    """Whether it is base64 of something to be read."""
    body = word.rstrip("=")
    try:
        return base64.urlsafe_b64decode(body[: len(body) // 4 * 4].replace("+", "-").replace("/", "_")).isascii()
    except (binascii.Error, ValueError):
        return False


_BEFORE = re.compile(r"(?:^|[\s\"'`=:(\[{,>]|\\[nrt\"'])$")
_BEHIND = re.compile(r"$|[\s\"'`,;)\]}<&|]|[.:!?](?:\s|$)|\\[nrt\"']")
_NAMED = re.compile(
    r"(?:(?P<flag>--?[A-Za-z][\w-]{0,40}[ =])|<(?P<tag>[\w:.-]{1,60})(?: [^<>]{0,60})?>"
    r"|(?P<name>[A-Za-z_][\w.-]{0,60})[\"'\]]{0,3}[ \t]{0,20}(?:=>|->|:=|={1,3}|:)[ \t]{0,20})"
    r"(?:(?:W/|Some\(|\(Some\()?[\[({]{0,2}b?\\?[\"'`]?)$"
)
_WORD_BEFORE = re.compile(r"(?P<name>[A-Za-z_][\w.-]{0,60})[\"'\])]{0,2}:?[ \t]{1,20}[\[(\"'`]{0,2}$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|h\d$")
_ABOUT_SECRETS = re.compile(
    r"token|secret|passw|passphrase|credential|\bcreds\b|api[ _-]?key|\bkeys?\b|[a-z_-]key\b|oauth|\bauth|login|"
    r"log(?:ged|ging)?[ -]in\b|sign(?:ed|ing)?[ -]?in\b|\bjwt|bearer|webhook|magic|vault",
    re.IGNORECASE,
)
_OF_LINKS = re.compile(
    r"hook|invit|magic|private|reset|verif|confirm|activat|unsub|secret|token|auth|login|sign-?in|\bjoin\b|\bical\b",
    re.IGNORECASE,
)
_LINK_BEFORE = re.compile(r"\blink\b|\b(?:sign|log) in\b", re.IGNORECASE)
_HARMLESS = frozenset(
    """
    id ids uid uuid guid oid sid cid gid tid pid jti kid hash hashes sha digest digests checksum h
    checksums crc etag integrity fingerprint thumbprint nonce cursor commit commits revision rev release version ref
    trace span request requests req reqid response correlation transaction txn tx block address wallet contract mint
    pubkey public cluster node nodes shard page continuation offset next previous marker file files filename name
    path url uri href src link image images img photo picture avatar icon media video track playlist album song audio
    payload body content contents html blob raw base64 b64 binary buffer bytes chunk frame packet hexdump dump hex
    certificate cert crt pem csr x5c signature sig state challenge host hostname server machine device instance
    message event job task run build pipeline deployment deploy container pod image object document doc docs sheet
    spreadsheet folder drive account customer order invoice payment charge subscription product price user member
    owner guild channel thread interaction session bucket index entry item record row sequence batch
    cache etags cookie agent browser ua referer query command cmd class type kind module method function
    accept boundary salt iv seed alert test case example sample extension package data connect matched n x y
    """.split()
)
_OF_SECRETS = re.compile(r"key|token|secret|pass|auth|cred|session|cookie", re.IGNORECASE)  # as in token_id, public_key
_IDS = ("_id", "-id", "uid", "oid", "suid", "ulid", "nanoid", "clid", "etag", "hash")
_OF_FAILURES = ("Error", "Exception")
_LINES_OF_BLOCKS = (64, 76)  # of base64 that is broken into lines, as certificates are
_SHORTEST, _NAMED_LEAST, _UNNAMED, _NEAR = 16, 20, 24, 120


def is_secret_here(text: str, word: Word) -> bool:
    """Whether a made-up word is a secret where it stands, by its length and by what stands around it."""
    length, value = word.end - word.start, text[word.start : word.end]
    if not (_SHORTEST <= length <= _LONGEST and (is_made_up(value) or _SMALL.fullmatch(value))):
        return False
    line = text[max(0, word.start - _FAR) : word.start].rpartition("\n")[2]
    if line[-1:] == "/":
        return length >= _NAMED_LEAST and not value.islower() and _is_of_a_link(line)
    if not (_BEFORE.search(line) and _BEHIND.match(text, word.end)):
        return False
    is_told = bool(_ABOUT_SECRETS.search(line) or _ABOUT_SECRETS.search(_rest_of_line(text, word.end)))
    named = _NAMED.search(line)
    if named and not (named["name"] or "").endswith(_OF_FAILURES):
        name = named["name"] or named["tag"] or named["flag"]
        is_sure = is_told or (length >= _NAMED_LEAST and (name.isupper() or not value.islower()))
        return is_sure and is_open(name)
    if value.islower() or not line.strip() or "\t" in (line[-1], text[word.end : word.end + 1]):
        return is_told and length >= _NAMED_LEAST and not value.islower()
    if length in _LINES_OF_BLOCKS and not is_told:
        return False
    before = None if named else _WORD_BEFORE.search(line)
    return length >= (_SHORTEST if is_told else _UNNAMED) and (before is None or is_open(before["name"]))


def _rest_of_line(text: str, at: int) -> str:
    return text[at : at + _NEAR].partition("\n")[0]


def _is_of_a_link(line: str) -> bool:
    """Whether a part of a path is what makes a link work, as the rest of the path or the words before it tell."""
    words, _, address = line.rpartition(" ")
    return _OF_LINKS.search(address) is not None or ("://" in address and _LINK_BEFORE.search(words[-40:]) is not None)


def is_open(name: str) -> bool:
    """Whether a name says nothing of what it names, so that it may be a secret: no id, digest, file or text."""
    words = [word.lower() for word in _WORDS.findall(name)]
    is_of_harmless = bool(_HARMLESS & set(words[-2:])) or name.lower().endswith(_IDS)
    return not is_of_harmless and not (_OF_SECRETS.search(name) and grade(name) is Grade.NONE)
