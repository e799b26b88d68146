"""Secrets that only their looks tell: a made-up word, as generators of tokens make them, where no id or digest stands.

Three questions, from the cheap to the dear: are two signs neighbours that hardly are in words and numbers, is the whole
word as mixed as only chance mixes, and may a secret stand in this place?
"""

from collections.abc import Iterator
from functools import cached_property, reduce
from hashlib import sha256
from typing import NamedTuple

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.encoded import is_of_sasl, is_text
from kintsugi.telemetry.redact.keys import KEYS_OF_DATA, grade, words
from kintsugi.telemetry.redact.values import MASK

# Pairs of letters that less than one word in 30,000 has, counted in the sources and documents of sixty programs; and
# digits that hardly stand before or behind a letter in the logs of sixty: not those of numbers, units, versions and
# times, nor hexadecimal ones. A made-up word of 24 letters and digits has one of these 199 times in 200; of log lines,
# one in 24 has.
_PAIRS = (
    "bw bx bz cz dz fh fj fq fv fx fz gj hj hq hz iw jb jc jd jf jg jh jj jl jn jr jt jx jy jz kj kq kv lx lz mq mx "
    "mz pj pq pz qb qc qd qe qf qg qh qi qj qk qo qp qq qr qs qv qw qx qy qz uj uq vf vh vj vk vn vq vv vx vz wj wq "
    "wx wy wz xg xj xk xq xv xw xz yx zb zc zd zf zg zj zk zl zm zn zp zq zr zv zx"
)
_DIGITS_BEFORE = (
    "g01346789 i0123456789 j0123456789 l0123456789 n23456789 o0123456789 p0123456789 q0123456789 r012356789 "
    "u123456789 v0123456789 w0123456789 y0123456789"
)
_DIGITS_BEHIND = (
    "g123456789 h3456789 i012346789 j23456789 k013456789 l13456789 m2356789 o012345679 p0123456789 q0123456789 r89 "
    "u23456789 w0123456789 y13456789 z0123456789"
)


def leads() -> Iterator[str]:
    """What leads to such a word, in lower case: two signs that are rarely neighbours in words and numbers."""
    yield from _PAIRS.split()
    yield from (f"{digit}{each[0]}" for each in _DIGITS_BEFORE.split() for digit in each[1:])
    yield from (f"{each[0]}{digit}" for each in _DIGITS_BEHIND.split() for digit in each[1:])


class Word(NamedTuple):
    """A run of letters, digits and the signs of base64 in the text, `[start, end)`."""

    start: int
    end: int


_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_OF_BASE64 = _SIGNS[:-2] + "+/"
_FOLDER = re.compile(r"(?<![^/])[a-z]{4,}(?=/)")
_SLASHES = ("+", "/")
_LONGEST, _FAR = 200, 160
_RUN = re.compile(r"[0-9A-Za-z+/]{1,256}={0,2}")
_PLAIN_RUN = re.compile(r"[\w-]{1,256}={0,2}", re.ASCII)
_BASE64 = re.compile(r"(?=[^+/]{0,60}[+/])[A-Za-z0-9+/]{32,}={0,2}")


def word_at(text: str, at: int) -> Word:
    """The word in which the place lies: of base64 with its slashes, or without them as a part of a path."""
    plain = _word(text, at, _SIGNS, _PLAIN_RUN)
    if text[plain.start - 1 : plain.start] not in _SLASHES and text[plain.end : plain.end + 1] not in _SLASHES:
        return plain
    whole = _word(text, at, _OF_BASE64, _RUN)
    if _BASE64.fullmatch(text, *whole) and (whole.end - whole.start) % 4 == 0 and not _FOLDER.search(text, *whole):
        return whole
    return plain


def _word(text: str, at: int, signs: str, run: re.Pattern[str]) -> Word:
    before = text[max(0, at - _LONGEST) : at]
    start = at - len(before) + len(before.rstrip(signs))
    found = run.match(text, start)
    return Word(start, found.end() if found else at)


_CHUNK = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_MIXED = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[\w+/-]+={0,2}", re.ASCII)
_SMALL = re.compile(r"(?=[0-9a-f]*[g-z])(?=(?:[a-z]*[0-9]){3})[a-z0-9]{24,64}")
_BASE32 = re.compile(r"(?=(?:[A-Z]*[2-7]){2})(?=[A-F2-7]*[G-Z])[A-Z2-7]{32}")  # the seed of one-time passwords
# Groups of one length between dashes, as app passwords and the keys of licenses are written.
_GROUPS = re.compile(
    r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}|[A-Z0-9]{4}(?:-[A-Z0-9]{4}){3,7}|[A-Z0-9]{5}(?:-[A-Z0-9]{5}){3,5}"
)
_MIXED_GROUP, _BEYOND_HEX = re.compile(r"(?=\d*[A-Za-z])(?=[A-Za-z]*\d)\w+"), re.compile(r"[g-zG-Z]")
_LEAST_CHUNKS = 0.3  # to a character: names that people make have one in five, made-up words one in two
RARE = _PAIRS.split()
RARE_PAIR, _FOR_ONE_RARE = re.compile(f"(?={'|'.join(RARE)})"), 14
_SYLLABLE, _MOST_IN_WORDS = 3, 0.7
_PIECE, _MOST_OF_ONE = 10, 6
_FEW_GROUPS, _FEW_SIGNS, _VOWEL = 2, 2, re.compile(r"[aeiou]")
_CONSONANTS, _TURNS = re.compile(r"(?i:[bcdfghjklmnpqrstvwxz]{4,})"), re.compile(r"[a-z](?=[A-Z])")
# What begins as ids of objects, certificates, public keys, digests, pictures, archives, documents, objects of Java and
# Python, and names of functions that a compiler wrote do.
_KNOWN = re.compile(
    r"[a-z]{2,12}[_-]|[A-Z]{2,8}_|MI[IGH]|AAAA|(?:sha|md)\d|iVBOR|R0lG|/9j/|UklGR|H4sI|JVBER|UEsD|PD94|PHN2|eyJ"
    r"|rO0AB|gASV|_[ZR][A-Z]|N\d{1,2}[A-Za-z]{3,}\d\w*E$"
)
# Of sheets, channels and lists of Google's, of tables of Airtable's, of messages of Twilio's, of connections and files
# of Zeek's; and a drawing's lines.
OF_DOCUMENTS = re.compile(
    r"1[\w-]{43}|UC[\w-]{22}|PL[\w-]{32}|0B[\w-]{26}|(?:rec|app|tbl|viw|fld)[0-9A-Za-z]{14}|[A-Z]{2}[0-9a-f]{32}|[CF][0-9A-Za-z]{16,17}"
    r"|[MLHVCSQTAZmlhvcsqtaz\d-]+"
)


def is_made_up(word: str) -> bool:
    """Whether chance mixed the word: capitals, small letters and digits, and nothing in it that can be read."""
    return (
        (_MIXED.fullmatch(word) is not None or _is_unspeakable(word))
        and _is_broken(_CHUNK.findall(word), len(word))
        and word.count("A") * _MOST_OF_ONE <= len(word)  # bytes of numbers, and letters of two bytes, have many
        and not (_KNOWN.match(word) or OF_DOCUMENTS.fullmatch(word) or is_text(word))
        and any(
            len(piece) >= _PIECE and not (piece.islower() or piece.isupper() or piece.isdigit())
            for piece in re.split("[-_]", word)
        )
    )


def _is_unspeakable(word: str) -> bool:
    """Whether a word without a digit has too many pairs of letters that are rare."""
    rare = len(RARE_PAIR.findall(word.lower())) if word.isalpha() and not (word.islower() or word.isupper()) else 0
    return rare >= max(2, len(word) // _FOR_ONE_RARE)


def _is_in_groups(word: str, least: int = 1) -> bool:
    """Whether it is in groups that no words are: at least so many of letters that nobody can say, or half of them of
    letters and digits."""
    if not _GROUPS.fullmatch(word) or not (word.islower() or word.isupper()):
        return False
    groups = word.split("-")
    if word.replace("-", "").isalpha():
        return word.islower() and sum(map(_is_no_syllable, groups)) >= least
    mixed = sum(_MIXED_GROUP.fullmatch(group) is not None for group in groups)
    return mixed * 2 >= len(groups) and _BEYOND_HEX.search(word) is not None


def _is_no_syllable(group: str) -> bool:
    return _VOWEL.search(group) is None or RARE_PAIR.search(group) is not None


def is_unspeakable(word: str) -> bool:
    """Whether nobody could say a word of letters alone: pairs that are rare, many consonants, capitals anywhere."""
    if _is_broken(_CHUNK.findall(word), len(word)):
        return True
    signs = len(RARE_PAIR.findall(word.lower())) + len(_CONSONANTS.findall(word)) + len(_TURNS.findall(word)) // 2
    return signs >= _FEW_SIGNS and RARE_PAIR.search(word.lower()) is not None


def _is_broken(chunks: list[str], length: int) -> bool:
    """Whether a word changes between letters, capitals and digits as no name does."""
    in_words = sum(len(chunk) for chunk in chunks if len(chunk) > _SYLLABLE)
    return len(chunks) >= _LEAST_CHUNKS * length and in_words < _MOST_IN_WORDS * length


_AROUND = frozenset(" \t\n\"'`=:([{,>")
_ESCAPES = ("\\n", "\\r", "\\t", '\\"', "\\'")
_BEHIND = re.compile(r"$|[\s\"'`,;)\]}<&|]|[.:!?](?:\s|$)|\\[nrt\"']")
_FILE = re.compile(r"\.(?!(?:xml|ics|rss|atom|json)\b)\w")
_OPENING, _SIGNS_OF_NAMES, _CLOSING = "\"'`([{\\", "=:>-", " \t\"'])`\\"
_BEFORE_VALUES = f"{_OPENING}{_SIGNS_OF_NAMES} \t"
_OF_NAMES = f"{_SIGNS}.$"
_PARAMETER = re.compile(r"[?&;][\w.-]{1,40}=(?:\w{1,8}:)?$")
_FLAG, _TAG = re.compile(r"--?[A-Za-z][\w-]{0,60}"), re.compile(r"<([\w:.-]{1,60})[^<>]{0,60}>$")
_PARTS = re.compile(r"(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+)\d{0,4}")
# What a line says that speaks of secrets: a stem, and in which forms it counts where not in all.
_ABOUT_SECRETS = {
    "key": ("apikey", " key", "key ", "_key", "-key", "key:"),
    "auth": ("oauth", "auth ", "auth.", "auth_", "auth:", "authent", "authoriz"),
    "log": ("login", "log in", "logged in"),
    "sign": ("sign in", "signed in"),
    "cred": ("credential", "creds"),
} | {stem: (stem,) for stem in ("token", "secret", "passw", "passphrase", "jwt", "bearer", "webhook", "magic", "vault")}
_OF_LINKS = re.compile(
    r"(?<!src/)hook|invit|magic|private(?!/var/)|(?<!p)reset|verif|(?<!order-)confirm|activat|unsub|secret|token|auth(?!or)"
    r"|login|signin|sign-in|/join|/ical|access=|/api-?key"
)
_LINK_BEFORE = re.compile(r"\blink\b|\b(?:sign|log) in\b")
# Names of what is no secret, by what they name.
_HARMLESS = words(
    """
    id ids uid uuid guid oid sid cid gid tid pid kid jti slug cursor offset marker continuation next previous index ref
    h h1 md5 sri sha hash hashes digest digests checksum checksums crc etag etags integrity fingerprint thumbprint
    commit commits revision rev release version
    trace span request requests req reqid response correlation event message alert case challenge state nonce iv seed
    transaction txn tx block address wallet contract mint sender receiver recipient
    customer order invoice payment charge subscription product price account receipt receipts
    user member owner guild channel thread interaction session room lobby game player peer chat conversation
    cluster node nodes shard host hostname server machine device instance agent socket lock lease queue
    job task run build pipeline deployment container pod bucket cache batch sequence record entry item row
    page path url uri v href src link referer query file files filename name folder drive image images img photo picture
    thumbnail preview avatar icon media video track playlist album song audio document doc docs sheet spreadsheet
    payload body content contents html blob raw base64 b64 binary buffer bytes chunk frame packet hexdump dump hex data
    cipher boundary object extension package example sample class type kind module method function command cmd accept
    public pubkey certificate cert crt pem csr x5c signature sig bh
    cookie browser ua connect matched miss missing
    """
)
_OF_SECRETS = re.compile(r"key|token|secret|pass|auth|cred|session|cookie", re.IGNORECASE)  # as in token_id, public_key
_OF_PUBLIC_KEYS = ("n", "x", "y")  # parts of a JSON Web Key
_IDS = ("_id", "-id", "uid", "oid", "suid", "ulid", "nanoid", "clid", "etag", "hash")
_OF_FAILURES = ("Error", "Exception")
_OF_DIGESTS = ("checksum", "integrity", "digest", "hash")
_OF_CHAINS, _BEFORE_CHAINS, OF_BUTTONS = f"{_SIGNS}./:", " \t\"'=:", ("custom_id", "customId")
# Of base64 that is broken into lines, as certificates are, also by a program; and what may stand in front of one.
_LINES_OF_BLOCKS, _BESIDE_BLOCKS = (64, 76), " \t\"'+*|>#-,("
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ADDRESS, _OF_PUBLIC_KEY = re.compile(f"[{_BASE58}]{{26,35}}|[{_BASE58}]{{43,44}}"), 43
_SHORTEST, _LEAST, _OF_LISTS, _NEAR = 16, 20, 24, 120  # lists have ids more often than tokens
_BEFORE_ITEMS = "\"'\\ "
_LEAST_LETTERS, _MOST_LETTERS = 8, 40
_WITH = (" with ", " using ", " via ")


class Told:
    """What a text says of secrets. Most say nothing, which is seen once and not at each word."""

    def __init__(self, lowered: str) -> None:
        self._lowered = lowered

    @cached_property
    def stems(self) -> list[str]:
        return [stem for stem in _ABOUT_SECRETS if stem in self._lowered]


def is_secret_here(text: str, word: Word, told: Told) -> bool:
    """Whether a made-up word is a secret where it stands, by its length and by what stands around it."""
    length, value = word.end - word.start, text[word.start : word.end]
    if _LEAST_LETTERS <= length <= _MOST_LETTERS and value.isalpha() and _is_password_here(text, word):
        return True
    if _SHORTEST <= length <= _LONGEST and value.startswith("A") and is_of_sasl(value):
        return True
    if not (_SHORTEST <= length <= _LONGEST and (is_made_up(value) or _is_of_one_case(value))):
        return False
    line = text[max(0, word.start - _FAR) : word.start].rpartition("\n")[2]
    if line[-1:] == "/":
        is_file = _FILE.match(text, word.end)
        return length >= _LEAST and not (is_file or value.islower()) and _is_of_a_link(line)
    if not (line[-1:] in _AROUND or not line or line.endswith(_ESCAPES)) or not _BEHIND.match(text, word.end):
        return False
    if length < _LEAST and not (told.stems or _GROUPS.fullmatch(value) or _is_given(line)):
        return False
    name, is_named = _name_before(line)
    is_likely = _is_likely(text, line, word, name, told, is_named=is_named)
    return is_likely and not _is_of_another_kind(line) and (not name or is_open(name))


def _is_of_one_case(value: str) -> bool:
    return bool(_SMALL.fullmatch(value) or _BASE32.fullmatch(value)) or _is_in_groups(value)


# What a line says that gives a password, right behind a sign or a word that leads to one.
_ABOUT_PASSWORDS = ("passw", "passphrase", "pwd", " pw ", "login", "log in", "logged in", "cred")
_LEADS_TO_LETTERS = re.compile(r"(?:[:=/]|\b(?:is|now|with))\s?[\"'`]?$")


def _is_password_here(text: str, word: Word) -> bool:
    """Whether a word of letters alone is a password: it cannot be said, and the line leads right to it."""
    line = text[max(0, word.start - _NEAR) : word.start].rpartition("\n")[2]
    return (
        _LEADS_TO_LETTERS.search(line, max(0, len(line) - 8)) is not None
        and _BEHIND.match(text, word.end) is not None
        and is_unspeakable(text[word.start : word.end])
        and any(about in line.lower() for about in _ABOUT_PASSWORDS)
    )


def _is_likely(text: str, line: str, word: Word, name: str, told: Told, *, is_named: bool) -> bool:
    """Whether a made-up word is a secret if nothing in front tells what else it is: the longer, the less has to."""
    length, value = word.end - word.start, text[word.start : word.end]
    if line[-1:] in ("=", ":") and _PARAMETER.search(line, max(0, len(line) - 44)):
        return length >= _LEAST and _is_of_a_link(line)
    if not name and line.rstrip(_BEFORE_VALUES).endswith(MASK):
        return False  # what is behind something hidden was judged with that in view
    is_small = value.islower()
    if _GROUPS.fullmatch(value):
        return _is_in_groups(value, _FEW_GROUPS) or _is_told(text, line, word, told)
    if _is_given(line) and not is_small:
        return True
    if is_named:
        is_sure = name.isupper() or not is_small
    elif is_small or (length < _LEAST and not line.strip()):
        return False
    else:
        is_sure = not _is_of_a_block_or_table(text, line, word)
    is_sure = is_sure and length >= (_OF_LISTS if line.rstrip(_BEFORE_ITEMS)[-1:] in ("", "[", ",") else _LEAST)
    is_wallet = is_sure and not name.isupper() and _is_address(value)
    return (is_sure and not is_wallet and not _is_of_digests(line)) or _is_told(text, line, word, told)


def _is_given(line: str) -> bool:
    return f" {line.rstrip(_OPENING)}".endswith(_WITH)


def _is_of_a_block_or_table(text: str, line: str, word: Word) -> bool:
    """Whether a word may be a line of a block of base64, or a cell of a table."""
    if not line.strip():
        return True
    is_of_a_block = word.end - word.start in _LINES_OF_BLOCKS and not line.strip(_BESIDE_BLOCKS)
    return is_of_a_block or "\t" in (line[-1], text[word.end : word.end + 1])


def _is_of_another_kind(line: str) -> bool:
    """Whether what leads to a word tells that it is the case of a test, data in an address, a tag of an image or a part
    of the id of a button: `test_a[…`, `;base64,…`, `acme/app:…`, `custom_id: vote:…`."""
    if line[-1:] == "[":
        test = line.rpartition(" ")[2]
        return "::" in test or test.startswith("test_")
    if line[-1:] == ":":
        before = line.rstrip(_OF_CHAINS)
        return "/" in line[len(before) :] or _last_name(before.rstrip(_BEFORE_CHAINS)) in OF_BUTTONS
    return line.endswith(";base64,")


def _is_of_digests(line: str) -> bool:
    lowered = line.lower()
    return any(word in lowered for word in _OF_DIGESTS)


def _is_address(value: str) -> bool:
    """Whether it is the address of a wallet: a public key, or a digest with its checksum, in base 58."""
    if not _ADDRESS.fullmatch(value):
        return False
    number = reduce(lambda total, sign: total * 58 + _BASE58.index(sign), value, 0)
    if len(value) >= _OF_PUBLIC_KEY:
        return number.bit_length() <= 256
    raw = number.to_bytes(25, "big") if number.bit_length() <= 200 else b""
    return sha256(sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def is_secret_field(name: str, value: str) -> bool:
    """Whether the whole value of a field is a made-up word, and its name says nothing against that."""
    return _LEAST <= len(value) <= _LONGEST and is_made_up(value) and is_open(name)


def _name_before(line: str) -> tuple[str, bool]:
    """The name in front of a word, and whether a sign leads from it to the word: else it is the word before."""
    tag = _TAG.search(line) if line[-1:] == ">" else None
    if tag:
        return tag[1], True
    rest = line.removesuffix("Some(").rstrip(_OPENING).removesuffix("W/").rstrip(_OPENING)
    bare = rest.rstrip(" \t")
    end = bare.rstrip(_SIGNS_OF_NAMES)
    name = _last_name(end.rstrip(_CLOSING))
    if (name == "key" and end.rstrip(_CLOSING).lower().endswith(KEYS_OF_DATA)) or (
        end.endswith("Public Key") and not end.endswith("/Public Key")
    ):
        name = "key id"
    if end != bare and name and not name.endswith(_OF_FAILURES):
        return name, True
    if (bare == rest and rest != line) or not name or end != bare:
        is_called = line[-1:] == "(" and line[-2:-1].isalnum() and not (is_open(name) or _OF_SECRETS.search(name))
        return (name, True) if is_called else ("", False)  # peer(…)
    return (name, True) if _FLAG.fullmatch(name) else (name, False)


def _last_name(text: str) -> str:
    return text[len(text.rstrip(_OF_NAMES)) :]


def _is_told(text: str, line: str, word: Word, told: Told) -> bool:
    """Whether the line speaks of secrets."""
    if not told.stems:
        return False
    before = line if line.strip() else _line_above(text, word.start - len(line))
    behind = text[word.end : word.end + _NEAR].partition("\n")[0]
    # Only up to what is hidden, as that brings nearer what lies beyond it.
    around = f"{before.rpartition(MASK)[2]} {behind.partition(MASK)[0]}".lower()
    return any(stem in around and any(form in around for form in _ABOUT_SECRETS[stem]) for stem in told.stems)


def _line_above(text: str, at: int) -> str:
    """The line above the one that begins at `at`; nothing where that is a line of a block of base64, or its head."""
    above = text[max(0, at - _FAR) : at].rstrip().rpartition("\n")[2]
    return "" if above.startswith("--") or not above.count(" ") else above


def _is_of_a_link(line: str) -> bool:
    """Whether a part of a path is what makes a link work, as the rest of the path or the words before it tell."""
    before, _, address = line.lower().rpartition(" ")
    if address.startswith("test"):
        return False  # a case of a test in Go
    return _OF_LINKS.search(address) is not None or ("://" in address and _LINK_BEFORE.search(before[-40:]) is not None)


def is_open(name: str) -> bool:
    """Whether a name says nothing of what it names, so that it may be a secret: no id, digest, file or text."""
    name = name.rstrip(".").rpartition(".")[2]
    if grade(name):
        return True
    last = [part.lower() for part in _PARTS.findall(name)[-2:]]
    forms = (*last, *(part.rstrip("0123456789") for part in last))
    is_harmless = not _HARMLESS.isdisjoint(forms) or name.lower().endswith(_IDS)
    return not (is_harmless or name in _OF_PUBLIC_KEYS or _OF_SECRETS.search(name))
