"""What the fields of an edit are called. Ours come first; the others are those of the tools that models were taught.

Anthropic's text editor has old_str, new_str and file_text, Claude Code and Gemini CLI have file_path, old_string and
new_string, the Model Context Protocol's file server has oldText and newText, Windsurf has TargetContent and
ReplacementContent.
"""

from __future__ import annotations

PATH = ("path", "file_path", "filePath", "filepath", "file", "filename", "target_file", "relative_path", "TargetFile")
SEARCH = (
    *("search", "old_str", "old_string", "old_text", "old_code", "find", "original"),
    *("oldStr", "oldString", "oldText", "TargetContent"),
)
REPLACE = (
    *("replace", "new_str", "new_string", "new_text", "new_code", "replacement", "updated"),
    *("newStr", "newString", "newText", "ReplacementContent"),
)
CONTENT = ("content", "contents", "file_text", "full_content")
EVERY = ("replace_all", "replaceAll", "allow_multiple", "AllowMultiple")
REGEX = ("use_regex", "regex", "is_regex")
COMMAND = ("command",)
DIFF = ("diff", "patch")
TIMES = ("expected_replacements", "occurrences")
LINES = ("start_line", "end_line", "startLine", "endLine", "insert_line", "line")
LISTS = ("edits", "files", "changes", "operations", "replacements", "ReplacementChunks")
WRAPPERS = (
    *("input", "arguments", "parameters", "params", "args", "tool_input", "function", "tool_calls", "tool_uses"),
    *("function_call", "functionCall", "tool_call", "toolCall", "operation"),
)

SAID = (  # about an edit, with nothing to do
    *(
        "description",
        "explanation",
        "reason",
        "reasoning",
        "rationale",
        "comment",
        "instruction",
        "instructions",
        "note",
    ),
    *(
        "id",
        "index",
        "number",
        "type",
        "kind",
        "action",
        "operation",
        "op",
        "tool",
        "name",
        "language",
        "lang",
        "title",
    ),
    *(
        "summary",
        "why",
        "confidence",
        "severity",
        "line",
        "lines",
        "occurrence",
        "dryRun",
        "dry_run",
        "status",
        "category",
    ),
    *(
        "start_line",
        "end_line",
        "startLine",
        "endLine",
        "line_number",
        "line_start",
        "line_end",
        "ignore_case",
        "security_risk",
        "complexity",
        "CodeMarkdownLanguage",
        "TargetLintErrorIds",
    ),
)
DOES_MORE = (  # beside edits: what asks for something to be done that no edit does
    *(
        "command",
        "commands",
        "run",
        "shell",
        "exec",
        "execute",
        "script",
        "scripts",
        "hooks",
        "install",
        "env",
        "environment",
    ),
    *(
        "delete",
        "deletes",
        "deleted",
        "delete_files",
        "deleted_files",
        "removed_files",
        "renamed_files",
        "remove",
        "removes",
        "removed",
        "rename",
        "renames",
        "moves",
        "chmod",
    ),
    *(
        "symlink",
        "symlinks",
        "mode",
        "modes",
        "permissions",
        "post_apply",
        "pre_apply",
        "post_install",
        "after",
        "before",
    ),
)
