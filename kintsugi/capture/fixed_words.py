"""The words of a message that stay the same from one occurrence to the next, where nothing but words names a failure.

Beyond what `plain_message` takes out: hosts and addresses, durations, mentions, names with an apostrophe, lists of any
length and the plural behind a number. An id is a number, however
long it is and whatever it is made of.
"""

from __future__ import annotations

import re

from kintsugi.telemetry.fingerprint import plain_message

_UNIT = r"(?:ms|us|µs|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_VARYING = re.compile(
    rf"""
      (?P<id><[@\#][!&]?\d{{5,21}}>|<a?:\w{{2,32}}:\d{{5,21}}>|\b[a-f]{{7,40}}\b)
    | (?P<host>\b(?:\d{{1,3}}\.){{3}}\d{{1,3}}\b(?::\d{{1,5}})?
        |\[?(?<![\w:.])(?=[0-9a-f:]{{0,40}}\d)(?:[0-9a-f]{{1,4}}:{{1,2}}){{2,7}}[0-9a-f]{{0,4}}(?![\w:])\]?(?::\d{{1,5}})?
        |\b(?:[a-z0-9_-]{{1,63}}\.){{1,6}}(?:com|net|org|edu|gov|internal|local|lan|test|example|cloud|cluster)\b(?::\d{{1,5}})?
        |(?<![\w.])[a-z][a-z0-9-]{{0,62}}:\d{{2,5}}\b(?!:))
    | (?P<time>(?<![\w.])\d+(?:\.\d+)?\ ?{_UNIT}\b(?:\ ?\d+(?:\.\d+)?\ ?{_UNIT}\b)*
        |(?<![\w.])\d+(?:h|m)(?:\d+(?:\.\d+)?(?:m|s))+\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_KIND = r"[a-z_-]*<(?:token|number|hex|uuid|address|id)>"
_ID = re.compile(rf"{_KIND}(?:{_KIND})*")
_LIST = re.compile(r"(<\w+>)(?:(?:,| and|, and) \1)+")
_PLURAL = re.compile(r"(<number> [a-z]{2,}?)(?:(?<=[sxzh])es|(?<!s)s)\b")


def fixed_words(message: str) -> str:
    """The message without what varies, in lower case."""
    line = next((line for line in message.splitlines() if line.strip()), "")[:1_000]
    plain = plain_message(_VARYING.sub(lambda found: f"<{found.lastgroup}>", _APOSTROPHE.sub("", line)))
    return _PLURAL.sub(r"\1", _LIST.sub(r"\1", _ID.sub("<number>", plain)))
