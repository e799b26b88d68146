"""The value behind a key: where it begins and ends in any notation, and whether it is one to hide."""

from typing import NamedTuple
from urllib.parse import unquote

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import Grade, words

MASK = "***"
_LONGEST = 8_192


class Value(NamedTuple):
    """A place in the text, `[start, end)`, and whether quotes stand around it."""

    start: int
    end: int
    quoted: bool


_OPENING = re.compile(
    r"(?P<kind>[bBfFrRuU]{0,2})(?P<quote>\\{0,15}[\"'`]|&quot;|&\#3[49];|&apos;|%22|%27|\|\||\\{1,8}u002[27])(?!\s*$)"
)
_UNQUOTED = re.compile(
    r"""(?:
        [^\s"'`,;&<>(){}\[\]|\\]{1,24}+
      | (?!</|;[A-Z]\w{1,20}(?:\ \w{1,20}){1,3}=)
        [,;&|(){}\[\]<>](?![\s"'`,;&|(){}\[\]<>\\]|$|(?:amp;|\#)?[\w.$-]{1,40}["']?[=:]|lt;|gt;|quot;)
      | \\(?![nrtu"'`\\])
      | (?<=\w)["'`](?=\w)
    ){1,12}+""",
    re.VERBOSE,
)
_NEXT_OPTION = re.compile(r"(?<=\S)\?[A-Za-z]\w{1,40}=")  # of a game's server: ?Port=7777?MaxPlayers=8
_REST = re.compile(r"[^\s\"'`,;&<>(){}\[\]|\\]*")
_WHOLE_LINE = re.compile(r"[^\s\"'\\]\S{0,4096}(?=[ \t]+\#|[ \t\r]*(?:$|\n))")
_NEXT_FIELD = re.compile(r"(?:[;&]|\\[nr])[A-Za-z_][\w.-]{0,40}=")  # then it is no line of an environment file
_END_OF_STRING = re.compile(r"\w\\{0,7}[\"'](?=[,)\]}])")  # in which the file stands as a whole
# Where a value ends that stands within something encoded, and one that stands in an address as it is.
# Where an encoded value ends: a plus is a blank there.
_ENCODED_END = re.compile(r"%(?:25){0,2}(?:2[0267C]|3[BC]|7D|5C(?:[nrt]|u00))|%(?=0[AD])|\+", re.IGNORECASE)
_PERCENT_END = re.compile(r"%(?=0[AD])", re.IGNORECASE)
_ENCODED_SIGN = re.compile(r"%(?:25){0,2}3[AD]$", re.IGNORECASE)
_CALL = re.compile(
    r"(?:await |new |\$|@|\[)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,80}+)(?P<bracket>[({\[])(?:\s{1,40}(?=\\{0,7}[\"']))?"
)
_ITEM = re.compile(r"[bu]?(\\*[\"'])((?:(?!\1).){1,400})\1")

_MASKED = re.compile(
    r"""
      (?:[\w.:-]{0,16}?(?:\*{3,}|•{3,}|●{3,})|(?:[\w:]{1,9}[-_][\w.:-]{0,8}?|\w{0,6}?)(?:…|\.{3,}))[\w-]{0,4}
    | /(?:var/)?run/secrets/[\w./-]{1,100}
    | x{3,}|X{3,}|-+|\.+|\#{3,}
    | <[^<>]{0,80}>|\[[A-Za-z_ :-]{0,40}\]|\$\{[^{}]{0,80}\}|\$\w{1,60}|\$\([^()]{0,80}\)
    | \{\{.{0,80}\}\}|\{[^{}]{0,80}\}
    | %\(\w{1,40}\)[sdr]|%\[\d\][a-z]|%[sdrv]|%\w{1,40}%|\?|:\w{1,20}|@\w{1,40}@|__\w{1,40}__|@(?:p\d{1,3}|__\w{1,40})
    | (?i:redacted|filtered|masked|hidden|removed|protected|scrubbed|not[ _-]?set|unset|placeholder|omitted|censored)
    | (?:VALUE_SPECIFIED|[A-Z_]{0,20}HIDDEN|[A-Z_]{0,20}REDACTED)(?:_[A-Z_]{2,40})?
    | (?i:(?:your|insert|enter|replace|put|paste|add)[a-z_ -]{2,60})
    """,
    re.VERBOSE,
)
_CUT = re.compile(r"(?:[a-z]{2,6}[-_]){1,2}\w{1,4}")  # sk_live_51Ab...
_OF_A_PASSWORD = re.compile(
    r"(?i:pass|pwd|pw\b|login|credential)(?:(?!(?i:key|token|secret))[^\n]){0,40}$"
)  # people make up the whole
# The same of letters and digits alone.
_MASKED_WORD = re.compile(
    r"x{3,}|X{3,}|(?i:redacted|filtered|masked|hidden|removed|protected|scrubbed|notset|unset|placeholder|omitted|censored"
    r"|(?:your|insert|enter|replace|put|paste|add)[a-z]{2,60})"
)
# What stands for a value, with the brackets that a value itself would end at.
STANDS_FOR_ONE = re.compile(
    r"<(?:set to the key '[^'\n]{1,80}'[^<>\n]{0,120}"
    r"|[a-z_ -]{0,80}|[A-Z_ -]{0,80}|[^<>\n\d]{0,60} [^<>\n\d]{0,60})>(?![\w!#$%&*+])"
    r"|\[(?i:redacted|filtered|masked|hidden|removed|protected|scrubbed|unset|omitted|censored|secure|sensitive|private)\]"
)
_CONSTANTS = words(
    """
    None null nil NULL NaN undefined True true False false TRUE FALSE yes no on off str string bytes int integer bool
    boolean float object any Any dict list tuple set SecretStr String Text text varchar char Union Optional Callable
    number Field self cls N/A n/a none empty ok OK ...
    """
)
_DOTTED = re.compile(r"[A-Za-z_]+(?:(?:\.|->|::)[A-Za-z_]+)+")
_IDENTIFIER = re.compile(r"[A-Za-z_]+")
_ABOUT_KEYS = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)?|secret|token|key|auth|cred(?:ential)?s?|pwd|pw|jwt|session|cookie|api)s?(?:_|$)"
    r"|(?-i:[a-z](?:Password|Secret|Token|Key|Pass|Credentials)$)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\s*(?:\+ |\. ?\$|, ?$|[)\]},;: ]+(?:$|\n))")


_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
PHRASES = (
    "passphrase", "mnemonic", "seed_phrase", "seedphrase", "seed phrase", "recovery_phrase", "recoveryphrase",
    "recovery phrase",
)  # fmt: skip
PHRASE = re.compile(r"[a-z]{2,14}(?:[ -][a-z]{2,14}){2,23}(?![\w.])")
OF_SENTENCES = re.compile(
    r"\b(?:is|the|an?|must|be|required|not|your|please|too|should|of|to|and|or|has|have|was|were|are|for|with|in|at|by|"
    r"invalid|incorrect|expired|missing|cannot|from|on|it|this|that|if|when|no|does|did|will|could|would|may|provided|"
    r"given|set|empty|wrong|failed|password|passwords|token|user|field|characters|least)\b"
)


_PROSE = words(
    """
    required incorrect invalid missing expired wrong must should cannot can could would will too not is was has have
    had may might reset changed updated rejected accepted empty hidden please enter choose minimum maximum at for
    and or the a an to of in on with from does did do needs failed failure error ok okay unknown unchanged stored
    set sent given correct matches match mismatch mismatched weak strong short long as be been are were who what
    when where how why which that this these it its you your we our they never always only also but if then than so
    by auth authentication verification recovery requirements policy protected encrypted hashed unavailable disabled
    enabled denied allowed granted revoked rotated refreshed found verified validated successful success
    successfully attempt attempts check checks change changes update updates use uses used using no yes none null
    n/a via timeout exit provided context open status
    """
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DIGEST = re.compile(r"(?:0x|(?:sha\d{1,3}|md5)[:-])?[0-9a-fA-F]{6,128}|\d+|(?:sha\d{1,3}-)[\w+/=]{20,90}")
_PATH = re.compile(
    r"(?:[A-Za-z]:)?[\\/~.][\w.@ -]*[\\/].*|\w+://.*|/[\w./-]*|[a-z]{3,20}(?:/[\w.-]{1,60}){1,8}(?:\?[\w=&.-]{0,100})?"
)
_FILE = re.compile(r"(?:[\w@.()-]{1,60}[/\\]){1,16}[\w@.-]{1,100}\.[A-Za-z]{1,5}(?::\d{1,6}){0,2}")  # src/app.ts
_SEGMENT = re.compile(r"[A-Za-z0-9+]{10,}(?![\w.-])")
_OBJECT = re.compile(r"(?:[\w$]+\.)+[\w$]+@[0-9a-f]{4,16}")
_WORDS_AND_NUMBERS = re.compile(
    r"(?:(?:[A-Za-z]{0,15}|\d{1,19}|v\d+|[A-Za-z]{1,3}\d{1,3}[a-z]?|[A-Za-z][a-z]{1,14}\d{1,4}|ed25519)"
    r"(?:[-_./:,@+=#~| ]|%40|$))++(?:(?<=-token-)[bcdfghjklmnpqrstvwxz2456789]{5})?"  # as clusters call them
)
_NAME_OF_CLASS = re.compile(r"[a-z]{0,14}(?:(?:OAuth|[A-Z][a-z]{2,14})\d?){2,6}")  # OAuth2Client
_FINGERPRINT = re.compile(r"SHA256:[\w+/]{43}=?")  # of a public key, as SSH shows it
_OF_LICENSES = re.compile(r"(?P<first>[A-Z0-9]{4,8})(?:-(?!(?P=first))[A-Z0-9]{4,8}){2,9}")  # in groups of one length
_VERSION = re.compile(r"[v^~]?\d{1,4}\.\d{1,4}\.\d{1,6}(?:\(@.*)?|0x[0-9A-Fa-f]{1,16}")  # or an address
_DIGIT = re.compile(r"\d")
_TURNS = re.compile(r"[a-z](?=[A-Z])")
_RUGGED = re.compile(r"[A-Z][a-z](?=[A-Z])")  # hardly ever in the names of things


def read(text: str, at: int) -> Value | None:
    """The value that begins at `at`, with its quotes of any kind and depth of escaping recognised."""
    opening = _OPENING.match(text, at)
    if opening:
        start = opening.end()
        is_written = opening["quote"][0] == "\\"
        if text[start : start + 1] == "\n" or (is_written and text.startswith(("\\n", "\\r"), start)):
            return None  # it was the end of a string
        return Value(start, _closing(text, start, opening["quote"]), quoted=True)
    if at == 0 or "\n" in text[max(0, at - 1) : at]:
        return None
    return _unquoted(text, at)


def _unquoted(text: str, at: int) -> Value | None:
    match = _UNQUOTED.match(text, at)
    if not match:
        return None
    following = _NEXT_OPTION.search(match[0]) if "?" in match[0] else None
    read = match[0][: following.start() if following else None]
    kept = read.rstrip(".,:;")
    if kept[-1:] == ")" and kept != read and "(" not in kept:
        kept = kept[:-1]  # (session id: …).
    end = at + len(kept)
    if text.startswith("...", end) and is_cut(text, at, end):
        return None
    if "%" not in match[0] and "+" not in match[0]:
        return Value(at, end, quoted=False)
    ends = _ENCODED_END if _ENCODED_SIGN.search(text, max(0, at - 8), at) else _PERCENT_END
    encoded = ends.search(text, at, end)
    return Value(at, encoded.start() if encoded and encoded.start() > at else end, quoted=False)


def is_cut(text: str, start: int, end: int) -> bool:
    """Whether only the beginning of a token stands before dots: `Invalid API key: sk_live_51Ab...`."""
    return bool(_CUT.fullmatch(text, start, end)) and not _OF_A_PASSWORD.search(text, max(0, start - 60), start)


_ENDS = frozenset(("", "?", ".", ",", ":", ";", "%", " ", "\n", "\\", '"', "'", "&"))


def whole(text: str, value: Value) -> Value:
    """The value with the rest of a run that was too long to read at once."""
    if value.quoted or text[value.end : value.end + 1] in _ENDS:
        return value
    rest = _REST.match(text, value.end)
    return value._replace(end=rest.end()) if rest else value


def to_end_of_word(text: str, at: int) -> Value | None:
    """A value that is all the rest of its line, as in an environment file, where it may hold any character."""
    match = _WHOLE_LINE.match(text, at)
    if match and (_NEXT_FIELD.search(match[0]) or _END_OF_STRING.search(match[0])):
        return None
    return Value(at, match.end(), quoted=False) if match else None


def _closing(text: str, start: int, quote: str) -> int:
    """Where the string ends. Cut short, it ends with its line."""
    limit = min(len(text), start + _LONGEST)
    line_end = text.find("\n", start, limit)
    slashes = len(quote) - 1 if quote[-1] in "\"'`" and quote[0] in "\\\"'`" else -1
    found = text.find(quote, start, limit) if slashes < 0 else _closing_quote(text, start, limit, quote[-1], slashes)
    if found >= 0 and (line_end < 0 or found < line_end or found - start < 400):
        return found
    return limit if line_end < 0 else line_end


def _closing_quote(text: str, start: int, limit: int, mark: str, slashes: int) -> int:
    """The next quote at the depth of the opening one, which had `slashes` backslashes before it (0, 1, 3, 7, …)."""
    period = 2 * (slashes + 1)
    found = text.find(mark, start, limit)
    while found >= 0:
        lead = text[max(start, found - 32) : found]
        before = len(lead) - len(lead.rstrip("\\"))
        if before % period == slashes and (before == slashes or _AFTER_STRING.match(text, found + 1)):
            return found - slashes
        if before < slashes:
            return found - before
        found = text.find(mark, found + 1, limit)
    return -1


# What may follow a string: where backslashes before its last quote leave two readings, this decides.
_AFTER_STRING = re.compile(r"[\s,;:}\])&'\"<|\\]|$")


def items(text: str, at: int) -> list[Value]:
    """The quoted items of a list that begins at `at`."""
    limit = min(len(text), at + 600)
    end = min((place for sign in "[{]" if (place := text.find(sign, at + 1, limit)) >= 0), default=limit)
    span = text[at:end]
    return [Value(at + item.start(2), at + item.end(2), quoted=True) for item in _ITEM.finditer(span)]


def literal_in_call(text: str, value: Value) -> tuple[bool, Value | None]:
    """Whether the value is a call or subscription; and the literal inside where a class is named: `Secret('x')`."""
    call = _CALL.match(text, value.start)
    if not call or value.quoted:
        return False, None
    if call["bracket"] == "{" and looks_random(call["name"]):
        return False, None  # what stands around it, as {noformat} of Jira
    inner = _OPENING.match(text, call.end())
    if not inner or call["bracket"] == "[" or not call["name"].rpartition(".")[2][:1].isupper():
        return True, None
    return True, Value(inner.end(), _closing(text, inner.end(), inner["quote"]), quoted=True)


def is_secret(value: str, quoted: bool, level: Grade, prose: bool) -> bool:
    """Whether the value of a key of this grade is one to hide. `prose`: a colon or a verb led to it, not a sign."""
    if "%" in value and _ENCODED.search(value):
        value = unquote(value)
    if level >= Grade.TOKEN and len(value) >= _SURELY and value.isalnum() and value.isascii() and is_of_base64(value):
        return True
    if not value or value.rstrip(_CLOSING) in _CONSTANTS:
        return False
    if (_MASKED_WORD if value.isalnum() else _MASKED).fullmatch(value):
        return False
    if not quoted and _is_expression(value):
        return False
    if level is Grade.PASSWORD:
        return _is_password(value, quoted, prose)
    if level is Grade.SECRET:
        return len(value) >= 4 and not _is_path(value) and (looks_random(value) or _says_something(value, prose))
    return looks_random(value) and (level is Grade.TOKEN or not is_reference(value))


_QUESTION = re.compile(r"[^\W\d]+(?: [^\W\d]+)+ ?[?:]")  # what a program asks for
_ASKS = re.compile(r"(?i:pass|senha|contrase|kennwort|code|secret|token|key|pin|credential)")  # and no passphrase
_SURELY = 20  # letters of both cases and digits in one run: no word, mask or expression
_CLOSING = ")]}:;,"
_LONGEST_WORD = 16


_BRIEF = {"pw": 5, "pin": 4}  # names that are often something else, and the length of their shortest secret


def is_too_brief(name: str, value: str) -> bool:
    """Whether a name of two or three letters stands for something else here: a pin of a board, a country."""
    least = _BRIEF.get(name.lower(), 0)
    return len(value) < least or (least == _BRIEF["pin"] and not value.isdigit())


def is_phrase(words: str, name: str, level: Grade) -> bool:
    """Whether plain words are a secret of their own: a passphrase, and no sentence about one."""
    if level is not Grade.PASSWORD or OF_SENTENCES.search(words):
        return False
    return words.count(" ") >= (2 if name.lower().endswith(PHRASES) else 3)


_WORDS_OF_HEADER = re.compile(r"[a-z]{2,14}(?:[ -][a-z]{2,14}){1,11}")
_ABOUT_HEADERS = re.compile(
    r"\b(?:denied|granted|allowed|header|headers|scheme|request|requests|access|bearer|basic|none|unauthorized|forbidden|"
    r"disabled|enabled|optional|supported|found|unknown|anonymous|pending|ok|success|successful|only|code|grant|server|"
    r"type|check|error|flow|url|rule|rules|policy)\b"
)


def is_phrase_of_header(words: str) -> bool:
    """Whether several plain words are what an Authorization header holds, and no sentence about it."""
    return bool(
        " " in words
        and _WORDS_OF_HEADER.fullmatch(words)
        and not OF_SENTENCES.search(words)
        and not _ABOUT_HEADERS.search(words)
    )


def _is_expression(value: str) -> bool:
    return bool(
        (not value.isalnum() and _DOTTED.fullmatch(value))
        or (_IDENTIFIER.fullmatch(value) and _ABOUT_KEYS.search(value))
        or value.startswith(("(", "{", "$(", "${", "#{", "%{", "<%"))
    )


def _is_password(value: str, quoted: bool, prose: bool) -> bool:
    if quoted:
        words = prose and (value.lower() in _PROSE or (" " in value and value.replace(" ", "").isalpha()))
        is_question = value[-1:] in ("?", ":") and _QUESTION.fullmatch(value) and _ASKS.search(value)
        return not (words or is_question or _JOINED.match(value))
    return len(value) >= 3 and value.lower() not in _PROSE and not (value.isdigit() and len(value) < 4)


def _says_something(value: str, prose: bool) -> bool:
    plain = value.isalpha() and prose and len(value) < _LONGEST_WORD
    return not plain and value.lower() not in _PROSE and (not value.isdigit() or len(value) >= 24) and " " not in value


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def is_reference(value: str) -> bool:
    return bool(_UUID.fullmatch(value) or _DIGEST.fullmatch(value))


def _is_path(value: str) -> bool:
    """Whether it is a path, or an address; base64 has slashes, too, but no names between them."""
    return _PATH.fullmatch(value) is not None and not any(map(is_of_base64, _SEGMENT.findall(value[:128])))


def is_file(value: str) -> bool:
    """Whether it is the path of a file with an extension, from wherever the program runs."""
    return _FILE.fullmatch(value) is not None


def is_of_base64(segment: str) -> bool:
    """Whether letters and digits in one run are of both cases and of both kinds."""
    return not segment.islower() and not segment.isupper() and not segment.isalpha() and not segment.isdigit()


def looks_random(value: str) -> bool:
    """Whether a value has the look of a token: long, mixed, and not made of words and numbers."""
    value = value[:128]
    if len(value) < 8 or " " in value or _is_path(value):
        return False
    if _UUID.fullmatch(value) or (_OF_LICENSES.fullmatch(value) and len({*map(len, value.split("-"))}) == 1):
        return True
    if any(form.fullmatch(value) for form in (_WORDS_AND_NUMBERS, _OBJECT, _NAME_OF_CLASS, _VERSION, _FINGERPRINT)):
        return False
    return bool(_DIGIT.search(value)) or len(_TURNS.findall(value)) * 6 > len(value) or len(_RUGGED.findall(value)) > 1
