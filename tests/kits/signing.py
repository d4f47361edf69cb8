"""Signs requests as the vendors do, written apart from the receiver of the kits."""

import base64
import hashlib
import hmac
from collections.abc import Callable

SECRETS = {
    "selfcommunity": "s3nt1nel-of-selfcommunity",
    "fynd": "s3nt1nel-of-fynd",
    "magine": "whsec_czNudDFuZWwtb2YtbWFnaW5l",
    "rocketchat": "whsec_czNudDFuZWwtb2Ytcm9ja2V0Y2hhdA==",
    "amity": "s3nt1nel-of-amity",
}


def _mac(key: bytes, signed: bytes) -> "hmac.HMAC":
    return hmac.new(key, signed, hashlib.sha256)


def selfcommunity(secret: str, body: bytes, at: int) -> dict[str, str]:
    made = _mac(secret.encode(), b"%d.%s" % (at, body)).hexdigest()
    return {"SelfCommunity-Signature": f"t={at},v1={made},v0={'0' * 64}"}


def fynd(secret: str, body: bytes, at: int) -> dict[str, str]:
    return {"x-fp-event-id": "e-1", "x-fp-signature": _mac(secret.encode(), body).hexdigest()}


def standard(secret: str, body: bytes, at: int) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(_mac(key, b"msg_1.%d.%s" % (at, body)).digest()).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1a,ed25519 v1,{'A' * 43}= v1,{made}",
    }


def amity(secret: str, body: bytes, at: int) -> dict[str, str]:
    return {"x-amity-signature": base64.b64encode(_mac(secret.encode(), body).digest()).decode()}


SIGN: dict[str, Callable[[str, bytes, int], dict[str, str]]] = {
    "selfcommunity": selfcommunity,
    "fynd": fynd,
    "magine": standard,
    "rocketchat": standard,
    "amity": amity,
}
