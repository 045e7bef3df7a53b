"""What an inference service says about itself, asked for and read with care: what answers there may be anything."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from calotype.core.stations import About, Child, ModelPart, Run, State, StationModel, Trial

if TYPE_CHECKING:
    import httpx

LARGEST_BYTES = 2 << 20
MOST = 500  # models, and whatever else comes in lists
LONGEST = 300  # characters
SILENT = "It answers, but does not tell which models it has."

Json = dict[str, Any]
T = TypeVar("T")


class Unwell(Exception):
    """Nothing that works answers at the address; the reason is a sentence."""


async def ask(client: "httpx.AsyncClient", url: str, limit_s: float) -> About | None:
    """What the service at `url` says, `None` where it says nothing but is well. Raises `Unwell`.

    Never takes longer than `limit_s`, and goes nowhere else, whatever the answer says.
    """
    import httpx  # as late as in inference.py, whose client this is

    base = url.rstrip("/")
    try:
        async with asyncio.timeout(limit_s):
            status, body = await _get(client, f"{base}/models")
            if status == 200:
                return read(body)
            if status in (404, 405, 501):  # a service that speaks the published interface only
                status, _ = await _get(client, f"{base}/ping")
                if status == 200:
                    return None
    except httpx.InvalidURL as error:
        raise Unwell("That is no address.") from error
    except httpx.UnsupportedProtocol as error:
        raise Unwell("The address begins neither with http:// nor with https://.") from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise Unwell("It does not answer in time.") from error
    except httpx.HTTPError as error:
        raise Unwell("It is not reachable.") from error
    if 300 <= status < 400:
        raise Unwell("It sends us elsewhere, where we do not go: give the address itself.")
    raise Unwell(f"It answers with an error ({status}).")


async def _get(client: "httpx.AsyncClient", url: str) -> tuple[int, bytes]:
    async with client.stream("GET", url, follow_redirects=False) as reply:
        body = bytearray()
        async for chunk in reply.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_BYTES:
                raise Unwell("What answers there says too much to be an inference service.")
        return reply.status_code, bytes(body)


def read(body: bytes) -> About:
    """An answer to `GET /models`. Raises `Unwell` for one that is none."""
    try:
        told: Json = json.loads(body)
        return About(
            version=_text(told["version"]),
            waiting=_count(told["waiting"]),
            most_waiting=_count(told["mostWaiting"]),
            memory_bytes=_count(told["memoryBytes"]),
            children=_each(told["children"], _child),
            models=_each(told["models"], _model),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unwell("What answers there is no inference service that we understand.") from error


def _each(rows: Any, of: Callable[[Json], T]) -> tuple[T, ...]:
    if not isinstance(rows, list):
        raise TypeError
    return tuple(of(row) for row in cast("list[Json]", rows)[:MOST])


def _child(told: Json) -> Child:
    return Child(
        family=_text(told["family"]),
        is_alive=told["isAlive"] is True,
        waiting=_count(told["waiting"]),
        memory_bytes=_count(told["memoryBytes"]),
        limit_bytes=_count(told["limitBytes"]),
        falls=_count(told["falls"]),
        loaded=_each(told["loaded"], _text),
    )


def _model(told: Json) -> StationModel:
    return StationModel(
        task=_text(told["task"]),
        name=_text(told["name"]),
        state=_state(told["state"]),
        licence=_text(told["licence"]),
        notice=_text(told["notice"]),
        is_non_commercial=told["isNonCommercial"] is True,
        source=_text(told["source"]),
        why=_text(told["why"]),
        is_preset=told["isPreset"] is True,
        languages=_text(told["languages"]),
        dimensions=_count(told["dimensions"]),
        size_bytes=_count(told["sizeBytes"]),
        expected_bytes=_count(told["expectedBytes"]),
        can_fetch=told["canFetch"] is True,
        done_bytes=_count(told["doneBytes"]),
        total_bytes=_count(told["totalBytes"]),
        reason=_text(told["reason"]),
        parts=_each(told["parts"], _part),
        runs=_each(told["runs"], _run),
    )


def _part(told: Json) -> ModelPart:
    trial = told["trial"]
    return ModelPart(_text(told["type"]), _state(told["state"]), None if trial is None else _trial(trial))


def _trial(told: Json) -> Trial:
    return Trial(told["isPassed"] is True, _text(told["reason"]), _share(told["cosine"]), _share(told["order"]))


def _run(told: Json) -> Run:
    return Run(
        family=_text(told["family"]),
        is_loaded=told["isLoaded"] is True,
        provider=_text(told["provider"]),
        precision=_text(told["precision"]),
        fell_back=_text(told["fellBack"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value[:LONGEST]


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise TypeError
    return value


def _share(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _state(value: Any) -> State:
    if value not in get_args(State):
        raise ValueError
    return value
