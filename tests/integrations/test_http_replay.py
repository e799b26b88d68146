"""The failing request is sent again to a real program on this machine: what shows a cure, and what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from kintsugi.integrations.http_replay import HttpReplay
from kintsugi.integrations.own_requests import OwnRequests
from kintsugi.integrations.program import commit_at
from kintsugi.workflow.cure import ASKED, SENT_AGAIN, Runs
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.payload import RequestContext
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import MERGE, a_payload, an_incident


@dataclass
class Program:
    """It tells its commit and answers as it is told. `drops`: it closes the connection without an answer."""

    commit: Any = MERGE
    restarts_to: str = ""
    status: int = 200
    drops: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)
    marked: set[str] = field(default_factory=set)
    connections: set[Any] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        self.marked.add(request.headers.get("X-Kintsugi-Replay", ""))
        self.connections.add(request.transport and request.transport.get_extra_info("peername"))
        if request.path.endswith("/version"):
            return web.json_response({"commit": self.commit})
        self.asked.append(f"{request.method} {request.rel_url}")
        self.commit = self.restarts_to or self.commit
        if self.drops and request.transport:
            request.transport.close()
        return web.json_response({}, status=self.status)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while request.transport and not request.transport.is_closing():
            await answer.write(b"x" * 65_536)
        return answer

    async def half(self, request: web.Request) -> web.StreamResponse:
        """A crash in the middle of a stream: `length` is what it promised, or None for chunks."""
        answer = web.StreamResponse()
        answer.content_length = int(request.query.get("length", 0)) or None
        await answer.prepare(request)
        await answer.write(b"id,price\n1,")
        assert request.transport
        request.transport.close()
        return answer


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    program = Program()
    application = web.Application()
    application.router.add_get("/endless", program.stream)
    application.router.add_get("/half", program.half)
    application.router.add_get("/{any:.*}", program.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    program.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield program
    await runner.cleanup()


def a_case(**request: Any) -> Case:
    payload = a_payload().model_copy(update={"request": RequestContext(**request)})
    return Case(an_incident(State.DEPLOYED), payload)


CHECKOUT = a_case(intent="/checkout", entities={"cart": "cup,cup", "coupon": "10 %"})


async def test_all_that_is_asked_is_counted_by_build_before_the_request_is_sent(program: Program):
    own, kept = OwnRequests(), list[Runs]()

    async def keep(_: str, runs: Sequence[Runs]) -> None:
        assert len(runs) == 1 or program.asked or "sent again" in runs[-1].intent
        kept[:] = runs

    own.kept_by(keep)
    await HttpReplay(lambda: program.url, own).read(CHECKOUT)
    await commit_at(program.url, own)
    await commit_at("http://127.0.0.1:1", own)

    assert kept == [Runs(ASKED, "", 1, 0), Runs(ASKED, MERGE, 3, 0), Runs(SENT_AGAIN, MERGE, 1, 0)]


async def test_the_failing_request_is_sent_again_as_it_was(program: Program):
    reading = await HttpReplay(lambda: program.url).read(CHECKOUT)

    assert program.asked == ["GET /checkout?cart=cup,cup&coupon=10+%25"]
    assert program.marked == {"INC-1"}
    assert reading.shown
    assert reading.running == MERGE


async def test_each_request_has_a_connection_of_its_own(program: Program):
    await HttpReplay(lambda: program.url).read(CHECKOUT)

    assert len(program.connections) == 3  # what runs, the request, what runs


async def test_a_head_is_sent_as_a_head(program: Program):
    await HttpReplay(lambda: program.url).read(a_case(intent="HEAD /checkout"))

    assert program.asked == ["HEAD /checkout"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_what_may_change_something_is_not_sent(program: Program, method: str):
    case = a_case(intent="checkout", entities={"method": method, "url": "http://shop.example/checkout"})

    reading = await HttpReplay(lambda: program.url).read(case)

    assert program.asked == []
    assert reading.cure.says == f"Unproven: it was a {method}, and only GET and HEAD are sent again."


async def test_a_program_below_a_path_is_asked_below_it(program: Program):
    replay = HttpReplay(lambda: f"{program.url}/shop/")

    await replay.read(a_case(intent="/checkout"))
    await replay.read(a_case(entities={"method": "GET", "url": "https://example.com/shop/checkout?cart=1"}))

    assert program.asked == ["GET /shop/checkout", "GET /shop/checkout?cart=1"]


async def test_a_crash_is_a_recurrence_on_the_commit_that_answered(program: Program):
    program.status = 500

    reading = await HttpReplay(lambda: program.url).read(CHECKOUT)

    assert reading.recurred
    assert not reading.shown
    assert reading.running == MERGE


NOTHING_SHOWN = [301, 302, 304, 400, 401, 403, 404, 405, 409, 410, 422, 429, 501, 502, 503, 504]


@pytest.mark.parametrize("status", NOTHING_SHOWN)
async def test_any_other_answer_shows_nothing_and_is_told(program: Program, status: int):
    program.status = status

    reading = await HttpReplay(lambda: program.url).read(a_case(intent="/checkout"))

    assert not reading.shown
    assert not reading.recurred
    assert reading.cure.says == f"Unproven: GET /checkout answers {status}, which does not show that it works."


@pytest.mark.parametrize("status", [200, 201, 204, 206])
async def test_an_answer_of_success_shows_the_cure(program: Program, status: int):
    program.status = status

    assert (await HttpReplay(lambda: program.url).read(CHECKOUT)).shown


@pytest.mark.parametrize("status", [302, 404])
async def test_what_the_request_is_answered_where_it_works_shows_the_cure(program: Program, status: int):
    program.status = status

    reading = await HttpReplay(lambda: program.url).read(replace(CHECKOUT, worked=frozenset({status})))

    assert reading.shown
    assert "as it does on a build where it works" in reading.cure.says


async def test_no_answer_shows_nothing(program: Program):
    program.drops = True

    reading = await HttpReplay(lambda: program.url).read(CHECKOUT)

    assert not reading.shown
    assert not reading.recurred
    assert "got no answer" in reading.cure.says


async def test_a_restart_between_is_noticed(program: Program):
    program.restarts_to = "0ther"

    with pytest.raises(StepFailed, match="restarted"):
        await HttpReplay(lambda: program.url).read(CHECKOUT)


@pytest.mark.parametrize("commit", [None, 7, ["a"]])
async def test_a_program_that_tells_no_commit_shows_no_cure(program: Program, commit: Any):
    program.commit = commit

    with pytest.raises(StepFailed, match="does not tell which commit it runs"):
        await HttpReplay(lambda: program.url).read(CHECKOUT)


async def test_without_a_request_nothing_is_claimed(program: Program):
    reading = await HttpReplay(lambda: program.url).read(a_case(intent="checkout command"))

    assert not reading.shown
    assert not reading.recurred
    assert reading.cure.says == "Unproven: the report does not say which request failed."


async def test_a_program_that_is_away_is_asked_again_later():
    with pytest.raises(StepFailed, match="does not answer"):
        await HttpReplay(lambda: "http://127.0.0.1:9").read(CHECKOUT)


async def test_an_answer_without_an_end_is_not_waited_for(program: Program):
    assert (await HttpReplay(lambda: program.url).read(a_case(intent="/endless"))).shown


@pytest.mark.parametrize("path", ["/half", "/half?length=1000"])
async def test_an_answer_that_breaks_off_shows_nothing_whatever_its_status(program: Program, path: str):
    reading = await HttpReplay(lambda: program.url).read(a_case(intent=path))

    assert not reading.shown
    assert reading.cure.says == f"Unproven: GET {path} answers 200 and breaks off (RemoteProtocolError)."
