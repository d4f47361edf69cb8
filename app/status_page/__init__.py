"""The page at `/` of a worker's HTTP server: the whole flow as it is now, for people."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

_PAGE: Final = files(__name__).joinpath("index.html").read_bytes()


def _hashes(tag: str) -> str:
    """Returns the hashes of the page's elements of that name, as a Content-Security-Policy has them."""
    texts = re.findall(f"<{tag}>(.*?)</{tag}>".encode(), _PAGE, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


BODY: Final = _PAGE
HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    # Nothing but the page's own script and style runs, and it asks nobody but this worker.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes('script')}",
            f"style-src {_hashes('style')}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
