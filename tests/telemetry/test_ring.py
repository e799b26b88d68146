import pytest

from kintsugi.telemetry import Ring


def test_the_ring_keeps_the_newest():
    ring = Ring(capacity=3)

    for number in range(5):
        ring.append(20, f"line {number}")

    assert ring.query() == ["line 2", "line 3", "line 4"]


def test_a_query_takes_level_text_and_limit_together():
    ring = Ring()
    for level, text in ((10, "Cart a"), (40, "cart b"), (30, "shop c"), (50, "CART d"), (40, "cart e")):
        ring.append(level, text)

    assert ring.query(level="warning", contains="cart") == ["cart b", "CART d", "cart e"]
    assert ring.query(limit=2, level=40) == ["CART d", "cart e"]


def test_an_unknown_level_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="there is no log level 'loud': use debug, info"):
        Ring().query(level="loud")
