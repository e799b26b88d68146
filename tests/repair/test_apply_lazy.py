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
        *("# (keep the remaining lines)", "# keep the rest of the file", "# Keep existing code as is", "// keep everything else the same", "# ... rest of the file unchanged"),
        *("# (keep all other methods unchanged)", "# leave the rest unchanged", "# rest of file", "# The rest stays as is", "// ...existing code...", "# [existing code]"),
        *("    pass  # rest of the method unchanged", "# implementation omitted for brevity", "# -- snip --", "{/* ... existing code ... */}", "# your existing code here"),
        *("# preserve the original imports", "# remaining lines unchanged", "# TODO: rest of the implementation", "# omitted for brevity", "/* keep the rest of this file as it is */"),
        *("# 其余代码不变", "# ……（保持原样）", "# 此处省略其他代码", "# 残りのコードは変更なし", "# 나머지 코드는 동일합니다", "# (остальная часть файла без изменений)"),  # noqa: RUF001
        *("# El resto del código permanece igual", "# Rest des Codes bleibt gleich", "# Le reste du code reste identique", "# reszta kodu bez zmian"),
        *("[Showing lines 1-20 of 60. Use :21 to continue]", "# [original content here]", "// kodun geri kalanı aynı"),  # noqa: RUF001
    ],
)  # fmt: skip
def test_a_line_that_stands_for_code(line: str):
    assert stands_for_code(line)
    assert is_elision(line)


@pytest.mark.parametrize(
    "line",
    [
        *("    ...", "  * ...", "x = 1  # ...", "# TODO: handle more...", "print('...')", "def f(): ...", "# The rest of the arguments are passed on."),
        *("return previous", "# existing users keep their rights", "...config", "args: tuple[int, ...]", "", "# ... your routes and middleware"),
        *("# keep the connection open", "# keep the existing session alive", "# leave the rest to the caller", "# other methods", "# the code is sent by mail", "# keep this method private"),
        *("# existing methods of payment", "# preserve order", "# tests for the parser", "pass  # nothing to do", "# keep imports sorted", "# remaining seconds"),
        *("# 其他参数保持不变", "# код ответа без изменений", "# der Rest ist gleich null", "# la función es igual", "# [existing] users", "# 相同的文件只上传一次"),
        *("# 如果文件内容相同则跳过其他处理", "# ファイルが既存と同じ場合", "# если остальной код без изменений", '["geri kalan", "kod", "aynı"]', "# [previous code] expired"),  # noqa: RUF001
        *("# (it is unchanged), and logs \"a push that nobody asked for ...", "# it says \"same as before\" where it hangs..."),
    ],
)  # fmt: skip
def test_a_line_that_is_code(line: str):
    assert not stands_for_code(line)
