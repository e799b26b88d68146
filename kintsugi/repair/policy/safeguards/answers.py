"""What a function says yes or no to: answers that are turned, and more that is let in."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.safeguards.functions import Function, kept, short
from kintsugi.repair.policy.vocabulary import CHECKS
from kintsugi.repair.syntax import Source, walked


def says_no_less(old: Source, new: Source) -> str:
    """A function that checks something, and says no at fewer places though it answers at as many."""
    for before, after in kept(old, new):
        was, now = _Answers(before), _Answers(after)
        if was.checks and was.no > now.no and now.total >= was.total:
            return short(f"{before.name} says no at fewer places")
    return ""


class _Answers:
    """How often a function answers, and how often by no; it checks something by its name, or as it says yes, too."""

    def __init__(self, function: Function) -> None:
        answers = [node.value for node in walked(function) if isinstance(node, ast.Return)]
        values = [one.value for one in answers if isinstance(one, ast.Constant) and isinstance(one.value, bool)]
        self.total = len(answers)
        self.no = values.count(False)
        self.checks = True in values or CHECKS.match(function.name) is not None
