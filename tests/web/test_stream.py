"""What pages are told of runs: all at first, then what changes, and no more often than looking costs little."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.under_way import UnderWay
from mnistnn.web import stream as streams
from mnistnn.web.listing import Listing, id_of
from mnistnn.web.stream import Stream
from tests.run.test_view import mark_as_running
from tests.web.many_runs import grow

Listener = AsyncIterator[str]


async def next_of(events: Listener) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await asyncio.wait_for(anext(events), 10)).removeprefix("data: "))
    return found


async def is_silent(events: Listener) -> bool:
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait([waiting], timeout=0.3)
    waiting.cancel()
    return not done


@pytest.fixture
def run(toy, start, monkeypatch) -> RunDirectory:
    monkeypatch.setattr(streams, "_LOOK_S", 0.01)
    found: RunDirectory = start(toy, path="runs/toy/one").run
    return found


def listening(talk: Callable[[Stream, Listener], Awaitable[None]]) -> None:
    """Let somebody listen to a stream of the folder of runs."""

    async def listen() -> None:
        stream = Stream(Listing(Path("runs")))
        try:
            await talk(stream, stream.events())
        finally:
            stream.close()

    asyncio.run(listen())


def test_page_is_told_to_look_and_then_how_each_run_stands(run):
    async def talk(stream, events):
        assert await next_of(events) == {"run": "all"}
        expected = {"run": id_of(run), "rows": 6, "checkpoints": 2, "state": "finished", "progress": None}
        assert await next_of(events) == {**expected, "first": True}
        assert await is_silent(events)

    listening(talk)


def test_what_changes_is_told_once(run):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        grow(run)
        found = await next_of(events)
        assert (found["run"], found["rows"], "first" in found) == (id_of(run), 7, False)
        assert await is_silent(events)

    listening(talk)


def test_bar_is_told(run):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        run.progress.write_bytes(UnderWay("", 7, 9, 63, "updates", 3, 10, 0.0).to_bytes())
        found = await next_of(events)
        assert found["progress"] == {"done": 3, "most": 10, "text": "epoch 7 of 9: 3 of 10 updates"}

    mark_as_running(run)
    with lock.exclusive(run):
        listening(talk)


def test_run_that_is_gone_is_told(run):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        run.path.rename("elsewhere")
        assert await next_of(events) == {"run": id_of(run), "state": "gone"}

    listening(talk)


def test_second_page_is_told_what_the_first_one_knows(run):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        other = stream.events()
        assert [(await next_of(other))["run"] for _ in range(2)] == ["all", id_of(run)]
        grow(run)
        assert [(await next_of(each))["rows"] for each in (events, other)] == [7, 7]

    listening(talk)


def test_nobody_looks_while_nobody_listens(run, monkeypatch):
    async def talk(stream, events):
        await next_of(events)
        await events.aclose()
        await asyncio.sleep(0.1)
        monkeypatch.setattr(Listing, "briefs", lambda self: pytest.fail("it looked"))
        await asyncio.sleep(0.2)
        assert not stream._is_looking

    listening(talk)


def test_looks_that_take_long_are_seldom(run, monkeypatch):
    looks = []

    def briefs(self):
        looks.append(1)
        return {}

    monkeypatch.setattr(Listing, "briefs", briefs)
    seconds = count()
    monkeypatch.setattr(streams, "thread_time", lambda: float(next(seconds)))

    async def talk(stream, events):
        await next_of(events)
        await asyncio.sleep(0.3)

    listening(talk)
    assert len(looks) == 2  # at the beginning, and once: that took a second, so the next one is after fifty


def test_look_that_fails_is_not_the_last(run, monkeypatch):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        briefs, failed = Listing.briefs, asyncio.Event()

        def fail(listing):
            failed.set()
            raise OverflowError

        monkeypatch.setattr(Listing, "briefs", fail)
        await asyncio.wait_for(failed.wait(), 10)
        monkeypatch.setattr(Listing, "briefs", briefs)
        grow(run)
        assert (await next_of(events))["rows"] == 7

    listening(talk)


def test_look_that_waited_long_does_not_keep_the_next_one_waiting(run, monkeypatch):
    async def talk(stream, events):
        await next_of(events), await next_of(events)
        briefs = Listing.briefs

        def slowly(listing):
            monkeypatch.setattr(Listing, "briefs", briefs)
            sleep(0.5)  # as for a disk
            return briefs(listing)

        monkeypatch.setattr(Listing, "briefs", slowly)
        await asyncio.sleep(0.6)
        grow(run)
        assert (await asyncio.wait_for(next_of(events), 5))["rows"] == 7

    listening(talk)
