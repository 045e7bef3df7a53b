"""BullMQ behind `core.ports.Queue`, and the workers that run what is put there.

The engine's objects share two clients, one that answers quickly or refuses, and one for the workers, whose blocking
reads may take half a minute; left alone, each object would open connections of its own.
"""
# The engine ships no types worth the name, so whatever it hands us is unknown until it has passed this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bullmq.redis_connection as engine_connection
from bullmq import Queue as EngineQueue
from bullmq import Worker as EngineWorker
from bullmq.custom_errors import DelayedError, UnrecoverableError
from redis import exceptions
from redis.asyncio import Redis

from calotype.core.errors import Full, Offline
from calotype.core.jobs import FIXED, QUEUES, REGISTRY, Done, Later, Outcome, Registered, Skip
from calotype.core.log import say
from calotype.core.ports import Counts, Job, JobState, Listed
from calotype.outside.redis import pool_of

if TYPE_CHECKING:
    from calotype.core.world import World

PREFIX = "calotype"
PUT_AT_ONCE = 500
KEPT_FAILURES = 1000
KEPT_EVENTS = 100  # the engine writes an event stream per queue that nobody here reads
LOCK_MS = 45_000
STALLED_CHECK_MS = 15_000
STALLED_LIMIT = 3  # a job that took its worker along this often is kept as failed
IDLE_POLL_S = 20  # a new job wakes a worker at once; this is for the case that the wake-up was lost
TEND_S = 20
BACKOFF_MS = 2_000
FULL_DELAY_S = 60
REST_S = 10
AWAY = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.BusyLoadingError, OSError)

# Each of the engine's objects reads its 35 scripts from disk; 20 queues would keep 20 copies of half a megabyte.
engine_connection.loadScript = functools.cache(engine_connection.loadScript)
# The engine never asks its workers' broker for its version and so waits in whole seconds. Redis 6 and later need not.
engine_connection.RedisConnection.capabilities = {"canBlockFor1Ms": False, "canDoubleTimeout": True}


# Asked queue by queue, three times each, the page of jobs cost an import 10 ms a photo.
SIZES = """
local found = {}
for i, queue in ipairs(KEYS) do
  found[i] = {
    redis.call('LLEN', queue .. 'active'), redis.call('ZCARD', queue .. 'completed'),
    redis.call('ZCARD', queue .. 'failed'), redis.call('ZCARD', queue .. 'delayed'),
    redis.call('LLEN', queue .. 'wait') + redis.call('LLEN', queue .. 'paused')
      + redis.call('ZCARD', queue .. 'prioritized'),
    redis.call('HEXISTS', queue .. 'meta', 'paused')
  }
end
return found
"""


class BullQueue:
    """`core.ports.Queue`. Opens its connections when first used."""

    def __init__(self, url: str, *, prefix: str = PREFIX) -> None:
        self.url = url
        self.prefix = prefix
        self._pool = pool_of(url, size=8, wait_s=5, timeout_s=5, patience_s=1, text=True)
        self._client = Redis(connection_pool=self._pool)
        self._queues: dict[str, Any] = {}
        self._schedules: dict[tuple[str, str], dict[str, Any]] = {}
        self._look_at = self._client.register_script(SIZES)
        self._asked_for: set[str] = set()
        self._answer: asyncio.Task[dict[str, tuple[Counts, bool]]] | None = None

    async def put(self, jobs: Sequence[Job]) -> None:
        """Queue them, those of one queue in one round trip. At least once: a lost answer may put a job twice."""
        by_queue: dict[str, list[Job]] = {}
        for job in jobs:
            by_queue.setdefault(job.queue, []).append(job)
        with _translated():
            for name, group in by_queue.items():
                for start in range(0, len(group), PUT_AT_ONCE):
                    await self._put(name, group[start : start + PUT_AT_ONCE])

    async def _put(self, name: str, group: list[Job]) -> None:
        queue = self._queue(name)
        named = [job.id for job in group if job.id]
        if named:
            # A failure that is kept for a person must not keep the same job from being tried again.
            scores = await self._client.zmscore(queue.toKey("failed"), named)
            for job_id, score in zip(named, scores, strict=True):
                if score is not None:
                    await queue.backend.remove(job_id, False)
        elif len(group) == 1:  # a bulk asks first whether its script is known, and opens a transaction
            await queue.add(group[0].name, group[0].data, _options(group[0]))
            return
        await queue.addBulk([{"name": job.name, "data": job.data, "opts": _options(job)} for job in group])

    async def counts(self, queue: str) -> Counts:
        """How many jobs are in each state. Whoever asks for several at once is answered in one round trip."""
        return (await self._state(queue))[0]

    async def is_paused(self, queue: str) -> bool:
        """Whether nothing new is started."""
        return (await self._state(queue))[1]

    async def _state(self, queue: str) -> tuple[Counts, bool]:
        self._queue(queue)
        if not self._asked_for:
            self._answer = asyncio.create_task(self._states())
        self._asked_for.add(queue)
        assert self._answer is not None
        with _translated():
            return (await asyncio.shield(self._answer))[queue]

    async def _states(self) -> dict[str, tuple[Counts, bool]]:
        await asyncio.sleep(0)  # until everybody has asked who does so in this moment
        names, self._asked_for = sorted(self._asked_for), set()
        found = await self._look_at(keys=[f"{self.prefix}:{name}:" for name in names])
        return {name: _counted(sizes) for name, sizes in zip(names, found, strict=True)}

    async def pause(self, queue: str) -> None:
        """Start nothing new; what runs is finished."""
        with _translated():
            await self._queue(queue).pause()

    async def resume(self, queue: str) -> None:
        """Go on."""
        with _translated():
            await self._queue(queue).resume()

    async def jobs(self, queue: str, states: Sequence[JobState], limit: int) -> list[Listed]:
        """At most `limit` jobs, state by state, the newest first within each."""
        listed: list[Listed] = []
        with _translated():
            paused = await self._queue(queue).isPaused()
            for state in states:
                if len(listed) >= limit or (state in ("waiting", "paused") and (state == "paused") != paused):
                    continue
                kinds = ["waiting", "paused", "prioritized"] if state in ("waiting", "paused") else [state]
                found = await self._queue(queue).getJobs(kinds, 0, limit - len(listed) - 1)
                listed += [_listed(job, state) for job in found]
        return listed[:limit]

    async def empty(self, queue: str) -> None:
        """Drop what waits, is paused or delayed. The next run of a schedule stays."""
        with _translated():
            await self._queue(queue).drain(True)

    async def clear_failed(self, queue: str) -> None:
        """Forget the failures."""
        with _translated():
            while await self._queue(queue).clean(0, 1000, "failed"):
                pass

    async def schedule(
        self,
        name: str,
        queue: str,
        *,
        cron: str | None = None,
        every_s: float | None = None,
        zone: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Put the job `name` again and again: at the times of a cron pattern, or every so many seconds.

        A second call replaces the first. Workers see to it that it is still there after Valkey lost everything.
        """
        if (cron is None) == (every_s is None):
            raise ValueError("A schedule has either a cron pattern or an interval.")
        repeat: dict[str, Any] = {"every": int(every_s * 1000)} if every_s is not None else {"pattern": cron}
        if zone and cron:
            repeat["tz"] = zone
        self._schedules[queue, name] = {"repeat": repeat, "data": dict(data or {})}
        with _translated():
            await self._upsert(queue, name)

    async def unschedule(self, name: str, queue: str) -> None:
        """Stop repeating it. Harmless when it was not scheduled."""
        self._schedules.pop((queue, name), None)
        with _translated():
            await self._queue(queue).removeJobScheduler(name)

    async def restore_schedules(self) -> None:
        """Write those schedules again that are gone or whose next run is long overdue."""
        with _translated():
            for queue, name in list(self._schedules):
                due_ms = await self._client.zscore(self._queue(queue).toKey("repeat"), name)
                overdue = due_ms is not None and due_ms < (time.time() - 300) * 1000
                if due_ms is None or (overdue and not await self.is_paused(queue)):
                    await self._upsert(queue, name)

    async def ping(self) -> float:
        """How many seconds a round trip took."""
        began = time.perf_counter()
        with _translated():
            await self._client.ping()
        return time.perf_counter() - began

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._pool.disconnect()

    async def _upsert(self, queue: str, name: str) -> None:
        plan = self._schedules[queue, name]
        await self._queue(queue).upsertJobScheduler(name, plan["repeat"], name, plan["data"], _retries(name))

    def _queue(self, name: str) -> Any:
        if name not in QUEUES:
            raise ValueError(f"There is no queue named {name}.")
        if name not in self._queues:
            self._queues[name] = EngineQueue(name, {"connection": self._client, "prefix": self.prefix})
        return self._queues[name]


@dataclass(slots=True)
class _Lane:
    """One queue's worker: the engine's present object, and the task that keeps it running."""

    concurrency: int
    engine: Any = None
    task: "asyncio.Task[None] | None" = None


class Workers:
    """Run jobs of every queue that has a registered handler, each queue with its own concurrency."""

    def __init__(self, world: "World", url: str, *, prefix: str = PREFIX) -> None:
        """Handlers must be registered before: a queue without one gets no worker."""
        self._world = world
        self._prefix = prefix
        self._lanes = {name: _Lane(_allowed(name, QUEUES[name])) for name in _queues_in_use()}
        self._running: set[asyncio.Task[Outcome]] = set()
        self._tending: asyncio.Task[None] | None = None
        self._stopping = False
        # Blocking reads must end by themselves before the connection's own limit cuts them off.
        self._pool = pool_of(url, size=200, wait_s=None, timeout_s=IDLE_POLL_S * 2, patience_s=1, text=True)
        self._client = Redis(connection_pool=self._pool)

    async def start(self, concurrency: Mapping[str, int] | None = None) -> None:
        """Begin to work, `concurrency` jobs at once by queue. Returns at once; a broker that is away is waited for."""
        for name, jobs_at_once in (concurrency or {}).items():
            await self.set_concurrency(name, jobs_at_once)
        if self._world.config.embedded_redis:
            with contextlib.suppress(*AWAY):
                await self._take_back()
        for name, lane in self._lanes.items():
            lane.task = asyncio.create_task(self._keep_running(name, lane), name=f"worker:{name}")
        self._tending = asyncio.create_task(self._tend(), name="worker:tend")

    async def set_concurrency(self, queue: str, jobs_at_once: int) -> None:
        """How many jobs of a queue run at once from now on. Without effect on queues that are serial by nature."""
        if lane := self._lanes.get(queue):
            lane.concurrency = _allowed(queue, jobs_at_once)
            if lane.engine:
                # The engine's own call for this stalls workers in its Python port; it reads this option on each turn.
                lane.engine.opts["concurrency"] = lane.concurrency

    def concurrency(self, queue: str) -> int:
        """How many jobs of a queue may run at once; 0 for a queue nobody works on here."""
        return self._lanes[queue].concurrency if queue in self._lanes else 0

    async def stop(self, *, patience_s: float = 20) -> None:
        """Take nothing new, let what runs finish, and hand back what does not finish in time."""
        self._stopping = True
        if self._tending:
            self._tending.cancel()
        closing = [asyncio.create_task(_close(lane.engine)) for lane in self._lanes.values() if lane.engine]
        if closing:
            await asyncio.wait(closing, timeout=patience_s)
        for task in list(self._running):
            task.cancel()
        if closing:
            await asyncio.wait(closing, timeout=5)
        tasks = [*closing, *(lane.task for lane in self._lanes.values() if lane.task)]
        if self._tending:
            tasks.append(self._tending)
        await _end(tasks)
        await self._client.aclose()
        await self._pool.disconnect()

    async def _keep_running(self, name: str, lane: _Lane) -> None:
        """The engine gives up on some errors, such as a broker that is away while it starts; begin anew then."""
        while not self._stopping:
            options: Any = {
                "autorun": False,
                "connection": self._client,
                "prefix": self._prefix,
                "concurrency": lane.concurrency,
                "lockDuration": LOCK_MS,
                "lockRenewTime": LOCK_MS // 2,
                "stalledInterval": STALLED_CHECK_MS,
                "maxStalledCount": STALLED_LIMIT,
                "drainDelay": IDLE_POLL_S,
                "runRetryDelay": 1000,
                "removeOnComplete": True,
                "removeOnFail": {"count": KEPT_FAILURES},
            }
            processor: Any = self._process
            lane.engine = EngineWorker(name, processor, options)
            lane.engine.on("error", functools.partial(_engine_error, name))
            try:
                await lane.engine.run()
            except AWAY:
                await asyncio.sleep(1)
            except Exception as error:
                say("worker_restarted", level=logging.WARNING, error=error, queue=name)
                await asyncio.sleep(1)

    async def _process(self, job: Any, token: str) -> None:
        registered = REGISTRY.get(job.name)
        if registered is None:
            say("job", level=logging.ERROR, name=job.name, queue=job.queue.name, id=job.id, outcome="unknown")
            raise UnrecoverableError(f"This version of Calotype does not know the job {job.name}.")
        job.opts.update(_retries(job.name))
        began = time.perf_counter()
        try:
            outcome = await self._run(registered, job)
        except Exception as error:
            self._tell_failure(registered, job, error, began)
            raise
        _tell(registered, job, outcome, began)
        if isinstance(outcome, Later):
            await job.moveToDelayed(round((time.time() + outcome.delay_s) * 1000), token)
            if outcome.for_all:
                if engine := self._lanes[registered.queue].engine:
                    engine.lockManager.untrack_job(job.id)  # it is no longer ours: nothing is left to renew
                await self._rest(min(outcome.delay_s, REST_S))
            raise DelayedError

    async def _rest(self, seconds: float) -> None:
        """Keep the place of a job empty: without this, a hundred thousand jobs would be put off one after the other."""
        until = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < until:  # noqa: ASYNC110 — a stop must end it at once
            await asyncio.sleep(0.25)

    async def _run(self, registered: Registered, job: Any) -> Outcome:
        task = asyncio.ensure_future(registered.handler(self._world, job.data or {}))
        self._running.add(task)
        try:
            return await task
        except Offline as waiting:
            return Later(waiting.retry_after_s, waiting.sentence)
        except Full as waiting:
            return Later(FULL_DELAY_S, waiting.sentence)
        except asyncio.CancelledError:
            if not (self._stopping and task.done()):
                task.cancel()
                raise
            return Later(0, "handed back, because this worker is stopping")
        finally:
            self._running.discard(task)

    def _tell_failure(self, registered: Registered, job: Any, error: Exception, began: float) -> None:
        last = job.attemptsMade + 1 >= registered.attempts
        say(
            "job",
            level=logging.ERROR if last else logging.WARNING,
            error=error,
            name=job.name,
            queue=registered.queue,
            id=job.id,
            outcome="failed" if last else "retry",
            attempt=job.attemptsMade + 1,
            ms=(time.perf_counter() - began) * 1000,
        )

    async def _tend(self) -> None:
        """What must be true of the broker even after it was emptied."""
        while not self._stopping:
            with contextlib.suppress(Offline, *AWAY):
                if isinstance(self._world.queue, BullQueue):
                    await self._world.queue.restore_schedules()
                async with self._client.pipeline(transaction=False) as pipe:
                    for name in self._lanes:
                        pipe.hset(f"{self._prefix}:{name}:meta", "opts.maxLenEvents", str(KEPT_EVENTS))
                    await pipe.execute()
            await asyncio.sleep(TEND_S)

    async def _take_back(self) -> None:
        """Free what a killed worker had in hand, instead of waiting until its locks run out.

        Only for a broker of our own: no other worker uses it, so whatever is being worked on at start is a leftover.
        """
        for name in self._lanes:
            key = f"{self._prefix}:{name}"
            active: list[Any] = await self._client.lrange(f"{key}:active", 0, -1)  # pyright: ignore[reportGeneralTypeIssues]
            if active:
                await self._client.delete(*(f"{key}:{job_id}:lock" for job_id in active))
                backend = EngineQueue(name, {"connection": self._client, "prefix": self._prefix}).backend
                for _ in range(2):  # the first look marks what is active, the second takes what is marked and unlocked
                    await self._client.delete(f"{key}:stalled-check")
                    await backend.moveStalledJobsToWait(STALLED_LIMIT, 1)


async def _end(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    # More than once: while it connects, redis-py can take a cancellation for a time-out, and then it is lost.
    for _ in range(20):
        for task in tasks:
            task.cancel()
        if all(task.done() for task in tasks) or not (await asyncio.wait(tasks, timeout=0.2))[1]:
            break


async def _close(engine: Any) -> None:
    closing = asyncio.create_task(engine.close())
    while not closing.done():
        if engine.waiting:  # the engine cancels one wait, and may begin another in the same moment
            engine.waiting.cancel()
        await asyncio.wait([closing], timeout=0.1)


def _queues_in_use() -> list[str]:
    used = {registered.queue for registered in REGISTRY.values()}
    return [name for name in QUEUES if name in used]


def _allowed(queue: str, jobs_at_once: int) -> int:
    return 1 if queue in FIXED else max(1, jobs_at_once)


def _retries(name: str) -> dict[str, Any]:
    registered = REGISTRY.get(name)
    return {
        "attempts": registered.attempts if registered else 3,
        "backoff": {"type": "exponential", "delay": BACKOFF_MS},
        "stackTraceLimit": 1,
    }


def _options(job: Job) -> dict[str, Any]:
    options = _retries(job.name)
    if job.delay_s > 0:
        options["delay"] = int(job.delay_s * 1000)
    if job.id:
        options["jobId"] = job.id
    return options


def _counted(sizes: Sequence[int]) -> tuple[Counts, bool]:
    active, completed, failed, delayed, ready, paused = sizes
    waiting = 0 if paused else ready
    return Counts(active, completed, failed, delayed, waiting, ready - waiting), bool(paused)


def _listed(job: Any, state: JobState) -> Listed:
    return Listed(str(job.id), job.name, job.data or {}, int(job.timestamp), state, job.failedReason)


def _tell(registered: Registered, job: Any, outcome: Outcome, began: float) -> None:
    fields: dict[str, Any] = {}
    match outcome:
        case Done():
            word = "done"
        case Skip(reason):
            word, fields = "skip", {"reason": reason}
        case Later(delay_s, reason):
            word, fields = "later", {"reason": reason, "delay_s": delay_s}
    ms = (time.perf_counter() - began) * 1000
    say("job", name=job.name, queue=registered.queue, id=job.id, outcome=word, ms=ms, **fields)


def _engine_error(queue: str, error: Any, *_: Any) -> None:
    if isinstance(error, AWAY):
        return  # waiting is no news; the engine tries again
    say("queue_error", level=logging.WARNING, queue=queue, problem=f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except AWAY as error:
        raise Offline("The work queue is not reachable. Nothing is lost; trying again.", retry_after_s=5) from error


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncGenerator[BullQueue]:
    """A queue for the length of a block."""
    queue = BullQueue(url)
    try:
        yield queue
    finally:
        await queue.close()
