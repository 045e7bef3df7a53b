"""The inference service, seen from outside: one or several machines that look at pictures for us.

Each address has a memory of its own: how many requests it has in hand, whether it answered lately, and after failures a
time in which it is left alone. Nothing is asked of anybody before the first picture, so that a start costs nothing.
"""

import asyncio
import base64
import hashlib
import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from calotype.core import lean
from calotype.core.errors import Invalid, Offline
from calotype.core.log import say
from calotype.core.ports import Seen, SeenFace, SeenLine, Wanted
from calotype.core.stations import Station
from calotype.outside import stations

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 2.0
LOOK_S = 1.6  # until an address that is only looked at counts as away
PICTURE_S = 240.0  # a model may have to be fetched and loaded first
WORDS_S = 30.0  # somebody is waiting
# The published service closes an idle connection after two seconds; ours must not send into one that is just closing.
KEEPALIVE_S = 1.5
CONNECTIONS = 32
FAILURES = 3  # in a row, until an address is left alone
REST_S = 5.0  # for how long at first; each further failure doubles it
LONGEST_REST_S = 60.0
STRIKES = 3  # a picture over which the service broke this often is given up
REMEMBERED_PICTURES = 1000
MOST_DETAIL = 300  # characters of a refusal that are passed on
# A red disc on white: every service that works at all can look at it.
CANARY = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm"
    "x5moq6T/wAALCABAAEABAREA/8QAGgABAAMBAQEAAAAAAAAAAAAAAAIFBgEDBP/EACgQAAICAgAFBAEFAAAAAAAAAAECAAMEEQUSITFRE0Fh8IEi"
    "I5Gh4f/aAAgBAQAAPwDSRERERERERERE+DinEhgKqqoe1wdAnoPk/fMzmRl5GSf3rmcb3onp/HaRoyLsduam1kOwTo9Drz5mg4TxU5bCi4AWhdht"
    "9H/Hn/ZaRETG5l5ycu27rpm6bHXXt/U8Ykq3auxXQ6ZSCD4M2lVguqS1QQrqGG+/WSiJi8mk4+RZS29oxGyNb+Z5xOqpZgqglidADuZtKK/Rorq3"
    "vkULvXfQk4iVfGOFnLIuoCi0D9QPTn8fn77TOuj1uUsVkYdww0ROKpZgqglidADuZe8H4S9Vi5OSq71tEPcHyfvv8S6iIiRsqruXltrV1B3phsTl"
    "VFVO/SqSvfflUDcnERERERE//9k="
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the services are, and how often to ask whether they are well."""

    urls: tuple[str, ...] = ()
    checks: bool = True
    ping_s: float = 2.0  # how long an answer may take
    interval_s: float = 30.0


class _Away(Exception):
    """This address does not answer, or answers that it cannot now."""


class _Busy(_Away):
    """It answers, but cannot do this now: too much to do, or a model that is still being fetched."""


class _Broke(_Away):
    """The service was lost over this very request."""


class _Refused(Exception):
    """The service looked at the request and does not want it."""


@dataclass(slots=True)
class _Post:
    """One address."""

    url: str
    in_hand: int = 0
    is_well: bool | None = None
    checked_at: float = -math.inf
    failures: int = 0
    rests_until: float = 0.0
    away_since: datetime | None = None
    asking: "asyncio.Task[bool] | None" = None

    @property
    def host(self) -> str:
        """For the log: an address may carry a password."""
        return self.url.rpartition("@")[2].removeprefix("http://").removeprefix("https://")

    def went_well(self) -> None:
        if self.is_well is False:
            say("inference-back", host=self.host)
        self.is_well, self.failures, self.checked_at = True, 0, time.monotonic()
        self.rests_until, self.away_since = 0.0, None

    def failed(self, reason: str) -> None:
        if self.is_well is not False:
            say("inference-away", level=logging.WARNING, host=self.host, reason=reason)
        self.is_well, self.checked_at = False, time.monotonic()
        self.away_since = self.away_since or datetime.now(UTC)
        self.failures += 1
        if self.failures >= FAILURES:
            rest = min(LONGEST_REST_S, REST_S * 2 ** (self.failures - FAILURES))
            self.rests_until = time.monotonic() + rest


class HttpVision:
    """`core.ports.Vision` over HTTP. `plan` is asked before each request, so that changed settings count at once."""

    def __init__(self, plan: Callable[[], Awaitable[Plan]]) -> None:
        self._plan = plan
        self._posts: dict[str, _Post] = {}
        self._client: httpx.AsyncClient | None = None
        self._strikes: OrderedDict[bytes, int] = OrderedDict()

    async def see(self, picture: bytes, wanted: Wanted) -> Seen:
        """Everything that is wanted of one picture, in one request. Raises `Offline`, `Invalid`."""
        entries = _entries(wanted)
        digest = hashlib.sha256(picture).digest()
        try:
            answer = await self._ask(entries, {"image": ("preview", picture)}, PICTURE_S)
        except _Refused as refusal:
            await self._require_canary(entries, refusal)
            raise Invalid(f"The picture could not be looked at: {refusal}") from refusal
        except _Broke as broke:
            strikes = self._strikes[digest] = self._strikes.pop(digest, 0) + 1
            if len(self._strikes) > REMEMBERED_PICTURES:
                self._strikes.popitem(last=False)
            if strikes >= STRIKES and await self._takes_canary(entries):
                self._strikes.pop(digest, None)
                raise Invalid(f"The inference service broke off over this picture {STRIKES} times.") from broke
            raise _offline(str(broke)) from broke
        except _Away as away:
            raise _offline(str(away)) from away
        self._strikes.pop(digest, None)
        try:
            return _seen(answer, wanted)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise Offline(f"The inference service answers in a way we do not understand ({error!r}).") from error

    async def words(self, text: str, *, model: str, language: str | None = None) -> str:
        """The embedding of words. Raises `Offline`."""
        task: dict[str, Any] = {"modelName": model}
        if language:
            task["options"] = {"language": language}
        try:
            answer = await self._ask({"clip": {"textual": task}}, {"text": (None, text)}, WORDS_S)
            return str(answer["clip"])
        except (_Away, _Refused) as reason:
            raise _offline(str(reason)) from reason
        except (KeyError, TypeError) as error:
            raise Offline("The inference service answers in a way we do not understand.") from error

    async def stations(self) -> list[Station]:
        """Every address that is asked, as it is now, in the order of the settings."""
        plan = await self._plan()
        posts = [self._posts.setdefault(url, _Post(url)) for url in dict.fromkeys(plan.urls)]
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(self._look(post)) for post in posts]
        return [look.result() for look in looks]

    async def _look(self, post: _Post) -> Station:
        """Being looked at is no request: who fails here is not left alone for it, but who answers is well."""
        try:
            about = await stations.ask(self._open(), post.url, LOOK_S)
        except stations.Unwell as reason:
            post.away_since = post.away_since or datetime.now(UTC)
            return Station(_shown(post.url), False, str(reason), post.away_since)
        post.went_well()
        return Station(_shown(post.url), True, stations.SILENT if about is None else None, None, about)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    # Which address -----------------------------------------------------------------------------------------------------

    async def _ask(self, entries: dict[str, Any], files: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """The first good answer of any address. Raises `_Away` when there is none, `_Refused`, `_Broke`."""
        plan = await self._plan()
        if not plan.urls:
            raise _Away("No inference service is configured.")
        posts = [self._posts.setdefault(url, _Post(url)) for url in plan.urls]
        tried: set[str] = set()
        reason: _Away | _Refused = _Away("No inference service answers.")
        while (post := await self._next(posts, plan, tried)) is not None:
            tried.add(post.url)
            post.in_hand += 1
            try:
                answer = await self._send(post.url, entries, files, limit_s, plan)
            except _Refused as refusal:
                post.went_well()
                reason = refusal  # another machine may have what this one lacks
            except _Broke as broke:
                post.failed(str(broke))
                raise  # whatever breaks one machine shall not go round and break the others
            except _Busy as busy:
                post.went_well()  # what else is asked of it may well be answered
                if isinstance(reason, _Away):
                    reason = busy
            except _Away as away:
                post.failed(str(away))
                if isinstance(reason, _Away):
                    reason = away
            else:
                post.went_well()
                return answer
            finally:
                post.in_hand -= 1
        raise reason

    async def _next(self, posts: list[_Post], plan: Plan, tried: set[str]) -> _Post | None:
        """The least busy of those that are well; among equals the first in the settings."""
        asked: set[str] = set()
        while left := [post for post in posts if post.url not in tried]:
            best = min(left, key=lambda post: (post.is_well is False, post.in_hand, posts.index(post)))
            if time.monotonic() < best.rests_until:
                tried.add(best.url)
            elif best.url in asked or not self._must_ping(best, plan):
                return best
            elif await self._answers(best, plan):
                asked.add(best.url)  # and choose anew: while we waited, others may have chosen it too
            else:
                tried.add(best.url)
        return None

    @staticmethod
    def _must_ping(post: _Post, plan: Plan) -> bool:
        is_fresh = time.monotonic() - post.checked_at < plan.interval_s
        return plan.checks and not (post.is_well and is_fresh) and post.in_hand == 0

    async def _answers(self, post: _Post, plan: Plan) -> bool:
        if post.asking is None or post.asking.done():
            post.asking = asyncio.create_task(self._ping(post, plan))
        return await asyncio.shield(post.asking)  # many may wait for one answer

    async def _ping(self, post: _Post, plan: Plan) -> bool:
        client = self._open()
        import httpx

        try:
            reply = await client.get(f"{post.url.rstrip('/')}/ping", timeout=plan.ping_s)
            if reply.status_code != 200:
                raise _Away(f"it answers {reply.status_code}")
        except (httpx.HTTPError, httpx.InvalidURL, _Away) as error:
            post.failed(str(error) or type(error).__name__)
            return False
        post.went_well()
        return True

    # One request -------------------------------------------------------------------------------------------------------

    async def _send(
        self, url: str, entries: dict[str, Any], files: dict[str, Any], limit_s: float, plan: Plan
    ) -> dict[str, Any]:
        client = self._open()
        import httpx

        limits = httpx.Timeout(limit_s, connect=max(plan.ping_s, 1.0), pool=limit_s)
        parts = {"entries": (None, json.dumps(entries)), **files}
        try:
            async with asyncio.timeout(limit_s):
                reply = await client.post(f"{url.rstrip('/')}/predict", files=parts, timeout=limits)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL) as error:
            raise _Away("The inference service is not reachable.") from error
        except httpx.UnsupportedProtocol as error:
            raise _Away(
                "The address of the inference service begins neither with http:// nor with https://."
            ) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise _Broke("The inference service takes too long.") from error
        except httpx.HTTPError as error:
            raise _Broke("The connection to the inference service broke off.") from error
        if reply.status_code == 200:
            try:
                return cast("dict[str, Any]", reply.json())
            except ValueError as error:
                raise _Away("The inference service does not answer in JSON.") from error
        if reply.status_code in (429, 503):
            raise _Busy(f"The inference service cannot answer now: {_detail(reply)}")
        if reply.status_code in (502, 504):
            raise _Away(f"The inference service cannot answer now: {_detail(reply)}")
        raise _Refused(f"{reply.status_code} {_detail(reply)}")

    def _open(self) -> "httpx.AsyncClient":
        if self._client is None:
            lean.preload("httpx")  # 0.15 s and 8 MB that a process without such a service need not pay
            import httpx

            limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE_S)
            self._client = httpx.AsyncClient(limits=limits, trust_env=False)  # never through a proxy of the house
        return self._client

    async def _require_canary(self, entries: dict[str, Any], refusal: _Refused) -> None:
        """Is it the picture, or would any be refused (an unknown model, a broken service)? Raises `Offline` for that."""
        if not await self._takes_canary(entries):
            raise Offline(f"The inference service refuses every picture: {refusal}", retry_after_s=60) from refusal

    async def _takes_canary(self, entries: dict[str, Any]) -> bool:
        try:
            await self._ask(entries, {"image": ("preview", CANARY)}, PICTURE_S)
        except (_Away, _Refused):
            return False
        return True


def _shown(url: str) -> str:
    """An address without name and password."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "?"


def _offline(reason: str) -> Offline:
    return Offline(reason, retry_after_s=30)


def _entries(wanted: Wanted) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    if wanted.clip:
        entries["clip"] = {"visual": {"modelName": wanted.clip}}
    if wanted.faces:
        entries["facial-recognition"] = {
            "detection": {"modelName": wanted.faces, "options": {"minScore": wanted.min_face_score}},
            "recognition": {"modelName": wanted.faces},
        }
    if wanted.text:
        entries["ocr"] = {
            "detection": {
                "modelName": wanted.text,
                "options": {"minScore": wanted.min_box_score, "maxResolution": wanted.max_resolution},
            },
            "recognition": {"modelName": wanted.text, "options": {"minScore": wanted.min_text_score}},
        }
    return entries


def _seen(answer: dict[str, Any], wanted: Wanted) -> Seen:
    return Seen(
        width=int(answer["imageWidth"]),
        height=int(answer["imageHeight"]),
        vector=str(answer["clip"]) if wanted.clip else None,
        faces=tuple(_face(face) for face in answer["facial-recognition"]) if wanted.faces else None,
        lines=_lines(answer["ocr"]) if wanted.text else None,
    )


def _face(face: dict[str, Any]) -> SeenFace:
    box = face["boundingBox"]
    x1, y1, x2, y2 = (_number(box[edge]) for edge in ("x1", "y1", "x2", "y2"))
    return SeenFace(x1, y1, x2, y2, _number(face["score"]), str(face["embedding"]))


def _lines(read: dict[str, Any]) -> tuple[SeenLine, ...]:
    corners = [_number(number) for number in read["box"]]
    if len(corners) != 8 * len(read["text"]):
        raise ValueError("the corners do not fit the lines")
    return tuple(
        SeenLine(str(text), tuple(corners[8 * i : 8 * i + 8]), _number(box_score), _number(text_score))
        for i, (text, box_score, text_score) in enumerate(
            zip(read["text"], read["boxScore"], read["textScore"], strict=True)
        )
    )


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is no number")
    return number


def _detail(reply: "httpx.Response") -> str:
    try:
        detail = reply.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = reply.text
    return (detail if isinstance(detail, str) else json.dumps(detail)).strip()[:MOST_DETAIL]


async def answers(url: str) -> bool:
    """Whether the service at `url` says pong within two seconds."""
    lean.preload("httpx")
    import httpx

    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            reply = await client.get(f"{url.rstrip('/')}/ping")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return reply.status_code == 200
