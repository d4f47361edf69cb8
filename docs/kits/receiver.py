"""Takes the vendors' webhooks: verifies each signature, publishes the body, and answers when Kafka has it.

    python receiver.py 127.0.0.1:9092 hooks.json 8080

`hooks.json` has a secret for each path: {"magine/acme": "whsec_...", "fynd": "..."}. A path is a vendor and,
if the bodies do not name it, a tenant. It listens on 127.0.0.1; put a server with TLS before it.
"""

import base64
import hmac
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from producers import new_producer, publish

Headers = Mapping[str, str]
Verify = Callable[[str, Headers, bytes, float], bool]


def selfcommunity(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """`t=SECONDS,v1=HEX,v0=HEX` over the time, a dot and the body; which of the two counts is not clear."""
    parts = [part.strip().partition("=") for part in headers.get("selfcommunity-signature", "").split(",")]
    at = next((text for name, _, text in parts if name == "t"), "")
    digest = _digest(secret.encode(), f"{at}.".encode("utf-8", "replace") + body).hex()
    # It tries again for 3,905 s, and it is not known whether `t` is then a new one.
    return _fresh(at, now, 7_200) and any(
        _same(text, digest) for name, _, text in parts if name in ("v0", "v1")
    )


def fynd(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """Hexadecimal, over the body."""
    return _same(headers.get("x-fp-signature", ""), _digest(secret.encode(), body).hex())


def standard(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """Standard Webhooks, for Magine and for the forwarder of Rocket.Chat: `v1,BASE64 v1,BASE64`."""
    name, at = (headers.get(header, "") for header in ("webhook-id", "webhook-timestamp"))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = _base64(_digest(key, f"{name}.{at}.".encode("utf-8", "surrogateescape") + body))
    given = headers.get("webhook-signature", "").split()
    return bool(name) and _fresh(at, now, 300) and any(_same(text, f"v1,{digest}") for text in given)


def amity(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """Base64 over the body by the vendor's table, hexadecimal by its sample."""
    given, digest = headers.get("x-amity-signature", ""), _digest(secret.encode(), body)
    return _same(given, _base64(digest)) or _same(given, digest.hex())


VERIFY: Final[dict[str, Verify]] = {
    "selfcommunity": selfcommunity,
    "fynd": fynd,
    "magine": standard,
    "rocketchat": standard,
    "amity": amity,
}


def _digest(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, signed, "sha256")


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _same(given: str, expected: str) -> bool:
    """Takes equally long for each wrong text. As bytes: for other letters than ASCII it would raise."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def _fresh(at: str, now: float, seconds: int) -> bool:
    return at.isascii() and at.isdigit() and len(at) <= 12 and abs(now - int(at)) <= seconds


def application(
    hooks: Mapping[str, str], topics: Mapping[str, str] | None = None, **options: Any
) -> web.Application:
    """`hooks`: secrets by path. `topics`: by vendor, if they have other names. `options`: the producer's."""

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with new_producer(**options) as app[_PRODUCER]:
            yield

    async def take(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if (secret := hooks.get(path)) is None:
            return web.Response(status=404)
        vendor, _, tenant = path.partition("/")
        body = await request.read()
        if "x-eko-signature" in request.headers and "x-amity-signature" not in request.headers:
            return web.Response(
                status=204
            )  # The same event under an older name: it comes in its own request, too.
        if not VERIFY[vendor](secret, request.headers, body, time.time()):
            return web.Response(status=401)
        topic = (topics or {}).get(vendor)
        try:
            await publish(request.app[_PRODUCER], vendor, body, request.headers, tenant or None, topic)
        except KafkaError:
            return web.Response(status=503)  # The vendor tries again.
        return web.json_response({}) if vendor == "amity" else web.Response(status=204)

    app = web.Application(client_max_size=4 << 20)
    app.cleanup_ctx.append(connected)
    app.router.add_post("/{path:.+}", take)
    return app


_PRODUCER: Final = web.AppKey("producer", AIOKafkaProducer)

if __name__ == "__main__":
    secrets = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    web.run_app(application(secrets, bootstrap_servers=sys.argv[1]), host="127.0.0.1", port=int(sys.argv[3]))
