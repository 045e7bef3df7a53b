"""Shapes of sessions and API keys."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from calotype.accounts.key_store import ApiKey
from calotype.accounts.permission import PERMISSIONS
from calotype.accounts.session_store import Session
from calotype.core.ids import SessionId
from calotype.wire.auth import IsoText
from calotype.wire.base import Int, IsoDateTime, Maybe, Said, Some, Uuid4, Wire, issue, refuse

_KNOWN = frozenset(PERMISSIONS)


def _permission(value: Any) -> Any:
    if not isinstance(value, str) or value not in _KNOWN:
        options = "|".join(f'"{each}"' for each in PERMISSIONS)
        raise refuse(issue("invalid_value", f"Invalid option: expected one of {options}", values=list(PERMISSIONS)))
    return value


Permission = Annotated[
    str,
    Said(options=PERMISSIONS),
    BeforeValidator(_permission),
    WithJsonSchema({"type": "string", "enum": list(PERMISSIONS)}),
]


class SessionCreate(Wire):
    """A session for another device. `duration` in seconds."""

    duration: Maybe[Annotated[Int, Field(ge=1)]] = None
    device_type: Maybe[str] = None
    device_os: Maybe[str] = Field(None, alias="deviceOS")


class SessionUpdate(Wire):
    is_pending_sync_reset: Maybe[bool] = None


class SessionResponse(Wire):
    """A login. `expires_at` is there only when it has one."""

    id: Uuid4
    created_at: IsoText
    updated_at: IsoText
    expires_at: Maybe[IsoText] = None
    current: bool
    device_type: str
    device_os: str = Field(alias="deviceOS")
    app_version: str | None
    is_pending_sync_reset: bool


class SessionCreateResponse(SessionResponse):
    """A new session with its token, which is shown this once."""

    token: str


def session(found: Session, *, current: SessionId | None) -> SessionResponse:
    """A session in a list. `current`: the one that asks."""
    return SessionResponse(**_session(found, current))


def new_session(found: Session, token: str) -> SessionCreateResponse:
    """A session that was just made for another device."""
    return SessionCreateResponse(**_session(found, None), token=token)


def _session(found: Session, current: SessionId | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": found.id,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "current": found.id == current,
        "device_type": found.device_type,
        "device_os": found.device_os,
        "app_version": found.app_version,
        "is_pending_sync_reset": found.is_pending_sync_reset,
    }
    return values if found.expires_at is None else {**values, "expires_at": found.expires_at}


class ApiKeyCreate(Wire):
    name: Maybe[str] = None
    permissions: Some[Permission]


class ApiKeyUpdate(Wire):
    name: Maybe[str] = None
    permissions: Maybe[Some[Permission]] = None


class ApiKeyResponse(Wire):
    id: Uuid4
    name: str
    created_at: IsoDateTime
    updated_at: IsoDateTime
    permissions: list[Permission]


class ApiKeyCreateResponse(ApiKeyResponse):
    """A key with its secret, which is shown this once. Older clients look into `api_key`, newer ones beside it."""

    secret: str
    api_key: ApiKeyResponse


def api_key(key: ApiKey) -> ApiKeyResponse:
    """A key in a list."""
    return ApiKeyResponse(**_api_key(key))


def new_api_key(key: ApiKey, secret: str) -> ApiKeyCreateResponse:
    """A key that was just made, or given another secret."""
    return ApiKeyCreateResponse(**_api_key(key), secret=secret, api_key=api_key(key))


def _api_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
        "permissions": key.permissions,
    }
