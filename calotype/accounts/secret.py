"""Passwords and PINs as slow hashes, tokens as fast ones.

A token is 32 random bytes, so that its plain SHA-256 cannot be guessed; a password can, and gets bcrypt. Hashing takes
60 ms of processor, so it happens in two threads of its own: a flood of logins waits there and holds up nothing else.
"""

import asyncio
import base64
import hashlib
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import bcrypt

ROUNDS = 10  # 60 ms, what OWASP's password storage sheet asks of bcrypt as a minimum
BCRYPT_BYTES = 72  # bcrypt ignores, or refuses, what comes after

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bcrypt")
# What an unknown account is compared with, so that it takes as long as a known one; the answer is no in any case.
_NOBODY = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"


def new_token() -> str:
    """A session token or API key: 40 to 43 characters, the contract's form."""
    return re.sub(r"\W", "", base64.b64encode(secrets.token_bytes(32)).decode())


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def slow_hash(text: str) -> str:
    """What is kept of a password or a PIN."""
    loop = asyncio.get_running_loop()
    made = await loop.run_in_executor(_threads, bcrypt.hashpw, _bounded(text), bcrypt.gensalt(ROUNDS))
    return made.decode()


async def matches(text: str, kept: str | None) -> bool:
    """Whether `text` is what `kept` was made from. Takes the same time when there is nothing to compare with."""
    loop = asyncio.get_running_loop()
    right = await loop.run_in_executor(_threads, bcrypt.checkpw, _bounded(text), (kept or _NOBODY).encode())
    return right and bool(kept)


def _bounded(text: str) -> bytes:
    """Long passwords count in full: beyond bcrypt's limit their SHA-256 is hashed instead."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= BCRYPT_BYTES and b"\0" not in raw:
        return raw
    return base64.b64encode(hashlib.sha256(raw).digest())
