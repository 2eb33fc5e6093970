"""The pages about runs: what they say, and of what they say nothing."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from mnistnn.errors import DivergedError
from mnistnn.run.directory import RunDirectory
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing, id_of
from tests.run.test_view import mark_as_running
from tests.web.test_guard import AUTHORIZED, TOKEN, testclient

OLD = Path(__file__).parents[1] / "old_runs" / "directories"
SHELLS = ("/", "/latest", "/compare?runs=a", "/run/a", "/draw/a")


@pytest.fixture
def asked(toy, tmp_path):
    """Ask for a path with the token; return its text."""
    listing = Listing(tmp_path / "runs")
    client = testclient.TestClient(create_app(listing, TOKEN), base_url="http://127.0.0.1:8000")

    def ask(path: str, status: int = 200) -> str:
        reply = client.get(path, headers=AUTHORIZED)
        assert reply.status_code == status, reply.text
        return str(reply.text)

    return ask


@pytest.fixture
def first(toy, start):
    return id_of(start(toy, path="runs/toy/20260101-000000-aaaa").run)


@pytest.mark.parametrize("path", SHELLS)
def test_page_itself_has_nothing_of_runs_in_it(asked, first, path):
    text = asked(path)
    assert "20260101" not in text
    assert "<script>" not in text
    assert " style=" not in text


def test_name_of_a_folder_that_is_no_text_is_shown(asked, first, tmp_path):
    whole = tmp_path / "runs" / "toy" / "20260101-000000-aaaa"
    copy = os.fsdecode(os.fsencode(whole.parent) + b"/bad\xff")
    try:
        shutil.copytree(whole, copy)
    except OSError:
        pytest.skip("file names are text here")
    for path in ("/api/runs", f"/api/run/{id_of(RunDirectory(Path(copy)))}/view", "/api/latest"):
        assert "bad" in asked(path) or path == "/api/latest"


def test_runs_are_listed_with_how_they_stand(asked, first):
    text = asked("/api/runs")
    assert f'href="/run/{first}"' in text
    assert "finished" in text
    assert "valid.error" in text


@pytest.mark.parametrize("path", ["/api/runs", "/api/latest"])
def test_folder_without_runs_says_which_it_is_and_how_one_comes(asked, tmp_path, path):
    text = asked(path)
    assert "mnistnn train" in text
    assert str(tmp_path / "runs") in text


def test_run_whose_configuration_is_gone_says_so(asked, first):
    Path("runs/toy/20260101-000000-aaaa/config.yaml").unlink()
    text = asked(f"/api/run/{first}/view")
    assert "config.yaml: no such file" in text
    assert "mnistnn verify" in text


def test_run_whose_evaluations_are_gone_says_so(asked, first):
    Path("runs/toy/20260101-000000-aaaa/metrics.jsonl").unlink()
    assert "Its evaluations are missing" in asked(f"/api/run/{first}/view")


def test_run_that_diverged_has_nothing_more_to_come(asked, toy, start):
    with pytest.raises(DivergedError):
        start(toy, "optimizer.learning_rate=1e30", path="runs/toy/one")
    text = asked(f"/api/run/{id_of(RunDirectory(Path('runs/toy/one')))}/view")
    assert "no longer a finite number" in text
    assert "Nothing was measured." in text


def test_run_of_a_format_to_come_is_named(asked, first):
    record = Path("runs/toy/20260101-000000-aaaa/run.json")
    record.write_text(record.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    assert "format 99; this mnistnn reads format 1" in asked("/api/runs")
    assert "format 99; this mnistnn reads format 1" in asked(f"/api/run/{first}/view")


def test_fitted_run_counts_rounds(asked, voters, start):
    run = start(voters, path="runs/toy/one").run
    text = asked(f"/api/run/{id_of(run)}/view")
    assert re.search(r"\d rounds?,? ", text)
    assert "Runs inside of it" in text
    assert text.count('<th scope="row"><bdi>00') == len(list((run.path / "members").iterdir()))


def test_layers_that_learned_before_are_shown(asked, tmp_path):
    shutil.copytree(OLD / "stopped-belief", tmp_path / "runs" / "belief")
    run = RunDirectory(tmp_path / "runs" / "belief")
    text = asked(f"/api/run/{id_of(run)}/view")
    assert "Runs inside of it" in text
    assert "1-first" in text


@pytest.mark.parametrize("name", sorted(path.name for path in OLD.iterdir() if (path / "run.json").exists()))
def test_runs_of_earlier_versions_are_shown(asked, tmp_path, name):
    shutil.copytree(OLD / name, tmp_path / "runs" / name)
    assert "<h1>" in asked(f"/api/run/{id_of(RunDirectory(tmp_path / 'runs' / name))}/view")
    assert name in asked("/api/runs")


def test_sweeps_are_named_with_the_command_that_lists_their_trials(asked, tmp_path):
    shutil.copytree(OLD / "sweep", tmp_path / "runs" / "sweep")
    assert f"mnistnn serve --runs {tmp_path / 'runs' / 'sweep'}" in asked("/api/runs")
    assert len(Listing(tmp_path / "runs" / "sweep").ids()) == 2


def test_run_shows_its_curves_and_their_values(asked, first):
    text = asked(f"/api/run/{first}/view")
    assert text.count("<figure") == 2
    assert "<summary>All metrics</summary>" in text
    rows = [json.loads(line) for line in Path("runs/toy/20260101-000000-aaaa/metrics.jsonl").read_text().splitlines()]
    assert f"<td>{rows[-1]['valid.loss']:.6g}</td>" in text


def test_latest_is_the_run_that_began_last(asked, first, toy, start):
    start(toy, path="runs/toy/20260102-000000-bbbb")
    assert "20260102-000000-bbbb" in asked("/api/latest")


def test_runs_of_other_seeds_are_one_experiment_and_others_differ(asked, first, toy, start):
    ids = [first]
    ids.append(id_of(start(toy, "seed=1", path="runs/toy/20260102-000000-bbbb").run))
    ids.append(id_of(start(toy, "optimizer.learning_rate=0.1", path="runs/toy/20260103-000000-cccc").run))
    text = asked(f"/api/compare?runs={','.join(ids)}")
    assert "±" in text
    assert "optimizer.learning_rate" in text


@pytest.mark.parametrize("path", ["/api/run/000000000000/view", "/api/compare?runs=000000000000"])
def test_id_that_is_not_listed_is_not_found(asked, first, path):
    assert "no such run" in asked(path, 404)


def test_compare_without_runs_says_where_they_are_chosen(asked):
    assert '<a href="/">Choose runs' in asked("/api/compare")


def test_compare_refuses_more_runs_than_can_be_shown(asked):
    ids = ",".join(f"{number:012x}" for number in range(51))
    assert "at most 50 runs are compared at once; these are 51" in asked(f"/api/compare?runs={ids}", 400)


def test_run_whose_process_is_gone_is_dead_and_can_go_on(asked, first):
    run = RunDirectory(Path("runs/toy/20260101-000000-aaaa"))
    mark_as_running(run)
    text = asked(f"/api/run/{id_of(run)}/view")
    assert "dead (resumable)" in text
    assert "mnistnn resume" in text


def test_run_that_cannot_be_read_says_why_and_hides_no_other(asked, first, toy, start):
    broken = start(toy, path="runs/toy/20260102-000000-bbbb").run
    (broken.path / "metrics.jsonl").write_text("nonsense\n")
    text = asked("/api/runs")
    assert "unreadable" in text
    assert f'href="/run/{first}"' in text
    assert "problems" in asked(f"/api/run/{id_of(broken)}/view")


def test_name_of_a_run_is_text(asked, toy, start):
    run = start(toy, path="runs/toy/<img src=x onerror=alert(1)>").run
    for path in ("/api/runs", f"/api/run/{id_of(run)}/view"):
        assert "<img" not in asked(path)


def test_listing_knows_only_what_it_was_given(toy, start, tmp_path):
    one, _ = (start(toy, path=f"runs/toy/{name}").run for name in ("a", "b"))
    assert list(Listing(tmp_path / "runs", [one]).ids()) == [id_of(one)]
    assert len(Listing(tmp_path / "runs").ids()) == 2
