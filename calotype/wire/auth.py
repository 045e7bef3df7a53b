"""Shapes of signing in, PINs and the state of a login."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, WithJsonSchema

from calotype.accounts.session_store import Session
from calotype.accounts.sign_in import SignedIn
from calotype.wire.base import Email, Maybe, PinCode, Uuid4, Wire, iso

# The published API declares the dates of sessions as any text.
IsoText = Annotated[
    datetime, PlainSerializer(iso, return_type=str, when_used="unless-none"), WithJsonSchema({"type": "string"})
]


class SignUp(Wire):
    """The first administrator."""

    email: Email
    password: str
    name: str


class LoginCredential(Wire):
    email: Email
    password: str


class LoginResponse(Wire):
    """A fresh login; the token is shown this once."""

    access_token: str
    user_id: Uuid4
    user_email: Email
    name: str
    is_admin: bool
    profile_image_path: str
    should_change_password: bool
    is_onboarded: bool


def login(signed_in: SignedIn, data: Path) -> LoginResponse:
    """The answer to a login. `data`: the data folder, in which pictures lie."""
    user = signed_in.user
    return LoginResponse(
        access_token=signed_in.token,
        user_id=user.id,
        user_email=user.email,
        name=user.name,
        is_admin=user.is_admin,
        profile_image_path=str(data / user.profile_path) if user.profile_path else "",
        should_change_password=user.should_change_password,
        is_onboarded=signed_in.is_onboarded,
    )


class LogoutResponse(Wire):
    successful: bool
    redirect_uri: str


class ValidateAccessTokenResponse(Wire):
    auth_status: bool


class ChangePassword(Wire):
    """`invalidate_sessions` is accepted; other sessions end in any case."""

    password: str
    new_password: Annotated[str, Field(min_length=8)]
    invalidate_sessions: Maybe[bool] = None


class PinCodeSetup(Wire):
    pin_code: PinCode


class PinCodeChange(Wire):
    new_pin_code: PinCode
    pin_code: Maybe[PinCode] = None
    password: Maybe[str] = None


class PinCodeReset(Wire):
    pin_code: Maybe[PinCode] = None
    password: Maybe[str] = None


class SessionUnlock(Wire):
    """`password` is accepted and does not open anything."""

    pin_code: Maybe[PinCode] = None
    password: Maybe[str] = None


class AuthStatusResponse(Wire):
    """The two dates are there only when the session has them."""

    pin_code: bool
    password: bool
    is_elevated: bool
    expires_at: Maybe[IsoText] = None
    pin_expires_at: Maybe[IsoText] = None


def status(session: Session | None, *, has_pin: bool, has_password: bool, is_elevated: bool) -> AuthStatusResponse:
    """The state of a login; without a session there is nothing to expire."""
    dates: dict[str, Any] = {}
    if session and session.expires_at:
        dates["expires_at"] = session.expires_at
    if session and session.pin_expires_at:
        dates["pin_expires_at"] = session.pin_expires_at
    return AuthStatusResponse(pin_code=has_pin, password=has_password, is_elevated=is_elevated, **dates)
