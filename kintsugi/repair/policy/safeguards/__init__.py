"""What held something back in Python and is gone or looser, though what it held back is still there.

So is what reaches for all that there are.

One rule a row. Each compares the touched statements before and after and answers with what a human has to read,
or "" where nothing is to be said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from kintsugi.repair.policy.safeguards import given, places
from kintsugi.repair.policy.safeguards.answers import says_no_less
from kintsugi.repair.policy.safeguards.apart import mixes
from kintsugi.repair.policy.safeguards.arguments import seen_by_others, unprotected
from kintsugi.repair.policy.safeguards.asked import (
    answers_otherwise,
    asks_for_the_opposite,
    lets_in_more,
    turns_away_less,
)
from kintsugi.repair.policy.safeguards.bounds import bounds_less, opens_files
from kintsugi.repair.policy.safeguards.everyone import is_done_to_all
from kintsugi.repair.policy.safeguards.exchanged import Exchange, exchanges
from kintsugi.repair.policy.safeguards.guards import (
    answers_to_nobody,
    checks_no_more,
    guards_no_more,
    handles_no_more,
    leaves_no_more,
    raises_no_more,
)
from kintsugi.repair.policy.safeguards.held import lets_go
from kintsugi.repair.policy.safeguards.instead import (
    answers_as_a_check,
    asks_only_whether_there,
    comes_no_further,
    decides_nothing,
    is_for_another,
    is_unset,
    lets_in_also,
    makes_it_weaker,
    mixes_up,
    takes_as_it_is,
    turns_away_only,
    waits_no_longer,
)
from kintsugi.repair.policy.safeguards.kinds import takes_more
from kintsugi.repair.policy.safeguards.read import reads_by_text
from kintsugi.repair.policy.safeguards.rows import reaches_more, says_less
from kintsugi.repair.policy.safeguards.settings import of_security
from kintsugi.repair.policy.safeguards.unasked import is_done_anyway
from kintsugi.repair.syntax import Source

_RULES: tuple[tuple[str, Callable[[Source, Source], str]], ...] = (
    ("It takes away a lock or a transaction.", lets_go),
    ("It changes who sees it, or who is called.", seen_by_others),
    ("It changes what protects a call.", unprotected),
    ("It turns away less than before.", turns_away_less),
    ("It answers otherwise than before.", answers_otherwise),
    ("It answers otherwise than before.", says_no_less),
    ("It lets in more than before.", lets_in_more),
    ("It turns a condition.", asks_for_the_opposite),
    ("It reaches more rows than before.", reaches_more),
    ("It changes a setting of security.", of_security),
    ("It no longer tells users apart.", mixes),
    ("It takes more than before.", takes_more),
    ("It does that to all there are.", is_done_to_all),
    ("A text decides what is read.", reads_by_text),
)
_EXCHANGES: tuple[tuple[str, Callable[[Exchange], str]], ...] = (
    ("It changes a limit.", bounds_less),
    ("It lets others at a file.", opens_files),
    ("It asks less than before.", asks_only_whether_there),
    ("It decides nothing any more.", decides_nothing),
    ("It touches who may.", is_for_another),
    ("It answers otherwise than before.", answers_as_a_check),
    ("It changes what protects a call.", makes_it_weaker),
    ("It no longer tells users apart.", mixes_up),
    ("It answers otherwise than before.", is_unset),
    ("It lets in more than before.", lets_in_also),
    ("It turns away less than before.", turns_away_only),
    ("It cleans or checks less than before.", takes_as_it_is),
    ("Nobody waits for it any more.", waits_no_longer),
    ("It reaches more rows than before.", says_less),
    ("It asks about something else.", places.asks_about_another),
    ("It asks about something else.", places.compares_with_another),
    ("It decides nothing any more.", given.always_says_the_same),
    ("It asks less than before.", places.asks_only_whether_there),
    ("It lists less than before.", given.lists_less),
    ("It lets in all.", given.lists_all),
    ("It asks less than before.", places.asks_less),
    ("It turns a condition.", places.asks_for_the_opposite),
    ("It answers otherwise than before.", given.is_decided_otherwise),
    ("It is given less than before.", given.is_given_less),
    ("It says more than before.", given.says_more),
    ("It turns a comparison.", places.turns_a_comparison),
    ("It changes a limit.", given.takes_more_of_it),
    ("It changes a limit.", given.multiplies),
    ("It changes the default of a setting.", given.falls_back_to_another),
    ("It cleans or checks less than before.", given.leaves_out_a_call),
    ("It reaches more rows than before.", given.text_asks_less),
)
_PLACES: tuple[tuple[str, Callable[[Source, Source], str]], ...] = (
    ("It asks less than before.", is_done_anyway),
    ("It goes on where it left before.", guards_no_more),
    ("It goes on where it left before.", leaves_no_more),
    ("It goes on where it left before.", handles_no_more),
    ("It cleans or checks less than before.", checks_no_more),
    ("It raises less than before.", raises_no_more),
    ("Nobody asks what it answers.", answers_to_nobody),
    ("It never comes to what follows.", comes_no_further),
)


def loosened(old: Source, new: Source) -> Iterator[tuple[str, str]]:
    """(sentence, what it is about) for each rule."""
    for sentence, rule in _RULES:
        yield sentence, rule(old, new)


def exchanged(old: Source, new: Source) -> Iterator[tuple[str, str]]:
    """The same of what stands for something else now, each by the first rule that has to say something, or is gone."""
    for one in exchanges(old, new):
        said = ((sentence, told) for sentence, rule in _EXCHANGES if (told := rule(one)))
        yield from islice(said, 1)
    for sentence, place in _PLACES:
        yield sentence, place(old, new)
