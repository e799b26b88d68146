"""Secrets whose key does not stand right before them: in tables, in pairs the other way round, in errors and locals.

Each check is a function of (text, start, end of what led to it) to the spans to hide, and looks at a bounded stretch.
"""

from collections.abc import Iterable, Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.looks import Look, is_strong, looks
from kintsugi.telemetry.redact.values import is_of_base64, is_secret, looks_random

Span = tuple[int, int]

_ROWS, _ROW_LENGTH, LONGEST_TITLES = 20, 400, 300
_CELL = re.compile(r"[ \t]*(?P<quote>\\{0,7}[\"']|)[\w.$() -]{1,40}(?P=quote)[ \t]*|[ \t]*")
# Where the text begins that stands in a string, and where it ends.
_OPENED = re.compile(rf"[\"'](?P<cell>{_CELL.pattern})$")
_CLOSED = re.compile(r"\\{0,7}[\"'](?:[)}\]]{0,4}(?:,.*)?| [\w.-]{1,40}=.*|[)}\]\s\"'\\]*)$")
_RULE = re.compile(r"[-+|:= \t─━┼╇╋│┃├┤]+")
_BARS = ("|", "│", "┃", "║")
_WORD = 8  # letters of a plain word that is more likely a password than what a table says of one


def is_record(text: str, at: int) -> bool:
    """Whether each line of the table is a field of one record, as `psql` shows them on demand."""
    return "-[ RECORD " in text[max(0, at - 1_000) : at]


def in_columns(text: str, at: int, end: int, level: Grade) -> Iterator[Span]:
    """The cells below a column's title, which stands at `[at, end)`, in CSV, with tabs or bars."""
    start, stop = text.rfind("\n", max(0, at - LONGEST_TITLES), at) + 1, text.find("\n", end, end + LONGEST_TITLES)
    mark = _delimiter(text, at, end, stop)
    if not mark or stop < 0 or (start == 0 and at > LONGEST_TITLES):
        return
    if mark in ",;":
        start = text.rfind(" ", start, at) + 1 or start  # behind what begins a line of a log
    header = text[start:stop].rstrip("\r").split(mark)
    opened = None if _CELL.fullmatch(header[0]) else _OPENED.search(header[0])
    header[0] = opened["cell"] if opened else header[0]
    titles = [cell.strip() for cell in header if cell.strip()]
    is_boxed = (
        mark in _BARS and _RULE.fullmatch(text, stop + 1, text.find("\n", stop + 1, stop + _ROW_LENGTH)) is not None
    )
    if is_boxed:
        header[0] = header[0].rpartition(" ")[2].rpartition(":")[2]
    if (
        len(titles) < (1 if is_boxed else 2)
        or not all(map(_CELL.fullmatch, header))
        or (mark in ",;" and " " in "".join(header))
    ):
        return
    before = text[max(0, start - _ROW_LENGTH) : start - 1].rpartition("\n")[2] if start else ""
    if _is_row(before, mark, len(header)) and not (is_boxed and not before.lstrip().startswith(mark)):
        return  # of psql no rule follows a row
    column, at = text.count(mark, start, at), stop + 1
    for _ in range(_ROWS):
        stop = text.find("\n", at, at + _ROW_LENGTH)
        stop = min(len(text), at + _ROW_LENGTH) if stop < 0 else stop
        cells = text[at:stop].rstrip("\r").split(mark)
        last = _CLOSED.search(cells[len(header) - 1].strip(), 1) if len(cells) >= len(header) else None
        if last:
            cells = cells[: len(header)]
        if len(cells) != len(header):
            if _RULE.fullmatch(text, at, stop) and stop > at:
                at = stop + 1
                continue
            return
        begin = at + sum(len(cell) + 1 for cell in cells[:column])
        value = cells[column].strip()
        value = (value[: last.start()] if last and column == len(header) - 1 else value).strip("\"'\\")
        if value and is_secret(value, True, level, prose=False):
            begin += cells[column].index(value)
            yield begin, begin + len(value)
        at = stop + 1


def _is_row(line: str, mark: str, cells: int) -> bool:
    """Whether the line before titles is a row: then they are one, too. Code is indented, or has blanks behind signs."""
    is_code = line.startswith(mark) if mark == "\t" else mark in ",;" and f"{mark} " in line
    return line.count(mark) == cells - 1 and not is_code


_ROW_OF_TWO = re.compile(
    r"[ \t]{0,8}[A-Za-z][\w.-]{0,40}(?:[ \t]{3,40}|\t)(?P<value>[^\s|]{1,300})[ \t]{0,8}\r?$", re.M
)
_OF_SCHEMAS = frozenset(
    ("sensitive", "character", "varchar", "integer", "boolean", "optional", "mandatory", "required", "password",
     "passwords", "opaque", "basic-auth", "deprecated", "nullable", "default", "defaults", "encrypted", "unencrypted",
     "plaintext", "cleartext", "readonly", "writeonly")
)  # fmt: skip


def in_two_columns(text: str, at: int, end: int, level: Grade) -> Iterator[Span]:
    """What stands in line behind a name that begins a line, where the line above or below has the same two columns."""
    start = text.rfind("\n", max(0, at - 10), at) + 1
    row = _ROW_OF_TWO.match(text, start) if level is Grade.PASSWORD and not text[start:at].strip() else None
    if not row or row.start("value") < end:
        return
    value, column = row["value"], row.start("value") - start
    is_one = is_strong(value) or (len(value) >= _WORD and value.lower() not in _OF_SCHEMAS)
    if not is_one or not is_secret(value, False, level, prose=True):
        return
    above = text.rfind("\n", max(0, start - _ROW_LENGTH), max(0, start - 1)) + 1
    others = (_ROW_OF_TWO.match(text, line) for line in (row.end() + 1, above) if line != start)
    if any(other and other.start("value") - other.start() == column for other in others):
        yield row.span("value")


def _delimiter(text: str, at: int, end: int, stop: int) -> str:
    """What parts the title from its neighbours; empty where it is no title."""
    before = text[max(0, at - 40) : at].rstrip(" \"'\\")[-1:]
    after = text[end : min(end + 40, stop if stop >= 0 else end)].lstrip(" \"'\\\r")[:1]
    for mark in ("|", ",", ";", "\t", "│", "┃", "║"):
        if (after == mark and before in ("", "\n", mark)) or (before == mark and after in ("", mark)):
            return mark
    return ""


_VALUE_BEFORE = re.compile(
    r"""(?P<quote>\\*["'])?value(?(quote)(?P=quote))[ \t]*[:=][ \t]*(?P<open>\\*["'])?(?P<value>[^\s"',;}\\]{4,300})
        (?(open)(?P=open))\s{0,8},?[\s+~-]{0,28}(?:\\*["'])?(?:name|key)(?:\\*["'])?[ \t]*[:=][ \t]*(?:\\*["'])?$""",
    re.VERBOSE,
)


def value_before(text: str, at: int, level: Grade) -> Iterable[Span]:
    """Of `{"value": …, "name": "DB_PASSWORD"}` the value; the name stands at `at`."""
    begin = text.rfind("value", max(0, at - 400), at) - 8
    window = text[max(0, begin) : at]
    if begin < -8 or not re.search(r"(?:name|key)\W{1,20}$", window[-24:]):
        return ()
    found = _VALUE_BEFORE.search(window)
    if not found or not is_secret(found["value"], True, level, prose=False):
        return ()
    begin = at - len(window)
    return ((begin + found.start("value"), begin + found.end("value")),)


_SAID_BEFORE = re.compile(
    r"(?P<quote>[\"'`]?)(?<![^\s\"'`(])(?P<value>[^\s\"'`,;()]{6,300})(?P=quote)"
    r" (?:is (?:the|your|my|not an?|no|an?)(?: valid| invalid)?|are (?:the|your|my)|"
    r"(?:given |used |sent |passed )?(?:as|for)(?: the| an?| your)?)"
    r" (?:[A-Za-z]{2,12} )?$"
)


def said_before(text: str, at: int, end: int, level: Grade) -> Iterable[Span]:
    """Of `… is the api key` and `'…' is not a valid password` what stands before the key, which is `text[at:end]`."""
    window = text[max(0, at - 360) : at]
    window = window[len(window) - sum(len(word) + 1 for word in window.split(" ")[-_WORDS:]) + 1 :]
    found = _SAID_BEFORE.search(window)
    if not found:
        return ()
    value = found["value"]
    if _GOES_ON.match(text, end) and " is " not in window[found.end("value") :]:
        return ()  # for password hashing; but: for the password of the server
    word = found["quote"] and level is Grade.PASSWORD and is_secret(value, True, level, prose=True)
    if not (looks_random(value) or word or (found["quote"] and is_strong(value))):
        return ()
    begin = at - len(window)
    if value.count(":") == 1 and is_strong(value.partition(":")[2]):
        return ((begin + found.start("value") + value.index(":") + 1, begin + found.end("value")),)
    return ((begin + found.start("value"), begin + found.end("value")),)


_LABEL_LENGTH, _BELOW_LENGTH, _LONG = 200, 300, 20
_BELOW = re.compile(r"[^\s(){}\[\]<>@\"',;]{8,200}")
_OF_MARKUP, _OF_RULES = "`*", " \t\r=-_"
_APART = re.compile(r"\r?\n[ \t]*\r?\n[ \t]{1,12}\S{8,200}[ \t\r]*(?:\n|$)")  # alone, below an empty line, set in
_PARTS_OF_ITEM, _MARK_OF_ITEM = 2, re.compile(r"[(\[]?\d{1,2}[)\].:]|[-*\u2022]")
_ITEM_BELOW = re.compile(rf"\r?\n[ \t]{{0,12}}(?:{_MARK_OF_ITEM.pattern})[ \t]{{1,4}}(?P<value>\S{{8,200}})(?=\s|$)")
_LAST_QUOTE = re.compile(r"(?<=\S)\\{0,7}[\"'](?=[\s,)}\]\"'\\]|$)")  # of the string in which the text stands
_ALONE = re.compile(r"(?!--)(?:[\w./-]{1,40} ){0,3}[\w./-]{1,200}\r?")


def said_below(text: str, at: int, end: int, level: Grade) -> Iterable[Span]:
    """Of a line that names a secret and ends with a colon, or that is its name alone, the one word that is the next
    line, or all that is new in it: each may begin as lines of a log do."""
    stop = text.find("\n", end, end + _LABEL_LENGTH)
    start = text.rfind("\n", max(0, at - _BELOW_LENGTH), at) + 1
    inside = max(start, text.rfind('"', start, at) + 1, text.rfind("'", start, at) + 1)
    last = text[end:stop].rstrip(f" \t\r{_OF_MARKUP}")[-1:] if stop >= 0 else ""
    is_sentence = last == "." and _APART.match(text, stop) is not None
    if stop < 0 or not (last == ":" or is_sentence or _ALONE.fullmatch(text, inside, stop)):
        return ()
    begin, line = stop, ""
    for _ in range(2):
        begin, stop = stop + 1, text.find("\n", stop + 1, stop + 1 + _BELOW_LENGTH)
        stop = min(len(text), begin + _BELOW_LENGTH) if stop < 0 else stop
        line = text[begin:stop]
        if closed := _LAST_QUOTE.search(line):
            line = line[: closed.start()]
        if line.strip(_OF_RULES):
            break
    words = line.split()
    is_item = len(words) == _PARTS_OF_ITEM and _MARK_OF_ITEM.fullmatch(words[0]) is not None
    value = words[-1].strip(_OF_MARKUP) if words else ""
    if level is Grade.WEAK and not (len(value) >= _LONG and is_of_base64(value)):
        return ()
    if not _BELOW.fullmatch(value) or not _is_told_below(value) or not is_secret(value, True, level, prose=True):
        return ()
    is_alike = line[:4] in (text[start : start + 4], text[inside : inside + 4])
    if len(words) > 1 and not is_item and (not is_alike or words[-2][-1] not in "|]->:"):
        return ()
    begin += line.rindex(value)
    return ((begin, begin + len(value)), *(_further_items(text, stop, level) if is_item else ()))


def _is_told_below(value: str) -> bool:
    return looks_random(value) or looks(value) >= Look.LIKELY


def _further_items(text: str, at: int, level: Grade) -> Iterator[Span]:
    """What stands in a list below its first item."""
    for _ in range(_MOST_ITEMS):
        item = _ITEM_BELOW.match(text, at)
        if not item or not looks_random(item["value"]) or not is_secret(item["value"], True, level, prose=True):
            return
        yield item.span("value")
        at = item.end()


# What leads right to a value: a sign, or a word that says that something is or becomes something.
_LEADS = re.compile(
    r"(?:[:=\uff1a\uff1d]|(?:^|\W)(?:is|now|was|to|ist|lautet|auf|est|es|é|è|som|jest|är|er|on|este|je|naar|là|adalah"
    r"|para|είναι|теперь|на|это)|[是为為はをが]|[는은]|היא|هي|คือ)\s{0,2}[\"'`«„“「『\[(]{0,2}$"
    r"|[«„“「『(]\s?$",
    re.IGNORECASE,
)
_LONGEST_LEAD = 16


def leads_to_value(before: str) -> bool:
    before = before.rstrip()
    return _LEADS.search(before, max(0, len(before) - _LONGEST_LEAD)) is not None


_PLACEHOLDER, _OF_FORMAT = re.compile(r"[@$:]\w{1,30}"), ("%s", "%r", "%d")
_BOUND = re.compile(r" ?(?:=>?|:) ?N?(?P<quote>[\"'])(?P<value>[^\"'\n]{3,400})(?P=quote)")
# As programs tell one by one what they bind: `binding parameter (2:VARCHAR) <- [x]`, `Parameter 2: 'x'`.
_NUMBERED, _FAR_BELOW = (
    re.compile(
        r"(?i:param(?:eter)?|bind(?:ing)?|arg(?:ument)?)s?\W{0,3}(?P<number>\d{1,2})(?:\W{1,4}[A-Za-z]{2,12}){0,2}"
        r"(?:\W{1,5}[\[\"']|[:=]\s{0,2})(?P<value>[^\s\"'\[\]]{3,200})"
    ),
    600,
)
_BEFORE_NUMBERS = 12
_NEAR, _MOST_TIMES = 240, 4


def bound_to(text: str, at: int, name: str, level: Grade) -> Iterable[Span]:
    """What is bound to the placeholder of a statement that stands at `at`: `SET password = $2` and `$2 = '…'`."""
    if name[:2] in _OF_FORMAT:  # as logging tells of a message that its arguments do not fit
        return _in_order(text, at, text.count("%", max(0, at - _NEAR), at) + 1, level)
    if name == "?":
        return _in_order(text, at, text.count("?", max(0, at - _NEAR), at) + 1, level)
    if not _PLACEHOLDER.fullmatch(name):
        return ()
    if name[1:].isdecimal() and (told := _told_one_by_one(text, at, name[1:])):
        return (told.span("value"),) if is_secret(told["value"], True, level, prose=False) else ()
    place = max(0, at - _NEAR) - 1
    for _ in range(_MOST_TIMES):
        place = text.find(name, place + 1, at + _NEAR)
        bound = _BOUND.match(text, place + len(name)) if place >= 0 else None
        if bound and is_secret(bound["value"], True, level, prose=False):
            return (bound.span("value"),)
        if place < 0:
            break
    return _in_order(text, at, int(name[1:]), level) if name[1:].isdecimal() else ()


def _told_one_by_one(text: str, at: int, number: str) -> re.Match[str] | None:
    for form in (f"[{number}]", f"({number}:", f" {number}: ", f"#{number} "):
        place = text.find(form, at, at + _FAR_BELOW)
        found = _NUMBERED.search(text, max(at, place - _BEFORE_NUMBERS), place + _NEAR) if place >= 0 else None
        if found and found["number"] == number:
            return found
    return None


_VALUES = re.compile(
    r"(?:aram(?:eter)?s|ARAM(?:ETER)?S|indings|args|rguments|alues|ALUES)[\"']?\s?[:=]?\s?[\[(]\s{0,4}"
    r"|: (?=[^,\n()]{1,200}\([A-Z]\w{1,20}\))"
    r"|[ ]\[(?=\")|; (?=(?:[\"'][^\"'\n]{0,200}[\"']|\d{1,20})(?:, |\s{0,4}$|\n))"
)
_ITEM = re.compile(
    r"(?:(?P<quote>[\"'])(?P<value>[^\"'\n]{0,300})(?P=quote)|(?P<typed>[^,\n()]{1,200})\([A-Z]\w{1,20}\)|[^\"',\n\[\]()]{0,80})"
    r"(?:\s?,\s{0,4}|\s{0,4}[\])]|$)"
)
_MOST_ITEMS, _BEFORE_VALUES = 20, ("[", "(", ";")


def _in_order(text: str, at: int, number: int, level: Grade) -> Iterable[Span]:
    """The literal of this number in the list of values that stands near a statement."""
    if not any(text.find(sign, max(0, at - _NEAR), at + _NEAR) >= 0 for sign in _BEFORE_VALUES):
        return ()
    values = _VALUES.search(text, at, at + _NEAR) or _VALUES.search(text, max(0, at - _NEAR), at)
    begin = values.end() if values and number <= _MOST_ITEMS else -1
    for index in range(number if begin >= 0 else 0):
        item = _ITEM.match(text, begin)
        if not item:
            break
        value = "value" if item["value"] else "typed"
        if index + 1 == number and item[value] and is_secret(item[value], True, level, prose=False):
            return (item.span(value),)
        begin = item.end()
    return ()


_WORDS = 9
_GOES_ON = re.compile(r" (?!(?:for|of|to|in|on|at|and|when|until) )[a-z]")
LEADS = (
    " the ",
    " your ",
    " my ",
    " a ",
    " an ",
    " valid ",
    " invalid ",
    " as ",
    " for ",
    " api ",
    " access ",
    " no ",
)
_FIELD = re.compile(r"(?:^|[\n\"'])(?:[\w\]\[-]{1,40}\.){0,6}(?P<name>[\w-]{1,60})\r?\n[ \t]{1,4}[^\n]{0,300}$")
_LOCATION = re.compile(
    r"""["']loc\\{0,7}["']\s*:\s*[\[(][^\])]{0,200}?["'](?P<name>[\w-]{1,60})\\{0,7}["']\s*[\])][^{}]{0,300}$"""
)
_INPUT = re.compile(r"""(?:\\{0,7}["'])?\s*[=:]\s*b?(?P<quote>\\*["'])(?P<value>.{1,300}?)(?P=quote)(?=\s*[,}\]])""")


def repeated_input(text: str, start: int, end: int) -> Iterable[Span]:
    """What a validation error repeats of its input, where it names a secret field (pydantic's two forms)."""
    given = _INPUT.match(text, end)
    window = text[max(0, start - 500) : start]
    field = (_FIELD.search(window) or _LOCATION.search(window)) if given else None
    level = grade(field["name"]) if field else Grade.NONE
    if given and level and is_secret(given["value"], True, level, prose=False):
        return (given.span("value"),)
    return ()


_LOCAL = re.compile(r"""[└╰]{1,4}[─ ]?\s?b?(?P<quote>["'])(?P<value>[^\n]{1,400})(?P=quote)""")
_NAME = re.compile(r"[A-Za-z_]\w{0,60}")
_DRAWN = " \t│└╰─|"


def drawn_local(text: str, start: int, end: int) -> Iterable[Span]:
    """A value drawn below its name, as loguru and better-exceptions do: `└ '…'`."""
    given = _LOCAL.match(text, start)
    if not given:
        return ()
    line = text.rfind("\n", max(0, start - 300), start) + 1
    column = start - line
    for _ in range(24):
        above = text.rfind("\n", max(0, line - 400), max(0, line - 1)) + 1
        code = text[above : line - 1] if line else ""
        if not code.strip(_DRAWN):
            if not code:
                return ()
            line = above
            continue
        if (column < len(code) and code[column] in "│└") or code.lstrip(_DRAWN) != code.lstrip(" \t"):
            line = above
            continue
        name = _NAME.match(code, column)
        level = grade(name[0]) if name else Grade.NONE
        hidden = level and is_secret(given["value"], True, level, prose=False)
        return (given.span("value"),) if hidden else ()
    return ()


_PRIVATE_MEMBER = re.compile(
    r'(?P<quote>\\*")(?:d|p|q|dp|dq|qi|k)(?P=quote)\s*:\s*(?P=quote)(?P<secret>[\w-]{16,1000})'
)
_KEY_LENGTH = 4_000


def key_of_json(text: str, start: int, end: int) -> Iterator[Span]:
    """The private members of a JSON Web Key (RFC 7518, section 6), whose `"kty"` is at `[start, end)`."""
    begin = text.rfind("{", max(0, start - _KEY_LENGTH), start)
    stop = min(len(text), end + _KEY_LENGTH)
    for sign in ("}", text[start:end]):
        found = text.find(sign, end, stop)
        stop = found if found >= 0 else stop
    for member in _PRIVATE_MEMBER.finditer(text, begin if begin >= 0 else start, stop):
        yield member.span("secret")
