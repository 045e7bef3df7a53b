"""Signing in and out, passwords, PINs and the locked folder: 12 operations."""

from starlette.responses import Response

from calotype.accounts import session_store, sessions, sign_in, users
from calotype.accounts.device import device
from calotype.api import answers, cookies
from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.api.origin import address
from calotype.wire import auth as wire
from calotype.wire import users as people

auth = Door("Authentication")


@auth.post("/auth/admin-sign-up", public=True)
async def sign_up_admin(ask: Writing, new: wire.SignUp) -> people.UserAdminResponse:
    """The first visitor becomes the administrator."""
    user = await sign_in.sign_up(ask.world, ask.tx, email=new.email, password=new.password, name=new.name)
    return people.full(user, ask.world.config.data)


@auth.post("/auth/login", public=True, shape=wire.LoginResponse)
async def login(ask: Writing, given: wire.LoginCredential) -> Response:
    """A session for whoever knows the password, as a token and as cookies."""
    signed_in = await sign_in.log_in(
        ask.world,
        ask.tx,
        email=given.email,
        password=given.password,
        device=device(ask.request.headers),
        address=address(ask.request),
    )
    body = answers.to_bytes(wire.login(signed_in, ask.world.config.data))
    response = await answers.json_response(ask.request, body, 201)
    return cookies.sign_in(ask.request, response, signed_in.token, kind="password")


@auth.post("/auth/logout", may="all", status=200, shape=wire.LogoutResponse)
async def logout(ask: Writing) -> Response:
    """End this session and forget the cookies."""
    if ask.caller.session is not None:
        await sessions.end(ask.tx, ask.caller.session.id)
    done = wire.LogoutResponse(successful=True, redirect_uri="/auth/login?autoLaunch=0")
    return cookies.sign_out(await answers.json_response(ask.request, answers.to_bytes(done)))


@auth.post("/auth/validateToken", may="any", status=200)
async def validate_access_token(ask: Reading) -> wire.ValidateAccessTokenResponse:
    """Apps ask this to learn whether they are still logged in."""
    return wire.ValidateAccessTokenResponse(auth_status=True)


@auth.get("/auth/status", may="all")
async def get_auth_status(ask: Reading) -> wire.AuthStatusResponse:
    """What the caller has set up, and whether the locked folder is open."""
    user = await users.get(ask.look, ask.caller.user_id)
    session = await session_store.one(ask.look, ask.caller.session.id) if ask.caller.session else None
    return wire.status(session, has_pin=user.has_pin, has_password=user.has_password, is_elevated=ask.is_elevated)


@auth.post("/auth/change-password", may="auth.changePassword", status=200)
async def change_password(ask: Writing, given: wire.ChangePassword) -> people.UserAdminResponse:
    """A new password; every other session ends."""
    user = await sign_in.change_password(ask.world, ask.tx, ask.caller, old=given.password, new=given.new_password)
    return people.full(user, ask.world.config.data)


@auth.post("/auth/pin-code", may="pinCode.create", status=204)
async def setup_pin_code(ask: Writing, given: wire.PinCodeSetup) -> None:
    """A first PIN."""
    await sign_in.set_up_pin(ask.tx, ask.caller, pin=given.pin_code)


@auth.put("/auth/pin-code", may="pinCode.update", status=204)
async def change_pin_code(ask: Writing, given: wire.PinCodeChange) -> None:
    """Another PIN."""
    await sign_in.change_pin(
        ask.world, ask.tx, ask.caller, new=given.new_pin_code, pin=given.pin_code, password=given.password
    )


@auth.delete("/auth/pin-code", may="pinCode.delete")
async def reset_pin_code(ask: Writing, given: wire.PinCodeReset) -> None:
    """No PIN any more."""
    await sign_in.reset_pin(ask.world, ask.tx, ask.caller, pin=given.pin_code, password=given.password)


@auth.post("/auth/session/unlock", may="all", status=204)
async def unlock_auth_session(ask: Writing, given: wire.SessionUnlock) -> None:
    """Open the locked folder to this session."""
    await sign_in.unlock(ask.world, ask.tx, ask.caller, pin=given.pin_code)


@auth.post("/auth/session/lock", may="all", status=204)
async def lock_auth_session(ask: Writing) -> None:
    """Close it again."""
    await sign_in.lock(ask.tx, ask.caller)
