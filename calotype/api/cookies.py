"""The three cookies of a login, as existing clients expect them."""

from datetime import timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import Response

from calotype.api.caller import SESSION_COOKIE
from calotype.api.origin import is_https
from calotype.core.world import World

TYPE_COOKIE = "immich_auth_type"
PRESENT_COOKIE = "immich_is_authenticated"  # readable by scripts: the web asks it whether to show the login page
LASTS_S = 400 * 24 * 3600  # as long as browsers keep any cookie


def sign_in(request: Request, response: Response, token: str, *, kind: str) -> Response:
    """Let the browser, or the app's cookie jar, send the token from now on."""
    _set(request, response, SESSION_COOKIE, token)
    _set(request, response, TYPE_COOKIE, kind)
    _set(request, response, PRESENT_COOKIE, "true", is_secret=False)
    return response


def sign_out(response: Response) -> Response:
    """Let it forget all three."""
    for name in (SESSION_COOKIE, TYPE_COOKIE, PRESENT_COOKIE):
        response.headers.append("set-cookie", f"{name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    return response


def _set(request: Request, response: Response, name: str, value: str, *, is_secret: bool = True) -> None:
    world: World = request.app.state.world
    until = format_datetime(world.clock.now().replace(microsecond=0) + timedelta(seconds=LASTS_S), usegmt=True)
    text = f"{name}={value}; Max-Age={LASTS_S}; Path=/; Expires={until}"
    if is_secret:
        text += "; HttpOnly"
    if is_https(request):
        text += "; Secure"
    response.headers.append("set-cookie", f"{text}; SameSite=Lax")
