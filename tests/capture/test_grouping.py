"""Which failures are one, and what tells two apart."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kintsugi.capture.build import build_payload
from kintsugi.capture.event import read_event
from kintsugi.capture.grouping import group_of
from kintsugi.capture.sentry import Teller, payload_of
from kintsugi.workflow.payload import About, Failure, Frame, Raised
from tests.world.make import NOON


def about(event: dict[str, Any], program: str = "") -> About:
    return payload_of(read_event(event), Teller("42", program=program), now=NOON).incident


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


def a_member(name: str) -> dict[str, Any]:
    return {"type": "E", "value": "v", "stacktrace": {"frames": [a_frame(f"{name}.py")]}}


def a_group(*members: dict[str, Any]) -> dict[str, Any]:
    outer = {"type": "ExceptionGroup", "value": "v", "mechanism": {"exception_id": 0, "is_exception_group": True}}
    told = [
        each | {"mechanism": {"source": f"exceptions[{at}]", "exception_id": at + 1, "parent_id": 0}}
        for at, each in enumerate(members)
    ]
    return {"platform": "python", "exception": [*reversed(told), outer]}


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
        (framed(a_frame("a.py"), a_frame("a.py", "<listcomp>")), framed(a_frame("a.py"))),
        (
            framed(a_frame("", "lambda_method7"), a_frame("a.cs")),
            framed(a_frame("", "lambda_method9"), a_frame("a.cs")),
        ),
        (framed(a_frame("a.rs", "shop::pay::h0123456789abcdef")), framed(a_frame("a.rs", "shop::pay"))),
        (framed(a_frame("a.erb", "_app_a_erb___123_45")), framed(a_frame("a.erb", "_app_a_erb__678_90"))),
        ({"exception": [{"type": "E", "value": "no tea (E)"}]}, {"exception": [{"type": "E", "value": "no tea"}]}),
        (framed(a_frame("a.js", "Object.pay [as settle]")), framed(a_frame("a.js", "Cart.pay"))),
        (framed(a_frame("a.go", "main.pay[...]")), framed(a_frame("a.go", "main.pay[go.shape.int]"))),
        (framed(a_frame("a.php", "Cart->{closure}")), framed(a_frame("a.php", "Cart->{closure:Cart::pay():4}"))),
        (
            framed(a_frame("Native Method", "invoke0", in_app=False), a_frame("a.java", in_app=False)),
            framed(a_frame("a.java", in_app=False)),
        ),
        (a_group(a_member("a"), a_member("b")), a_group(a_member("b"), a_member("a"), a_member("b"))),
        ({"message": "cannot mail ada@till.test"}, {"message": "cannot mail bob@shop.test"}),
        ({"message": "GET https://shop.test/a/7?b=1 failed"}, {"message": "GET https://shop.test/9 failed"}),
        ({"message": "late since 2026-11-01T10:00:00Z"}, {"message": "late since 2026-11-02 11:22:33.4"}),
        ({"message": 'bad order {"id": 7}'}, {"message": 'bad order {"id": 8, "tea": ["x"]}'}),
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
        (framed(a_frame("a.ex", "Shop.Cart.pay/1")), framed(a_frame("a.ex", "Shop.Cart.ship/1"))),
        (
            framed(a_frame("web.php", "run"), a_frame("pay.php", "{closure}")),
            framed(a_frame("web.php", "run"), a_frame("ship.php", "{closure}")),
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


def at_one_place(said: str, code: str = "", kind: str = "E") -> str:
    """Of a failure in one function: what it said, and the line that raised it."""
    return about(an_error(kind, said, a_frame("shop/cart.py", "pay", context_line=code))).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("401 Client Error: Unauthorized for url: https://api.test/x", "404 Client Error: Not Found for url: https://api.test/x"),
        ("APIError: [403]: no", "APIError: [429]: no"),
        ("Client error '401 Unauthorized' for url 'x': HTTP 401", "Client error '404 Not Found' for url 'x': HTTP 404"),
        ("answered 502", "answered 504"),
        ("429, message='Too Many Requests'", "500, message='Internal Server Error'"),
        ("HTTP Error 404: Not Found", "HTTP Error 503: Service Unavailable"),
        ("404 page not found", "500 internal error"),
        ("404", "503"),
        ("404 Not Found (error code: 10062): Unknown interaction", "404 Not Found (error code: 10008): Unknown Message"),
        ("UNIQUE constraint failed: users.email", "UNIQUE constraint failed: users.name"),
        ('duplicate key value violates unique constraint "users_email_key"', 'duplicate key value violates unique constraint "users_name_key"'),
        ("Duplicate entry 'ada' for key 'users.email'", "Duplicate entry 'ada' for key 'users.name'"),
        ('null value in column "email" violates', 'null value in column "name" violates'),
        ("'Cart' object has no attribute 'total'", "'Cart' object has no attribute 'items'"),
        ("pay() missing 1 required positional argument: 'price'", "pay() missing 1 required positional argument: 'coupon'"),
        ("No module named 'shop'", "No module named 'till'"),
        ("name 'price' is not defined", "name 'coupon' is not defined"),
        ("'price' is a required property", "'coupon' is a required property"),
        ("1 validation error for Cart\nprice\n  Field required", "1 validation error for Cart\ncoupon\n  Field required"),
        ("[Errno 13] Permission denied", "[Errno 28] No space left on device"),
        ("ENOENT: no such file or directory, open '/x'", "EACCES: permission denied, open '/x'"),
        ("Cannot read properties of null (reading 'price')", "Cannot read properties of null (reading 'coupon')"),
        ("price is not a function", "coupon is not defined"),
        ("t.price is not a function", "t.coupon is not a function"),
        ("undefined is not an object (evaluating 't.price')", "undefined is not an object (evaluating 't.coupon')"),
        ('Cannot invoke "Cart.price()" because "cart" is null', 'Cannot invoke "Cart.coupon()" because "cart" is null'),
        ("undefined method `price' for nil", "undefined method `coupon' for nil"),
        ("Call to a member function price() on null", "Call to a member function coupon() on null"),
        ("runtime error: index out of range [3] with length 2", "runtime error: invalid memory address or nil pointer"),
    ],
)  # fmt: skip
def test_two_failures_at_one_place_have_two_names(one: str, other: str):
    assert at_one_place(one) != at_one_place(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no member 81384788765712384", "no member 81384788765712399"),
        ("request req_8fK2 failed", "request req_x91b failed"),
        ("ada is not known", "bob is not known"),
        ("'ada'", "'bob'"),
        ("cannot reach db-1.eu.example.test:5432", "cannot reach db-7.us.example.test:5432"),
        ("took 31.2 s", "took 4.504 s"),
        ("500 items are too many", "512 items are too many"),
        ("none of [404, 452] is there", "none of [461, 500] is there"),
        ("404 Not Found for user 4711", "404 Not Found for user 815"),
        ("UNIQUE constraint failed: users.email (ada@a.test)", "UNIQUE constraint failed: users.email (bob@a.test)"),
        ("line 451 of the file", "line 404 of the file"),
        ("user name 'ada99871' is taken", "user name 'bob11223' is taken"),
        ("t.price is not a function", "e.price is not a function"),
        ("t is not iterable", "n is not iterable"),
        ("handlers.on_12ab34 is not a function", "handlers.on_99ff00 is not a function"),
        ("undefined is not an object (evaluating 't.price')", "undefined is not an object (evaluating 'n.price')"),
    ],
)  # fmt: skip
def test_one_failure_at_one_place_has_one_name(one: str, other: str):
    assert at_one_place(one, "raise E(said)") == at_one_place(other, "raise E(said)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("user 81384788765712384 has no wallet", "user 42 has no wallet"),
        ("order A1B2C3 failed", "order 4711 failed"),
        ("cannot reach db-1.internal:5432", "cannot reach 10.0.0.1:80"),
        ("cannot reach 2001:db8::1", "cannot reach cache:6380"),
        ("timed out after 3s", "timed out after 1m30s"),
        ("timed out after 3 seconds", "timed out after 250ms"),
        ("1 item left of 1 box", "3 items left of 2 boxes"),
        ("1 class left", "2 classes left"),
        ("<@81384788765712384> is banned", "<@!81384788765712385> is banned"),
        ("missing [1, 2, 3]", "missing [4]"),
        ("customer 'O'Brien' is gone", "customer 'Smith' is gone"),
        ("commit deadbeef is missing", "commit 9fceb02d0ae5 is missing"),
    ],
)  # fmt: skip
def test_words_alone_name_one_failure_whatever_varies_in_them(one: str, other: str):
    assert about({"message": one}).fingerprint == about({"message": other}).fingerprint


def test_words_alone_name_two_failures_where_they_differ():
    said = (
        "status 401 from api",
        "status 404 from api",
        "status:401 from api",
        "status:404 from api",
        "row:1523 is bad",
        "column:1523 is bad",
        "s3 is away",
        "oauth2 is away",
        "No module named 'config.local'",
        "No module named 'shop.test'",
        "error code: 10062",
        "error code: 40060",
        "disk full",
        "disk gone",
        "{'id': 7} is known, not {'id': 8}",
        "{'id': 7} is gone like {'id': 8}",
    )

    assert len({about({"message": each}).fingerprint for each in said}) == len(said)


def test_words_that_were_known_by_another_name_keep_it_as_an_older_one():
    found = about({"message": "timed out after 1m30s"})

    assert [name[:3] for name in (found.fingerprint, *found.earlier)] == ["v2:", "v2:", "v1:"]


def test_words_part_panics_whose_function_is_not_told_and_no_other_failures_of_one_place():
    def named(language: str, said: str) -> str:
        frame = Frame(path="src/shop", line=3, in_project=True)
        failure = Failure(language=language, chain=(Raised(type="E", message=said, frames=(frame,)),))
        return group_of(failure, "").fingerprint

    assert named("rust", "no cart") != named("rust", "no coupon")
    assert named("node", "no user ada") == named("node", "no user bob")


def test_a_key_tells_two_apart_where_the_code_names_it_and_is_data_where_not():
    assert at_one_place("'percent'", 'return coupon["percent"]', "KeyError") != at_one_place(
        "'price'", "return coupon['price']", "KeyError"
    )
    for one, other in (("'ada'", "'bob'"), ("452", "461"), ("'400'", "'401'")):
        assert at_one_place(one, "return prices[name]", "KeyError") == at_one_place(
            other, "return prices[name]", "KeyError"
        )


def test_what_is_known_by_the_name_without_marks_keeps_it():
    plain, marked = about(an_error(value="it broke")), about(an_error(value="answered 502"))

    assert plain.fingerprint == marked.earlier[0]
    assert marked.kin == plain.kin
    assert marked.grouped_by.endswith("; status 502")


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
