"""Patches made from a fix in Go or Node that are none: each must not be proven."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kintsugi.repair.languages.known import is_test_file, is_test_path, language_of

Files = dict[str, bytes | None]


def false_patches(base: Path, files: Files) -> Iterator[tuple[str, Files]]:
    """Each with its kind, as far as it can be made of the texts of this fix."""
    tests = {path: content for path, content in files.items() if is_test_path(path)}
    yield "only the tests", tests
    source = next((path for path in files if _is_source(base, path)), None)
    if source is not None:
        before = (base / source).read_text("utf-8", "replace")
        after = (files[source] or b"").decode("utf-8", "replace")
        yield "comments alone", {**tests, source: f"{before}\n// mended\n".encode()}
        for what, text in _dropped(source, before, after):
            yield what, {**tests, source: text.encode()}
    tested = next((path for path in tests if is_test_file(path) and (base / path).is_file() and tests[path]), None)
    if tested is None:
        return
    before = (base / tested).read_text("utf-8", "replace")
    after = (tests[tested] or b"").decode("utf-8", "replace")
    for what, text in _worse(tested, before, after):
        yield what, {**files, tested: text.encode()}


def _is_source(base: Path, path: str) -> bool:
    return language_of(path) is not None and not is_test_path(path) and (base / path).is_file()


def _dropped(path: str, before: str, after: str) -> Iterator[tuple[str, str]]:
    """The function around the first change, with what it raises dropped, and in Go also with its errors forgotten."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old) - 1)
    go = path.endswith(".go")
    head = next((at for at in range(min(first, len(old) - 1), -1, -1) if _HEADS[go].match(old[at].rstrip())), None)
    if head is None:
        return
    indent = re.match(r"\s*", old[head])
    assert indent
    end = next((at for at in range(head + 1, len(old)) if old[at].startswith(f"{indent[0]}}}")), None)
    if end is None or end <= first:
        return
    start, body, rest = old[: head + 1], old[head + 1 : end], old[end:]
    if not go:
        yield "swallow", "".join([*start, "try {\n", *body, "} catch (e) {}\n", *rest])
        return
    yield "swallow", "".join([*start, "\tdefer func() { _ = recover() }()\n", *body, *rest])
    forgotten = [re.sub(r"\b(return (?:.*, )?)(?:err|(?:fmt|errors)\.\w+\(.*\))$", r"\1nil", line) for line in body]
    if forgotten != body:
        yield "errors forgotten", "".join([*start, *forgotten, *rest])


_HEADS = {
    True: re.compile(r"^func .*\{$"),
    False: re.compile(r"^\s*(?:(?:export |default |async |static )*function\b.*|(?:async )?[\w$]+\s?\([^)]*\) )\{$"),
}


def _worse(path: str, before: str, after: str) -> Iterator[tuple[str, str]]:
    """The commit's tests with one that was there taken away, skipped, emptied of what it asserts, or turned round."""
    go = path.endswith(".go")
    names = [match[0] for match in _TEST_LINES[go].finditer(before)]
    kept = next((line for line in names if after.count(line) == 1 and before.count(line) == 1), None)
    if kept is None:
        return
    at = after.index(kept)
    end = _end_of(after, at)
    body = after[at:end]
    yield "deleted test", after[:at] + after[end:]
    if go:
        yield "skipped test", after.replace(kept, f'{kept}\n\tt.Skip("later")', 1)
    else:
        yield "skipped test", after[:at] + re.sub(r"\b(it|test)\(", r"\1.skip(", body, count=1) + after[end:]
    if (emptied := _LOOSE[go].sub("", body, count=1 if go else 0)) != body:
        yield "loosened test", after[:at] + emptied + after[end:]
    if (turned := _turned(body, go)) != body:
        yield "test turned round", after[:at] + turned + after[end:]


def _turned(body: str, go: bool) -> str:
    """With its first assertion the other way round."""
    if go:
        check = re.compile(r"(?m)^(\s*if (?:[^\n]*; )?)([^\n;]*?)( \{\n(?:\s*//[^\n]*\n)*\s*t\.(?:Error|Fatal))")
        return check.sub(lambda found: f"{found[1]}!({found[2]}){found[3]}", body, count=1)
    named = re.compile(r"\b(assert\.|t\.)(strictEqual|deepStrictEqual|deepEqual|equal|is)\(")
    if named.search(body):
        return named.sub(lambda found: f"{found[1]}not{found[2][0].upper()}{found[2][1:]}(", body, count=1).replace(
            ".notIs(", ".not("
        )
    return re.sub(r"\)\.(toBe|toEqual|toStrictEqual|to\.(?:deep\.)?equal)\(", r").not.\1(", body, count=1)


_LOOSE = {
    True: re.compile(
        r"(?m)^(\s*)if (?!err)[^\n]*[!=]=[^\n]*\{\n(?:\1\t.*\n)*?\1\t+t\.(?:Error|Fatal).*\n(?:\1\t.*\n)*?\1\}\n"
    ),
    False: re.compile(r"(?m)^\s*(?:assert|expect|should|s?t)\b[.(](?!end|plan|test|comment).*;\n"),
}
_TEST_LINES = {
    True: re.compile(r"^func Test\w+\(t \*testing\.T\) \{$", re.MULTILINE),
    False: re.compile(r"^[ \t]*(?:it|test)\(['\"`].*$", re.MULTILINE),
}


def _end_of(text: str, at: int) -> int:
    """Behind the line that closes what begins at `at`, by its indent."""
    indent = re.match(r"[ \t]*", text[at:])
    assert indent
    closing = re.compile(rf"^{re.escape(indent[0])}\}}.*\n?", re.MULTILINE).search(text, text.index("\n", at))
    return closing.end() if closing else len(text)
