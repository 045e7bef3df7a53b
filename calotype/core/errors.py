"""Refusals a caller can act on.

Rooms raise a `Problem` with a sentence written for a person; the HTTP door turns it into a status and a body. Anything
else that is raised is a bug.
"""

from typing import Any, ClassVar


class Problem(Exception):
    """A refusal with a sentence. `status` is the HTTP status the door answers."""

    status: ClassVar[int] = 500

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(Problem):
    """What was asked makes no sense, or names something the caller may not use."""

    status = 400


class Malformed(Invalid):
    """The request has the wrong shape. `faults` are the contract's issues: code, path, message and further keys."""

    def __init__(self, faults: list[dict[str, Any]]) -> None:
        super().__init__("Validation failed")
        self.faults = faults


class Unauthenticated(Problem):
    """Nobody we know is asking."""

    status = 401


class Forbidden(Problem):
    """We know who asks, and they may not."""

    status = 403


class Missing(Problem):
    """There is no such file or route. Ids the caller may not use are `Invalid`, the same as unknown ones."""

    status = 404


class Conflict(Problem):
    """True a moment ago, no longer."""

    status = 409


class TooLarge(Problem):
    """More than a limit allows."""

    status = 413


class TooMany(Problem):
    """Asked too often. `retry_after_s` tells when to come back."""

    status = 429

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class NotYet(Problem):
    """A published operation that a later release brings."""

    status = 501


class Offline(Problem):
    """Something outside cannot be reached now; nothing is lost. `retry_after_s` tells when we will know more.

    `part`: what is away, where a client had better know, as for `inference`: everything else goes on without it.
    """

    status = 503

    def __init__(self, sentence: str, *, retry_after_s: int = 20, part: str = "") -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
        self.part = part


class Full(Problem):
    """A volume has no room left. Deleting still works."""

    status = 507
