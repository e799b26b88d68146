"""How telling a difference is, in points: what was changed, where it stands, and what the code around it is about.

A change that loosens is small and stands where something is decided; a fix mostly adds, renames or rewrites. The
points are about twice the logarithm of how much more often each sign is seen in risky changes than in real fixes. They
were searched for, point by point, over 715 fixes of 18 repositories and 387 risky edits of the same, and a move was
kept where a reason speaks for it too. What a small patch does in any file is set by hand: a part that is gone tells by
its own words, and a lone change weighs more.
"""

from __future__ import annotations

from collections.abc import Iterable

BAR = 9
CERTAIN = 100  # what is told whatever stands around it

_POINTS = {
    # What a rule found.
    "goes on": 17,
    "fails unheard": 17,
    "answers instead": 17,
    "decides no more": 16,
    "answers to nobody": 16,
    "comes no further": 16,
    "done before it asks": 10,
    "reached by others": 10,
    "checks less often": 10,
    "asks once": 12,
    "set again": 16,
    "read too early": 16,
    "rounds otherwise": 16,
    "lets go": 20,
    "touches who may": 20,
    "any text fits": 20,
    "more texts fit": 14,
    "one for all": 14,
    "another default": 14,
    "protects less": 14,
    "catches all": 20,
    "catches more": 12,
    "logs a secret": 20,
    "runs on import": 14,
    "waits no longer": 20,
    "sets security otherwise": 20,
    "done to all": 20,
    "read by a text": 20,
    # What an exchanged part of a statement stands in.
    "in a refusal": 3,
    "in a decision": 1,
    "in a branch": 0,
    "in a message": -4,
    "in a value": -1,
    # What was done to it.
    "turned": 4,
    "always the same": 6,
    "nobody waits for it": 4,
    "asks less": 4,
    "asks less of what turns away": 2,
    "read from elsewhere": 1,
    "less of it": 3,
    "another number": 1,
    "lists less": 2,
    "lists others": 1,
    "only whether there": 3,
    "lets in all": 4,
    "finds more": 3,
    "emptied": 3,
    "takes more": 3,
    "lists more": -1,
    "says more": -4,
    "another condition": -2,
    "another constant": -2,
    "another value": -2,
    "given less": 0,
    "given otherwise": 3,
    "says less": -1,
    "turns away less": 2,
    "lets in more": 0,
    "asks more": -10,
    "given more": -3,
    "the same otherwise": -8,
    "the same in other words": -50,
    "another text": -5,
    "another word": 0,
    # What is gone, and nothing like it came.
    "a refusal is gone": 3,
    "a way out is gone": 0,
    "an answer is gone": 2,
    "a branch is gone": -4,
    "an effect is gone": -1,
    "a bound is gone": 2,
    "an error is gone": 3,
    "something is gone": -4,
    # What it is about.
    "speaks of rights, secrets or limits": 2,
    "decides by them": 2,
    "in a function that decides": 3,
    "in a file that decides": 1,
    "in a function that mostly refuses": 1,
    "took care by its name": 5,
    "only that is gone": 5,
    "says who it is": 10,
    "asks no right any more": 6,
    "was done once": 5,
    "compared": 2,
    "taken from who asks": 2,
    "many times as much": 3,
    "open to others": 4,
    # How the rest of the function was changed.
    "nothing else there was changed": 6,
    "nothing else in the file was changed": 2,
    "much else there was changed": -4,
    "much came beside it": -2,
    "nothing came for it": 3,
    "little else is gone": 3,
    "nothing speaks of it any more": 1,
    "what it was for is done anyway": 3,
    "asks what decides": 3,
    "names what is new": -4,
    "stands elsewhere now": -1,
    "made beside it": -3,
    "done at several places": 0,
    "swapped": 9,
    "holds back more": -4,
    "another asks in its place": -2,
    "called elsewhere now": -2,
    "in a page": -4,
    "in a file of the build or of looks": -3,
}


def points(signs: Iterable[str]) -> int:
    return sum(_POINTS[sign] for sign in signs)
