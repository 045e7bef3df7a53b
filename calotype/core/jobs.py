"""Background work, declared where it is done: `@job("AssetExtractMetadata", queue="metadataExtraction")`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from calotype.core.world import World

QUEUES: dict[str, int] = {
    # The contract's queues in the contract's order, with their default concurrency.
    "thumbnailGeneration": 3,
    "metadataExtraction": 5,
    "videoConversion": 1,
    "faceDetection": 2,
    "facialRecognition": 1,
    "smartSearch": 2,
    "duplicateDetection": 1,
    "backgroundTask": 5,
    "storageTemplateMigration": 1,
    "migration": 5,
    "search": 5,
    "sidecar": 5,
    "library": 5,
    "notifications": 5,
    "backupDatabase": 1,
    "ocr": 1,
    "workflow": 5,
    "integrityCheck": 1,
    "editor": 2,
}
FIXED = frozenset({"facialRecognition", "duplicateDetection", "storageTemplateMigration", "backupDatabase"})


@dataclass(frozen=True, slots=True)
class Done:
    """The wished-for state holds."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing to do, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: try again in `delay_s` seconds. Costs no attempt and is no error.

    `for_all`: whatever else waits in this queue would fare no better, so that the worker rests for a moment.
    """

    delay_s: float
    reason: str
    for_all: bool = False


Outcome = Done | Skip | Later
Handler = Callable[["World", dict[str, Any]], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Registered:
    """A job's public name, its queue, and the function that does it."""

    name: str
    queue: str
    handler: Handler
    attempts: int


REGISTRY: dict[str, Registered] = {}


def job(name: str, *, queue: str, attempts: int = 3) -> Callable[[Handler], Handler]:
    """Register a handler under its public name. Handlers are idempotent: running one twice changes nothing more.

    `attempts`: how often a run that raised is tried before it is kept for a person.
    """
    if queue not in QUEUES:
        raise ValueError(f"There is no queue named {queue}.")

    def register(handler: Handler) -> Handler:
        if name in REGISTRY:
            raise ValueError(f"The job {name} is declared twice.")
        REGISTRY[name] = Registered(name, queue, handler, attempts)
        return handler

    return register
