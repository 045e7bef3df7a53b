"""Where a request really came from, when a proxy stands before us.

`X-Forwarded-*` headers are believed only from trusted proxies; anybody else could write anything there.
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import Request

from calotype.core.config import Config

# Loopback, link-local and private networks: where a proxy stands when nobody says otherwise.
USUAL = "127.0.0.0/8,::1/128,169.254.0.0/16,fe80::/10,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address(request: Request) -> str:
    """The address of the client: the nearest hop that is not one of our proxies. Empty when it cannot be known."""
    config: Config = request.app.state.world.config
    peer = request.client.host if request.client else ""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    nearest = peer
    for hop in reversed(hops):
        if not is_trusted(nearest, config.trusted_proxies):
            break
        nearest = hop
    return nearest


def is_https(request: Request) -> bool:
    """Whether the client speaks https, to us or to a trusted proxy before us."""
    config: Config = request.app.state.world.config
    peer = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    if forwarded and is_trusted(peer, config.trusted_proxies):
        return forwarded == "https"
    return request.url.scheme == "https"


def is_forged(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another website made it send a request that changes something.

    Sent by every browser since 2023 (Fetch Metadata); apps and scripts send none. `SameSite=Lax` guards as well.
    """
    return method not in ("GET", "HEAD", "OPTIONS") and headers.get("sec-fetch-site", "").lower() == "cross-site"


def is_trusted(peer: str, trusted_proxies: str) -> bool:
    """Whether `peer` is a proxy whose headers we believe. No address (a unix socket) is one of our own machine."""
    if not peer:
        return True
    try:
        found = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in _networks(trusted_proxies or USUAL))


@lru_cache(maxsize=8)
def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip())
