"""The web UI's files: looked up, never joined to a folder; small when that is possible; with what this server knows."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from calotype.api import web

PAGE = "<!doctype html><html><head><title>Calotype</title></head><body></body></html>"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    build = tmp_path / "build"
    (build / "_app/immutable").mkdir(parents=True)
    (build / "index.html").write_text(PAGE)
    (build / "_app/immutable/app.js").write_text("long and plain")
    (build / "_app/immutable/app.js.gz").write_bytes(b"gz")
    (build / "_app/immutable/app.js.br").write_bytes(b"br")
    (build / "service-worker.js").write_text("//")
    (tmp_path / "secret.txt").write_text("secret")
    return build


@pytest.fixture
async def visitor(house, build, monkeypatch):
    monkeypatch.setattr(house.application, "_web", web.Site(build))
    transport = httpx.ASGITransport(house.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://calotype") as visitor:
        yield visitor


async def test_files_with_a_hash_last_and_others_are_asked_for_again(visitor):
    assert (await visitor.head("/_app/immutable/app.js")).headers["cache-control"] == web.FOR_EVER
    assert (await visitor.get("/service-worker.js")).headers["cache-control"] == "no-cache"
    assert (await visitor.get("/anything")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/../secret.txt", "/%2e%2e/secret.txt", "/_app/../../secret.txt", "//secret.txt"])
async def test_nothing_outside_the_build_is_served(visitor, path):
    assert "secret" not in (await visitor.get(path)).text


@pytest.mark.parametrize(
    ("accepts", "encoding", "kept"),
    [("gzip, deflate, br;q=0.9", "br", b"br"), ("gzip", "gzip", b"gz"), ("identity", None, b"long and plain")],
)
async def test_a_file_travels_as_small_as_the_client_understands(visitor, accepts, encoding, kept):
    async with visitor.stream("GET", "/_app/immutable/app.js", headers={"accept-encoding": accepts}) as answer:
        assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (encoding, "accept-encoding")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert b"".join([chunk async for chunk in answer.aiter_raw()]) == kept


async def test_the_wall_of_somebody_signed_in_asks_for_its_photos_at_once(visitor):
    cookie = {"cookie": f"{web.SIGNED_IN_COOKIE}=true"}
    assert web.OPENING.decode() in (await visitor.get("/photos", headers=cookie)).text
    assert web.OPENING.decode() in (await visitor.get("/photos/8b1e", headers=cookie)).text
    assert (await visitor.get("/search", headers=cookie)).text == PAGE
    assert (await visitor.get("/photos")).text == PAGE


async def test_the_administrators_style_sheet_comes_with_the_page(house, visitor):
    boss = await house.person(is_admin=True)
    tree = (await boss.client.get("/system-config")).json()
    tree["theme"]["customCss"] = ":root { --accent: teal }"
    assert (await boss.client.put("/system-config", json=tree)).status_code == 200
    page = (await visitor.get("/photos")).text
    address = page.split('id="custom-css" href="')[1].split('"')[0]
    assert page.index("custom-css") < page.index("</head>")
    sheet = await visitor.get(address)
    assert (sheet.text, sheet.headers["content-type"].split(";")[0]) == (":root { --accent: teal }", "text/css")
    tree["theme"]["customCss"] = ""
    await boss.client.put("/system-config", json=tree)
    assert (await visitor.get("/photos")).text == PAGE


class NoPool:
    """A database that is away."""

    async def acquire(self):
        raise ConnectionRefusedError

    async def release(self, connection) -> None: ...


async def test_the_page_opens_without_a_database(house, visitor, monkeypatch):
    async def away(world):
        raise ConnectionRefusedError

    monkeypatch.setattr(web.current, "read", away)
    house.application._take(replace(house.world, pool=NoPool()))
    answer = await visitor.get("/photos")
    assert (answer.status_code, answer.text) == (200, PAGE)


async def test_what_is_shared_past_the_service_worker_is_not_lost_in_silence(visitor):
    answer = await visitor.post("/share", files={"files": ("a.jpg", b"photo")})
    assert (answer.status_code, answer.headers["location"]) == (303, "/photos?shared=lost")
    assert (await visitor.post("/photos")).status_code == 404


def rebuilt(build: Path, script: str) -> None:
    """As a build under a running server leaves it: other hashes, another page."""
    (build / "_app/immutable/app.js").unlink()
    (build / "_app/immutable/app.js.gz").unlink()
    (build / "_app/immutable/app.js.br").unlink()
    (build / f"_app/immutable/{script}").write_text("newer")
    (build / "index.html").write_text(PAGE.replace("Calotype", script))


async def test_a_file_of_an_older_build_is_missing_and_no_bug(visitor, build):
    rebuilt(build, "newer.js")
    gone = await visitor.get("/_app/immutable/app.js")
    assert (gone.status_code, gone.json()) == (404, {"message": "There is no such file."})
    assert gone.headers["cache-control"] == "no-store", "it must not be remembered for ever"


async def test_a_newer_build_is_served_without_a_restart(visitor, build):
    assert (await visitor.get("/photos")).text == PAGE
    rebuilt(build, "newer.js")
    assert (await visitor.get("/_app/immutable/newer.js")).text == "newer"
    assert "newer.js" in (await visitor.get("/photos")).text
    (build / "_app/immutable/newer.js.br").write_bytes(b"br")  # written a little after the page
    await visitor.get("/photos")
    async with visitor.stream("GET", "/_app/immutable/newer.js", headers={"accept-encoding": "br"}) as answer:
        assert answer.headers["content-encoding"] == "br"


async def test_while_a_build_is_made_the_page_stays(visitor, build):
    (build / "index.html").unlink()
    assert (await visitor.get("/photos")).text == PAGE
    (build / "_app/immutable/app.js").unlink()
    assert (await visitor.get("/_app/immutable/app.js")).status_code == 404


async def test_a_build_made_after_the_start_is_found(house, tmp_path, monkeypatch):
    build = tmp_path / "later"
    monkeypatch.setattr(house.application, "_web", web.Site(build))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(house.application), base_url="http://calotype"
    ) as client:
        assert (await client.get("/photos")).status_code == 503
        build.mkdir()
        (build / "index.html").write_text(PAGE)
        assert (await client.get("/photos")).text == PAGE


async def test_an_old_build_is_not_listed_again_for_each_page(visitor, build, monkeypatch):
    monkeypatch.setattr(web, "SETTLES_S", -1.0)
    await visitor.get("/photos")
    (build / "_app/immutable/late.js").write_text("late")
    assert (await visitor.get("/_app/immutable/late.js")).status_code == 404
