"""Requests of commands to the HTTP servers of workers."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPException
from typing import Final, TypeVar
from urllib.parse import urlsplit

from app.errors import CommandFailed
from app.http_access import is_loopback
from app.settings import Settings

# The worker answers when what was asked for is committed, which an outage of the brokers delays.
_TIMEOUT_SECONDS: Final = 15.0
# Far more than the status of a worker with thousands of partitions.
_LARGEST_BYTES: Final = 16 << 20
# A server on one of these listens on all addresses of its machine. A client has to call a real address.
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104

T = TypeVar("T")


def ask(settings: Settings, url: str, path: str, read: Callable[[bytes], T], *, method: str = "GET") -> T:
    """Returns what `read` makes of a worker's answer. `read` may raise ValueError, TypeError and KeyError.
    Raises CommandFailed if there is no such answer, or if the worker refuses."""
    base = url.rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise CommandFailed("--url: expected http://HOST:PORT")
    try:
        request = urllib.request.Request(f"{base}{path}", method=method)  # noqa: S310 - http, see above
        if settings.http_token and method != "GET":
            # Another server, to which the answer redirects, must not get the token.
            request.add_unredirected_header("Authorization", f"Bearer {settings.http_token}")
        with _opener(base).open(request, timeout=_TIMEOUT_SECONDS) as response:
            return read(response.read(_LARGEST_BYTES))
    except urllib.error.HTTPError as error:
        raise CommandFailed(f"{base} says: {_problem(error)}") from None
    except (OSError, HTTPException, ValueError, TypeError, KeyError) as error:
        raise CommandFailed(f"no answer of a worker at {base}: {_reason(error)}") from None


def own_url(settings: Settings) -> str:
    """Returns the address of a worker with these settings on this machine."""
    return f"http://{_ANY.get(settings.http_host, settings.http_host)}:{settings.http_port}"


def switch(settings: Settings, urls: Sequence[str], path: str, done: str) -> int:
    """Posts a request to each of the workers, and prints `done` with the number of partitions that it
    answers. Returns the sum of the numbers. `urls`: empty means the worker of `own_url`.

    All workers are asked, also after one has refused. Raises CommandFailed with what went wrong.
    """
    total, problems = 0, []
    for url in urls or [own_url(settings)]:
        try:
            partitions = ask(settings, url, path, _partitions, method="POST")
        except CommandFailed as problem:
            problems.append(str(problem))
            continue
        where = f" at {url}" if len(urls) > 1 else ""
        sys.stdout.write(f"{done}{where}: {partitions} partitions\n")
        total += partitions
    if problems:
        raise CommandFailed("; ".join(problems))
    return total


def _partitions(body: bytes) -> int:
    return int(json.loads(body)["partitions"])


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
