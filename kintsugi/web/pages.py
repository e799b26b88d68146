"""The operator's pages: what is open, one incident whole, and the human moves. They follow the incidents live.

Pages are made here and need no script to be read; the script only fetches them anew when something moved, and shows
times in the viewer's zone.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kintsugi.capture.links import link_to
from kintsugi.telemetry import bind
from kintsugi.telemetry.plain import plain
from kintsugi.web import shown
from kintsugi.web.entrance import Entrance
from kintsugi.web.forms import Form, form_of
from kintsugi.web.live import PAGE, Live, version_of
from kintsugi.web.needs import ASKER, HEADERS, SESSION, PageNeeds
from kintsugi.web.plots import RATE_OVER, STAGES, bars, rate, strips
from kintsugi.workflow.asking import NAMES, Requests, row_of, takes_of
from kintsugi.workflow.doing import can, doing
from kintsugi.workflow.errors import BadInput, Forbidden, NotFound, Refusal, StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.numbers import WEEKS, by_stage, by_week, per_healed, to_somebody
from kintsugi.workflow.path import mood
from kintsugi.workflow.people import name_of_person
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.questions import Question, Questions
from kintsugi.workflow.states import State
from kintsugi.workflow.times import roughly, under_way
from kintsugi.workflow.typed import given
from kintsugi.workflow.waiting import queues

log = logging.getLogger("kintsugi.web")

_FOLDER = Path(__file__).parent
_FIRST = ("confirm", "reject", "send", "retry", "rollback", "ack", "reopen", "unignore")  # the others are folded away
_NUMBER = re.compile(r"[0-9]{1,18}")  # what a database takes
_PASTS = 2000  # incidents that the numbers are made of, at most
_WAITING = 500  # open incidents that are looked at, the oldest


@cache
def _templates() -> Environment:
    """Each template is compiled once, however many servers a process has."""
    templates = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters.update(plain=shown.bounded, spread=shown.spread)
    templates.globals.update(
        diff=shown.diff,
        code=shown.code,
        counted=shown.counted,
        mood=mood,
        doing=doing,
        can=can,
        roughly=roughly,
        person=name_of_person,
        stages=STAGES,
    )
    return templates


class Pages:
    """One method a route; `add_to` puts them into an application."""

    def __init__(self, behind: PageNeeds) -> None:
        self._behind = behind
        questions = Questions(behind.store, behind.clock, behind.production, behind.environment)
        self._requests = Requests(behind.store, behind.clock, behind.fire, behind.rules, questions)
        self._entrance = Entrance(behind, self._page)
        self._live = Live(behind.store, self._entrance.session)

    def add_to(self, application: web.Application) -> None:
        router, guarded = application.router, self._entrance.guarded
        router.add_get("/", guarded(self.incidents))
        router.add_get("/incidents/{id:\\d{1,18}}", guarded(self.incident))
        router.add_get("/numbers", guarded(self.numbers))
        router.add_get("/events", guarded(self._live.events))
        router.add_get("/incidents/{id:\\d{1,18}}/events", guarded(self._live.events))
        router.add_get("/incidents/{id:\\d{1,18}}/{action}", guarded(self.question))
        router.add_post("/incidents/{id:\\d{1,18}}/{action}", guarded(self.act))
        self._entrance.add_to(router)
        router.add_get("/static/code.css", self.colours)
        router.add_static("/static", _FOLDER / "static")

    # --- pages ------------------------------------------------------------------------------------------------------

    async def incidents(self, request: web.Request) -> web.Response:
        """The list, newest first, by state, paged by number. `find` is words to find, or a number to go to."""
        query = request.query
        words = query.get("find", "").strip()[:200]
        if number := _number_in(words):
            raise web.HTTPSeeOther(f"/incidents/{number}")
        state = next((each for each in State if each.value == query.get("state")), None)
        before = query.get("before", "")
        if before and not _NUMBER.fullmatch(before):
            raise web.HTTPBadRequest(text="`before` is the number of an incident.")
        found = await self._behind.store.incidents(
            state, words=words, limit=PAGE + 1, before=int(before) if before else None
        )
        more = found[PAGE - 1].id if len(found) > PAGE else None
        newest = found[:PAGE] if not (state or words or before) else await self._behind.store.incidents(limit=PAGE)
        return self._page(
            request,
            "incidents.html",
            incidents=found[:PAGE],
            state=state,
            words=words,
            more=more and _query(state=state, find=words, before=more),
            version=version_of(newest),
        )

    async def incident(self, request: web.Request) -> web.Response:
        return await self._incident(request)

    async def numbers(self, request: web.Request) -> web.Response:
        """What came of the last weeks' incidents, and what each step took."""
        now = self._behind.clock.now()
        pasts = await self._behind.store.pasts(now - timedelta(weeks=WEEKS), limit=_PASTS)
        weeks, waiting = by_week(pasts, now), await self._behind.store.waiting(limit=_WAITING)
        return self._page(
            request,
            "numbers.html",
            any=bool(pasts),
            cut=_PASTS if len(pasts) == _PASTS else 0,
            weeks=weeks,
            bars=bars(weeks, {kind: attrgetter(kind) for kind in ("healed", "under_way", "ended")}),
            per_healed=per_healed(weeks),
            costs=bars(weeks, {"usd": attrgetter("usd")}),
            strips=strips([*filter(None, [to_somebody(pasts)]), *by_stage(pasts)]),
            queues=queues(waiting, now),
            oldest=_WAITING if len(waiting) == _WAITING else 0,
            now=now,
        )

    async def act(self, request: web.Request) -> web.Response:
        """A human move. A form that is sent twice is one move, by its own key."""
        form, number, name = await form_of(request), int(request.match_info["id"]), _askable(request)

        async def done() -> web.Response:
            came = await self._ask_for(request, name, await self._behind.store.incident(number), form)
            if isinstance(came, Question):
                return self._question(request, name, came)
            raise web.HTTPSeeOther(f"/incidents/{number}")

        return await self._unless_refused(request, done)

    async def question(self, request: web.Request) -> web.Response:
        """What is asked before a command that changes production is taken; nothing is done by looking at it."""
        number, name = int(request.match_info["id"]), _askable(request)

        async def asked() -> web.Response:
            row = row_of(name, await self._behind.store.incident(number))
            assert row
            blank = row.on(incident=number, key="", at=self._behind.clock.now(), **row.blank)
            asks = not row.typed_by(request[ASKER])
            question = await self._requests.question(request[ASKER], blank) if asks else None
            if question is None:  # it is asked on the incident's own page
                raise web.HTTPSeeOther(f"/incidents/{number}")
            return self._question(request, name, question)

        return await self._unless_refused(request, asked)

    def _question(self, request: web.Request, name: str, question: Question) -> web.Response:
        number = int(request.match_info["id"])
        return self._page(
            request,
            "question.html",
            number=number,
            asked=name,
            takes=takes_of(name),
            question=question,
            once=uuid4().hex,
        )

    async def _unless_refused(
        self, request: web.Request, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.Response:
        """The answer; or the incident's page with the reason why not."""
        try:
            return await answer()
        except Forbidden as no:
            return await self._incident(request, refused=str(no), status=403)
        except NotFound as error:
            return self._page(request, "lost.html", status=404, says=str(error))
        except (Refusal, BadInput) as refusal:
            return await self._incident(request, refused=str(refusal), status=409)
        except StepFailed as failed:
            return await self._incident(request, refused=str(failed), status=503)

    async def _ask_for(self, request: web.Request, name: str, incident: Incident, form: Form) -> Receipt | Question:
        row, asker = row_of(name, incident), request[ASKER]
        assert row
        typed = given(row.typed_by(asker), lambda name: plain(str(form.get(name, ""))), self._behind.clock.now())
        key = f"web:{row.on.__name__}:{incident.id}:{str(form.get('once', ''))[:64]}"
        command = row.on(incident=incident.id, key=key, at=self._behind.clock.now(), actor=asker.actor, **typed)
        if self._behind.discord and (member := request[SESSION].member):
            self._behind.discord.admit(member)
        return await self._requests.ask(asker, command, str(form.get("answer", ""))[:64])

    async def _incident(self, request: web.Request, refused: str = "", status: int = 200) -> web.Response:
        number, store = int(request.match_info["id"]), self._behind.store
        bind(incident_id=number)
        try:
            found = await store.incident(number)
            now = self._behind.clock.now()
            payload, history, owed, talks, sightings = await asyncio.gather(
                store.payload(number),
                store.history(number),
                store.owed(number),
                store.talks(number),
                store.sightings(number, now - RATE_OVER),
            )
        except NotFound as error:
            return self._page(request, "lost.html", status=404, says=str(error))
        return self._page(
            request,
            "incident.html",
            status=status,
            incident=found,
            payload=payload.numbered(number, last=found.last_seen or payload.occurred.last, count=found.count),
            history=history,
            talks=talks,
            owed=[owes for owes in owed if shown.is_worth_telling(owes)],
            stops=shown.stops(found, history),
            noticed=shown.noticed(payload, history),
            sightings=sightings,
            rate=rate(sightings.hours, now),
            link=shown.link(payload),
            report=link_to(found.page),
            stage=under_way(history),
            asker=request[ASKER],
            offered=self._requests.offered(found, request[ASKER]),
            withheld=self._requests.withheld(found, request[ASKER]),
            refused=refused,
            first=_FIRST,
            once=uuid4().hex,
            version=version_of([found]),
        )

    # --- inside -----------------------------------------------------------------------------------------------------

    async def colours(self, request: web.Request) -> web.Response:
        return web.Response(text=shown.code_colours(), content_type="text/css")

    def _page(self, request: web.Request, name: str, *, status: int = 200, **values: Any) -> web.Response:
        session = request.get(SESSION)
        common: dict[str, Any] = {
            "environment": self._behind.environment,
            "csrf": session.csrf if session else "",
            "logged_in": session is not None,
            "member": session.member if session else None,
            "states": list(State),
            "status": status,
        }
        text = _templates().get_template(name).render(common | values)
        return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def _askable(request: web.Request) -> str:
    """What is asked for. Raises HTTPNotFound."""
    name = request.match_info["action"]
    if name not in NAMES:
        raise web.HTTPNotFound
    return name


def _query(**fields: object) -> str:
    return urlencode({name: value for name, value in fields.items() if value})


def _number_in(words: str) -> int | None:
    """The incident that is named by its number: 7, #7 or INC-7."""
    number = words.upper().removeprefix("INC-").removeprefix("#")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else None  # what a database takes
