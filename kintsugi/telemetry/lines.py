"""One log record to one line of JSON, redacted. On python-json-logger's formatter, with its own encoding."""

import logging
import secrets
import time
from collections.abc import Iterable
from itertools import islice
from json.encoder import encode_basestring
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS, BaseJsonFormatter

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.context import Bound, bound
from kintsugi.telemetry.encoding import encode, encode_text, shortened, unprintable
from kintsugi.telemetry.records import FIELDS
from kintsugi.telemetry.redact import LineState, of_this_process, redact
from kintsugi.telemetry.redact.keys import grade
from kintsugi.telemetry.traces import written

LONGEST_LINE = 16 * 1024  # bytes
_RESERVED = frozenset(RESERVED_ATTRS) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
    "error_id",
    "_telemetry_redacted",
}
# Characters of message, trace and each extra value; the next row is tried while the line is too long.
_BUDGETS = ((8_000, 6_000, 2_000), (2_000, 1_500, 200), (400, 400, 20))
_MOST_LOGGERS = _MOST_KEYS = 1_000
_LONGEST_KEY = 200


# A finished line, and the id that it gives to an error that had none.
Line = tuple[str, str | None]


_OUR_ID = re.compile(r"ERR-[0-9a-f]{8}")


def new_error_id() -> str:
    """Short enough to be read out, long enough to be found: `ERR-` and 8 hexadecimal digits."""
    return f"ERR-{secrets.token_hex(4)}"


class LineFormatter(BaseJsonFormatter):
    """Writes `ts, level, logger, msg, user, channel, intent, entities, exception, incident_id` and `extra`;
    an error's id stands in `extra.error_id`.

    Never raises: what cannot be read is described in its place.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stamp = -1_000_000, ""  # a second: when it begins, in microseconds, and as it is written
        self._heads: dict[tuple[str, str], str] = {}
        self._keys: dict[str, str] = {}
        self._states: dict[str, LineState] = {}
        self._is_clean = of_this_process().is_clean
        self._redact_beside = of_this_process().redact_beside

    def format(self, record: logging.LogRecord) -> str:
        """The line without its line end."""
        return self.line(record)[0]

    def line(self, record: logging.LogRecord) -> Line:
        """The line, at most `LONGEST_LINE` bytes long."""
        try:
            message = record.getMessage()
        except Exception as error:
            message = _misfit(record, error)
        if not (record.exc_info or record.exc_text or record.stack_info):
            plain = self._plain(record, message)
            if plain is not None:
                return plain, None
        return self._careful(record, message, _error_id(record))

    def _plain(self, record: logging.LogRecord, message: str) -> str | None:
        """The line of a record with nothing in its fields to hide, to cut or to walk; None for any other."""
        context = bound()
        fields = record.__dict__
        name, extra, strings = record.name, "{}", ""
        more = len(fields) - _PLAIN_FIELDS
        if more > _MANY:
            return None
        if more > 0:
            found = self._flat(islice(reversed(fields.items()), more))
            if found is None:
                return None
            extra, strings = found
        if len(message) + len(strings) > _SHORT or context.error_id is not None or name in self._states:
            return None
        redacted = self._redact_beside(message, strings)
        if redacted is None:
            return None
        if redacted is not message or "PRIVATE KEY" in message:
            redacted = self._followed(name, message, redacted)
        head = self._heads.get((record.levelname, name)) or self._head(record)
        text = encode_basestring(redacted) if redacted.isascii() else encode_text(redacted)
        return (
            f'{{"ts":"{self._time(record.created)}"{head}{text}{context.before}'
            f',"exception":null{context.after},"extra":{extra}}}'
        )

    def _flat(self, items: Iterable[tuple[str, Any]]) -> tuple[str, str] | None:
        """Extra fields, the last one first, as JSON in their order, and their texts for a look.

        None where a key or a value is not a plain one.
        """
        keys, extra, strings = self._keys, "", ""
        for key, value in items:
            lead = keys.get(key) or self._key(key)
            if lead is None:
                return None
            kind = type(value)
            if kind is str:
                extra = f"{lead}{encode_basestring(value)}{extra}"
                strings = f"{value}\n{strings}"
            elif kind is int and -1_000_000 < value < 1_000_000:  # a secret has more digits
                extra = f"{lead}{value}{extra}"
            elif kind is int and -_WHOLE < value < _WHOLE:  # a secret of our own may be all digits
                extra = f"{lead}{value}{extra}"
                strings = f"{value}\n{strings}"
            elif value is None or kind is bool:
                extra = f"{lead}{_WORDS[value]}{extra}"
            else:
                return None
        return f"{{{extra[1:]}}}", strings

    def _key(self, key: Any) -> str | None:
        """A comma, a key and its colon; None for one that tells of a secret, or is not ours to show."""
        if type(key) is not str or key in _RESERVED or len(key) > _LONGEST_KEY or not self._is_clean(key) or grade(key):
            return None
        lead = f",{encode_basestring(key)}:"
        if len(self._keys) < _MOST_KEYS:
            self._keys[key] = lead
        return lead

    def _careful(self, record: logging.LogRecord, message: str, error_id: str | None) -> Line:
        line = ""
        for budget in _BUDGETS:
            line = self._written(record, message, error_id, budget)
            if len(line) * 4 <= LONGEST_LINE or len(line.encode("utf-8", "replace")) <= LONGEST_LINE:
                return line, error_id
        return self._written(record, "[line too long]", error_id, _BUDGETS[-1], bare=True), error_id

    def _written(
        self,
        record: logging.LogRecord,
        message: str,
        error_id: str | None,
        budget: tuple[int, int, int],
        *,
        bare: bool = False,
    ) -> str:
        context = bound()
        text = encode_text(self._redacted(record.name, message, budget[0]))
        trace = _trace(record, budget[1]) if record.exc_info or record.exc_text else "null"
        return (
            f'{{"ts":"{self._time(record.created)}"{self._head(record)}'
            f"{text}{Bound().before if bare else context.before}"
            f',"exception":{trace}{context.after}'
            f',"extra":{_extra(record, error_id or context.error_id, 0 if bare else budget[2])}}}'
        )

    def _time(self, created: float) -> str:
        begin, stamp = self._stamp
        part = int(created * 1_000_000) - begin
        if not 0 <= part < 1_000_000:
            second, part = divmod(part + begin, 1_000_000)
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._stamp = second * 1_000_000, stamp
        return f"{stamp}{part}Z" if part >= 100_000 else f"{stamp}{part:06}Z"  # the first takes half the time

    def _head(self, record: logging.LogRecord) -> str:
        key = (record.levelname, record.name)
        head = self._heads.get(key)
        if head is None:
            level, name = (encode_text(shortened(str(text), 200)) for text in key)
            head = f',"level":{level},"logger":{name},"msg":'
            if len(self._heads) < _MOST_LOGGERS:
                self._heads[key] = head
        return head

    def _redacted(self, logger: str, message: str, characters: int) -> str:
        return self._followed(logger, message, shortened(message, characters))

    def _followed(self, logger: str, message: str, text: str) -> str:
        """The redacted text of the message; inside a key that arrives one line a call, less of it."""
        state = self._states.get(logger)
        if state is None:
            if "PRIVATE KEY" not in message and (text == message or '"***' not in text):
                return text
            if len(self._states) >= _MOST_LOGGERS:
                self._states.clear()
            state = self._states[logger] = LineState()
        lines = [state.follow(line, kept) for line, kept in _pairs(message, text)]
        if not state.is_open:
            del self._states[logger]
        return "\n".join(lines)


def _pairs(message: str, redacted: str) -> list[tuple[str, str]]:
    if "\n" not in redacted:
        return [(message if "\n" not in message else redacted, redacted)]
    return [(line, line) for line in redacted.split("\n")]


def _misfit(record: logging.LogRecord, error: Exception) -> str:
    template, arguments = unprintable(record.msg), unprintable(record.args, repr)
    return f"{template} [arguments do not fit ({type(error).__name__}): {arguments}]"


def _trace(record: logging.LogRecord, characters: int) -> str:
    try:
        text = record.exc_text or written(*_three(record.exc_info)).rstrip()
    except Exception as error:
        text = f"[traceback cannot be written: {type(error).__name__}]"
    if len(text) > characters:
        return encode_text(_both_ends(text, characters))
    return encode_text(redact(text)) if text and text != "NoneType: None" else "null"


def _both_ends(text: str, characters: int) -> str:
    """The beginning and the end: which error it is may stand at either. Cut are long lines first, then the middle.

    What is left reads as a traceback does: the mark is indented, as what stands between two calls is.
    """
    if len(text) > 2 * _READ_OF_TRACE:
        text = f"{text[:_READ_OF_TRACE]}{_CUT.format(len(text) - 2 * _READ_OF_TRACE)}{text[-_READ_OF_TRACE:]}"
    text = "\n".join(_shorter(line, characters // 4) for line in redact(text).split("\n"))
    if len(text) <= characters:
        return text
    first, last = text[: characters // 3], text[-characters * 2 // 3 :]
    first, last = first[: first.rfind("\n")], last[last.find("\n") + 1 :]
    return f"{first}{_CUT.format(len(text) - len(first) - len(last))}{last}"


def _shorter(line: str, characters: int) -> str:
    """The beginning and the end of a line that is too long."""
    if len(line) <= characters:
        return line
    half = characters // 2
    return f"{line[:half]}… [cut: {len(line) - 2 * half} characters] …{line[-half:]}"


def _three(exc_info: Any) -> tuple[Any, Any, Any]:
    if isinstance(exc_info, BaseException):
        return type(exc_info), exc_info, exc_info.__traceback__
    return exc_info if isinstance(exc_info, tuple) and len(exc_info) == 3 else (None, None, None)


def _error_id(record: logging.LogRecord) -> str | None:
    """The id of an error that has none yet: of the record, or a new one unless the context has an id."""
    given = record.__dict__.get("error_id")
    if given is not None:
        return unprintable(given)
    if record.levelno < logging.ERROR or not record.exc_info:
        return None
    context = bound()
    return new_error_id() if context.incident_id is None and context.error_id is None else None


def _extra(record: logging.LogRecord, error_id: str | None, characters: int) -> str:
    fields = record.__dict__
    if len(fields) <= _PLAIN_FIELDS and not record.stack_info:
        if error_id is None:
            return "{}"
        shown = error_id if _OUR_ID.fullmatch(error_id) else shortened(error_id, characters or 100)
        return f'{{"error_id":{encode_text(shown)}}}'
    given: dict[str, Any] = {} if error_id is None else {"error_id": error_id}
    if characters:
        given.update((key, value) for key, value in fields.items() if key not in _RESERVED)
    if characters and record.stack_info:
        given["stack"] = str(record.stack_info)
    return encode(given, characters=characters or 100)


_WORDS = {None: "null", True: "true", False: "false"}
_WHOLE = 1 << 63
_SHORT = 3_000
_MANY = 40  # fields: putting each before the others costs their square
_READ_OF_TRACE = 40_000
_CUT = "\n  … [cut: {} characters]\n"
_PLAIN_FIELDS = len(FIELDS)
