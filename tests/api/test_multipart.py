"""Multipart bodies as a stream."""

import pytest
from starlette.requests import Request

from calotype.api.multipart import PartBegin, PartEnd, base_name, pieces
from calotype.core.errors import Invalid


def request(body: bytes, size: int, kind: str = "multipart/form-data; boundary=b") -> Request:
    chunks = [body[i : i + size] for i in range(0, len(body), size)] or [b""]
    last = len(chunks) - 1
    rest = iter({"type": "http.request", "body": c, "more_body": i < last} for i, c in enumerate(chunks))

    async def receive():
        return next(rest)

    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}, receive)


async def read(body: bytes, size: int = 7, **options) -> list[tuple[PartBegin, bytes]]:
    found: list[tuple[PartBegin, bytes]] = []
    async for piece in pieces(request(body, size, **options)):
        if isinstance(piece, PartBegin):
            found.append((piece, b""))
        elif isinstance(piece, bytes):
            found[-1] = (found[-1][0], found[-1][1] + piece)
        else:
            assert piece == PartEnd()
    return found


BODY = (
    b'--b\r\nContent-Disposition: form-data; name="t"\r\n\r\nsome text\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n\r\n--c\r\n\r\n--b--\r\n'
)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50, 5000])
async def test_however_the_body_is_cut_the_parts_are_the_same(size):
    assert await read(BODY, size) == [
        (PartBegin("t", None), b"some text"),
        (PartBegin("f", "a.jpg"), b"\r\n--c\r\n"),
    ]


@pytest.mark.parametrize("end", [0, 1, 30, len(BODY) - 4])
async def test_a_body_that_ends_too_early(end):
    with pytest.raises(Invalid):
        await read(BODY[:end])


async def test_another_content_type_has_no_parts():
    assert await read(b"{}", kind="application/json") == []


async def test_without_boundary():
    with pytest.raises(Invalid, match="Multipart: Boundary not found"):
        await read(BODY, kind="multipart/form-data")


@pytest.mark.parametrize("body", [b"nonsense", b"--b\r\nbad header\r\n\r\n", b"--b\r\nA: b\r\n\r\nx\r\n--b--\r\n"])
async def test_nonsense(body):
    with pytest.raises(Invalid):
        await read(body, 500)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a.jpg", "a.jpg"), ("../../a.jpg", "a.jpg"), ("C:\\x\\a.jpg", "a.jpg"), ("a\0b\n.jpg", "ab.jpg"), ("a/", "")],
)
def test_only_the_last_part_of_a_name_counts(given, kept):
    assert base_name(given) == kept
