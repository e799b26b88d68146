"""What was raised, as an alert rule asks for it: class, error code, HTTP status, whatever library it is of.

Read from the attributes that discord.py, gspread, google-auth, googleapiclient, requests, httpx and aiohttp give their
exceptions, along the chain of causes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kintsugi.telemetry import lazy_re as re

_MOST = 10  # exceptions of a chain
_IN_WORDS = re.compile(r"\(error code: (\d{3,6})\)")


@dataclass(frozen=True)
class Condition:
    """One thing that a rule asks of what was raised; all that is given has to be true of one exception of the chain.

    `exceptions` are class names, bare (`NotFound`) or with their module or its beginning (`discord.NotFound`), base
    classes too. `codes` are error codes, `statuses` HTTP's. `at` is a regular expression in the address that was asked.
    `words` is one in the line, and counts where no exception is at hand.
    """

    exceptions: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    statuses: tuple[int, ...] = ()
    at: str = ""
    words: str = ""

    def is_met(self, chain: Sequence[BaseException], line: str) -> bool:
        """Whether it is true of the line, or of the exception that it is about, given as its `chain_of`."""
        if not chain:
            return bool(self.words) and re.search(self.words, line) is not None
        if not (self.exceptions or self.codes or self.statuses or self.at):
            return False
        return any(map(self._is_met_by, chain))

    def may_be_met(self, classes: Sequence[type]) -> bool:
        """Whether `is_met` may be true of exceptions of these classes; of none where there are none."""
        if not classes or not self.exceptions:
            return bool(not classes or self.codes or self.statuses or self.at)
        return any(_is_called(kind, self.exceptions) for kind in classes)

    def _is_met_by(self, error: BaseException) -> bool:
        kind: Any = type(error)
        return (
            (not self.exceptions or _is_called(kind, self.exceptions))
            and (not self.codes or code_of(error) in self.codes)
            and (not self.statuses or status_of(error) in self.statuses)
            and (not self.at or re.search(self.at, address_of(error)) is not None)
        )


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what it came of: what a library wrapped, its cause, or what was being handled."""
    seen = set[int]()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < _MOST:
        seen.add(id(current))
        yield current
        original = getattr(current, "original", None)
        told = original if isinstance(original, BaseException) else current.__cause__
        current = told or (None if current.__suppress_context__ else current.__context__)


def code_of(error: BaseException) -> int | None:
    """Discord's error code; else one that the words give as Discord does."""
    code = getattr(error, "code", None)
    if type(code) is int and code:
        return code
    found = _IN_WORDS.search(_words_of(error))
    return int(found[1]) if found else None


def status_of(error: BaseException) -> int | None:
    """The status of the answer that it is about."""
    answer = getattr(error, "response", None)
    told = (
        getattr(answer, "status_code", None), getattr(answer, "status", None), getattr(error, "status_code", None),
        getattr(error, "status", None), getattr(getattr(error, "resp", None), "status", None),
        getattr(error, "code", None),
    )  # fmt: skip
    numbers = (int(each) for each in told if isinstance(each, int) or (isinstance(each, str) and each.isdigit()))
    return next((number for number in numbers if 100 <= number < 600), None)


def address_of(error: BaseException) -> str:
    """What was asked, as far as the exception says."""
    places = (
        error,
        getattr(error, "request", None),
        getattr(error, "response", None),
        getattr(error, "request_info", None),
    )
    told = (getattr(place, name, None) for place in places for name in ("url", "real_url", "uri"))
    try:
        return " ".join(str(each) for each in told if each is not None and not callable(each))
    except Exception:
        return ""


def _is_called(kind: Any, names: tuple[str, ...]) -> bool:
    """Whether the class or a base of it has one of these names."""
    return any(map(partial(_has_name, kind), names))


def _has_name(kind: type, name: str) -> bool:
    module, _, wanted = name.rpartition(".")
    kinds = [each for each in kind.__mro__ if each.__name__ == wanted]
    return any(not module or f"{each.__module__}.".startswith(f"{module}.") for each in kinds)


def _words_of(error: Any) -> str:
    try:
        return str(error)
    except Exception:
        return ""
