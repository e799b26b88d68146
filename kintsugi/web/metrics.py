"""`GET /metrics`: how everything stands and what this process counted, as Prometheus reads it.

What comes from the store is the same from whichever process it is read; what a process counted is its own, from its
start. Nothing is registered anywhere but here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import platform
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kintsugi.telemetry.counts import Spreads, Tally
from kintsugi.web.login import Login, is_loopback
from kintsugi.web.peers import peer_of
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.figures import BOUNDS, Figures
from kintsugi.workflow.states import Effect, State
from kintsugi.workflow.times import STAGES

log = logging.getLogger("kintsugi.web")

_DEADLINE = 5.0  # seconds for the store to answer
_SHARE = 0.01  # of the time, at most, is spent on counting: what takes long is counted less often
_Values = Iterable[tuple[tuple[str, ...], float]]  # the values of the labels, and the figure


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNeeds:
    """Where the figures come from. `hidden`: what the redactor hid, by kind. `leases`: who holds what, by name."""

    figures: Callable[[], Awaitable[Figures]]
    version: str = ""
    revision: str = ""
    deliveries: Tally = field(default_factory=Tally)
    passed_over: Tally = field(default_factory=Tally)
    attempts: Tally = field(default_factory=Tally)
    retries: Tally = field(default_factory=Tally)
    seconds: Spreads = field(default_factory=lambda: Spreads(()))
    dropped: Callable[[], int] = lambda: 0
    hidden: Callable[[], Mapping[str, int]] = dict
    reconciled_at: Callable[[], datetime | None] = lambda: None
    leases: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Who may read: whoever has one of these tokens. `loopback`: and without any, whatever comes from this machine."""

    web_token: str = ""
    metrics_token: str = ""
    loopback: bool = False


class Metrics:
    """The one route; `add_to` puts it into an application."""

    def __init__(self, watched: MetricNeeds, readers: Readers, *, share: float = _SHARE) -> None:
        self._watched, self._readers, self._share = watched, readers, share
        self._login = Login(readers.web_token)
        self._found: Figures | None = None
        self._not_before = 0.0
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collected(lambda: families(watched, self._found)))
        ProcessCollector(registry=self._registry)

    def add_to(self, application: web.Application) -> None:
        application.router.add_get("/metrics", self.metrics)

    async def metrics(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        async with self._reading:
            await self._read()
            encode, kind = choose_encoder(request.headers.get("Accept", ""))
            return web.Response(
                body=encode(self._registry), headers={"Content-Type": kind, "Cache-Control": "no-store"}
            )

    async def _read(self) -> None:
        """The figures anew, unless they are as new as their cost allows; none where the store does not serve."""
        began = time.monotonic()
        if self._found and began < self._not_before:
            return
        try:
            async with asyncio.timeout(_DEADLINE):
                self._found = await self._watched.figures()
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("metrics_unavailable", extra={"why": str(error) or "no answer"})
            self._found = None
        took = time.monotonic() - began
        self._not_before = began + took / self._share if self._share else 0.0

    def _refused(self, request: web.Request) -> web.Response | None:
        """Why not, or None for somebody who may read."""
        if not (self._readers.web_token or self._readers.metrics_token):
            here = is_loopback(request.remote or "") and is_loopback(request.host)
            return None if here and self._readers.loopback else _says(403, _NOT_HERE)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return _says(401, "Send the token as `Authorization: Bearer …`.")
        if _is_same(self._readers.metrics_token, token.strip()):
            return None
        peer = peer_of(request)
        wait = self._login.wait(peer)
        if self._login.opens(token, peer):
            return None
        return _says(429, f"Too many wrong tokens: come back in {wait} s.") if wait else _says(401, _WRONG)


_WRONG = "This is not the token."
_NOT_HERE = (
    "Set KINTSUGI_METRICS_TOKEN and send it as `Authorization: Bearer …`; or, where no proxy stands before Kintsugi, "
    "set KINTSUGI_METRICS_LOOPBACK=true, and read this from the same machine under its own name."
)


class _Collected(Collector):
    """What prometheus_client asks when it is read."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def families(watched: MetricNeeds, figures: Figures | None) -> Iterator[Metric]:
    """Everything there is: of the process, and where the store could be read, of the store."""
    yield from of_the_process(watched)
    if leases := {**watched.leases(), **(figures.leases if figures else {})}:
        held = [(pair, 1.0) for pair in leases.items()]
        yield _gauge("lease_info", "Who holds what only one may hold: always 1.", held, ("name", "holder"))
    says = "1 where the database served when it was last asked; 0, and there are no figures of it."
    yield _gauge("database_up", says, float(bool(figures)))
    if figures:
        says = "When the figures of the database were read: what takes long is read less often."
        yield _gauge("figures_timestamp_seconds", says, figures.at.timestamp())
        yield from of_the_store(figures)


def of_the_process(watched: MetricNeeds) -> Iterator[Metric]:
    """What this process counted since its start, and who it is."""
    build = {"version": watched.version, "revision": watched.revision, "python": platform.python_version()}
    yield _gauge("build_info", "Which program this is: always 1.", [(tuple(build.values()), 1.0)], tuple(build))
    yield _counter(
        "deliveries",
        "Webhooks and events that were delivered here.",
        watched.deliveries.all().items(),
        ("source", "outcome"),
    )
    yield _counter(
        "report_items_passed_over",
        "Items of SDKs' reports from which nothing follows, by kind.",
        watched.passed_over.all().items(),
        ("kind",),
    )
    yield _counter("effect_attempts", "Attempts at effects here.", watched.attempts.all().items(), ("kind", "outcome"))
    yield _counter(
        "effect_retries", "Those of them that followed a failed one.", watched.retries.all().items(), ("kind",)
    )
    yield _attempt_seconds(watched.seconds)
    yield _counter("log_lines_dropped", "Log lines that could not be written.", [((), watched.dropped())])
    hidden = [((kind,), count) for kind, count in watched.hidden().items()]
    yield _counter("redactions", "Places that the redactor hid, by what they were found by.", hidden, ("kind",))
    if at := watched.reconciled_at():
        says = "When every open pull request was last compared with the code host's own answer."
        yield _gauge("reconciled_timestamp_seconds", says, at.timestamp())


def of_the_store(figures: Figures) -> Iterator[Metric]:
    """The same from every process on the database."""
    incidents = [((state.value,), figures.incidents.get(state, 0)) for state in State]
    yield _gauge("incidents", "Incidents by state.", incidents, ("state",))
    owed = {(kind.value, status): 0 for kind in Effect for status in ("pending", "running")}
    owed |= {(each.kind.value, each.status): each.count for each in figures.backlog}
    yield _gauge("effects_owed", "Effects that are owed, by kind and status.", owed.items(), ("kind", "status"))
    late = [((kind.value,), figures.late(kind).total_seconds()) for kind in Effect]
    yield _gauge("effects_late_seconds", "For how long the oldest effect of a kind has been due.", late, ("kind",))
    yield _stage_seconds(figures)
    for name, says in _PAID.items():
        paid = {(Effect.DIAGNOSE.value,): 0} | {(each.kind.value,): getattr(each, name) for each in figures.paid}
        yield _counter(f"model_{'cost_dollars' if name == 'usd' else name}", says, paid.items(), ("kind",))


_PAID = {
    "calls": "Calls of the model, by what they were for.",
    "tokens": "Tokens they took, in and out.",
    "usd": "What they cost, where a price is set.",
}


def _stage_seconds(figures: Figures) -> Metric:
    says = "How long incidents took from stage to stage, since these are counted."
    family = HistogramMetricFamily("kintsugi_stage_seconds", says, labels=("stage",))
    for stage in STAGES:
        found = {each.at_most: each for each in figures.lasted if each.stage == stage}
        bounds = sorted({*BOUNDS, float("inf"), *found})
        counts = [found[each].times if each in found else 0 for each in bounds]
        family.add_metric((stage,), _buckets(bounds, counts), sum(each.seconds for each in found.values()))
    return family


def _attempt_seconds(spreads: Spreads) -> Metric:
    family = HistogramMetricFamily(
        "kintsugi_effect_seconds", "How long attempts at effects took here.", labels=("kind",)
    )
    for kind, spread in sorted(spreads.all().items()):
        family.add_metric((kind,), _buckets((*spreads.bounds, float("inf")), spread.counts), spread.total)
    return family


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """As Prometheus counts: each bucket holds those before it."""
    names = ["+Inf" if bound == float("inf") else str(bound) for bound in bounds]
    return [(name, float(count)) for name, count in zip(names, accumulate(counts), strict=True)]


def _gauge(name: str, says: str, values: float | _Values, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(GaugeMetricFamily(f"kintsugi_{name}", says, labels=labels), values)


def _counter(name: str, says: str, values: _Values, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(CounterMetricFamily(f"kintsugi_{name}", says, labels=labels), sorted(values))


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: float | _Values) -> Metric:
    for given, value in [((), values)] if isinstance(values, float) else values:
        family.add_metric(given, value)
    return family


def _is_same(token: str, given: str) -> bool:
    return bool(token) and hmac.compare_digest(token.encode(), given.encode("utf-8", "replace"))


def _says(status: int, sentence: str) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return web.json_response({"says": sentence}, status=status, headers=headers)
