"""The failing call itself, as it was written down at the crash: it fails without the patch, and ends well with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kintsugi.repair import capsule
from kintsugi.repair.capsule import FailingCall, Made
from kintsugi.repair.languages.results import Frame
from kintsugi.repair.proof.runs import Proving, Unproven, is_plain_file
from kintsugi.repair.syntax import read_source
from kintsugi.workflow.patch import Run

_SHARE_OF_TIME = 0.2
_ROUNDS = 2  # what ends well by chance fails again
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class CallTurned:
    """The runs without and with the patch. `turned`: it went from red to green; `ends`: how it does now where it is
    rejected on purpose, or its crash is answered; `flags` say what is to be looked at.
    """

    name: str
    red: Run
    green: Run | None = None
    turned: bool = False
    flags: tuple[str, ...] = ()
    ends: str = ""


class _StillFails(Unproven):
    """With the patch as without."""


async def call_turns(proving: Proving) -> CallTurned | None:
    """None where no failing call is known. Raises Unproven where it fails with the patch as it did without.

    An object that was broken before the call stays so, whatever mends the code that made it. Where the call still
    fails, it is made on objects that their own `__init__` makes: a human is told if only the patch makes that end well.
    """
    call = proving.proposal.call
    if call is None:
        return None
    try:
        return await _turned(proving, call)
    except _StillFails:
        found = await _turned_on_new_objects(proving, call)
        if found is None:
            raise
        return found


async def _turned_on_new_objects(proving: Proving, call: FailingCall) -> CallTurned | None:
    for how, new in capsule.on_new_objects(call).items():
        try:
            found = await _turned(proving, new)
        except Unproven:
            continue
        if found.turned:
            flag = (
                f"the failing call, {call.told}, still fails on the objects as they were; it ends well on objects "
                f"that their own __init__ makes {how}: does the patch mend how they came to be broken?"
            )
            return replace(found, name=call.told, turned=False, flags=(flag,))
    return None


async def _turned_with_more(proving: Proving, call: FailingCall) -> CallTurned | None:
    """On the same objects with what their `__init__` gives them besides: the patch may have added to that."""
    more = capsule.with_more_attributes(call)
    found = await _turned(proving, more) if more else None
    if found is None or not found.turned:
        return None
    flag = (
        f"on the objects as they were the failing call, {call.told}, comes to an attribute that they do not have; "
        "it ends well where they have what their __init__ gives them now: is that what they have by then?"
    )
    name = f"{found.name} (on objects that have what their __init__ gives them now besides)"
    return replace(found, name=name, flags=(flag,))


async def _turned(proving: Proving, call: FailingCall) -> CallTurned:
    proving.progress(f"making the failing call without the patch: {call.told}")
    red = await _made(proving, call, {})
    if not red.fails_by(call.crash):
        flag = f"the failing call no longer fails on the branch as it did at the failing build: {red.said[:_LONGEST]}"
        return CallTurned(call.told, red.outcome.run, flags=(flag,))
    proving.progress("making the failing call with the patch")
    for _ in range(_ROUNDS):
        green = await _made(proving, call, proving.proposal.all_files)
        if green.lacks_an_attribute and (turned := await _turned_with_more(proving, call)):
            return turned
        if found := _said_no(proving, call, green):
            ends, flag = found
            return CallTurned(call.told, red.outcome.run, green.outcome.run, flags=(flag,), ends=ends)
        if flag := _why_not_green(call, red, green):
            return CallTurned(call.told, red.outcome.run, green.outcome.run, flags=(flag,))
    if flag := await _without_swallowing(proving, call, red):
        return CallTurned(call.told, red.outcome.run, green.outcome.run, flags=(flag,))
    return CallTurned(call.told, red.outcome.run, green.outcome.run, turned=True)


async def _made(proving: Proving, call: FailingCall, changes: Mapping[str, bytes | None]) -> Made:
    return await capsule.make(call, proving.ground, changes, seconds=max(proving.seconds_left * _SHARE_OF_TIME, 1.0))


def _said_no(proving: Proving, call: FailingCall, green: Made) -> tuple[str, str] | None:
    """How a call ends that is rejected on purpose, or whose crash is answered, and what a human is asked about it."""
    crash = call.crash
    if rejection := green.rejection(crash):
        flag = (
            f"with the patch the failing call, {call.told}, is rejected on purpose, by {rejection.kind}: is that right?"
        )
        flag += " That `raise` was there before the patch." if _was_there(proving, rejection.at) else ""
        return f"is rejected on purpose now, by {rejection.says}", flag
    if answer := green.answer(crash, proving.proposal.base):
        what = f"{crash.short_kind} is still raised in {crash.place}, and answered by {answer.kind}"
        return (
            f"still comes to {crash.short_kind}, answered now by {answer.says}",
            f"with the patch {what}: is that right?",
        )
    return None


def _was_there(proving: Proving, at: Frame) -> bool:
    """Whether the statement in a line of the patched project is one that the patch left as it was."""
    base, files = proving.proposal.base, proving.proposal.all_files
    if at.path not in files:
        return True
    before = read_source((base / at.path).read_bytes()) if is_plain_file(base, at.path) else ""
    return bool(proving.language.same_lines(read_source(files[at.path] or b""), before, (at.line,)))


def _why_not_green(call: FailingCall, red: Made, green: Made) -> str:
    """What is to be looked at; "" where the call comes to its end. Raises Unproven where it fails as before.

    A call that is known in part may fail because of what it lacks: that refuses nothing.
    """
    if green.passed:
        return ""
    if green.not_rebuilt:
        return f"whether the failing call ends well with the patch is not known: {green.not_rebuilt[:_LONGEST]}"
    if green.result is None:
        reason = f"the failing call, {call.told}, does not come to its end with the patch: {green.broken}"
        if call.in_part:
            return reason
        raise Unproven(reason, red.outcome.run, green.outcome.run)
    if green.fails_by(call.crash):
        reason = f"the failing call, {call.told}, fails with the patch as it did without: {green.said[:_LONGEST]}"
        if call.in_part:
            return reason
        raise _StillFails(reason, red.outcome.run, green.outcome.run)
    return f"with the patch the failing call, {call.told}, raises something else: {green.said[:_LONGEST]}"


async def _without_swallowing(proving: Proving, call: FailingCall, red: Made) -> str:
    """Take away what the patch swallows: if the call fails then, that is all that made it end well.

    Of a call in part that is to be looked at: the rest of the patch may mend what is not in it. Raises Unproven.
    """
    swallowing = proving.reading.swallowing
    if not swallowing.places:
        return ""
    proving.progress("making the failing call without what the patch swallows")
    stripped: Mapping[str, bytes] = {path: text.encode() for path, text in swallowing.without.items()}
    seen = await _made(proving, call, {**proving.proposal.all_files, **stripped})
    if seen.fails_by(call.crash):
        places = "; ".join(map(str, swallowing.places))
        reason = f"only dropping the exception makes the failing call end: {places}"
        if call.in_part:
            return f"{reason} ({call.told})"
        raise Unproven(reason, red.outcome.run, seen.outcome.run)
    return ""
