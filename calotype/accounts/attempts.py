"""Slowing down whoever guesses passwords and PINs.

Attempts are counted before they are checked, so that a thousand at once are no way around. When the cache is away
nothing is counted; two hashing threads still allow no more than some thirty guesses a second.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from calotype.core.errors import TooMany
from calotype.core.ports import Cache

KNOWN_FOR_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts within `within_s` seconds of the first."""

    most: int
    within_s: int


FROM_HERE = Limit(10, 60)  # one account from one address: a person mistyping does not get there
FROM_ANYWHERE = Limit(100, 15 * 60)  # one account from everywhere: many addresses do not help
ONE_ADDRESS = Limit(300, 15 * 60)  # one address for all accounts: an office behind one router still fits
SECRETS = Limit(10, 60)  # PIN or password of someone who is logged in already
SECRETS_FOR_LONG = Limit(60, 3600)  # a million PINs take two years


async def count_login(cache: Cache, email: str, address: str) -> None:
    """Note an attempt to log in. Raises `TooMany`.

    Whoever logged in from this address before is not kept out by others who guess at the same account from elsewhere.
    """
    here, account, network = _login_keys(email, address)
    await _count(cache, here, FROM_HERE)
    await _count(cache, network, ONE_ADDRESS)
    if await cache.get(f"{here}:known") is None:
        await _count(cache, account, FROM_ANYWHERE)


async def login_succeeded(cache: Cache, email: str, address: str) -> None:
    """Forget the attempts of the right person; those of the address still count."""
    here, account, _ = _login_keys(email, address)
    await cache.forget(here, account)
    await cache.put(f"{here}:known", b"1", ttl_s=KNOWN_FOR_S)


async def count_secret(cache: Cache, user_id: object) -> None:
    """Note an attempt to prove who one is with a PIN or password while logged in. Raises `TooMany`."""
    await _count(cache, f"attempts:secret:{user_id}", SECRETS)
    await _count(cache, f"attempts:secret-hour:{user_id}", SECRETS_FOR_LONG)


async def secret_succeeded(cache: Cache, user_id: object) -> None:
    """The right one was given."""
    await cache.forget(f"attempts:secret:{user_id}", f"attempts:secret-hour:{user_id}")


async def _count(cache: Cache, key: str, limit: Limit) -> None:
    if await cache.count(key, ttl_s=limit.within_s) > limit.most:
        raise TooMany("Too many attempts. Wait a little, then try again.", retry_after_s=limit.within_s)


def _login_keys(email: str, address: str) -> tuple[str, str, str]:
    """Keys without anybody's address in clear."""
    account, network = _digest(email.lower()), _digest(_network(address))
    return f"attempts:login:{account}:{network}", f"attempts:account:{account}", f"attempts:address:{network}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _network(address: str) -> str:
    """IPv6 users hold a /64 at least and may choose any address in it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
