"""The list of runs: in order, not read twice, and never more of it kept than a limit."""

import gc
import json
import weakref
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.run.under_way import UnderWay
from mnistnn.web import listing as listings
from mnistnn.web.bar import bar_of
from mnistnn.web.listing import Listing, id_of
from tests.run.test_view import mark_as_running
from tests.web.many_runs import grow, have_rows, many_runs


@pytest.fixture
def one(toy, start) -> RunDirectory:
    run: RunDirectory = start(toy, path="one").run
    return run


def test_run_in_which_nothing_has_changed_has_the_same_view(one):
    listing = Listing(Path(), [one])
    view = listing.find(id_of(one))
    assert listing.find(id_of(one)) is view


@pytest.mark.parametrize("what", ["a row", "its end", "a checkpoint", "how far it is"])
def test_run_in_which_something_has_changed_has_another(one, what):
    listing = Listing(Path(), [one])
    mark_as_running(one)
    with lock.exclusive(one):
        before, brief = listing.find(id_of(one)), listing.briefs()[id_of(one)]
        if what == "a row":
            grow(one)
        elif what == "a checkpoint":
            next(iter(before.checkpoints)).unlink()
        elif what == "how far it is":
            one.progress.write_bytes(UnderWay("", 7, 9, 61, "updates", 1, 10, 5.0).to_bytes())
        else:
            record = read_record(one)
            record.status = "finished"
            record.write(one)
        assert listing.find(id_of(one)) is not before
        assert listing.briefs()[id_of(one)] != brief


def test_run_whose_process_dies_is_dead_though_no_file_changes(one):
    listing = Listing(Path(), [one])
    mark_as_running(one)
    with lock.exclusive(one):
        assert listing.briefs()[id_of(one)].standing == "running"
        assert listing.find(id_of(one)).standing == "running"
    assert listing.briefs()[id_of(one)].standing == "dead (resumable)"
    assert listing.find(id_of(one)).standing == "dead (resumable)"


def test_list_begins_with_the_run_that_began_last_whatever_it_is_called(one):
    runs = many_runs(one, Path("runs/toy"), 3, 2)
    began = ["2026-01-01T12:00:00+01:00", "2026-01-01T12:00:00+00:00", "2026-01-01T12:30:00+01:00"]
    for run, moment in zip(runs, began, strict=True):
        record = read_record(run)
        record.started = moment
        record.write(run)
    assert list(Listing(Path("runs")).briefs()) == [id_of(runs[number]) for number in (1, 2, 0)]


def test_rows_are_kept_of_what_was_asked_for_last_alone(one, monkeypatch):
    monkeypatch.setattr(listings, "_MOST_ROWS_KEPT", 1000)
    runs = many_runs(one, Path("runs/toy"), 12, 200)
    listing = Listing(Path("runs"))
    assert {brief.rows for brief in listing.briefs().values()} == {200}
    kept = [weakref.ref(listing.find(id_of(run))) for run in runs]
    gc.collect()
    left = [view for ref in kept if (view := ref()) is not None]
    assert [id_of(view.run) for view in left] == [id_of(run) for run in runs[-4:]]
    assert {brief.rows for brief in listing.briefs().values()} == {200}


def test_run_with_more_rows_than_are_kept_is_shown(one, monkeypatch):
    monkeypatch.setattr(listings, "_MOST_ROWS_KEPT", 100)
    have_rows(one, 300)
    listing = Listing(Path(), [one])
    assert len(listing.find(id_of(one)).rows) == 300


def test_run_that_is_gone_is_not_kept(one):
    (run,) = many_runs(one, Path("runs/toy"), 1, 2)
    listing = Listing(Path("runs"))
    view = weakref.ref(listing.find(id_of(run)))
    run.path.rename("elsewhere")
    with pytest.raises(LookupError):
        listing.find(id_of(run))
    gc.collect()
    assert view() is None


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (UnderWay("", 7, 9, 1300, "updates", 3, 2500, 12345.6), "epoch 7 of 9: 3 of 2,500 updates, 12,346 examples/s"),
        (UnderWay("", 7, 0, 1300, "line search", 3, 0, 0.0), "epoch 7: line search 3"),
        (UnderWay("1-first", 1, 2, 5, "updates", 5, 10, 0.0), "1-first, epoch 1 of 2: 5 of 10 updates"),
    ],
)  # fmt: skip
def test_bar_says_in_words_how_far_it_is(one, told, text):
    one.progress.write_bytes(told.to_bytes())
    mark_as_running(one)
    with lock.exclusive(one):
        bar = bar_of(Listing(Path(), [one]).find(id_of(one)))
    assert bar is not None
    assert bar.text == text
    assert json.dumps((bar.done, bar.most)) == json.dumps((min(told.done, told.most), told.most))
