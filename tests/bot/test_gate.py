"""Who may, and how often."""

import pytest

from kintsugi.bot.gate import Access, Caller, Denied, Gate, why_not
from kintsugi.workflow.rates import Rate

ROLE = Access(roles=frozenset({7}))
USER = Access(users=frozenset({1}))


@pytest.mark.parametrize(
    ("access", "caller", "reason"),
    [
        (ROLE, Caller(1, 10, frozenset({7})), None),
        (USER, Caller(1, 10), None),
        (ROLE, Caller(1, 10, frozenset({8})), "on no allowlist"),
        (USER, Caller(2, 10), "on no allowlist"),
        (USER, Caller(1, None), "not in a guild"),
        (Access(), Caller(1, 10, frozenset({7})), "no allowlist is set"),
        (Access(users=frozenset({1}), guilds=frozenset({11})), Caller(1, 10), "another guild"),
        (Access(users=frozenset({1}), guilds=frozenset({10})), Caller(1, 10), None),
    ],
)
def test_nobody_may_unless_told_so(access: Access, caller: Caller, reason: str | None):
    assert why_not(access, caller) == reason


def test_the_role_that_everybody_has_admits_nobody():
    everyone = Access(roles=frozenset({10}))

    assert why_not(everyone, Caller(1, 10, frozenset({10}))) == "on no allowlist"


def test_a_guild_has_a_rate_of_its_own():
    gate = Gate(Access(users=frozenset({1, 2})), per_user=Rate(9, 10), per_guild=Rate(2, 10), now=lambda: 0.0)
    gate.admit(Caller(1, 10))
    gate.admit(Caller(2, 10))

    with pytest.raises(Denied, match="come back in 10 s"):
        gate.admit(Caller(1, 10))
    gate.admit(Caller(1, 11))


def test_strangers_do_not_use_up_the_guilds_rate():
    gate = Gate(USER, per_guild=Rate(1, 10), now=lambda: 0.0)
    for _ in range(5):
        with pytest.raises(Denied, match="You may not"):
            gate.admit(Caller(2, 10))

    gate.admit(Caller(1, 10))
