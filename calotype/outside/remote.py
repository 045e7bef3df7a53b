"""A photo server seen from another machine: any that speaks this API, over HTTP and nothing else."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

import httpx

CONNECT_S = 10.0
WRITE_S = 120.0
ANSWER_S = 900.0  # a server makes a 20 GB video durable before it answers
WELL_KNOWN = "/.well-known/immich"


class RemoteError(Exception):
    """The server refused, or was not there (`status` is `None`)."""

    def __init__(self, sentence: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.retry_after_s = retry_after_s


class Stopped(Exception):
    """Whoever asked does not want it any more."""


class Changed(Exception):
    """The file became longer or shorter while it was sent."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the server has some content, and as which asset."""

    asset_id: str | None
    is_trashed: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a file."""

    asset_id: str
    is_new: bool


class Outgoing(io.FileIO):
    """A file that tells how much of it was read, and stops when it should."""

    def __init__(self, path: Path, moved: Callable[[int], None], is_stopped: Callable[[], bool]) -> None:
        super().__init__(path, "rb")
        self._moved = moved
        self._is_stopped = is_stopped

    def read(self, size: int | None = -1, /) -> bytes:
        if self._is_stopped():
            raise Stopped
        piece = super().read(-1 if size is None else size) or b""
        self._moved(len(piece))
        return piece


def endpoint_of(url: str) -> str:
    """The API's address for what a person typed. Raises `RemoteError` when nobody answers there."""
    typed = url.rstrip("/")
    if not typed.startswith(("http://", "https://")):
        raise RemoteError(f"Write the address with http:// or https://, not {url!r}.")
    try:
        answer = httpx.get(typed + WELL_KNOWN, timeout=CONNECT_S)
        named = answer.json()["api"]["endpoint"] if answer.status_code == 200 else None
    except httpx.HTTPError as error:
        raise RemoteError(f"{typed} does not answer: {_reason(error)}") from error
    except (ValueError, KeyError, TypeError):
        named = None
    if isinstance(named, str) and named:
        return named.rstrip("/") if "://" in named else typed + "/" + named.strip("/")
    return typed if typed.endswith("/api") else typed + "/api"


class Remote:
    """One account on one server. Methods may be called from several threads at once."""

    def __init__(self, endpoint: str, key: str, *, connections: int = 8) -> None:
        self.endpoint = endpoint
        self._client = httpx.Client(
            base_url=endpoint,
            headers={"x-api-key": key, "accept": "application/json", "user-agent": "calotype-upload"},
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S, write=WRITE_S),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()

    def permissions(self) -> frozenset[str]:
        """What the key allows."""
        return frozenset(_texts(self._ask("GET", "/api-keys/me"), "permissions"))

    def extensions(self) -> frozenset[str]:
        """The extensions that are taken, in lower case with their dot."""
        types = self._ask("GET", "/server/media-types")
        return frozenset(each.lower() for each in (*_texts(types, "image"), *_texts(types, "video")))

    def check(self, sha1s: Sequence[str]) -> list[Verdict]:
        """Which of these contents are there, in their order. sha1s: hex, 5000 at most."""
        asked = [{"id": str(number), "checksum": sha1} for number, sha1 in enumerate(sha1s)]
        answer = self._ask("POST", "/assets/bulk-upload-check", json={"assets": asked})
        found = {_text(each, "id"): each for each in _list(answer, "results")}
        if set(found) != {each["id"] for each in asked}:
            raise RemoteError("The server did not answer for every file it was asked about.", status=200)
        return [_verdict(found[each["id"]]) for each in asked]

    def send(self, file: Outgoing, name: str, modified: datetime, sidecar: Path | None, fields: dict[str, str]) -> Sent:
        """Stream one file with its sidecar. Raises `Stopped` when the file says so, `Changed` when it is rewritten."""
        moment = modified.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        form = {"fileCreatedAt": moment, "fileModifiedAt": moment, **fields}
        # Named plainly: the server goes by the name's extension.
        parts: dict[str, Any] = {"assetData": (name, file, "application/octet-stream")}
        if sidecar is not None:
            parts["sidecarData"] = (_utf8(sidecar.name), sidecar.read_bytes(), "application/xml")
        answer = self._ask("POST", "/assets", data=form, files=parts)
        return Sent(_text(answer, "id"), _text(answer, "status") != "duplicate")

    def album(self, name: str) -> str | None:
        """The id of the album with this name."""
        for each in _list({"albums": self._ask("GET", "/albums")}, "albums"):
            if _text(each, "albumName") == name:
                return _text(each, "id")
        return None

    def new_album(self, name: str) -> str:
        """Make an album; its id."""
        return _text(self._ask("POST", "/albums", json={"albumName": name}), "id")

    def put_into_album(self, album_id: str, asset_ids: Sequence[str]) -> None:
        """Add assets. Those already in it stay."""
        self._ask("PUT", f"/albums/{album_id}/assets", json={"ids": list(asset_ids)})

    def _ask(self, method: str, path: str, **how: Any) -> Any:
        try:
            answer = self._client.request(method, path, **how)
        except httpx.LocalProtocolError as error:
            raise Changed from error
        except httpx.TransportError as error:
            raise RemoteError(f"{self.endpoint} does not answer: {_reason(error)}") from error
        if answer.is_redirect:
            target = answer.headers.get("location", "another address")
            raise RemoteError(f"{self.endpoint} sends us on to {target}: use that address.", status=answer.status_code)
        if not answer.is_success:
            raise RemoteError(_sentence(answer), status=answer.status_code, retry_after_s=_retry_after_s(answer))
        try:
            return answer.json()
        except ValueError as error:
            raise RemoteError(f"{self.endpoint} is not a server with this API.", status=answer.status_code) from error


def _verdict(result: Any) -> Verdict:
    if _text(result, "action") != "reject":
        return Verdict(None)
    fields = cast("Mapping[str, object]", result)
    asset_id = fields.get("assetId")
    return Verdict(asset_id if isinstance(asset_id, str) else "", fields.get("isTrashed") is True)


def _text(answer: Any, name: str) -> str:
    value = cast("Mapping[str, object]", answer).get(name) if isinstance(answer, Mapping) else None
    if not isinstance(value, str):
        raise RemoteError(f"The server's answer lacks {name!r}: it does not speak this API.", status=200)
    return value


def _list(answer: Any, name: str) -> list[Any]:
    value = cast("Mapping[str, object]", answer).get(name) if isinstance(answer, Mapping) else None
    if not isinstance(value, list):
        raise RemoteError(f"The server's answer lacks {name!r}: it does not speak this API.", status=200)
    return cast("list[Any]", value)


def _texts(answer: Any, name: str) -> list[str]:
    return [each for each in _list(answer, name) if isinstance(each, str)]


def _sentence(answer: httpx.Response) -> str:
    """What the server said, whichever of the known places it said it in."""
    try:
        told = cast("object", answer.json())
    except ValueError:
        told = None
    if isinstance(told, Mapping):
        fields = cast("Mapping[str, object]", told)
        for name in ("message", "error"):
            if isinstance(fields.get(name), str):
                return str(fields[name])
            if isinstance(fields.get(name), list):
                return "; ".join(map(str, cast("list[object]", fields[name])))
    return f"HTTP {answer.status_code} {answer.reason_phrase}".strip()


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds or a date (RFC 9110 §10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _reason(error: httpx.HTTPError) -> str:
    return f"{str(error) or type(error).__name__}."


def _utf8(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")
