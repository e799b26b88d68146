"""The regression test, tried harder: turned by chance, unable to fail, or green by swallowing, it shows nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kintsugi.repair.proof.pair import HANGS, MORE_TIME, NoneTurns, Pair, RedToGreen
from kintsugi.repair.proof.runs import CannotRunHere, Proving, Seen, Unproven, ids
from kintsugi.telemetry import lazy_re as re

_MOST_FOR_SLOW = 0.7  # of what is left, where a share of the time was too short
_SLOW_SECONDS = 20.0
_ROUNDS, _ROUNDS_IF_SLOW, _ROUNDS_IF_CHANCY = 2, 1, 6
_CHANCY = re.compile(
    r"\b(random\w*|secrets|uuid\w*|time\w*|sleep|urandom|datetime|now|getpid|thread\w*)\b", re.IGNORECASE
)


async def more_rounds(proving: Proving, files: Sequence[str], shown: RedToGreen) -> RedToGreen:
    """Again and again: a test that turns by chance turns back."""
    turned = shown.turned
    rounds = _rounds(proving, files, shown)
    for number in range(1, rounds + 1):
        proving.progress(f"running the regression test again without and with the patch, {number} of {rounds}")
        seconds = proving.share_of_time
        if not shown.red.outcome.in_time:
            seconds = min(proving.seconds_left * _MOST_FOR_SLOW, HANGS * shown.green.run.seconds + 1)
        red = await proving.tests(proving.tests_alone, files, seconds=seconds)
        green = await proving.tests(proving.proposal.all_files, files)
        pair = await with_time(proving, files, Pair(red, green))
        if proving.seconds_left <= 0 or pair.is_only_slow:  # what did not come to its end says nothing
            if number == 1 and not shown.is_later and all(shown.first.never_ended(test) for test in turned):
                raise CannotRunHere(_seen_once(shown.red))
            break
        again = {test.id for test in pair.turned}
        turned = tuple(test for test in turned if test.id in again)
        if not turned:
            reason = f"the regression test does not turn from red to green each time: {ids(shown.turned)}"
            raise NoneTurns(reason, pair.red.run, green.run)
    return replace(shown, turned=turned)


def _rounds(proving: Proving, files: Sequence[str], shown: RedToGreen) -> int:
    if shown.red.run.seconds + shown.green.run.seconds > _SLOW_SECONDS:
        return _ROUNDS_IF_SLOW
    sources = proving.proposal.test_sources() or proving.sources(files, proving.proposal.all_files)
    return _ROUNDS_IF_CHANCY if any(map(_CHANCY.search, sources.values())) else _ROUNDS


def _seen_once(red: Seen) -> str:
    once = f"without the patch the regression test did not end within {red.run.seconds:.0f} s"
    return f"{once}, and there was no time to see that again. {MORE_TIME}"


async def with_time(proving: Proving, files: Sequence[str], pair: Pair) -> Pair:
    """The pair; red run once more, with time enough, where it was ended before it is known to be more than slow."""
    long = min(HANGS * pair.green.run.seconds + 1, proving.seconds_left * _MOST_FOR_SLOW)
    if not pair.is_only_slow or long <= pair.red.run.seconds:
        return pair
    return replace(pair, red=await proving.tests(proving.tests_alone, files, seconds=long, watched=()))


async def that_can_fail(proving: Proving, files: Sequence[str], shown: RedToGreen) -> RedToGreen:
    """Turn their assertions round: what passes with the patch then too would pass whatever the patch did."""
    names = {proving.language.name_of(test.id) for test in shown.turned}
    sources = proving.sources(files, proving.proposal.all_files)
    changed = {
        path: text
        for path, source in sources.items()
        if (text := proving.language.turned_round(source, names)) is not None
    }
    if not changed:
        return replace(shown, flags=(*shown.flags, "whether the regression test can fail could not be tried"))
    proving.progress("running the regression test with its assertions turned round")
    written = {path: text.encode() for path, text in changed.items()}
    seen = await proving.tests({**proving.proposal.all_files, **written}, files)
    if seen.results.forged:
        raise Unproven(f"{seen.results.broken}", shown.red.run, seen.run)
    able = tuple(test for test in shown.turned if test.id in seen.results.bad)
    if able:
        return replace(shown, turned=able)
    if any(test.id in seen.results.passed for test in shown.turned):
        says = (
            f"the regression test passes with its assertions turned round too, so it shows nothing: {ids(shown.turned)}"
        )
        raise Unproven(says, shown.red.run, seen.run)
    return replace(shown, flags=(*shown.flags, "whether the regression test can fail could not be tried"))


async def without_swallowing(proving: Proving, files: Sequence[str], shown: RedToGreen) -> None:
    """Take away what the patch swallows: if the test fails then, the swallowing is all that made it pass."""
    swallowing = proving.reading.swallowing
    if not swallowing.places:
        return
    proving.progress("running the regression test without what the patch swallows")
    stripped: Mapping[str, bytes] = {path: text.encode() for path, text in swallowing.without.items()}
    seen = await proving.tests({**proving.proposal.all_files, **stripped}, files)
    if not {test.id for test in shown.turned} <= seen.results.passed:
        if Pair(seen, shown.green).is_only_slow:
            why = f"the regression test did not end within {seen.run.seconds:.0f} s without what the patch swallows"
            raise CannotRunHere(f"{why}. {MORE_TIME}")
        places = "; ".join(str(place) for place in swallowing.places)
        raise Unproven(f"only dropping the exception makes the test pass: {places}", shown.red.run, seen.run)
