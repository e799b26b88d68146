"""What a test of Node only expects to come: a kind, which it never calls."""

from __future__ import annotations

from kintsugi.repair.languages.syntax import Node, above, text_of
from kintsugi.repair.policy.node_names import NodeNames
from kintsugi.telemetry import lazy_re as re

_OWN_MATCHERS = re.compile(
    r"\bexpect(?:\s*\.\s*(?!any\b|anything\b|objectContaining\b|arrayContaining\b)\w|\s*\[|\s*=|\s+as\b)|\bsample\b"
)
_GETS_IT = re.compile(
    r"\b(?:asymmetricMatch|matcherResult|addEqualityTesters|addSnapshotSerializer|new Proxy)\b"
    r"|(?<!test)\.extend\s*\(|\{[^{}\n]{0,99}\bextend\b[^{}\n]{0,99}\}\s*="
    r"|[=(,{]\s*expect\s*[;,)}]"  # as a value
    r"|\[[^\]\n]{0,99}[\"'`]\s*\+|\[[^\]\n]{0,99}\+\s*[\"'`]"  # a member by a name that is put together
    r"|\bcatch\b(?=[\s\S]*\bexpected\b)"
)
"""What could hand the matcher on: a value that compares by itself, the error of what failed, another `expect`."""
_IMPORT = re.compile(r"\bimport\s[^;'\"]*\bfrom\b|\b(?:const|let|var)\s*\{[^{}]*\}\s*=\s*require\(")
_CONTAINING = re.compile(r"expect\.(?:objectContaining|arrayContaining)$")
_EXPECTING = re.compile(
    r"expect\((?:[^()]|\([^()]*\))*\)(?:\.(?:not|resolves|rejects))*\.to(?:Equal|StrictEqual|MatchObject|HaveBeen\w*CalledWith|ContainEqual)$"
)


def is_expected(node: Node, names: NodeNames) -> bool:
    """`expect(x).toEqual({ close: expect.any(Function) })`: a kind that is asked for, and nobody else gets hold of it.

    The matcher has the function itself as its sample, and matchers of the program's own could look at it. Those of
    another file are not seen.
    """
    call = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
    if call is None or text_of(call) != f"expect.any({text_of(node)})" or names.is_declared(node, "expect"):
        return False
    if _OWN_MATCHERS.search(text_of(names.tree)) or _GETS_IT.search(_IMPORT.sub("", text_of(names.tree))):
        return False
    for one in above(call):
        if one.type == "call_expression" and not _CONTAINING.match(text_of(one.child_by_field_name("function"))):
            return _EXPECTING.match(text_of(one.child_by_field_name("function"))) is not None
        if one.type not in ("call_expression", "arguments", "object", "pair", "array"):
            return False
    return False
