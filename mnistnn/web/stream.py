"""What happens to runs, told to every open page: one look at the runs twice a second, for all of them together."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from mnistnn.errors import MnistnnError
from mnistnn.run.live import POLL_S
from mnistnn.web.listing import Listing

_MOST_WAITING = 64  # events of a page that does not read them; it is told all anew
_SILENCE_S = 15.0  # after which a page is sent a comment, so that it knows that the server is there
_ALL = "all"


class Stream:
    """Looks while anybody listens."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._listeners: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self._known: dict[str, dict[str, Any]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[str]:
        """Yield how runs stand as server-sent events: each once, and then whatever changes."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_MOST_WAITING)
        self._listeners.add(queue)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield _event({"run": _ALL})
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), _SILENCE_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is None:
                    return
                yield _event(event)
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End all streams."""
        for queue in self._listeners:
            _put(queue, None)
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while self._listeners:
            now = await anyio.to_thread.run_sync(self._standing)
            changed = [state for run_id, state in now.items() if self._known.get(run_id) != state]
            gone = [{"run": run_id, "state": "gone"} for run_id in self._known if run_id not in now]
            self._known = now
            for event in [*changed, *gone]:
                for queue in self._listeners:
                    _put(queue, event)
            await asyncio.sleep(POLL_S)

    def _standing(self) -> dict[str, dict[str, Any]]:
        found = {}
        for run_id, view in self._listing.views().items():
            rows = checkpoints = 0
            with suppress(MnistnnError):
                rows, checkpoints = len(view.rows), len(view.checkpoints)
            found[run_id] = {"run": run_id, "rows": rows, "checkpoints": checkpoints, "state": view.standing}
        return found


def _put(queue: asyncio.Queue[dict[str, Any] | None], event: dict[str, Any] | None) -> None:
    """Add an event; who does not read gets one that says to look at everything anew."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait({"run": _ALL})
    queue.put_nowait(event)


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content)}\n\n"


async def events(request: Request) -> StreamingResponse:
    """The stream of one page."""
    stream: Stream = request.app.state.stream
    return StreamingResponse(stream.events(), media_type="text/event-stream")


routes = [Route("/api/events", events)]
