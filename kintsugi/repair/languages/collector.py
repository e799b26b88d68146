# Why: a bare interpreter starts faster with os alone.
# ruff: noqa: PTH109, PTH113, PTH123, PTH204, PTH207, T201
"""Runs a project's test command and hands on what its runner tells: printed lines, or files that it wrote.

Stands alone: an interpreter in the box gets it on its standard input, with `opened` of Python's recorder before it.
What goes to the referee is signed, and the command has no way to that channel. What the command's own runner says is
taken as it is: a program that shares the runner's output can write there too, and the evidence says so.

A line is one JSON object: `tree` (where the project lies), `out` (printed text), `event` (of `go test -json`), `file`
with `text` (a piece of a report), `errors` (the end of what went to standard error), last `finished` (the status).
"""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kintsugi.repair.languages.python.recorder import Write, opened

CHANNEL = 3
KEY_BYTES = 32
_PIECE = 1 << 17
_LARGEST_REPORT = 6 << 20
_MOST_PRINTED = 6 << 20
_ERRORS = 1 << 15
_KEPT_OF_A_TEST = 1 << 14
_LEFT_SECONDS = 5.0


class Go:
    """`go test -json`: the end of each test, with what was printed where it did not pass, or recovered from a panic."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._printed: dict[tuple[str, str], str] = {}

    def take(self, line: str) -> None:
        try:
            event: Any = json.loads(line)
            key = (event.get("Package") or event.get("ImportPath") or "", event.get("Test", ""))
        except (ValueError, AttributeError, RecursionError):
            print(line, end="")
            words = line.split()
            if line.startswith("FAIL\t") and line.rstrip().endswith(" failed]"):  # as older releases tell of a build
                self._write(event=["fail", words[1], "", line])
            return
        text = event.get("Output", "")
        if text:
            print(text, end="")
            self._printed[key] = (self._printed.get(key, "") + text)[-_KEPT_OF_A_TEST:]
        action = event.get("Action")
        if action in ("pass", "fail", "skip", "build-fail"):
            printed = self._printed.pop(key, "")
            told = action != "pass" or not key[1] or "\npanic(" in printed
            self._write(event=[action, *key, printed if told else ""])

    def end(self) -> None:
        for (package, test), printed in self._printed.items():  # no end came: the package was torn down
            self._write(event=["cut", package, test, printed])


class Lines:
    """Anything printed, handed on as it is."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._held: list[str] = []
        self._size = self._sent = 0

    def take(self, line: str) -> None:
        print(line, end="")
        self._held.append(line)
        self._size += len(line)
        if self._size > _PIECE:
            self.end()

    def end(self) -> None:
        if self._held and self._sent < _MOST_PRINTED:
            self._write(out="".join(self._held))
            self._sent += self._size
        self._held, self._size = [], 0


class Events(Lines):
    """Lines for the referee alone; what is for people goes to standard error."""

    def take(self, line: str) -> None:
        self._held.append(line)
        self._size += len(line)
        if self._size > _PIECE:
            self.end()


FORMS: dict[str, type[Go | Lines]] = {"go": Go, "lines": Lines, "events": Events}


class Errors:
    """Standard error, shown and its end kept."""

    def __init__(self, stream: IO[str]) -> None:
        self.kept = ""
        self._stream = stream

    def follow(self) -> None:
        for line in self._stream:
            print(line, end="", flush=True)
            self.kept = (self.kept + line)[-_ERRORS:]


def reports(patterns: list[str], began: float) -> list[str]:
    """The files of these patterns that were written since."""
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}
    return sorted(path for path in found if os.path.isfile(path) and os.path.getmtime(path) >= began - 1)


def follow(stream: IO[str], form: Go | Lines) -> None:
    for line in stream:
        form.take(line)


def run(command: list[str], form: str, patterns: list[str], folder: str) -> None:
    """Run the command in `folder` of the tree and leave with its exit status."""
    os.set_inheritable(CHANNEL, False)
    write = opened(CHANNEL)
    write(tree=os.getcwd())
    began = time.time()
    os.chdir(folder)
    temporary = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 (the box's own)
    words = [word.replace("{tmp}", temporary) for word in command]
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        print(f"{words[0]} could not be started: {error.strerror}")
        write(finished=127)
        sys.exit(127)
    assert process.stdout
    assert process.stderr
    taker = FORMS[form](write)
    errors = Errors(process.stderr)
    threads = [
        threading.Thread(target=follow, args=(process.stdout, taker), daemon=True),
        threading.Thread(target=errors.follow, daemon=True),
    ]
    for thread in threads:
        thread.start()
    status = process.wait()
    for thread in threads:  # what the command left running may hold its ends
        thread.join(_LEFT_SECONDS)
    taker.end()
    for path in reports([pattern.replace("{tmp}", temporary) for pattern in patterns], began):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(_LARGEST_REPORT)
        for at in range(0, len(text), _PIECE):
            write(file=path, text=text[at : at + _PIECE])
    write(errors=errors.kept)
    write(finished=status)
    sys.stdout.flush()
    os._exit(status if 0 <= status < 256 else 1)
