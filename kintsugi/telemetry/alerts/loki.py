"""The rules as alert rules of Grafana Loki, for those who send their lines to a central place."""

import json
import logging
import warnings
from collections.abc import Iterable
from re import _parser  # type: ignore[attr-defined]  # it alone knows what a pattern is made of
from typing import Any

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.alerts.raised import Condition
from kintsugi.telemetry.alerts.rules import BadRule, Rule

_SELECTOR = '{app="kintsugi"}'
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def export_loki(rules: Iterable[Rule], selector: str = _SELECTOR) -> str:
    """A rules file in YAML for Loki's ruler. `selector` picks the stream that the lines arrive in.

    Raises BadRule for a regular expression that Loki cannot read.
    """
    lines = ["groups:", "  - name: telemetry", "    rules:"]
    for rule in rules:
        lines += _rule(rule, selector)
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, selector: str) -> list[str]:
    query = f"sum(count_over_time({_query(rule, selector)} [{_duration(rule.window)}])) >= {rule.threshold}"
    return [
        f"      - alert: {_quoted(rule.name)}",
        f"        expr: {_quoted(query)}",
        "        for: 0s",
        f"        keep_firing_for: {_duration(rule.cooldown)}",
        "        labels:",
        f"          severity: {_quoted(rule.level.lower())}",
        "        annotations:",
        f"          summary: {_quoted(rule.summary or rule.name)}",
    ]


def _query(rule: Rule, selector: str) -> str:
    stages = [selector]
    if rule.text:
        stages.append(f"|~ {_quoted('(?i)' + re.escape(rule.text))}")
    if rule.regex:
        stages.append(f"|~ {_quoted(_for_loki(rule.regex, rule.name))}")
    if rule.any:
        each = "|".join(f"(?:{_raised(one, rule.name)})" for one in rule.any)
        stages.append(f"|~ {_quoted(each)}")
    stages.append(f'| json level="level", logger="logger", exception="exception" | level=~"{_levels(rule)}"')
    if rule.logger:
        stages.append(f"| logger=~{_quoted(re.escape(rule.logger) + '([.].*)?')}")
    if rule.raised:
        stages.append(f"| exception=~{_quoted('(?s).*(?:' + _raised(rule.raised, rule.name) + ').*')}")
    return " ".join(stages)


def _raised(asked: Condition, name: str) -> str:
    """As it stands in a traceback, or where there is none, in words. Loki knows no base classes."""
    if asked.words and not (asked.exceptions or asked.codes or asked.statuses):
        return _for_loki(asked.words, name)
    kinds = "|".join(re.escape(each.rpartition(".")[2]) for each in asked.exceptions)
    numbers = "|".join(map(str, (*asked.codes, *asked.statuses)))
    if asked.codes:
        return f"error code: (?:{numbers})\\b"
    if not numbers:
        return f"\\b(?:{kinds})\\b"
    where = f"(?:{kinds})" if kinds else f"(?:{_for_loki(asked.at, name)})" if asked.at else ""
    return f"{where}[^\\n]{{0,200}}\\b(?:{numbers})\\b"


def _for_loki(pattern: str, name: str) -> str:
    """The pattern, if RE2 has all that it uses. Raises BadRule with what it has not."""
    if missing := _missing_in_re2(pattern):
        raise BadRule(
            f"rule {name!r}: Loki's regular expressions (RE2) have no {missing}. Write {pattern!r} without it, or "
            "leave the rule to the program alone."
        )
    return pattern


def _missing_in_re2(pattern: str) -> str:
    if escape := re.search(r"(?<!\\)(?:\\\\)*\\([uUNZ])", pattern):
        return f"\\{escape[1]}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parser.parse(pattern)
    if parsed.state.flags & re.VERBOSE:
        return "(?x)"
    return _missing_of(parsed)


def _missing_of(node: Any) -> str:
    """Of the parsed pattern and all in it."""
    if isinstance(node, list | tuple) or hasattr(node, "data"):
        for each in getattr(node, "data", node):
            if isinstance(each, tuple) and each and (words := _NOT_IN_RE2.get(str(each[0]))):
                return words
            repeats = isinstance(each, tuple) and each and str(each[0]) in _REPEATS
            if repeats and _most_of(each[1]) > _MOST_REPEATS:
                return f"repetition of more than {_MOST_REPEATS}"
            if found := _missing_of(each):
                return found
    return ""


def _most_of(repeat: Any) -> int:
    least, most = int(repeat[0]), repeat[1]
    return least if str(most) == "MAXREPEAT" else max(least, int(most))


_NOT_IN_RE2 = {
    "ASSERT": "look-ahead or look-behind", "ASSERT_NOT": "look-ahead or look-behind", "GROUPREF": "backreference",
    "GROUPREF_EXISTS": "condition on a group", "ATOMIC_GROUP": "atomic group",
    "POSSESSIVE_REPEAT": "possessive quantifier",
}  # fmt: skip
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_MOST_REPEATS = 1000


def _levels(rule: Rule) -> str:
    numbers = logging.getLevelNamesMapping()
    return "|".join(level for level in _LEVELS if numbers[level] >= rule.least_level) or "CRITICAL"


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))}s"


def _quoted(text: str) -> str:
    """A string for LogQL and for YAML alike: both read JSON's double-quoted form, but for its pairs of surrogates."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
