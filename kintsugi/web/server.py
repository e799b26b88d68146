"""The HTTP server: webhooks in, health out. An accepted delivery is on disk before its answer."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from kintsugi.telemetry.counts import Tally
from kintsugi.web.bodies import body_of
from kintsugi.web.ci_proof import ProofDoor, Unsigned, read_proof
from kintsugi.web.connections import Connections, Patience, room_for_connections
from kintsugi.web.deliveries import IGNORED, KNOWN, OUTCOME, REFUSED, counting, uncounted
from kintsugi.web.github import Ignored, Look, parse, verify
from kintsugi.web.no_delivery import Unreadable
from kintsugi.web.railway import RailwayDoor, ignored
from kintsugi.web.reports import Reports
from kintsugi.web.unavailable import told_to_come_again
from kintsugi.web.unreadable import requests_log
from kintsugi.workflow.errors import Refusal, StepFailed, StoreUnavailable
from kintsugi.workflow.ports import Clock, Outcome, Receipt
from kintsugi.workflow.triggers import Trigger

log = logging.getLogger("kintsugi.web")

LARGEST = 5 * 2**20  # GitHub's deliveries that concern us have some 30 KB; it sends up to 25 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerNeeds:
    """What the server needs. `ready` answers what is wrong, or None.

    `hint` stores that an incident should be looked at, by a key of its own; False: it is there already.
    """

    clock: Clock
    fire: Callable[[Trigger], Awaitable[Receipt]]
    hint: Callable[[str, int], Awaitable[bool]]
    ready: Callable[[], Awaitable[str | None]]
    github_repository: str = ""
    github_secrets: tuple[str, ...] = ()
    proofs: ProofDoor | None = None  # what a workflow of GitHub Actions proved; None: nobody's word counts
    railway: RailwayDoor = field(default_factory=RailwayDoor)
    deploy_secrets: tuple[str, ...] = ()  # of the service that deploys when it is told to by a webhook
    look_at_deployments: Callable[[], Awaitable[None]] | None = None  # has those under way looked at, soon
    reports: Reports | None = None  # of Sentry's SDKs
    deliveries: Tally = field(default_factory=uncounted)  # what became of them


class CannotListen(Exception):
    """At an address. The text says why, in the system's words."""


class Server:
    """One method a route."""

    def __init__(self, doors: ServerNeeds) -> None:
        self._doors = doors

    def application(self) -> web.Application:
        application = web.Application(
            client_max_size=LARGEST, middlewares=[counting(self._doors.deliveries), told_to_come_again]
        )
        application.router.add_post("/webhooks/github", self.github)
        application.router.add_post("/webhooks/github/proof", self.proof)
        application.router.add_post("/webhooks/railway/{secret}", self.railway)
        application.router.add_post("/webhooks/deploy", self.deploy)
        if self._doors.reports:
            self._doors.reports.add_to(application)
        self.add_health_to(application)
        return application

    def add_health_to(self, application: web.Application) -> None:
        """Whether the process lives, and whether its database serves."""
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)

    async def github(self, request: web.Request) -> web.Response:
        doors, signature = self._doors, request.headers.get("X-Hub-Signature-256")
        if signature is None:
            return _says(401, "This delivery is not signed with X-Hub-Signature-256.")
        if (request.content_length or 0) > LARGEST:
            return _too_large()
        try:
            body = await body_of(request)
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        if not verify(body, signature, doors.github_secrets):
            return _says(401, "The signature is not of this body under a secret of ours.")
        try:
            told = parse(request.headers, body, doors.github_repository, doors.clock.now())
        except Unreadable as error:
            return _says(400, str(error))
        match told:
            case Ignored(why=why):
                return _says(200, why, IGNORED)
            case Look(incident=incident):
                return await _stored(self._hint(_delivery(request, body), incident))
            case Trigger():
                return await _stored(self._take(told))

    async def proof(self, request: web.Request) -> web.Response:
        """A workflow proved a pull request of ours."""
        doors = self._doors
        if doors.proofs is None:
            return _says(200, "No workflow's word counts here: set KINTSUGI_GITHUB_PROOF_WORKFLOW.", IGNORED)
        try:
            told = await read_proof(doors.proofs, await body_of(request), doors.clock.now())
        except web.HTTPRequestEntityTooLarge:
            return _too_large()
        except Unsigned as error:
            return _says(401, str(error))
        except Unreadable as error:
            return _says(400, str(error))
        except StepFailed as error:
            return _says(503, f"{error} Deliver it again.")
        return _says(200, told.why, IGNORED) if isinstance(told, Ignored) else await _stored(self._take(told))

    async def railway(self, request: web.Request) -> web.Response:
        door = self._doors.railway
        if not door.knows(request.match_info["secret"]):
            return _says(401, "The path's secret is not ours.")
        if why := ignored(door, await body_of(request)):
            return _says(200, why, IGNORED)
        return await _stored(self._look_at_deployments())

    async def deploy(self, request: web.Request) -> web.Response:
        """Whoever deploys for us says that something changed."""
        body, signature = await body_of(request), request.headers.get("X-Kintsugi-Signature-256")
        if not verify(body, signature, self._doors.deploy_secrets):
            return _says(401, "This is not signed with X-Kintsugi-Signature-256 under our secret.")
        return await _stored(self._look_at_deployments())

    async def healthz(self, request: web.Request) -> web.Response:
        return _says(200, "ok")

    async def readyz(self, request: web.Request) -> web.Response:
        wrong = await self._doors.ready()
        return _says(503, wrong) if wrong else _says(200, "ready")

    async def _look_at_deployments(self) -> web.Response:
        look = self._doors.look_at_deployments
        if look is None:
            return _says(200, "Nothing is deployed from here.", IGNORED)
        await look()
        return _says(202, "The deployments under way are looked at.")

    async def _hint(self, key: str, incident: int) -> web.Response:
        if await self._doors.hint(key, incident):
            return _says(202, f"INC-{incident} is looked at.")
        return _says(200, f"Known already: INC-{incident} is looked at.", KNOWN)

    async def _take(self, trigger: Trigger) -> web.Response:
        try:
            receipt = await self._doors.fire(trigger)
        except Refusal as refusal:
            return _says(200, str(refusal), REFUSED)  # a retry would not help
        if receipt.outcome == Outcome.DUPLICATE:
            return _says(200, f"Known already: {receipt.says}", KNOWN)
        return _says(202, receipt.says)


async def _stored(answer: Awaitable[web.Response]) -> web.Response:
    """The answer, or that it has to be delivered again."""
    try:
        return await answer
    except StoreUnavailable as error:
        log.warning("delivery_not_stored", extra={"why": str(error)})
        return _says(503, "It could not be stored just now. Deliver it again.")


async def serve(
    application: web.Application,
    host: str,
    port: int,
    started: Callable[[str], None],
    *,
    patience: Patience = Patience(),  # noqa: B008  # frozen
    most: int | None = None,
) -> None:
    """Serve until cancelled. `started` is told the address; `most`: connections, by default as there are files for.

    Raises CannotListen where nothing can listen there: a port that is taken, a host that is not ours.
    """
    connections = Connections(patience, room_for_connections() if most is None else most)
    application.middlewares.insert(0, connections.middleware)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=requests_log(),
        shutdown_timeout=5,
        keepalive_timeout=patience.between,
        lingering_time=patience.rest,
        auto_decompress=False,  # what is packed is unpacked by the door it came to, which knows how large it may get
    )
    await runner.setup()
    assert runner.server
    listening = await _listening(connections.guarded(runner.server), host, port)
    try:
        started(f"http://{host}:{listening.sockets[0].getsockname()[1]}")
        await asyncio.Event().wait()
    finally:
        listening.close()
        await runner.cleanup()


async def _listening(protocol: Callable[[], asyncio.Protocol], host: str, port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(protocol, host, port, backlog=1024)
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        raise CannotListen(os.strerror(number).lower() if number and number > 0 else str(error)) from error


def _delivery(request: web.Request, body: bytes) -> str:
    """What a redelivery has in common with the first: GitHub's id of it."""
    return f"github:delivery:{request.headers.get('X-GitHub-Delivery') or hashlib.sha256(body).hexdigest()}"[:200]


def _too_large() -> web.Response:
    return _says(413, f"More than {LARGEST // 2**20} MB is not read.")


def _says(status: int, sentence: str, outcome: str = "") -> web.Response:
    """`outcome`: what became of the delivery, where the status does not tell."""
    answer = web.json_response({"says": sentence}, status=status)
    answer[OUTCOME] = outcome
    return answer
