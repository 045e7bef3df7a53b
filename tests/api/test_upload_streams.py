"""However an upload arrives, it becomes the same asset; however it ends too early, it becomes none and leaves no file."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import House, Person

FIELDS = {
    "fileCreatedAt": "2024-03-01T10:00:00.000Z",
    "fileModifiedAt": "2024-03-02T10:00:00.000Z",
    "isFavorite": "true",
    "filename": "named.jpg",
}
BOUNDARY = "calotype-b"
HARSH = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Bytes that look like the form around them.
CONTENTS = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.lists(st.sampled_from([b"\r\n", b"--", BOUNDARY.encode(), b"\r\n--", b"-", b"\r", b"\n", b"x"]), min_size=1).map(
        b"".join
    ),
).filter(lambda content: f"\r\n--{BOUNDARY}".encode() not in b"\r\n" + content + b"\r\n")


def form(content: bytes, order: list[str]) -> bytes:
    """The body with its parts in this order; `assetData` is the file, `sidecarData` its sidecar."""
    body = b""
    for name in order:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        value = FIELDS.get(name, "").encode()
        if name == "assetData":
            head, value = f'{head}; filename="photo.jpg"\r\nContent-Type: image/jpeg', content
        elif name == "sidecarData":
            head, value = f'{head}; filename="photo.xmp"', b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
        body += f"{head}\r\n\r\n".encode() + value + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


class Sender:
    """Feeds the application a body in pieces, as a socket would."""

    def __init__(self, house: House, person: Person) -> None:
        self.house = house
        self.token = person.client.headers["authorization"]
        self.owner = person.id

    async def __call__(self, pieces: list[bytes], *, is_cut: bool = False) -> int:
        """The status. `is_cut`: the connection breaks after the last piece."""
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        messages.append(
            {"type": "http.disconnect"} if is_cut else {"type": "http.request", "body": b"", "more_body": False}
        )
        rest = iter(messages)
        statuses: list[int] = []

        async def receive():
            return next(rest, {"type": "http.disconnect"})

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = {"authorization": self.token, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": "/api/assets", "raw_path": b"/api/assets", "query_string": b"", "root_path": "",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "client": ("127.0.0.1", 1), "server": ("calotype", 80), "state": {},
        }  # fmt: skip
        await self.house.application(scope, receive, send)
        return statuses[0]

    async def kept(self) -> list[bytes]:
        """The originals that rows point to, after making sure that there are no other files; then all are forgotten."""
        rows = await self.house.sql(
            "SELECT original_key, sidecar_key, original_name FROM asset WHERE owner_id = $1", self.owner
        )
        paths = [self.house.media / row["original_key"] for row in rows]
        sidecars = [self.house.media / row["sidecar_key"] for row in rows if row["sidecar_key"]]
        assert sorted([*paths, *sidecars]) == self.house.originals()
        assert all(row["original_name"] == "named.jpg" for row in rows)
        contents = [path.read_bytes() for path in paths]
        await self.house.sql("DELETE FROM asset WHERE owner_id = $1", self.owner)
        for path in [*paths, *sidecars]:
            path.unlink()
        return contents


@pytest.fixture
def sender(house, ada) -> Sender:
    return Sender(house, ada)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in pieces that end at these places."""
    ends = sorted({place % (len(body) + 1) for place in places} | {len(body)})
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


ORDERS = st.permutations([*FIELDS, "assetData", "sidecarData"])


async def test_fields_in_any_order_in_any_pieces_make_one_asset(sender):
    # Hypothesis knows no event loop: it thinks the examples up, we try them.
    @HARSH
    @given(CONTENTS, ORDERS, st.lists(st.integers(0, 10_000), max_size=30))
    def check(content: bytes, order: list[str], places: list[int]) -> None:
        examples.append((content, order, places))

    examples: list[tuple[bytes, list[str], list[int]]] = []
    check()
    for content, order, places in examples:
        assert await sender(cut(form(content, order), places)) == 201
        assert await sender.kept() == [content]


async def test_byte_by_byte(sender):
    body = form(b"\r\n--\r\n-" * 3, [*FIELDS, "assetData"])
    assert await sender([body[i : i + 1] for i in range(len(body))]) == 201
    assert await sender.kept() == [b"\r\n--\r\n-" * 3]


async def test_a_cut_at_every_place_joins_again(sender):
    body = form(b"\r\n--calotype-", [*FIELDS, "assetData"])
    for place in range(
        body.index(b"image/jpeg"), len(body)
    ):  # the file and what ends it; the rest is in test_multipart.py
        assert await sender([body[:place], body[place:]]) == 201, place
        assert await sender.kept() == [b"\r\n--calotype-"]


@pytest.mark.parametrize("is_cut", [True, False], ids=["cut", "ended"])
async def test_what_ends_too_early_leaves_nothing(sender, is_cut):
    chance = random.Random(7)
    for _ in range(40):
        content = chance.randbytes(chance.choice([1, 200, 70_000]))
        order = chance.sample([*FIELDS, "assetData", "sidecarData"], 6)
        body = form(content, order)
        end = chance.randrange(len(body) - 4)  # without the last dashes; line ends after them do not count
        assert await sender(cut(body[:end], [chance.randrange(end + 1) for _ in range(3)]), is_cut=is_cut) == 400
        assert await sender.kept() == []
