"""`rollcall resume VENDOR|events`: resumes what a worker has paused, by a request to that worker."""

import json
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from typing import Final
from urllib.parse import quote, urlsplit

from app.errors import CommandFailed
from app.http_access import is_loopback
from app.settings import Settings

# The worker answers when the end of the pause is committed, which an outage of the brokers delays.
_TIMEOUT_SECONDS: Final = 15.0
# A server on one of these listens on all addresses of its machine. A client has to call a real address.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104


def run_resume(settings: Settings, vendor: str, url: str | None, skip: str = "") -> int:
    """Asks a worker to resume the vendor, and prints the number of its partitions. Returns the exit code, 0.

    `skip`: the position of a record that becomes a dead letter unread; empty: none. `url`: the worker's
    address; None means a worker with these settings on this machine. Raises CommandFailed if there is no
    answer, or if the worker refuses.
    """
    host = _ANY.get(settings.http_host, settings.http_host)
    base = (url or f"http://{host}:{settings.http_port}").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise CommandFailed("--url: expected http://HOST:PORT")
    try:
        query = f"?skip={quote(skip)}" if skip else ""
        request = urllib.request.Request(f"{base}/vendors/{vendor}/resume{query}", method="POST")  # noqa: S310
        if settings.http_token:
            # Another server, to which the answer redirects, must not get the token.
            request.add_unredirected_header("Authorization", f"Bearer {settings.http_token}")
        with _opener(base).open(request, timeout=_TIMEOUT_SECONDS) as response:
            partitions = json.load(response)["partitions"]
    except urllib.error.HTTPError as error:
        raise CommandFailed(f"{base} says: {_problem(error)}") from None
    except (OSError, HTTPException, ValueError, TypeError, KeyError) as error:
        raise CommandFailed(f"no answer of a worker at {base}: {_reason(error)}") from None
    sys.stdout.write(f"{vendor} is resumed: {partitions} partitions\n")
    return 0


def _opener(base: str) -> urllib.request.OpenerDirector:
    """Returns an opener that uses the proxy of the environment, except for an address of this machine: a
    proxy would call its own machine then."""
    host = urlsplit(base).hostname or ""
    local = host == "localhost" or is_loopback(host)
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))


def _problem(error: urllib.error.HTTPError) -> str:
    with error, suppress(ValueError, TypeError, KeyError):
        return str(json.load(error)["problem"])
    return f"HTTP {error.code}"


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return (isinstance(cause, OSError) and cause.strerror) or type(cause).__name__
