"""Figures for Prometheus: requests of this process, and the state of queues, storage and disks when asked."""

import hmac
import ipaddress
import os
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from calotype.api import origin
from calotype.core.world import World
from calotype.server import health

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From a cached thumbnail to a slow search; uploads of large videos fall into the last.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

disable_created_metrics()  # when a series began is of no use to us, and doubles the page

OURS = CollectorRegistry(auto_describe=True)
REQUESTS = Counter("calotype_requests", "Requests answered.", ["op", "method", "status"], registry=OURS)
DURATION = Histogram("calotype_request_seconds", "Time to answer.", ["op"], buckets=BUCKETS_S, registry=OURS)


def count_request(op: str, method: str, status: int, took_s: float) -> None:
    """One request was answered. `op` is an operation's name, never a path: the number of series stays bounded."""
    counter, histogram = _series(op, method if method in METHODS else "OTHER", status)
    counter.inc()
    histogram.observe(took_s)


@cache  # bounded as the series are; finding them by their labels takes longer than counting
def _series(op: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(op, method, str(status)), DURATION.labels(op)


async def answer(request: Request) -> Response:
    """The page that Prometheus reads: from this machine freely, from elsewhere with the configured token."""
    world: World = request.app.state.world
    if not _may_read(request, world.config.metrics_token):
        return JSONResponse({"message": "Forbidden"}, 403)
    found = await health.figures(world)
    registry = CollectorRegistry()
    for figure in found:
        gauge = Gauge(figure.name, figure.meaning, figure.labels, registry=registry)
        for labels, value in figure.values:
            (gauge.labels(*labels) if labels else gauge).set(value)
    return Response(_requests() + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _requests() -> bytes:
    """Requests of every HTTP process, where the supervisor gave them a common folder; else of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(OURS)
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] — untyped
    return generate_latest(together)


def _may_read(request: Request, token: str) -> bool:
    try:
        if ipaddress.ip_address(origin.address(request)).is_loopback:
            return True
    except ValueError:
        pass  # no address: decided by the token
    sent = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(sent.encode(), token.encode())
