"""Events of SDKs of every age as payloads: what is read of them, and that nothing else is lost where a field is odd."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.event import read_event
from kintsugi.capture.release import commit_of
from kintsugi.capture.sentry import Teller, outline_of, payload_of
from kintsugi.workflow.payload import Payload
from tests.world.make import NOON

ODD = (None, True, -7, 0.5, "odd\ud800\0", [], ["odd"], [[1, 2, 3]], {}, {"odd": {"odd": 1}}, float("nan"), 10**30)


def the_payload(**event: Any) -> Payload:
    return payload_of(read_event(event), Teller("42"), now=NOON)


def a_stack(path: str = "shop/cart.py", **frame: Any) -> dict[str, Any]:
    return {"frames": [{"filename": path, "function": "load", "lineno": 40, "in_app": True} | frame]}


def an_error(kind: str = "LoadError", path: str = "shop/cart.py", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "value": "it broke", "stacktrace": a_stack(path)} | fields


def test_the_events_own_page_is_kept_without_its_query_where_it_is_an_address_and_believed():
    there = "https://acme.sentry.io/issues/7/events/1f/"
    named = {"exception": {"values": [an_error()]}, "web_url": f"{there}?project=1"}

    assert the_payload(**named).incident.page == there
    assert payload_of(read_event(named), Teller("42", believed=False), now=NOON).incident.page == ""
    for odd in ("javascript:alert(1)", "https://you@evil.example/", "acme", ["https://acme.sentry.io"]):
        assert the_payload(**named | {"web_url": odd}).incident.page == ""


WHOLE = {
    "event_id": "ab" * 16,
    "type": "error",
    "timestamp": 1_700_000_000.5,
    "platform": "python",
    "level": "error",
    "logger": "shop",
    "transaction": "/pay",
    "culprit": "shop.pay",
    "server_name": "host",
    "release": "shop@1a2b3c4",
    "dist": "1",
    "environment": "live",
    "fingerprint": ["{{ default }}", "north"],
    "message": "it broke",
    "logentry": {"message": "basket %s", "params": ["ada"], "formatted": "basket ada"},
    "exception": {
        "values": [
            an_error(
                module="shop.errors",
                thread_id=1,
                mechanism={"type": "chained", "exception_id": 1, "parent_id": 0, "source": "exceptions[0]"},
                stacktrace=a_stack(
                    abs_path="/srv/shop/cart.py",
                    module="shop.cart",
                    package="shop",
                    context_line="load()",
                    pre_context=["a"],
                    post_context=["b"],
                    vars={"cart": "{}"},
                    colno=3,
                ),
            ),
            an_error("ExceptionGroup", mechanism={"exception_id": 0, "is_exception_group": True, "handled": False}),
        ]
    },
    "threads": {"values": [{"id": 1, "crashed": True, "current": True, "stacktrace": a_stack()}]},
    "stacktrace": a_stack(),
    "breadcrumbs": {"values": [{"timestamp": 1, "level": "info", "category": "db", "message": "m", "data": {"a": 1}}]},
    "user": {"id": "1", "username": "ada", "email": "ada@shop.test"},
    "request": {"method": "GET", "url": "http://shop.test/", "query_string": "a=1", "headers": {"Accept": "*/*"}},
    "tags": {"a": "b"},
    "extra": {"cart": 7},
    "modules": {"flask": "3.0"},
    "contexts": {"runtime": {"name": "CPython", "version": "3.12"}},
    "sdk": {"name": "sentry.python", "version": "2.0"},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        yield from places(each, (*path, name))


def with_odd(path: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    event = copy.deepcopy(WHOLE)
    inner: Any = event
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = odd
    return event


@pytest.mark.parametrize("path", list(places(WHOLE)), ids=lambda path: ".".join(map(str, path)))
def test_every_field_may_be_any_json_and_nothing_else_is_lost(path: tuple[Any, ...]):
    whole = the_payload(**WHOLE)
    assert whole.unread == ()
    for odd in ODD:
        event = read_event(with_odd(path, odd))
        payload = payload_of(event, Teller("42"), now=NOON)

        assert Payload.model_validate_json(payload.model_dump_json(exclude_defaults=True))
        assert payload.incident.summary
        assert event.is_trouble or path == ("level",)
        if path[0] not in ("exception", "threads", "stacktrace", "platform"):
            assert payload.exception == whole.exception


@pytest.mark.parametrize(
    ("changes", "unread"),
    [
        ({"release": {"v": 1}}, "release"),
        ({"user": {"id": {"tenant": 1}, "email": "ada@shop.test"}}, "user.id"),
        ({"tags": "none"}, "tags"),
        ({"exception": [an_error(), "lost"]}, "exception.1"),
        ({"exception": [an_error(stacktrace=a_stack(lineno="x"))]}, "exception.0.stacktrace.frames.0.lineno"),
        ({"exception": [an_error(stacktrace=a_stack(vars="none"))]}, "exception.0.stacktrace.frames.0.vars"),
    ],
)
def test_what_did_not_fit_is_named(changes: dict[str, Any], unread: str):
    payload = the_payload(**{"exception": [an_error()]} | changes)

    assert payload.unread == (unread,)
    assert payload.exception
    assert payload.exception.chain[0].frames[0].path == "shop/cart.py"


def test_words_of_another_type_are_kept_as_they_are():
    payload = the_payload(
        exception=[an_error(value={"code": 5})],
        breadcrumbs=[{"message": {"order": 7}, "data": "of ada"}],
        user="ada",
        extra={"cart": [1, 2]},
    )

    assert payload.unread == ()
    assert payload.exception
    assert payload.exception.final.message == '{"code": 5}'
    assert payload.log == ('INFO: {"order": 7} of ada',)
    assert payload.request.user == "ada"
    assert payload.request.entities["extra.cart"] == [1, 2]


def test_what_is_no_object_is_refused():
    with pytest.raises(CaptureError, match="it is no object"):
        read_event([])


# --- old SDKs ---


def test_interfaces_of_the_old_protocol_are_read():
    payload = the_payload(
        **{
            "platform": "java",
            "sentry.interfaces.Exception": an_error(module="shop.pay"),
            "sentry.interfaces.Http": {"method": "POST", "url": "http://shop.test/pay"},
            "sentry.interfaces.User": {"id": 7},
        }
    )

    assert payload.incident.summary == "LoadError: it broke in shop/cart.py:40"
    assert payload.request.user == "7"
    assert payload.request.entities["method"] == "POST"


@pytest.mark.parametrize(
    ("level", "heard"),
    [(50, True), (40, True), ("40", True), (30, False), ("WARNING", False), ("fatal", True), ("odd", True)],
)
def test_levels_in_words_and_numbers(level: object, heard: bool):
    assert read_event({"level": level}).is_trouble == heard


def test_a_stack_beside_a_message_is_its_place():
    payload = the_payload(message="the drawer is stuck", stacktrace=a_stack("shop/till.py"))

    assert payload.incident.summary == "the drawer is stuck in shop/till.py:40"


def test_the_crashed_thread_is_the_failure_where_no_exception_is_told():
    threads = [{"id": 2, "stacktrace": a_stack("other.py")}, {"id": 1, "crashed": True, "stacktrace": a_stack()}]

    assert "shop/cart.py:40" in the_payload(level="fatal", threads={"values": threads}).incident.summary


def test_an_exceptions_stack_may_be_its_threads():
    payload = the_payload(
        exception=[{"type": "E", "value": "v", "thread_id": 5}], threads=[{"id": 5, "stacktrace": a_stack()}]
    )

    assert payload.incident.summary == "E: v in shop/cart.py:40"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"message": "shelf %s holds %d", "params": ["B9", 3]}, "shelf B9 holds 3"),
        ({"message": "shelf %(shelf)s", "params": {"shelf": "B9"}}, "shelf B9"),
        ({"message": "shelf {0} holds {1}", "params": ["B9", None]}, "shelf B9 holds "),
        ({"message": "100% of %s", "params": []}, "100% of %s"),
        ({"message": "%999999999s", "params": ["x"]}, "x"),
    ],
)
def test_a_template_is_filled_in(entry: dict[str, Any], said: str):
    assert the_payload(logentry=entry).incident.summary == said.strip()


# --- names, chains, releases ---


@pytest.mark.parametrize(
    ("platform", "kind", "module", "name"),
    [
        ("python", "LoadError", "shop.errors", "shop.errors.LoadError"),
        ("python", "KeyError", "builtins", "KeyError"),
        ("java", "IllegalStateException", "java.lang", "java.lang.IllegalStateException"),
        ("csharp", "Shop.Empty", "Shop, Version=1.0.0.0, PublicKeyToken=0123456789abcdef", "Shop.Empty"),
        ("ruby", "Shop::Empty", "Shop", "Shop::Empty"),
        ("go", "*errors.errorString", "errors", "*errors.errorString"),
    ],
)
def test_a_type_is_named_as_its_language_prints_it(platform: str, kind: str, module: str, name: str):
    payload = the_payload(platform=platform, exception=[an_error(kind, module=module)])

    assert payload.exception
    assert payload.exception.final.type == name


@pytest.mark.parametrize(
    ("file", "module", "path"),
    [
        ("/srv/bot/cogs/general.py", "cogs.general", "cogs/general.py"),
        ("C:\\bot\\cogs\\general.py", "cogs.general", "cogs/general.py"),
        ("/srv/bot/my_cogs/general.py", "cogs.general", "/srv/bot/my_cogs/general.py"),
        ("/srv/bot/general.py", "general", "/srv/bot/general.py"),
    ],
)
def test_a_module_in_a_folder_without_init_is_told_by_its_module(file: str, module: str, path: str):
    """sentry-python sends `cogs/general.py` of a package, and the whole path of a namespace package."""
    payload = the_payload(platform="python", exception=[an_error(stacktrace=a_stack(file, module=module))])

    assert payload.exception
    assert payload.exception.final.frames[-1].path == path


def test_what_a_pools_worker_raised_is_told_where_it_was_raised():
    """As sentry-python sends it: the worker's traceback is the text of a cause."""
    shown = 'Traceback (most recent call last):\n  File "/srv/shop/price.py", line 3, in price\n    return {}[name]\n'
    cause = f"{shown.replace('price', 'read')}OSError\n\nDuring handling of the above exception, another exception occurred:\n\n"
    remote = an_error(
        "_RemoteTraceback", module="concurrent.futures.process", value=f'\n"""\n{cause}{shown}KeyError: \'mug\'\n"""'
    )
    remote |= {"stacktrace": None, "mechanism": {"exception_id": 1, "parent_id": 0, "source": "__cause__"}}
    asked = an_error("KeyError", value="'mug'", mechanism={"exception_id": 0})

    told = the_payload(platform="python", exception=[remote, asked]).exception
    another = the_payload(platform="python", exception=[remote, asked | {"type": "OSError"}]).exception

    assert told
    assert another
    assert [[frame.function for frame in raised.frames] for raised in told.chain] == [["read"], ["load", "price"]]
    assert [raised.type for raised in another.chain] == ["concurrent.futures.process._RemoteTraceback", "OSError"]


def test_a_group_stands_after_its_members_and_they_after_their_causes():
    """As sentry-python sends it: the last raised at the end, causes without their parent's id."""

    def told(kind: str, id: int, source: str = "", **more: Any) -> dict[str, Any]:
        path = f"shop/{kind.lower()}.py"
        return an_error(kind, path, mechanism={"exception_id": id, "parent_id": 0, "source": source} | more)

    payload = the_payload(
        platform="python",
        exception=[
            told("KeyError", 4, "__cause__"),
            told("TypeError", 3, "exceptions[1]"),
            told("ValueError", 2, "exceptions[0]"),
            told("OSError", 1, "__cause__"),
            told("ExceptionGroup", 0, is_exception_group=True),
        ],
    )

    assert payload.exception
    assert [(each.type, each.link) for each in payload.exception.chain] == [
        ("OSError", "cause"),
        ("ValueError", "group"),
        ("KeyError", "cause"),
        ("TypeError", "group"),
        ("ExceptionGroup", ""),
    ]
    assert payload.incident.summary.endswith("in shop/valueerror.py:40 (one of an ExceptionGroup)")


def test_a_circle_of_parents_ends():
    circle = [
        an_error(f"E{id}", mechanism={"exception_id": id, "parent_id": (id + 1) % 3, "source": "exceptions[0]"})
        for id in range(3)
    ]

    payload = the_payload(exception=circle)

    assert payload.exception
    assert sorted(each.type for each in payload.exception.chain) == ["E0", "E1", "E2"]


@pytest.mark.parametrize(
    ("release", "commit"),
    [
        ("shop@1.4.2+1a2b3c4", "1a2b3c4"),
        ("v1.4.2-14-g1a2b3c4", "1a2b3c4"),
        ("v1.4.2-14-gabcdefa-dirty", "abcdefa"),
        ("1.0.dev3+g1a2b3c4.d20261128", "1a2b3c4"),
        ("v0.0.0-20261128120000-1a2b3c4d5e6f", "1a2b3c4d5e6f"),
        ("1A2B3C4D" * 5, "1a2b3c4d" * 5),
        (f"{'1a2b3c4d' * 5}-live", "1a2b3c4d" * 5),
        ("shop@1.4.2+20261128", None),
        ("com.shop@3.1+3010045", None),
        ("be9b8133-72f5-497b-adeb-b0a245eebad6", None),
        ("be9b813372f5497badebb0a245eebad6", None),
        ("shop@defaced", None),
        ({"v": 1}, None),
    ],
)
def test_a_release_names_a_commit_or_none(release: object, commit: str | None):
    assert commit_of(release) == commit


def test_an_exception_named_as_what_is_logged_stays_an_exception():
    assert the_payload(exception=[an_error("Logged")]).incident.summary == "Logged: it broke in shop/cart.py:40"


def test_a_secret_in_a_container_is_hidden_whether_its_sdk_prints_texts_or_sends_them_as_they_are():
    words = "correct horse, battery staple"
    given = {"as_it_is": {"password": words}, "printed": {"password": repr(words), "a": "''"}, "passwords": [words]}
    frame = {"filename": "shop/pay.py", "function": "pay", "lineno": 3, "in_app": True, "vars": given}

    payload = the_payload(platform="python", exception={"values": [an_error(stacktrace={"frames": [frame]})]})

    assert payload.exception
    assert payload.exception.final.frames[0].variables == {
        "as_it_is": "{'password': ***}", "printed": "{'password': '***', 'a': ''}", "passwords": "***"
    }  # fmt: skip


def test_an_outline_names_the_failure_as_the_whole_does():
    secret = secrets.token_hex(20)
    frames = [{"filename": "shop/pay.py", "function": "pay", "lineno": 3, "in_app": True, "vars": {"a": "1"}}]
    events: list[dict[str, Any]] = [
        {"exception": {"values": [an_error("KeyError", value="'total'", stacktrace={"frames": frames})]}},
        {"exception": {"values": [an_error("A"), an_error("B", value=f"password={secret} " + "x" * 20_000)]}},
        {"logentry": {"message": "no %s", "params": ["bill"]}, "logger": "shop", "environment": "e" * 5_000},
        {"message": f"api_key={secret}", "fingerprint": ["{{ default }}", "{{ tags.shop }}"], "tags": {"shop": "7"}},
        {"threads": {"values": [{"id": 1, "crashed": True, "stacktrace": {"frames": frames}}]}},
        {},
    ]
    for event in events:
        given = {"release": "shop@1a2b3c4", "user": {"id": "7"}, "extra": {"a": 1}, "breadcrumbs": [{}], **event}
        whole = payload_of(read_event(given), Teller("42"), now=NOON).outline()
        outline = outline_of(given, Teller("42"), now=NOON)

        assert outline
        assert secret not in outline.model_dump_json()
        about = whole.incident.model_copy(update={"grouped_by": ""})
        assert outline == whole.model_copy(update={"incident": about})


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else "x"


def test_an_outline_that_was_read_before_is_taken_for_no_other_failure():
    """What is kept of one event is used for the next: each has to be as if it had come alone."""
    frames = [{"filename": "shop/pay.py", "function": "pay", "lineno": 3, "in_app": True, "vars": {"a": "1"}}]
    one = {
        "exception": {"values": [an_error("KeyError", stacktrace={"frames": frames})]},
        "fingerprint": ["{{ tags.vars }}", "{{ default }}"],
        "tags": {"vars": "7"},
        "timestamp": (NOON - timedelta(hours=2)).timestamp(),
        "user": {"id": "ann"},
    }
    others = [
        one | {"timestamp": NOON.isoformat(), "user": {"id": "bob"}, "event_id": "1" * 32},
        one | {"tags": {"vars": "8"}},
        one | {"release": "shop@1a2b3c4"},
        one | {"environment": "staging"},
        one | {"exception": {"values": [an_error("KeyError", value="'b'", stacktrace={"frames": frames[:0]})]}},
        *(one | {"exception": an_error(value={"data": said}), "fingerprint": ["{{ value }}"]} for said in ("a", "b")),
        one | {"exception": {"data": "of no meaning"}, "message": "it broke", "stacktrace": a_stack()},
        one | {"level": "info"},
        {f"sentry.interfaces.{name.title()}" if name == "exception" else name: each for name, each in one.items()},
        {"exception": {"values": [an_error("Deep", mechanism={"meta": deep(700)})]}},
    ]
    tellers = [Teller("42"), Teller("43"), Teller("42", program="shop", believed=False)]
    for event, teller in product((one, *others, one), tellers):
        found = outline_of(event, teller, now=NOON)
        told = read_event(event)

        assert (found is None) == (not told.is_trouble)
        if found:
            whole = payload_of(told, teller, now=NOON).outline()
            assert found.occurred == whole.occurred
            assert found.build == whole.build
            assert found.incident == whole.incident.model_copy(update={"grouped_by": ""})


def test_what_a_log_call_said_beside_an_exception_is_kept():
    event = {"exception": [{"type": "E", "value": "v"}], "logentry": {"message": "no %s", "params": ["tea"]}}

    entities = payload_of(read_event(event), Teller("42"), now=NOON).request.entities

    assert entities["message"] == "no tea"
