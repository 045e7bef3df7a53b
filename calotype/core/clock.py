"""Time comes in through here, so that a test can hold it still."""

from datetime import UTC, datetime


class Clock:
    """The real clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)


class StoppedClock(Clock):
    """A clock for tests: it stands at `instant` until it is moved."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant
