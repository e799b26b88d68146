"""What in an exception's words tells two failures at one place apart: what the code or a schema names, never data.

A status that a server answered, an error's code, a constraint, a column, an attribute, an argument, a field. Of a
quoted word nobody can say whether it is a name or data, but by the code: `coupon["percent"]` has it, `prices[name]` has
not.
"""

from __future__ import annotations

import errno

from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Raised

_MOST = 4
_READ = 2_000  # characters of a message
_NAME = r"[A-Za-z_][A-Za-z_.]*\d{0,2}(?![\w-])"
_QUOTE = "[\"'`\u2018\u2019\u201c\u201d]"
# What follows a status that a message begins with; "500 items are too many" has none.
_AFTER_STATUS = r"""
    (?:\W*$|:|,\ message=
    |\ (?:client|server|error|bad|unauthori[sz]ed|payment|forbidden|not|page|method|proxy|request|conflict|gone
    |length|precondition|payload|content|uri|unsupported|unprocessable|locked|too\ many\ requests|unavailable|internal
    |service|gateway|http)\b)"""
_FOUND = re.compile(
    rf"""
      (?:(?:\bstatus(?:\ code)?|\bHTTP(?:/\d(?:\.\d)?|\ Error)?|\banswered|\breturned|\bcode)\W{{0,3}}
        |\[(?=\d+\])|^\W{{0,3}}(?=\d+{_AFTER_STATUS}))(?P<status>[45]\d\d)\b(?!\.\d)
    | \berror\ code:\ (?P<code>\d{{3,6}})\b
    | \b(?P<state>(?:SQLSTATE\W{{0,3}}|ORA-|DPY-|WinError\ |Errno\ |EC?\d{{0,1}}-)\w{{1,6}})\b
    | \bconstraint(?:\ failed)?:?\s+{_QUOTE}?(?P<constraint>{_NAME})
    | \b(?:column|relation|table|index|for\ key|attribute|argument|arguments|parameter|field|property|option|keyword
        |module(?:\ named)?|name|import)s?:?\s+{_QUOTE}(?P<named>{_NAME}){_QUOTE}
    | ^(?P<missing>{_NAME})\n\s+(?:Field\ required|Input\ should|Value\ error)
    | {_QUOTE}(?P<field>{_NAME}){_QUOTE}
      \ (?:is\ (?:a\ )?required|may\ not\ be|cannot\ be|must\ (?:be|not)|object\ has\ no|is\ not\ defined)
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
# What other runtimes than Python's name of the code: a property, a method, and why the system refused.
_ERRNO = "|".join(sorted({*errno.errorcode.values(), "ENOTFOUND", "EAI_AGAIN"}, key=len, reverse=True))
_OF_RUNTIMES = re.compile(
    rf"""
      \b(?P<errno>{_ERRNO})\b
    | \((?:(?:reading|setting)\ '|evaluating\ '(?:[\w$]+\.)+)(?P<property>{_NAME})'\)
    | ^(?P<undefined>[A-Za-z_$][\w$.]{{0,80}})\ is\ not\ defined\b
    # A name of one or two letters may be a minifier's, and another in each build; one with digits may be data.
    | ^(?:[\w$]{{1,2}}\.)*(?P<used>(?:[A-Za-z_$.]|\d{{1,2}}(?![\da-f])){{3,80}})
        \ is\ not\ (?:iterable|a\ (?:function|constructor))\b
    | ^Cannot\ (?:invoke|read\ field|assign\ field)\ "(?P<of_null>[^"\n]{{1,120}})"
    | \bundefined\ (?:local\ variable\ or\ )?method\ [`'](?P<method>[^`'\n]{{1,60}})'
    | \b(?:undefined\ (?:method|function)|a\ member\ function)\ (?P<called>[A-Za-z_][\w\\:]{{0,120}})\(\)
    | \bUndefined\ (?:property|variable):?\ \$?(?P<unset>[A-Za-z_][\w\\:$]{{0,120}})
    | ^runtime\ error:\ (?P<runtime>index|slice|invalid\ memory|integer\ divide|makeslice|hash\ of|comparing|negative)
    """,
    re.VERBOSE | re.MULTILINE,
)
_QUOTED = re.compile(r"'([^'\n]{1,60})'|\"([^\"\n]{1,60})\"")


def marks_of(failure: Failure, *, as_before: bool = False) -> tuple[str, ...]:
    """In the order of the words, each once; of the last exception. `as_before`: those of the first version."""
    raised = failure.final
    text = raised.message[:_READ]
    matches = [match for match in _FOUND.finditer(text) if match.lastgroup != "status" or not _is_a_key(raised)]
    found = [f"{match.lastgroup}={match[match.lastgroup or 0].casefold()}" for match in matches]
    found += [f"in code={word}" for word in _in_the_code(text, raised)]
    if not as_before:
        found += [
            f"{match.lastgroup}={match[match.lastgroup or 0].casefold()}" for match in _OF_RUNTIMES.finditer(text)
        ]
    return tuple(dict.fromkeys(found))[:_MOST]


def _is_a_key(raised: Raised) -> bool:
    """Whether its words are the key that was looked for, and a number among them an id."""
    return raised.type.endswith("KeyError")


def _in_the_code(text: str, raised: Raised) -> list[str]:
    """Quoted words that the line which raised has as a literal."""
    own = [frame for frame in raised.frames if frame.in_project] or list(raised.frames)
    code = own[-1].code if own else ""
    words = [one or other for one, other in _QUOTED.findall(text)] if code else []
    return [word for word in words if f"'{word}'" in code or f'"{word}"' in code]
