"""The mail server."""

import asyncio
import smtplib
import ssl
from typing import Protocol

from calotype.core.errors import Invalid

TIMEOUT_S = 10


class Transport(Protocol):
    """Where mail is handed over. `secure`: TLS from the first byte; otherwise STARTTLS where the server offers it."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def secure(self) -> bool: ...
    @property
    def ignore_cert(self) -> bool: ...
    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...


async def verify(transport: Transport) -> None:
    """Connect and sign in. Raises `Invalid` when mail could not be sent like this."""
    if not transport.host:
        raise Invalid("Invalid SMTP configuration")
    try:
        await asyncio.to_thread(_connect, transport)
    except (OSError, smtplib.SMTPException) as error:
        raise Invalid("Invalid SMTP configuration") from error


def _connect(transport: Transport) -> None:
    context = ssl.create_default_context()
    if transport.ignore_cert:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if transport.secure:
        client: smtplib.SMTP = smtplib.SMTP_SSL(transport.host, transport.port, timeout=TIMEOUT_S, context=context)
    else:
        client = smtplib.SMTP(transport.host, transport.port, timeout=TIMEOUT_S)
    with client:
        client.ehlo_or_helo_if_needed()
        if not transport.secure and client.has_extn("starttls"):
            client.starttls(context=context)
        if transport.username:
            client.login(transport.username, transport.password)
