"""The web UI's files, discovery, and the fallback page."""

import mimetypes
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from calotype.settings import current

BUILD = Path(__file__).resolve().parent.parent / "web_build"
FOR_EVER = "public,max-age=31536000,immutable"
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "same-origin",
}


async def discovery(request: Request) -> Response:
    """Where clients find the API."""
    return JSONResponse({"api": {"endpoint": "/api"}})


async def custom_css(request: Request) -> Response:
    """The administrator's style sheet; empty by default."""
    settings = await current.read(request.app.state.world)
    return Response(settings.theme.custom_css, media_type="text/css")


class Site:
    """Serves the built web UI; every path that is no file is the application's own page."""

    def __init__(self, build: Path = BUILD) -> None:
        self._build = build
        # Listed once: a path from the network is only ever looked up, never joined to a folder.
        self._files = {"/" + path.relative_to(build).as_posix(): path for path in build.rglob("*") if path.is_file()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        path = unquote(request.scope["path"])
        if request.method not in ("GET", "HEAD"):
            return JSONResponse({"message": f"Cannot {request.method} {path}"}, 404)
        found = self._files.get(path)
        if found is not None and path != "/index.html":
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            lasting = FOR_EVER if path.startswith("/_app/immutable/") else "no-cache"
            return FileResponse(found, media_type=kind, headers={**SAFE, "cache-control": lasting})
        accept = request.headers.get("accept", "*/*")
        if not any(kind in accept for kind in ("text/html", "text/*", "*/*")):
            sentence = f"The route {path} was requested as {accept}, but only returns text/html"
            return JSONResponse({"message": sentence}, 406)
        page = self._files.get("/index.html")
        if page is None:
            return PlainTextResponse("The web UI is not built. Run `make web`.", 503)
        return FileResponse(page, media_type="text/html", headers={**SAFE, "cache-control": "no-store"})
