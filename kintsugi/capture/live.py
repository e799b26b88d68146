"""A live exception as a failure: printed, and read back, so that it equals its own traceback in a log."""

from __future__ import annotations

import reprlib
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType, TracebackType

from kintsugi.capture.readers.python import HEADER, Python, names_an_exception, read_raised
from kintsugi.capture.text import split_lines
from kintsugi.telemetry import capsule as capsules
from kintsugi.workflow.payload import Capsule, Failure, Frame

_Place = tuple[str, int, str]

_NOISE = (ModuleType, FunctionType, BuiltinFunctionType, type)
_MOST_VARIABLES = 40


def from_exception(error: BaseException) -> Failure:
    """The exception's chain as Python prints it, with the locals of its frames. They are not redacted yet."""
    printed = traceback.format_exception(error)
    failure = _read(split_lines("".join(printed)))
    if failure is None:  # it was never raised
        said = (line.strip(" |\n") for line in printed)
        return Failure(chain=(read_raised(next(filter(names_an_exception, said), printed[-1])),))
    seen = {place: variables for one in _related(error) for place, variables in _variables(one.__traceback__)}
    chain = tuple(
        raised.model_copy(update={"frames": tuple(_with_variables(frame, seen) for frame in raised.frames)})
        for raised in failure.chain
    )
    return failure.model_copy(update={"chain": chain})


def capsule_of(what: BaseException | capsules.Capsule | None) -> Capsule | None:
    """The failing call of an exception, or one that telemetry wrote down, as the payload has it."""
    told = capsules.record(what) if isinstance(what, BaseException) else what
    return Capsule(**asdict(told)) if told else None


@dataclass(frozen=True, slots=True)
class _Printed:
    """The lines of a report and nothing else."""

    lines: list[str]
    at: int
    whole: bool = True
    is_start: bool = False

    def __getitem__(self, position: int) -> str | None:
        return self.lines[position] if 0 <= position < len(self.lines) else None

    def joined(self, position: int) -> str | None:
        return None  # nobody wrapped them


def _read(lines: list[str]) -> Failure | None:
    header = next((at for at, line in enumerate(lines) if HEADER in line), None)
    found = Python().read(_Printed(lines, header)) if header is not None else None
    return found.failure if found else None


def _related(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it came of, each once."""
    waiting, seen = [error], {id(error)}
    while waiting:
        current = waiting.pop()
        yield current
        members = current.exceptions if isinstance(current, BaseExceptionGroup) else ()
        found = [one for one in (current.__cause__, current.__context__, *members) if one is not None]
        waiting += [one for one in found if id(one) not in seen]
        seen |= {id(one) for one in found}


def _variables(stack: TracebackType | None) -> Iterator[tuple[_Place, dict[str, str]]]:
    while stack is not None:
        code = stack.tb_frame.f_code
        yield (code.co_filename, stack.tb_lineno, code.co_name), _shown(stack.tb_frame.f_locals)
        stack = stack.tb_next


def _shown(variables: Mapping[str, object]) -> dict[str, str]:
    telling = [name for name, value in variables.items() if not (name.startswith("__") or isinstance(value, _NOISE))]
    return {name: _PRINTER.repr(variables[name]) for name in telling[:_MOST_VARIABLES]}


def _with_variables(frame: Frame, seen: Mapping[_Place, dict[str, str]]) -> Frame:
    return frame.model_copy(update={"variables": seen.get((frame.path, frame.line, frame.function), {})})


def _printer() -> reprlib.Repr:
    """Bounds the work on huge values. It is generous, as secrets are found in whole values only: the cut to size
    comes after redaction."""
    printer = reprlib.Repr()
    printer.maxlevel = 4
    printer.maxdict = printer.maxlist = printer.maxtuple = printer.maxset = printer.maxdeque = 20
    printer.maxstring = printer.maxother = 4_000
    return printer


_PRINTER = _printer()
