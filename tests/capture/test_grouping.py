"""Which failures are one, and what tells two apart."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kintsugi.capture.build import build_payload
from kintsugi.capture.event import read_event
from kintsugi.capture.sentry import payload_of
from kintsugi.workflow.payload import About
from tests.world.make import NOON


def about(event: dict[str, Any], program: str = "") -> About:
    return payload_of(read_event(event), project="42", now=NOON, program=program).incident


def an_error(kind: str = "LoadError", value: str = "it broke", *frames: dict[str, Any], **event: Any) -> dict[str, Any]:
    told = [{"filename": "shop/cart.py", "function": "load", "lineno": 40, "in_app": True}]
    stack = {"frames": list(frames) or told}
    return {"platform": "python", "exception": [{"type": kind, "value": value, "stacktrace": stack}]} | event


def a_frame(path: str, function: str = "pay", **more: Any) -> dict[str, Any]:
    return {"filename": path, "function": function, "lineno": 1, "in_app": True} | more


def a_log(template: str, *params: object, **entry: Any) -> dict[str, Any]:
    return {"logentry": {"message": template, "params": list(params)} | entry}


def framed(*frames: dict[str, Any], **event: Any) -> dict[str, Any]:
    return an_error("E", "v", *frames, **event)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (an_error(value="Could not load ada"), an_error(value="Could not load bob")),
        (a_log("basket %s fell over", "ada"), a_log("basket %s fell over", "bob", formatted="basket bob fell over")),
        (an_error("A", fingerprint=["down"]), an_error("B", fingerprint=["down"])),
        (an_error("A", fingerprint=[7]), an_error("B", fingerprint=["7"])),
        (an_error("A", checksum="down"), an_error("B", checksum="down")),
        (an_error(), an_error(fingerprint=["{{ default }}"])),
        (an_error(), an_error(fingerprint=["{{default}}"])),
        (an_error("A", fingerprint=["{{ transaction }}"], transaction="/pay"), an_error("B", fingerprint=["/pay"])),
        (an_error("A", fingerprint=["{{ tags.shop }}"], tags={"shop": "n"}), an_error("B", fingerprint=["n"])),
        (an_error(release="shop@1.0"), an_error(release="shop@1.1")),
        (
            framed(a_frame("/a/x.js", "<anonymous>"), a_frame("/a/y.js")),
            framed(a_frame("/a/x.js", "?"), a_frame("/a/y.js")),
        ),
        (
            framed(a_frame("https://shop.test/js/main.4f3a2b1c.js")),
            framed(a_frame("https://shop.test/js/main.9c8b7a6d.js")),
        ),
        (framed(a_frame("https://shop.test/a.js?v=1")), framed(a_frame("https://cdn.shop.test/a.js?v=2"))),
        (framed(a_frame("4f3a2b1c.js")), framed(a_frame("9c8b7a6d.js"))),
        (framed(a_frame("/srv/1/a.py")), framed(a_frame("/srv/2/a.py"))),
        (framed(a_frame("a.rb", "block (2 levels) in pay")), framed(a_frame("a.rb", "pay"))),
        (framed(a_frame("a.cs", "void Cart.Pay(int)")), framed(a_frame("a.cs", "Shop.Cart.Pay"))),
        (framed(a_frame("a.cs", "<Pay>d__3.MoveNext")), framed(a_frame("a.cs", "Pay"))),
        (framed(a_frame("a.go", "(*Cart).Pay")), framed(a_frame("a.go", "github.com/acme/shop.(*Cart).Pay"))),
        (
            framed(a_frame("a.java", "lambda$pay$0"), a_frame("b.java")),
            framed(a_frame("a.java", "lambda$pay$1"), a_frame("b.java")),
        ),
    ],
)
def test_one_failure_has_one_name(one: dict[str, Any], other: dict[str, Any]):
    assert about(one).fingerprint == about(other).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (an_error("A"), an_error("B")),
        (framed(a_frame("shop/cart.py", "load")), framed(a_frame("shop/cart.py", "save"))),
        (framed(a_frame("shop/pay/handler.py")), framed(a_frame("shop/ship/handler.py"))),
        (
            framed(a_frame("Handler.java", module="shop.pay.Handler"), platform="java"),
            framed(a_frame("Handler.java", module="shop.ship.Handler"), platform="java"),
        ),
        (a_log("lid %s is off", "x"), a_log("lid %s is on fire", "x")),
        (a_log("%s", "the till is shut"), a_log("%s", "the drawer is stuck")),
        (an_error(fingerprint=["{{ default }}", "north"]), an_error(fingerprint=["{{ default }}", "south"])),
        (an_error("A", fingerprint=["{{ default }}", "n"]), an_error("B", fingerprint=["{{ default }}", "n"])),
        ({"message": "the till is shut"}, {"message": "the drawer is stuck"}),
        (
            {"exception": [{"type": "E", "value": "the till is shut"}]},
            {"exception": [{"type": "E", "value": "the drawer is stuck"}]},
        ),
    ],
)
def test_two_failures_have_two(one: dict[str, Any], other: dict[str, Any]):
    assert about(one).fingerprint != about(other).fingerprint


def test_two_programs_that_say_the_same_are_two():
    assert about(an_error(), "shop").fingerprint != about(an_error(), "till").fingerprint


def test_a_printed_traceback_and_an_sdks_report_are_one():
    printed = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/main.py", line 3, in main\n    load()\n'
        '  File "/srv/app/shop/cart.py", line 40, in load\n    raise LoadError("it broke")\n'
        "shop.errors.LoadError: it broke\n"
    )
    frames = [
        a_frame("main.py", "main", abs_path="/srv/app/main.py"),
        a_frame("shop/cart.py", "load", abs_path="/srv/app/shop/cart.py"),
    ]
    read = build_payload(printed, root=None, opened_by="cli:ada", now=NOON)

    assert read.incident.fingerprint == about(an_error("LoadError", "it broke", *frames)).fingerprint


def test_what_a_name_was_made_of_is_told_and_so_is_the_older_one():
    found = about(an_error())

    assert re.fullmatch(r"v2:[0-9a-f]{16}", found.fingerprint)
    assert re.fullmatch(r"v1:[0-9a-f]{16}", found.earlier[0])
    assert found.grouped_by == "types and project frames: LoadError; shop/cart.py:load"
    assert about(an_error(fingerprint=["down"])).grouped_by == "the program's own fingerprint: down"
    assert about({"message": "till 7 is shut"}).grouped_by == "the fixed words: till <number> is shut"
