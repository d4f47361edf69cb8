"""Who may do more than look: `POST` changes something."""

import hmac
import ipaddress
from http import HTTPStatus
from typing import Final

from aiohttp import web

_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
# A proxy on this machine is a loopback peer, and those whom it speaks for may be anywhere.
_FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")

Refusal = tuple[HTTPStatus, str]


def refusal(request: web.Request, token: str) -> Refusal | None:
    """Status and reason if the request changes something and may not.

    With a token every such request has to send it, from this machine too; without one only peers on this
    machine are answered.
    """
    if request.method in _LOOKS:
        return None
    if "Origin" in request.headers:
        # Browsers send it: a page that an operator looks at must not change anything.
        return HTTPStatus.FORBIDDEN, "not for browsers"
    if token:
        if _sends(request, token):
            return None
        return HTTPStatus.UNAUTHORIZED, "the bearer token of HTTP_TOKEN is needed"
    if _is_local(request):
        return None
    return HTTPStatus.FORBIDDEN, "only from the worker's own machine, unless HTTP_TOKEN is set"


def _sends(request: web.Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # aiohttp decodes with surrogates, which compare_digest takes only as bytes.
    same = hmac.compare_digest(sent.strip(" ").encode("utf-8", "surrogateescape"), token.encode())
    return same and scheme.lower() == "bearer"


def _is_local(request: web.Request) -> bool:
    """Judged by the peer's address: no header can make it local, some can make it not so."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    if not peer or any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(peer[0])


def is_loopback(address: str) -> bool:
    """Of IPv4, IPv6, and IPv4 in IPv6, which a socket for both gives."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
