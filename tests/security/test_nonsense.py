"""Whatever is sent, the answer is a refusal or a result, never a bug: no operation answers 500."""

import json
import urllib.parse
from typing import Any
from uuid import UUID, uuid4

import pytest

from calotype.accounts import sessions
from calotype.accounts.device import Device
from tests.security.examples import Example, example, filled, places, served, slim, value_at, with_value

MIB = 1024 * 1024

NUMBERS = ["9007199254740991", "-9007199254740991", "2147483648", "9" * 30, "-1", "0", "0.5", "1" + "0" * 400, "1e999"]
NUMBERS += ["-1e308", "NaN", "null", '"7"', "[]"]
# By what stands there otherwise, as JSON text, because Python would not write some of it. What has the wrong type is
# refused by the shape; what has the right one must be refused, or kept, by what lies behind.
NONSENSE: dict[type, list[str]] = {
    str: [
        r'"a\u0000b"', r'"\ud800"', '""', '"0000-01-01T00:00:00Z"', '"9999-12-31T23:59:59-14:00"',
        '"0001-01-01T00:00:00+14:00"', '"%"',
        "\"'; DROP TABLE asset; --\"", "null", "7",
    ],
    int: NUMBERS,
    float: NUMBERS,
    bool: ["null", '"true"', "2"],
    list: ["[]", r'[null, 1, "\u0000", {}]', "null", "{}"],
    dict: ["{}", r'{"a\u0000b": {"\ud800": [1e999]}}', "null", "[]", '"text"', "[" * 400 + "]" * 400],
    type(None): ["7", '"text"', "{}"],
}  # fmt: skip
FEW = 30  # a body or query with more keys gets one kind of nonsense a key, in turn
LONG = json.dumps("x" * MIB)
DEEP = "[" * 10_000 + "]" * 10_000
DEEP_OBJECT = '{"a":' * 10_000 + "1" + "}" * 10_000
HUGE_NUMBER = "1" * 10_000
WHOLE = {
    "long": LONG,
    "nearly too deep": "[" * 900 + "]" * 900,
    "deep": DEEP,
    "deep object": DEEP_OBJECT,
    "huge number": HUGE_NUMBER,
    "empty": "",
    "torn": '{"a',
}
MARK = "\ue000"

QUERIES = {
    "text": "text",
    "empty": "",
    "NUL": "a\0b",
    "number": "9" * 30,
    "huge number": "1" * 5000,
    "minus": "-1",
    "fraction": "1e999",
    "nan": "nan",
    "id": str(uuid4()),
    "year 0": "0000-01-01",
    "far": "9999-12-31T23:59:59.999-14:00",
    "negative year": "-2024-05-01",
    "four": "nan,inf,1e999,-1",
    "cursor": "WzEsIm5vIl0",
    "unicode digits": "\u0661\u0662",
    "long": "x" * 20_000,
}


def text_with(body: Any, path: tuple[Any, ...], raw: str) -> str:
    """The body as JSON text with raw text in one place."""
    return json.dumps(with_value(body, path, MARK)).replace(json.dumps(MARK), raw)


class Bugs(list[str]):
    """What answered 500, with how it was asked."""

    def see(self, answer: Any, what: str) -> None:
        if answer.status_code >= 500 and answer.status_code not in (501, 503, 507):
            self.append(f"{what}: {answer.status_code} {answer.text[:200]}")


class Asker:
    """An administrator with one photo, who may do everything; with a new session for each operation, as some end it."""

    def __init__(self, house: Any, boss: Any, photo: str) -> None:
        self.house, self.boss, self.photo = house, boss, photo
        self.op: Any = None
        self.token = ""

    async def __call__(
        self, each: Example, query: dict[str, Any] | str = "", content: str | None = None, path: str = ""
    ):
        if self.op is not each.op:
            self.op = each.op
            async with self.house.world.writing() as tx:
                session, self.token = await sessions.issue(tx, self.boss.id, Device())
                await sessions.elevate(tx, session.id, self.house.world.clock.now())
            await self.house.sql(
                "UPDATE asset SET status = 'active', deleted_at = NULL WHERE id = $1", UUID(self.photo)
            )
        query = query if isinstance(query, str) else urllib.parse.urlencode(query, errors="surrogatepass")
        address = f"{path or each.address}?{query}" if query else path or each.address
        headers = {"authorization": f"Bearer {self.token}"}
        if content is not None:
            headers["content-type"] = "application/json"
        body = None if content is None else content.encode()
        return await self.boss.client.request(each.op.method, address, content=body, headers=headers)

    def operations(self) -> list[Example]:
        """One of each handler (a twin under another method does the same), on the photo wherever one is named."""
        every = {op.handler: example(op) for op in served()}
        return [filled(each, lambda kind: self.photo if kind == "asset" else str(uuid4())) for each in every.values()]


@pytest.fixture
async def asks(house) -> Asker:
    boss = await house.person(is_admin=True)
    return Asker(house, boss, await boss.asset(b"a photo"))


async def test_bodies_of_every_wrong_kind(asks):
    bugs, shared = Bugs(), set[Any]()
    for each in asks.operations():
        if each.body is None:
            continue
        every = list(places(each.body))
        if len(every) > FEW:  # the searches have most keys in common, and so have the forms of the settings
            every = [path for path in every if path not in shared]
            shared |= set(every)
        for turn, path in enumerate(every):
            kinds = NONSENSE[type(value_at(each.body, path))]
            if len(every) > FEW:
                kinds = [kinds[turn % len(kinds)]]
            for raw in kinds:
                # Alone with what must be there: beside others, a refusal of those would hide what this one does.
                body = slim(each, str(path[0])).body if path else each.body
                answer = await asks(each, content=text_with(body, path, raw))
                bugs.see(answer, f"{each.op.method} {each.op.path} {'.'.join(map(str, path))} = {raw[:40]}")
    assert not bugs, "\n".join(bugs)


async def test_bodies_that_are_no_bodies(asks):
    bugs = Bugs()
    for each in asks.operations():
        if each.op.method == "GET" or each.op.raw:
            continue
        for kind, raw in WHOLE.items():
            bugs.see(await asks(each, content=raw), f"{each.op.method} {each.op.path} {kind}")
    assert not bugs, "\n".join(bugs)


async def test_long_and_deep_values(asks):
    bugs = Bugs()
    for each in asks.operations():
        if not isinstance(each.body, dict):
            continue
        for key in list(each.body)[:6]:
            for kind, raw in (("long", LONG), ("deep", DEEP)):
                answer = await asks(each, content=text_with(slim(each, key).body, (key,), raw))
                bugs.see(answer, f"{each.op.method} {each.op.path} {key} {kind}")
    assert not bugs, "\n".join(bugs)


async def test_every_query_key(asks):
    bugs = Bugs()
    for each in asks.operations():
        for turn, key in enumerate(each.query):
            few = len(each.query) > 8
            for kind, text in list(QUERIES.items())[turn % 4 if few else 0 :: 4 if few else 1]:
                answer = await asks(each, query={**slim(each).query, key: text})
                bugs.see(answer, f"{each.op.method} {each.op.path}?{key} = {kind}")
            alone = f"{key}=%ff%fe%ed%a0%80&{key}=1"
            bugs.see(await asks(each, query=alone), f"{each.op.method} {each.op.path}?{key} twice, not UTF-8")
    assert not bugs, "\n".join(bugs)


async def test_every_path_key(asks):
    bugs = Bugs()
    for each in asks.operations():
        for key in each.path:
            for text in (
                "%00",
                "a%00b",
                "%ff%fe",
                "..%2f..%2fetc%2fpasswd",
                "x" * 5000,
                str(uuid4()),
                "%ed%a0%80",
                "-1",
            ):
                path = each.op.path
                for other, value in each.path.items():
                    path = path.replace("{" + other + "}", text if other == key else str(value))
                content = None if each.body is None else json.dumps(each.body)
                bugs.see(await asks(each, content=content, path=path), f"{each.op.method} {each.op.path} {text[:30]}")
    assert not bugs, "\n".join(bugs)


HEADERS = {
    "range": ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000, "bytes=5-1", "bytes=-0", "bytes=1-" + "9" * 30],
    "if-modified-since": ["Mon, 20 Nov 2030 19:12:08 -0000", "Mon, 20 Nov 9999 19:12:08 +9999", "nonsense", "\x7f"],
    "if-range": ["Mon, 20 Nov 2030 19:12:08 -0000", "nonsense"],
    "if-none-match": ["\x7f", '"' * 500],
    "x-immich-checksum": ["nonsense", "=" * 28, "x" * 5000],
    "cookie": ["immich_access_token=\x7f", "=;=;=", "immich_access_token=" + "x" * 5000],
    "authorization": ["Bearer", "Bearer \x7f", "Basic " + "x" * 500],
    "x-api-key": ["\x7f", "x" * 5000],
    "x-immich-share-key": ["\x7f", "x", "zz" * 50, "\u00e9" * 10],
    "x-immich-share-slug": ["\x7f", "\u00e9"],
    "x-forwarded-for": ["nonsense", ",,,", "::1%eth0, 1.2.3.4.5"],
    "x-forwarded-proto": ["javascript"],
    "user-agent": ["\x7f" * 10, "Immich_\u00e9/1"],
    "accept-encoding": ["\x7f"],
    "x-correlation-id": ["\x7f", "x" * 5000],
    "content-type": [
        "multipart/form-data",
        "multipart/form-data; boundary=" + "x" * 500,
        "application/json; charset=\x7f",
    ],
    "content-length": ["0"],
}


async def test_headers(house, ada):
    photo = await ada.asset(b"a photo")
    bugs = Bugs()
    for header, values in HEADERS.items():
        for value in values:
            for method, path in (
                ("GET", f"/assets/{photo}/original"),
                ("GET", "/users/me"),
                ("POST", "/assets"),
                ("POST", "/auth/login"),
                ("GET", "/server/ping"),
            ):
                sent = {header: value.encode("latin-1")}
                for client in (ada.client, house.client()):
                    bugs.see(
                        await client.request(method, path, headers=sent), f"{method} {path} {header}: {value[:30]!r}"
                    )
    assert not bugs, "\n".join(bugs)
