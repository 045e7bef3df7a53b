"""One structured line per request and per job: `key=value`, on standard error."""

import json
import logging
import sys
import time
from typing import Any

_LOGGER = logging.getLogger("calotype")


class KeyValue(logging.Formatter):
    """`2026-11-22T14:02:32.123Z level=info event=request status=200 …`; values with blanks are quoted as JSON."""

    converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        stamp = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"
        parts = [stamp, f"level={record.levelname.lower()}"]
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        if fields is None:
            parts += [f"logger={record.name}", f"message={_quoted(record.getMessage())}"]
        else:
            parts += [f"event={record.getMessage()}", *(f"{key}={_quoted(value)}" for key, value in fields.items())]
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _quoted(value: Any) -> str:
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    return text if text and text.isprintable() and not any(c in text for c in ' "=') else json.dumps(text)


def set_up(level: str = "info") -> None:
    """Send every log line of this process to standard error in our form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValue())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "alembic", "socketio", "engineio", "PIL", "_granian", "granian.access", "pyvips"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def say(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any) -> None:
    """One line. `event` is a short name; never pass a path, address or name of a person at info level."""
    if _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, event, extra={"fields": fields}, exc_info=error)
