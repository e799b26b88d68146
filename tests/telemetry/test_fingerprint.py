import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.telemetry.fingerprint import fingerprint

FRAMES = [("/app/main.py", "main"), ("/app/cogs/shop.py", "checkout"), ("/app/shop/cart.py", "Cart.total")]


def test_a_fingerprint_is_versioned_and_short():
    found = fingerprint(["KeyError"], "'discount'", FRAMES)

    assert re.fullmatch(r"v1:[0-9a-f]{16}", found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no order 4711", "no order 4712"),
        ("object at 0x7f00aa12 is gone", "object at 0x7fbbccdd is gone"),
        ("user 81384788765712384 not found", "user 81384788765712999 not found"),
        ("job 0b2f6a2e-1111-4222-8333-444455556666 failed", "job 9c2f6a2e-1111-4222-8333-444455556667 failed"),
        ("no such file: '/app/data/a1.json'", "no such file: '/srv/other/data/b2.json'"),
        ("customer 'alice@example.com' is unknown", "customer 'bob@example.org' is unknown"),
        (
            "https://a.example.com/x?id=1 answered 503 after 1.5 s",
            "https://a.example.com/y?id=2 answered 503 after 9.1 s",
        ),
        ("commit 9fceb02d0ae5 not found", "commit 0aa1b02d0ae5 not found"),
        ("expired at 2026-11-23T01:02:03Z", "expired at 2025-01-02T03:04:05Z"),
        ("first line\nsecond 1", "first line\nother 2"),
    ],
)
def test_what_varies_from_run_to_run_does_not_count(one, other):
    assert fingerprint(["ValueError"], one, FRAMES) == fingerprint(["ValueError"], other, FRAMES)


@pytest.mark.parametrize("folder", ["/srv/releases/42", "/home/bot/app", "C:\\bot", ""])
def test_a_deploy_to_another_folder_changes_nothing(folder):
    moved = [
        (f"{folder}/{path.removeprefix('/app/')}".lstrip("/") if not folder else folder + path[4:], name)
        for path, name in FRAMES
    ]

    assert fingerprint(["KeyError"], "'x'", moved) == fingerprint(["KeyError"], "'x'", FRAMES)


@pytest.mark.parametrize(
    "noise",
    [
        ("/usr/lib/python3.11/asyncio/tasks.py", "__step"),
        ("/app/.venv/lib/python3.12/site-packages/discord/client.py", "_run_event"),
        ("<frozen importlib._bootstrap>", "_find_and_load"),
        ("/app/shop/cart.py", "<lambda>"),
        ("/app/shop/cart.py", "<listcomp>"),
    ],
)
def test_frames_of_libraries_and_nameless_functions_do_not_count(noise):
    assert fingerprint(["KeyError"], "'x'", [*FRAMES[:2], noise, FRAMES[2]]) == fingerprint(["KeyError"], "'x'", FRAMES)


def test_the_depth_of_a_recursion_does_not_count():
    deep = [*FRAMES, *[("/app/shop/cart.py", "walk")] * 400]

    assert fingerprint(["RecursionError"], "too deep", deep) == fingerprint(["RecursionError"], "too deep", deep[:9])


@pytest.mark.parametrize(
    ("kinds", "message", "frames"),
    [
        (["IndexError"], "'discount'", FRAMES),
        (["KeyError"], "'price'", FRAMES),
        (["KeyError"], "'discount'", [*FRAMES[:2], ("/app/shop/cart.py", "Cart.add")]),
        (["KeyError"], "'discount'", [*FRAMES[:2], ("/app/shop/basket.py", "Cart.total")]),
        (["OSError", "KeyError"], "'discount'", FRAMES),
        (["KeyError"], "'discount'", []),
    ],
)
def test_distinct_failures_have_distinct_fingerprints(kinds, message, frames):
    assert fingerprint(kinds, message, frames) != fingerprint(["KeyError"], "'discount'", FRAMES)


@given(
    st.lists(st.text(max_size=20), max_size=4),
    st.text(max_size=200),
    st.lists(st.tuples(st.text(), st.text()), max_size=6),
)
def test_anything_has_one_fingerprint(kinds, message, frames):
    assert fingerprint(kinds, message, frames) == fingerprint(tuple(kinds), message, tuple(frames))
