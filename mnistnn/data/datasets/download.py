"""One file over HTTP, bounded in size and time.

Only the given address is contacted: redirections are refused. Proxies of the environment are honoured. What
came is not trusted here; the caller compares digests.
"""

import http.client
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import IO, Any

from tqdm import tqdm

from mnistnn.errors import DataError

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class DownloadLimits:
    """How long a server may be silent, how long one file may take, and how large it may be."""

    silence_s: float = 15.0
    total_s: float = 600.0
    max_bytes: int = 1 << 26


class _RefuseRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing, so that the redirection itself is reported as the server's answer."""


def download(url: str, limits: DownloadLimits, *, progress: bool) -> bytes:
    """Return the content at `url`, with a bar on a terminal if `progress`.

    Raises DataError, naming the address and the reason, when there is no complete answer within the limits.
    """
    deadline_s = time.monotonic() + limits.total_s
    opener = urllib.request.build_opener(_RefuseRedirect)
    try:
        with opener.open(url, timeout=min(limits.silence_s, limits.total_s)) as response:
            return _read(response, url, limits, deadline_s, progress=progress)
    except urllib.error.HTTPError as error:
        with error:
            raise DataError(f"{url}: the server answered {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise DataError(f"{url}: no answer for {limits.silence_s:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DataError(f"{url}: {_in_words(reason)}") from error


def _read(
    response: http.client.HTTPResponse, url: str, limits: DownloadLimits, deadline_s: float, *, progress: bool
) -> bytes:
    announced = response.length
    if announced is not None and announced > limits.max_bytes:
        raise DataError(f"{url}: {announced} bytes, more than the {limits.max_bytes} that are allowed")
    content = bytearray()
    with _bar(url.rpartition("/")[2], announced, progress=progress) as bar:
        while piece := response.read1(_CHUNK_BYTES):
            content += piece
            bar.update(len(piece))
            if len(content) > limits.max_bytes:
                raise DataError(f"{url}: more than the {limits.max_bytes} bytes that are allowed")
            if time.monotonic() > deadline_s:
                raise DataError(f"{url}: not complete after {limits.total_s:g} s")
    if announced is not None and len(content) != announced:
        raise DataError(f"{url}: the connection ended after {len(content)} of {announced} bytes")
    return bytes(content)


def _bar(title: str, total_bytes: int | None, *, progress: bool) -> "tqdm[Any]":
    terminal: IO[str] = sys.stderr
    return tqdm(
        desc=title,
        total=total_bytes,
        unit="B",
        unit_scale=True,
        file=terminal,
        disable=not (progress and terminal.isatty()),
        leave=False,
    )


def _in_words(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
