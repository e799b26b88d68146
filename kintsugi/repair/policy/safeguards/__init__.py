"""What held something back in Python and is gone or looser, though what it held back is still there.

So is what reaches for all that there are.

One rule a row. Each compares the touched statements before and after and answers with what a human has to read,
or "" where nothing is to be said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kintsugi.repair.policy.safeguards.answers import says_no_less
from kintsugi.repair.policy.safeguards.apart import mixes
from kintsugi.repair.policy.safeguards.arguments import seen_by_others, unprotected
from kintsugi.repair.policy.safeguards.asked import (
    answers_otherwise,
    asks_for_the_opposite,
    asks_less,
    goes_on,
    lets_in_more,
    turns_away_less,
)
from kintsugi.repair.policy.safeguards.bounds import bounds_less, opens_files
from kintsugi.repair.policy.safeguards.everyone import is_done_to_all
from kintsugi.repair.policy.safeguards.exchanged import Exchange, exchanges
from kintsugi.repair.policy.safeguards.held import lets_go
from kintsugi.repair.policy.safeguards.instead import (
    answers_as_a_check,
    asks_for_more,
    asks_only_whether_there,
    comes_no_further,
    compares_with_another,
    decides_nothing,
    is_for_another,
    is_unset,
    lets_in_also,
    makes_it_weaker,
    mixes_up,
    says_the_opposite,
    takes_any_place,
    takes_as_it_is,
    turns_away_only,
    turns_round,
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
    ("It asks less than before.", asks_less),
    ("It turns away less than before.", turns_away_less),
    ("It answers otherwise than before.", answers_otherwise),
    ("It answers otherwise than before.", says_no_less),
    ("It lets in more than before.", lets_in_more),
    ("It turns a condition.", asks_for_the_opposite),
    ("It goes on where it left before.", goes_on),
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
    ("It changes what is let through by a check.", compares_with_another),
    ("It touches who may.", is_for_another),
    ("It answers otherwise than before.", answers_as_a_check),
    ("It turns a comparison.", turns_round),
    ("It changes what protects a call.", makes_it_weaker),
    ("It no longer tells users apart.", mixes_up),
    ("It answers otherwise than before.", says_the_opposite),
    ("It answers otherwise than before.", is_unset),
    ("It lets in more than before.", lets_in_also),
    ("It turns away less than before.", turns_away_only),
    ("It cleans or checks less than before.", takes_as_it_is),
    ("Nobody waits for it any more.", waits_no_longer),
    ("It reaches more rows than before.", asks_for_more),
    ("It reaches more rows than before.", says_less),
    ("It lets more text through.", takes_any_place),
)
_PLACES: tuple[tuple[str, Callable[[Source, Source], str]], ...] = (
    ("It asks less than before.", is_done_anyway),
    ("It never comes to what follows.", comes_no_further),
)


def loosened(old: Source, new: Source) -> Iterator[tuple[str, str]]:
    """(sentence, what it is about) for each rule."""
    for sentence, rule in _RULES:
        yield sentence, rule(old, new)


def exchanged(old: Source, new: Source) -> Iterator[tuple[str, str]]:
    """The same of what stands for something else now, whatever it is called, or stands somewhere else."""
    for sentence, rule in _EXCHANGES:
        yield sentence, next(filter(None, map(rule, exchanges(old, new))), "")
    for sentence, place in _PLACES:
        yield sentence, place(old, new)
