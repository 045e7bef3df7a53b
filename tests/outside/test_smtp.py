"""Whether mail could be sent, tried against a server that speaks just enough SMTP."""

import asyncio
from dataclasses import dataclass

import pytest

from calotype.core.errors import Invalid
from calotype.outside import smtp


@dataclass(frozen=True)
class Transport:
    host: str = "127.0.0.1"
    port: int = 0
    secure: bool = False
    ignore_cert: bool = False
    username: str = ""
    password: str = ""


@pytest.fixture
async def server():
    """Greets, offers plain sign-in, and knows one password."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper()
            if word == b"AUTH":
                # base64 of NUL ada NUL secret
                writer.write(b"235 in\r\n" if line.split()[-1] == b"AGFkYQBzZWNyZXQ=" else b"535 no\r\n")
            else:
                writer.write(
                    {b"EHLO": b"250-me\r\n250 AUTH PLAIN\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n")
                )
            await writer.drain()
        writer.close()

    serving = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with serving:
        yield serving.sockets[0].getsockname()[1]


async def test_a_server_that_takes_us(server):
    await smtp.verify(Transport(port=server))
    await smtp.verify(Transport(port=server, username="ada", password="secret"))


@pytest.mark.parametrize("odd", [{"username": "ada", "password": "wrong"}, {"secure": True}, {"host": ""}])
async def test_a_server_that_does_not(server, odd):
    with pytest.raises(Invalid, match="Invalid SMTP configuration"):
        await smtp.verify(Transport(**{"port": server, **odd}))


async def test_nobody_there():
    with pytest.raises(Invalid, match="Invalid SMTP configuration"):
        await smtp.verify(Transport(port=1))
