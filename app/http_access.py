"""Decides who may send a request that changes something: any but GET, HEAD and OPTIONS."""

import hmac
import ipaddress
from http import HTTPStatus
from typing import Final

from aiohttp import web

_READING: Final = ("GET", "HEAD", "OPTIONS")
# A proxy on this machine connects from a loopback address, but its clients may be anywhere.
_FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")


def refusal(request: web.Request, token: str) -> tuple[HTTPStatus, str] | None:
    """Returns the status and the reason if the request must be refused, else None.

    If there is a token, every request that changes something has to send it, also from this machine. If
    `token` is empty, such requests are answered only if they come from this machine.
    """
    if request.method in _READING:
        return None
    if "Origin" in request.headers:
        # Only browsers send this header. A web page that an operator opens must not change anything.
        return HTTPStatus.FORBIDDEN, "not for browsers"
    if token:
        if _has_token(request, token):
            return None
        return HTTPStatus.UNAUTHORIZED, "the bearer token of HTTP_TOKEN is needed"
    if _is_local(request):
        return None
    return HTTPStatus.FORBIDDEN, "only from the worker's own machine, unless HTTP_TOKEN is set"


def _has_token(request: web.Request, token: str) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    # aiohttp decodes headers with surrogates, and compare_digest refuses such text, but takes bytes.
    same = hmac.compare_digest(sent.strip(" ").encode("utf-8", "surrogateescape"), token.encode())
    return same and scheme.lower() == "bearer"


def _is_local(request: web.Request) -> bool:
    """Returns whether the peer is on this machine, by its address. A header cannot make a peer local, but one
    of a proxy means that the client may be elsewhere."""
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    if not peer or any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(peer[0])


def is_loopback(address: str) -> bool:
    """Returns whether the text is a loopback address: of IPv4, of IPv6, or of IPv4 in IPv6, as a socket for
    both gives it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
