"""What a word in base64 holds: something to be read, or a name and a password."""

import base64
import binascii

from kintsugi.telemetry import lazy_re as re


def is_text(word: str) -> bool:
    """Whether it is base64 of something to be read."""
    body = word.rstrip("=")
    try:
        return base64.urlsafe_b64decode(body[: len(body) // 4 * 4].replace("+", "-").replace("/", "_")).isascii()
    except (binascii.Error, ValueError):
        return False


_OF_SASL = re.compile(rb"\0[\w.@+-]{2,64}\0[!-~]{4,100}\s?")


def is_of_sasl(word: str) -> bool:
    """Whether it is base64 of a user's name and a password as they are sent to log in (RFC 4616)."""
    try:
        return _OF_SASL.fullmatch(base64.b64decode(word + "=" * (-len(word) % 4))) is not None
    except (binascii.Error, ValueError):
        return False
