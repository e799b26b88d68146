"""The words of a message that stay the same from one occurrence to the next, where nothing but words names a failure.

Beyond what `plain_message` takes out: hosts and addresses, durations, mentions, names with an apostrophe, lists of any
length and the plural behind a number. An id is a number, however long it is and whatever it is made of. Names of code
(`config.local`), of places (`row:15`) and of techniques (`s3`) stay.
"""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.fingerprint import plain_message

_UNIT = r"(?:ms|us|µs|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_PORT = r"(?:\d{4,5}|22|25|53|80|389|443|465|587|636|993|995)"
# What stands before the number of something else: a place, a status, an id.
_COUNTED = (
    r"(?:status|https?|code|error|errno|exit|signal|line|row|col|column|char|offset|pos|position|index|page|item|step"
    r"|id|pid|uid|size|length|count|total|limit|attempt|retry|version|level|shard|user|order|job|task|key|year|port)"
)
_OF_CODE = re.compile(
    r"\b(?:module|import|named?|attribute|package|setting|key|field|column|table|class|function)s?:?\s*['\"]?$", re.I
)
_TECHNIQUES = r"(?:s|ec|utf|ucs|base|oauth|http|ipv|md|sha|mp|h|sqlite|python|psycopg|x|k|tls)"  # s3, utf8, oauth2 …
_VARYING = re.compile(
    rf"""
      (?P<id><[@\#][!&]?\d{{5,21}}>|<a?:\w{{2,32}}:\d{{5,21}}>|\b[a-f]{{7,40}}\b)
    | (?P<host>\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b(?::\d{{1,5}})?
        |\[?(?<![\w:.])(?=[0-9a-f:]{{0,40}}\d)(?:[0-9a-f]{{1,4}}:{{1,2}}){{2,7}}[0-9a-f]{{0,4}}(?![\w:])\]?(?::\d{{1,5}})?
        |\b(?:[a-z0-9_-]{{1,63}}\.){{1,6}}(?:com|net|org|edu|gov|internal|local|lan|test|example|cloud|cluster)\b(?::\d{{1,5}})?
        |(?<![\w.-])(?!{_COUNTED}\b)[a-z][a-z0-9-]{{0,62}}:{_PORT}\b(?!:))
    | (?P<time>(?<![\w.])\d+(?:\.\d+)?\ ?{_UNIT}\b(?:\ ?\d+(?:\.\d+)?\ ?{_UNIT}\b)*
        |(?<![\w.])\d+(?:h|m)(?:\d+(?:\.\d+)?(?:m|s))+\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_KIND = r"[a-z_-]*<(?:token|number|hex|uuid|address|id)>"
_ID = re.compile(rf"(?<![a-z_-])(?!{_TECHNIQUES}<number>(?![\w<-])){_KIND}(?:{_KIND})*")
_LIST = re.compile(r"(<\w+>)(?:(?:,| and|, and) \1)+")
_PLURAL = re.compile(r"(<number> [a-z]{2,}?)(?:(?<=[sxzh])es|(?<!s)s)\b")


_WHOLE = re.compile(  # taken out first, as others would take a part
    r"""
      (?P<url>\b[a-zA-Z][a-zA-Z0-9+.-]{1,15}://[^\s'"<>)\]]+)
    | (?P<email>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)
    | (?P<date>\b\d{4}-\d\d-\d\d(?:[Tt\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?)
    | (?P<data>\{\s?["'](?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]*\})*\})*\})
    """,
    re.VERBOSE,
)


def fixed_words(message: str) -> str:
    """The message without what varies, in lower case."""
    line = next((line for line in message.splitlines() if line.strip()), "")[:1_000]
    return fixed_words_before(_WHOLE.sub(lambda found: f"<{found.lastgroup}>", line))


def fixed_words_before(message: str) -> str:
    """As they were before addresses, dates and data were taken out whole: what is known by these keeps its name."""
    line = next((line for line in message.splitlines() if line.strip()), "")[:1_000]
    plain = plain_message(_VARYING.sub(_kind_of, _APOSTROPHE.sub("", line)))
    return _PLURAL.sub(r"\1", _LIST.sub(r"\1", _ID.sub("<number>", plain)))


def _kind_of(found: re.Match[str]) -> str:
    is_name = found.lastgroup == "host" and _OF_CODE.search(found.string[max(0, found.start() - 24) : found.start()])
    return found[0] if is_name else f"<{found.lastgroup}>"
