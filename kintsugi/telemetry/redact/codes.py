"""Codes that let somebody in: few digits or letters behind the word, where what they are for stands right before it.

A word in front of `code` tells what it is: of errors, countries and exits there are many codes, of log-ins, doors and
pairings just these. In 330,000 lines of logs every other code of such a form is of an error, an exception, a status or
the post.
"""

from collections.abc import Iterable

from kintsugi.telemetry import lazy_re as re

Span = tuple[int, int]

_NEAR, _FAR, _BEHIND_LENGTH = 32, 90, 90
_MAY_BE_ONE = re.compile(r"\d|[A-Z]{4}-[A-Z]{4}")
_LAST_WORD = re.compile(r"([A-Za-z]+)[^A-Za-z\n]{0,3}$")
_FOR_PEOPLE = re.compile(
    r"(?:.*(?:log-?in|sign-?in|sign-?up|auth|verif|secur|pair|lock|access|guard|factor|otp|mfa|fa|reset|recover|confirm"
    r"|activat|approv|enrol|setup|install|door|gate|alarm|safe|pass|pin|sms|time|backup|invit|claim|arm)[a-z]{0,8}"
    r"|user|device|this|your|entry|temporary)",
    re.IGNORECASE,
)
_NOT_FOR_PEOPLE = re.compile(
    r"(?:error|exit|return|response|http|status|reason|result|close|fault|cause|country|area|zip|post(?:al)?|currency|"
    r"language|source|byte|op|char|key|color|colour|bar|qr|promo|discount|coupon|product|item|type|class|region|city|"
    r"event|vendor|exception|errno|rc|ret|disconnect|signal|diagnostic|trouble|message|msg|the|with|and|a|got)s?",
    re.IGNORECASE,
)
_OF_LOGINS = re.compile(r"(?i:otp|2fa|mfa|passcode|one-time)\b")
_BEHIND = re.compile(
    r"s?(?: (?:sent|issued|created|generated|given|received|used|entered))?"
    r"(?: (?:for|of|to|with) [^\n:=\d]{1,40}?| slot \d{1,3})?"
    r"(?P<link> is(?: now)?:?|:|\ ?=|\ ->|(?: was| has been)?(?: (?:re)?(?:set|changed))? to:?|(?=\ [\d\"'\[(]))"
    r"\ ?[\"'`*\[(]{0,2}"
    r"(?:(?P<grouped>\d{4}-\d{3}-\d{4}|\d{3}-\d{2}-\d{3}|\d{3}[ -]\d{3}|(?=[A-Z-]{0,8}\d|[A-Z]{4}-[A-Z]{4})"
    r"[A-Z0-9]{4}-[A-Z0-9]{4})"
    r"|(?P<single>\d{4,8}|\d{11}|(?=[A-Z]{0,9}\d)(?=\d{0,9}[A-Z])[A-Z0-9]{5,10}))(?![\w#]|[.-]\w)"
)


def code_for_people(text: str, start: int, end: int) -> Iterable[Span]:
    """What stands behind a word for a code, which ends at `end`, if it lets somebody in."""
    found = _BEHIND.match(text, end) if _MAY_BE_ONE.search(text, end, end + _BEHIND_LENGTH) else None
    if not found:
        return ()
    last = _LAST_WORD.search(text, max(0, start - _NEAR), start)
    if last and _FOR_PEOPLE.fullmatch(last[1]):
        return (found.span(found.lastgroup or 0),)
    if last and _NOT_FOR_PEOPLE.fullmatch(last[1]):
        return ()
    if found["grouped"] and last and found["link"]:
        return (found.span("grouped"),)
    is_long = found["single"] is not None and len(found["single"]) >= _LONG and found["single"].isdigit()
    return (found.span("single"),) if is_long and _OF_LOGINS.search(text, max(0, start - _FAR), start) else ()


_LONG = 6  # numbers of errors are shorter
