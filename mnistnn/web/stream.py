"""What happens to runs, told to every open page: one look at the runs a second, for all of them together."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from time import thread_time
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from mnistnn.web.brief import Brief
from mnistnn.web.listing import Listing

_MOST_WAITING = 64  # events of a page that does not read them; it is told all anew
_SILENCE_S = 15.0  # after which a page is sent a comment, so that it knows that the server is there
_LOOK_S = 1.0
"""Between two looks: a page costs a training beside it half as much CPU time as with two looks a second."""
_SHARE = 0.02  # of the CPU time of a core that looking may take, however many runs there are
_MOST_APART_S = 10.0
_ALL = "all"

Event = dict[str, Any]
"""How a run stands: `run`, `rows`, `checkpoints`, `state`, `progress`; or only that `all` is to be looked at anew."""


class Stream:
    """Looks while anybody listens."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._known: dict[str, Event] = {}
        self._looking: asyncio.Task[None] | None = None

    async def events(self) -> AsyncIterator[str]:
        """Yield that all is to be looked at, how each run stands now, and then whatever changes, as server-sent events.

        What a page asks for once it was told to look is as new as what it is told then, or newer: nothing is missed.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_MOST_WAITING)
        if not self._is_looking:
            known = await anyio.to_thread.run_sync(self._standing)
            if not self._is_looking:  # by now
                self._known = known  # what has happened while nobody listened is no news
                self._looking = asyncio.create_task(self._look())
        self._listeners.add(queue)
        begin = [{"run": _ALL}, *({**state, "first": True} for state in self._known.values())]
        try:
            for event in begin:
                yield _event(event)
            while True:
                try:
                    changed = await asyncio.wait_for(queue.get(), _SILENCE_S)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if changed is None:
                    return
                yield _event(changed)
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End all streams."""
        for queue in self._listeners:
            _put(queue, None)
        if self._looking is not None:
            self._looking.cancel()

    @property
    def _is_looking(self) -> bool:
        return self._looking is not None and not self._looking.done()

    async def _look(self) -> None:
        took_s = 0.0
        while True:
            await asyncio.sleep(min(max(_LOOK_S, took_s / _SHARE), _MOST_APART_S))
            if not self._listeners:
                return
            try:
                now, took_s = await anyio.to_thread.run_sync(self._timed)
            except Exception:  # noqa: S112 # what a run has in its folder must not end it: pages that ask are told
                continue
            changed = [state for run_id, state in now.items() if self._known.get(run_id) != state]
            gone: list[Event] = [{"run": run_id, "state": "gone"} for run_id in self._known if run_id not in now]
            self._known = now
            for event in [*changed, *gone]:
                for queue in self._listeners:
                    _put(queue, event)

    def _timed(self) -> tuple[dict[str, Event], float]:
        """Return how each run stands, and the CPU seconds that it took to look."""
        began_s = thread_time()
        return self._standing(), thread_time() - began_s

    def _standing(self) -> dict[str, Event]:
        return {run_id: _state(brief) for run_id, brief in self._listing.briefs().items()}


def _state(brief: Brief) -> Event:
    return {
        "run": brief.id,
        "rows": brief.rows,
        "checkpoints": brief.checkpoints,
        "state": brief.standing,
        "progress": None if brief.bar is None else asdict(brief.bar),
    }


def _put(queue: asyncio.Queue[Event | None], event: Event | None) -> None:
    """Add an event; who does not read gets one that says to look at everything anew."""
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait({"run": _ALL})
    queue.put_nowait(event)


def _event(content: Event) -> str:
    return f"data: {json.dumps(content)}\n\n"


async def events(request: Request) -> StreamingResponse:
    """The stream of one page."""
    stream: Stream = request.app.state.stream
    return StreamingResponse(stream.events(), media_type="text/event-stream")


routes = [Route("/api/events", events)]
