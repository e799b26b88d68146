"""Personal data, where KINTSUGI_REDACT_PII asks for it: numbers of cards, accounts and telephones, addresses of mail
and of machines.

What has check digits is hidden only where they are right (Luhn's for cards, ISO 7064's for accounts); the others go by
their shape. Names, streets and dates have none, and nothing is promised of any kind.
"""

import ipaddress
from collections.abc import Callable, Iterator

from kintsugi.telemetry import lazy_re as re

PERSONAL = ("card", "iban", "email", "phone", "ip")
Span = tuple[int, int]

_CARD = re.compile(
    r"(?<![\w.+/-])(?:\d{4}[ -](?:\d{4}[ -]){2}\d{1,7}|3\d{3}[ -]\d{6}[ -]\d{4,5}|\d{13,16})(?![\w/-]|\.\d)"
)
# First digits and lengths by which the schemes number their cards (ISO/IEC 7812, the schemes' own tables).
_SCHEMES = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])")
_EMAIL = re.compile(
    r"(?<![\w.+/:%-])(?!git@)[\w.+'-]{1,64}"
    r"(?:@(?!\dx\.(?:\w{1,20}\.){0,2}(?:png|jpe?g|gif|svg|webp)\b)|%40)"  # logo@2x.png is a picture
    r"(?:[^\W_](?:[\w-]{0,61}\w)?\.){1,6}[^\W\d_]{2,24}(?![\w-])"
)
# International, with an area in brackets, with the national 0, and the two countries that are written without any.
_PHONE = re.compile(
    r"""(?<![\w.+/-])(?<!\d:)(?:
      \+\d{1,3}(?:[ .-]?(?:\(\d{1,4}\)|\d{1,5})){2,6}
    | (?:1[ .-])?(?:\([2-9]\d\d\)[ ]?|[2-9]\d\d[.-])\d{3}[ .-]\d{4}
    | \(0?\d{2,5}\)[ ]?\d{3,5}[ .-]\d{3,5}
    | (?<!\d[ ])0[6-9]\d{4}[ ]\d{5}
    | (?<!\d[ ])0\d{1,4}(?:
          [ /-]\d{2,4}(?:[ -]\d{2,4}){1,3}
        | (?:\.\d\d){4}
        | [ ]?/[ ]?\d{5,9}
        | [ -]\d{6,9}
        | [ ]\d{4,6}[ ]\d{4,6}
      )
    )(?![\w-]|\.\d|:[A-Z])""",
    re.VERBOSE,
)
# Written as numbers of anything are: only behind a word that says what they are.
_PHONE_TOLD = re.compile(
    r"(?i:\b(?:phone|tel|telephone|telefon|mobile|mobil|handy|cell|fax|call|msisdn|whatsapp|sms)"
    r"(?:[_ ]?(?:number|no|nr))?)"
    r"[\"']?\.?\s{0,2}[:=]?\s{0,2}[\"']?(?P<number>\d{2,4}(?:[ .-]?\d{2,7}){1,4})(?![\w-]|\.\d)"
)
_IP = re.compile(
    r"(?<![\w.:-])(?<![Vv]ersion )(?!(?<=[A-Za-z]/)\d{1,3}\.0\.0\.0(?!\d))"  # Chrome/131.0.0.0 is a version, too
    r"(?:(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)"
    r"|(?=[0-9A-Fa-f]{0,4}:)(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?<=::))(?![\w:.]\w))"
)
_SHAPES: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]]


def kinds_of(setting: str) -> frozenset[str]:
    """The kinds that `card,iban,email` names; empty for an empty text. Raises ValueError for one that is none."""
    named = frozenset(filter(None, (word.strip().lower() for word in setting.split(","))))
    if unknown := sorted(named - set(PERSONAL)):
        raise ValueError(f"should be some of {','.join(PERSONAL)}, and names {', '.join(unknown)}")
    return named


def personal_spans(text: str, kinds: frozenset[str]) -> Iterator[Span]:
    """Where personal data of these kinds stands. They may overlap."""
    for kind, (shape, is_one) in _SHAPES.items():
        if kind in kinds:
            yield from (found.span() for found in shape.finditer(text) if is_one(found[0]))
    if "phone" in kinds:
        yield from (found.span("number") for found in _PHONE_TOLD.finditer(text) if _is_phone(found["number"]))


def _is_card(written: str) -> bool:
    digits = re.sub(r"\D", "", written)
    if not _SCHEMES.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _is_iban(written: str) -> bool:
    plain = written.replace(" ", "")
    return 15 <= len(plain) <= 34 and int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(written: str) -> bool:
    return 8 <= sum(map(str.isdigit, written)) <= 15


def _is_address(written: str) -> bool:
    """An address that may be somebody's: not this machine's own, nor one that stands for any."""
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    return any(map(str.isdigit, written)) and not (
        address.is_loopback or address.is_unspecified or address.is_multicast
    )


_SHAPES = {
    "card": (_CARD, _is_card),
    "iban": (_IBAN, _is_iban),
    "email": (_EMAIL, bool),
    "phone": (_PHONE, _is_phone),
    "ip": (_IP, _is_address),
}
