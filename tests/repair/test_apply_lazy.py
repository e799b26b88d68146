"""Telling a line that stands for code from one that is code."""

from __future__ import annotations

import pytest

from kintsugi.repair.applying.lazy import is_elision, stands_for_code


@pytest.mark.parametrize(
    "line",
    [
        *("# ... rest unchanged", "    # ... existing code ...", "// ... rest of the function remains the same", "# rest of the code"),
        *("... rest unchanged ...", "/* ... existing code ... */", "<!-- ... rest of the file ... -->", "# ...", "…", "# … unchanged …"),
        *("# (rest of the class unchanged)", "# remaining methods unchanged", "// existing code here", "# same as before", "# unchanged"),
        *("-- ... rest of query", "# Rest of the file stays the same.", "# code omitted for brevity", "[... unchanged ...]", "# ... other methods"),
    ],
)  # fmt: skip
def test_a_line_that_stands_for_code(line: str):
    assert stands_for_code(line)
    assert is_elision(line)


@pytest.mark.parametrize(
    "line",
    [
        *("    ...", "x = 1  # ...", "# TODO: handle more...", "print('...')", "def f(): ...", "# The rest of the arguments are passed on."),
        *("return previous", "# existing users keep their rights", "...config", "args: tuple[int, ...]", "", "# ... your routes and middleware"),
    ],
)  # fmt: skip
def test_a_line_that_is_code(line: str):
    assert not stands_for_code(line)
