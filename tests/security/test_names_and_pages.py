"""File names, paths and pages: nothing that somebody sends becomes a path, a header or a script of ours.

The server itself opens no address that a user gave. What it does open an administrator has set: inference services, the
mail server, the object store.
"""

import email.message
import re

import httpx
import pytest

from calotype.api import web

NAMES = [
    "../../x.jpg",
    "/etc/passwd.jpg",
    "..\\..\\x.jpg",
    "C:\\Windows\\x.jpg",
    "x" * 5000 + ".jpg",
    "\u202egpj.exe.jpg",
    "a\u0000b.jpg",
    "a\r\nX-Evil: 1\r\n\r\n<script>.jpg",
    'a"; filename=evil.html; x=".jpg',
    "a'b;c=d.jpg",
    "\u5199\u771f \u0645\u0631\u062d\u0628\u0627 \U0001f4f7.jpg",
    "%2e%2e%2fx.jpg",
    "..jpg",
    ".jpg",
    "con.jpg",
    "$(id)`id`|id.jpg",
    "\ud800.jpg".encode("utf-8", "surrogatepass").decode("latin-1"),
    "x.svg/../x.jpg",
]


async def sent(person, name: str, content: bytes, *, as_field: bool) -> httpx.Response:
    """An upload with the name as raw as a client can send it: in the part's head, or in the field `filename`."""
    head = "x.jpg" if as_field else name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in {
            "fileCreatedAt": "2024-03-01T10:00:00Z",
            "fileModifiedAt": "2024-03-01T10:00:00Z",
            **({"filename": name} if as_field else {}),
        }.items()
    ]
    parts.append(
        f'--b\r\nContent-Disposition: form-data; name="assetData"; filename="{head}"\r\n\r\n'.encode() + content
    )
    body = b"".join(parts) + b"\r\n--b--\r\n"
    return await person.client.post(
        "/assets", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )


@pytest.mark.parametrize("as_field", [True, False], ids=["field", "part"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_a_file_name_is_neither_a_path_nor_a_header(house, ada, name, as_field):
    answer = await sent(ada, name, f"bytes of {name!r} {as_field}".encode(), as_field=as_field)
    assert answer.status_code in (201, 400), answer.text
    kept = house.originals()
    assert len(kept) == (answer.status_code == 201)
    if not kept:
        return
    inside = kept[0].relative_to(house.media).as_posix()
    assert re.fullmatch(rf"upload/{ada.id}/[0-9a-f]{{2}}/[0-9a-f]{{2}}/[0-9a-f-]{{36}}\.jpg", inside)
    shown = (await ada.client.get(f"/assets/{answer.json()['id']}")).json()["originalFileName"]
    assert not set(shown) & set("/\\\r\n\0")
    file = await ada.client.get(f"/assets/{answer.json()['id']}/original")
    assert file.status_code == 200
    assert "x-evil" not in file.headers
    told = file.headers["content-disposition"]
    assert re.fullmatch(r"(inline|attachment); filename\*=UTF-8''[\w.%~!#$&+^`|-]+", told, re.ASCII), told
    parsed = email.message.Message()
    parsed["content-disposition"] = told
    assert parsed.get_filename().endswith("jpg")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize("name", ["x.svg", "x.jpg"])
async def test_a_page_in_disguise_runs_nowhere(ada, name):
    """Opened as a page of its own, it has no scripts and no origin; as an image, browsers run no scripts anyway."""
    id = await ada.asset(SVG, name)
    answer = await ada.client.get(f"/assets/{id}/original")
    assert answer.headers["x-content-type-options"] == "nosniff"
    if name == "x.svg":
        policy = answer.headers["content-security-policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy
    else:
        assert answer.headers["content-type"] == "image/jpeg"


async def test_we_send_people_on_only_to_ourselves(house, ada):
    id = await ada.asset(b"a picture", "x.jpg")
    await house.sql("UPDATE asset SET previews_at = now() WHERE id = $1", id)
    for query in (
        "size=original",
        "size=fullsize",
        "size=fullsize&next=//evil.example/",
        "size=original&x=%0d%0aX-Evil:1",
    ):
        answer = await ada.client.get(f"/assets/{id}/thumbnail?{query}", headers={"host": "evil.example"})
        if answer.status_code == 302:
            location = answer.headers["location"]
            assert re.match(r"original\?|/api/assets/", location)
            assert not set(location) & set("\r\n\\")
        assert "x-evil" not in answer.headers


async def test_the_host_header_is_reflected_nowhere(house, ada):
    id = await ada.asset(b"another picture", "x.jpg")
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    for path in (
        "/server/config", "/server/about", "/users/me", f"/assets/{id}", "/auth/status", "/nowhere", "/spec.json",
        "http://calotype/", "http://calotype/auth/login", "http://calotype/.well-known/immich", "http://calotype/nowhere",
    ):  # fmt: skip
        answer = await ada.client.get(path, headers=headers)
        assert "evil.example" not in answer.text + str(answer.headers.multi_items()), path


PATHS = ["/..%2f..%2fpyproject.toml", "/%2e%2e/%2e%2e/pyproject.toml", "/_app/..%2f..%2f__init__.py", "/..\\..\\x", "/%00",
         "//etc/passwd", "/_app/%252e%252e/x", "/index.html/..%2f..%2f..%2fpyproject.toml"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_web_paths_stay_in_the_build(house, path):
    outside = {
        path.read_bytes() for path in (web.BUILD.parent / "__init__.py", web.BUILD.parents[1] / "pyproject.toml")
    }
    transport = httpx.ASGITransport(house.application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport) as stranger:
        for each in (path, "/api" + path, "/api/assets/" + path):
            answer = await stranger.get(httpx.URL("http://calotype").copy_with(raw_path=each.encode()))
            assert answer.status_code in (200, 401, 404, 400, 503), each
            assert answer.content not in outside
            assert b"root:" not in answer.content


@pytest.mark.parametrize("site", ["cross-site", "Cross-Site"])
async def test_another_website_changes_nothing_through_a_cookie(house, ada, site):
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    visitor = house.client(cookie=f"immich_access_token={token}; immich_is_authenticated=true")
    assert (await visitor.get("/users/me")).status_code == 200
    for method, path in (("PUT", "/users/me"), ("DELETE", "/sessions"), ("POST", "/assets"), ("POST", "/auth/logout")):
        answer = await visitor.request(method, path, json={}, headers={"sec-fetch-site": site})
        assert answer.status_code == 403, path
    login = await house.client().post("/auth/login", json={}, headers={"sec-fetch-site": site})
    assert login.status_code == 403
    assert (
        await visitor.put("/users/me", json={"name": "Ada"}, headers={"sec-fetch-site": "same-origin"})
    ).status_code == 200


async def test_no_origin_is_allowed_to_read_our_answers(house, ada):
    for method in ("GET", "OPTIONS"):
        answer = await ada.client.request(method, "/users/me", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
