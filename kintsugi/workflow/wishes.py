"""For how long a failure is to be ignored, as it is typed in Discord, on the command line and in the pages. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.quiet import Wish

_LONGEST = timedelta(days=3650)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME = re.compile(r"(\d{1,6})\s*(m|h|d|w)(?:in(?:ute)?s?|ours?|ays?|eeks?)?")
_TIMES = re.compile(r"(\d{1,9})\s*(?:times|x|more)?")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_NEXT = ("next", "next build", "next-build")
_FOR = "Write a time, such as 90m, 12h, 7d or 2w, or a number of times, such as 100."
_UNTIL = "Write a commit of 7 to 40 hex digits, `next` for the next build, or a date such as 2026-12-24."


def wish_of(for_: str, until: str, now: datetime) -> Wish:
    """What was typed: `for_` is a time (7d) or a number of times (100), `until` a commit, `next` or a date.

    Raises BadInput.
    """
    return _for(for_.strip().lower(), _until(until.strip().lower(), now), now)


def _for(typed: str, wish: Wish, now: datetime) -> Wish:
    if not typed:
        return wish
    if found := _TIME.fullmatch(typed):
        time = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if not timedelta() < time <= _LONGEST:
            raise BadInput(f"{typed!r} is too long, or no time at all. Leave it out to ignore it for good. {_FOR}")
        ends = now + time
        return replace(wish, until=min(ends, wish.until) if wish.until else ends)
    if (found := _TIMES.fullmatch(typed)) and int(found[1]):
        return replace(wish, more=int(found[1]))
    raise BadInput(f"{typed[:40]!r} is neither a time nor a number of times. {_FOR}")


def _until(typed: str, now: datetime) -> Wish:
    if not typed:
        return Wish()
    if typed in _NEXT:
        return Wish(next_build=True)
    if _COMMIT.fullmatch(typed):
        return Wish(build=typed)
    try:
        date = datetime.fromisoformat(typed)
    except ValueError:
        raise BadInput(f"{typed[:40]!r} is neither a build nor a date. {_UNTIL}") from None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    if date <= now:
        raise BadInput(f"{typed!r} is over already. {_UNTIL}")
    return Wish(until=date)
