"""The request that failed, as reports tell it, and whether it can be sent again."""

from __future__ import annotations

from typing import Any

import pytest

from kintsugi.workflow.payload import RequestContext
from kintsugi.workflow.replay import Request, request_of
from tests.world.make import a_payload


def asked(intent: str | None = None, **entities: Any) -> Request | str:
    context = RequestContext(intent=intent, entities=entities)
    return request_of(a_payload().model_copy(update={"request": context}))


@pytest.mark.parametrize(
    ("intent", "entities", "target"),
    [
        ("/checkout", {}, "/checkout"),
        ("/checkout", {"cart": 7, "code": "a b"}, "/checkout?cart=7&code=a+b"),
        ("GET /checkout", {"cart": "7"}, "/checkout?cart=7"),
        ("/orders/{id}", {"id": 7, "full": "yes"}, "/orders/7?full=yes"),
        ("/files/{name:path}", {"name": "a/b c.txt"}, "/files/a/b%20c.txt"),
        ("/orders/<int:id>/", {"id": 7}, "/orders/7/"),
        ("/orders/<id>", {"id": "a/b"}, "/orders/a%2Fb"),
        ("/orders/:id/items", {"id": 7}, "/orders/7/items"),
    ],
)
def test_a_route_is_filled_from_its_parameters(intent: str, entities: dict[str, Any], target: str):
    assert asked(intent, **entities) == Request("GET", target)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://shop.example/orders/7?full=yes", "/orders/7?full=yes"),
        ("https://shop.example", "/"),
        ("/orders/7?q=%C3%A4", "/orders/7?q=%C3%A4"),
        ("http://shop.example/über uns", "/%C3%BCber%20uns"),
    ],
)
def test_the_address_that_an_sdk_tells_goes_before_the_route(url: str, target: str):
    assert asked("/orders/{id}", url=url, method="GET", id="other") == Request("GET", target)


@pytest.mark.parametrize(
    ("intent", "entities", "why"),
    [
        (None, {}, "does not say which request failed"),
        ("deploy latest", {}, "does not say which request failed"),
        ("checkout", {"url": "not an address", "method": "GET"}, "does not say which request failed"),
        ("/orders/{id}", {"other": 1}, "does not say what {id} of its path was"),
        ("/checkout", {"url": "http://shop/checkout", "method": "POST"}, "it was a POST"),
        ("DELETE /orders/7", {}, "it was a DELETE"),
        ("/checkout", {"url": "http://shop/checkout"}, "by which method"),
        ("/login", {"url": "http://shop/login?token=***", "method": "GET"}, "taken out as a secret"),
        ("/login", {"url": "http://shop/login?password=[Filtered]", "method": "GET"}, "taken out as a secret"),
        ("/find", {"q": "x" * 9000}, "not one that can be sent"),
    ],
)
def test_what_cannot_be_sent_again_says_why(intent: str | None, entities: dict[str, Any], why: str):
    found = asked(intent, **entities)

    assert isinstance(found, str)
    assert why in found


def test_a_url_that_tries_to_leave_the_request_line_is_not_sent():
    found = asked(None, url="http://shop/x\r\nHost: other", method="GET")

    assert isinstance(found, str) or "\r" not in found.target
