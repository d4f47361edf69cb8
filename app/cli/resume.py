"""`rollcall resume VENDOR`: lets a held vendor go on, by a word to the worker that holds it."""

import json
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from app.cli.failed import Failed
from app.http_access import is_loopback
from app.settings import Settings

# The worker answers when the release is committed: an outage of the brokers holds that up.
_TIMEOUT_SECONDS: Final = 15.0
# What a server listens on when it listens on all addresses is none to call.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104


def run_resume(settings: Settings, vendor: str, url: str | None) -> int:
    """`url` of the worker's server; the default is that of a worker with these settings, here.

    Raises Failed where nobody answers, or the answer is no.
    """
    host = _ANY.get(settings.http_host, settings.http_host)
    base = (url or f"http://{host}:{settings.http_port}").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise Failed("--url: expected http://HOST:PORT")
    try:
        request = urllib.request.Request(f"{base}/vendors/{vendor}/resume", method="POST")  # noqa: S310
        if settings.http_token:
            # Whom the answer redirects to does not get it.
            request.add_unredirected_header("Authorization", f"Bearer {settings.http_token}")
        with _opener(base).open(request, timeout=_TIMEOUT_SECONDS) as response:
            partitions = json.load(response)["partitions"]
    except urllib.error.HTTPError as error:
        raise Failed(f"{base} says: {_problem(error)}") from None
    except (OSError, HTTPException, ValueError, TypeError, KeyError) as error:
        raise Failed(f"no answer of a worker at {base}: {_reason(error)}") from None
    sys.stdout.write(f"{vendor} goes on: {partitions} partitions\n")
    return 0


def _opener(base: str) -> urllib.request.OpenerDirector:
    """Goes by the proxy of the environment but for this machine: there a proxy would reach its own."""
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
