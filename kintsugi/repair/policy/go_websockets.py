"""What a test of Go does with websockets: it serves them, asks its own machine, and reads what comes."""

from __future__ import annotations

from collections.abc import Callable

from kintsugi.repair.languages.syntax import Node, text_of
from kintsugi.repair.policy.go_bindings import arguments
from kintsugi.telemetry import lazy_re as re

_NET, _GORILLA = "golang.org/x/net/websocket", "github.com/gorilla/websocket"
_CONTEXT = ("github.com/coder/websocket", "nhooyr.io/websocket")
WEBSOCKETS = (_NET, _GORILLA, *_CONTEXT)
_PLAIN = re.compile(
    r"(?:Text|Binary|Close|Ping|Pong)Message|Message(?:Text|Binary)|(?:Close|Status)[A-Z]\w+(?<!Handler)"
    r"|FormatCloseMessage|IsCloseError|IsUnexpectedCloseError"  # what kind of message it is, and why it ended
    r"|Upgrader|Accept|AcceptOptions|Handler|Server"  # these serve
)
_CODECS, _BY_CODEC = ("JSON", "Message"), ("Send", "Receive")  # on a connection that somebody made
_DIALS = {**dict.fromkeys(_CONTEXT, 1), _NET: 0}
_BY_DIALER = {"Dial": 0, "DialContext": 1}


def keeps_here(node: Node, package: str, name: str, is_here: Callable[[Node], bool]) -> bool:
    """Whether this use of a package's name, `node`, reaches no other machine."""
    if _PLAIN.fullmatch(name):
        return True
    member = node.parent if node.parent.type == "selector_expression" else None
    by = text_of(member.named_children[-1]) if member is not None else ""
    if package == _NET and name in _CODECS and member is not None:
        return by in _BY_CODEC and bool(arguments(member))
    if package == _GORILLA and name == "DefaultDialer" and member is not None and by in _BY_DIALER:
        return _is_to(member, _BY_DIALER[by], is_here)
    return name == "Dial" and package in _DIALS and _is_to(node, _DIALS[package], is_here)


def _is_to(function: Node, at: int, is_here: Callable[[Node], bool]) -> bool:
    given = arguments(function)
    return len(given) > at and is_here(given[at])
