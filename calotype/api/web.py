"""The web UI's files, discovery, and the page that every address of the application begins with."""

import asyncio
import hashlib
import mimetypes
import os
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from calotype.core.errors import Problem
from calotype.core.tx import AWAY
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


# Asked for while the script is still on its way. The script asks for the very same and finds it there.
OPENING = b'<link rel="preload" href="/api/calotype/opening" as="fetch" crossorigin="anonymous">'
PATIENCE_S = 1.0
SIGNED_IN_COOKIE = "immich_is_authenticated"
ENCODINGS = ((".br", "br"), (".gz", "gzip"))
BUILT_FILES = "/_app/"  # what the build names: whatever is not there is no page
SETTLES_S = 30.0  # a build goes on writing smaller copies after its page


class Site:
    """Serves the built web UI; every path that is no file is the application's own page.

    Files are listed, once for each build: a path from the network is only ever looked up, never joined to a folder.
    """

    def __init__(self, build: Path = BUILD) -> None:
        self._build = build
        self._files: dict[str, Path] = {}
        self._page: bytes | None = None
        self._stamp: tuple[int, int] | None = None
        self._renew()

    def _renew(self) -> None:
        """List the files again if they were built anew; one look at the page's file tells."""
        try:
            found = os.stat(self._build / "index.html")
        except OSError:
            return  # not built, or being built in this moment: what was there may still be
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        try:
            self._page = (self._build / "index.html").read_bytes()
            files = [path for path in self._build.rglob("*") if path.is_file()]
        except OSError:
            return
        self._files = {"/" + path.relative_to(self._build).as_posix(): path for path in files}
        self._stamp = stamp if abs(time.time() - found.st_mtime) > SETTLES_S else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = unquote(request.scope["path"])
        if path == "/share" and request.method == "POST":
            # The service worker takes what other apps share. Without one it ends here, and the page says so.
            return RedirectResponse("/photos?shared=lost", 303)
        if request.method not in ("GET", "HEAD"):
            return JSONResponse({"message": f"Cannot {request.method} {path}"}, 404)
        if path != "/index.html" and (answer := self._file(request, path)) is not None:
            return answer
        self._renew()
        if path.startswith(BUILT_FILES):
            answer = self._file(request, path)
            return answer or JSONResponse({"message": "There is no such file."}, 404, {"cache-control": "no-store"})
        accept = request.headers.get("accept", "*/*")
        if not any(kind in accept for kind in ("text/html", "text/*", "*/*")):
            sentence = f"The route {path} was requested as {accept}, but only returns text/html"
            return JSONResponse({"message": sentence}, 406)
        if self._page is None:
            return PlainTextResponse("The web UI is not built. Run `make web`.", 503)
        page = await _at_home(request, path, self._page)
        return Response(page, media_type="text/html", headers={**SAFE, "cache-control": "no-store"})

    def _file(self, request: Request, path: str) -> Response | None:
        """A listed file that is there, in the smallest form the client takes."""
        found = self._files.get(path)
        stat = _stat(found)
        if found is None or stat is None:
            return None
        lasting = FOR_EVER if path.startswith("/_app/immutable/") else "no-cache"
        headers = {**SAFE, "cache-control": lasting}
        kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
        for suffix, encoding in ENCODINGS:
            smaller = self._files.get(path + suffix)
            size = _stat(smaller)
            if smaller is None or size is None:
                continue
            headers["vary"] = "accept-encoding"
            if encoding in accepted and "range" not in request.headers:
                headers["content-encoding"] = encoding
                return FileResponse(smaller, media_type=kind, headers=headers, stat_result=size)
        return FileResponse(found, media_type=kind, headers=headers, stat_result=stat)


def _stat(path: Path | None) -> os.stat_result | None:
    try:
        return os.stat(path) if path else None
    except OSError:  # a build has replaced it
        return None


async def _at_home(request: Request, path: str, page: bytes) -> bytes:
    """The page with what only this server knows: the administrator's style sheet, and what will be asked for first."""
    more = b""
    is_wall = path == "/" or path == "/photos" or path.startswith("/photos/")
    if is_wall and request.cookies.get(SIGNED_IN_COOKIE) == "true":
        more += OPENING
    css = ""
    with suppress(Problem, TimeoutError, *AWAY):  # the page opens, if plainly, while the settings cannot be read
        async with asyncio.timeout(PATIENCE_S):
            css = (await current.read(request.app.state.world)).theme.custom_css
    if css.strip():
        version = hashlib.sha1(css.encode(), usedforsecurity=False).hexdigest()[:12]
        more += b'<link rel="stylesheet" id="custom-css" href="/custom.css?v=%s">' % version.encode()
    return page.replace(b"</head>", more + b"</head>", 1) if more else page
