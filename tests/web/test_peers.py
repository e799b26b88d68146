"""Who asks, as far as limits go: the peer, or whom a proxy on this machine names last."""

from __future__ import annotations

import pytest

from kintsugi.web.peers import peer


@pytest.mark.parametrize(
    ("remote", "named", "who"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # nobody but this machine's proxy names others
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::1", ["10.0.0.1, 198.51.100.1"], "198.51.100.1"),  # what came before is the stranger's own word
        ("127.0.0.1", ["10.0.0.1", "198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", [], ""),
        ("127.0.0.1", ["unknown"], ""),
        ("127.0.0.1", ["\udcff"], ""),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", [], "192.0.2.7"),
        ("fe80::1%eth0", [], "fe80::/64"),
    ],
)
def test_a_peer_is_its_address_or_whom_our_own_proxy_names(remote: str, named: list[str], who: str):
    assert peer(remote, named) == who
