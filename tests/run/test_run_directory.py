"""The layout of a run's folder, how it is made, and how it is found again."""

import errno
import os
import re
from pathlib import Path, PureWindowsPath

import pytest

from mnistnn.errors import ResourceError, RunError, UsageError
from mnistnn.run import latest
from mnistnn.run.directory import (
    RunDirectory,
    all_runs,
    as_argument,
    clear,
    create,
    furnish,
    new_run_path,
)
from mnistnn.run.finding import find


@pytest.fixture
def make_run(tmp_path):
    """Make a folder that counts as a run: it has a run.json."""

    def make(relative):
        run = create(tmp_path / "runs" / relative)
        furnish(run)
        run.record.write_text("{}")
        return run

    return make


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def test_layout_names_every_file_inside_the_folder(tmp_path):
    run = RunDirectory(tmp_path)
    names = {
        run.record: "run.json",
        run.config: "config.yaml",
        run.source: "source",
        run.environment: "environment.json",
        run.metrics: "metrics.jsonl",
        run.timing: "timing.jsonl",
        run.checkpoints: "checkpoints",
        run.evaluations: "eval",
        run.log: "log.txt",
    }
    assert {path.relative_to(tmp_path).as_posix() for path in names} == set(names.values())


def test_new_path_is_name_then_time_and_four_hex_digits(runs):
    path = new_run_path(runs, "mlp")
    assert path.parent == runs / "mlp"
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", path.name)
    assert not path.exists()


def test_new_paths_of_one_second_differ(runs):
    assert len({new_run_path(runs, "mlp") for _ in range(50)}) > 40


def test_name_of_the_link_is_refused_for_an_experiment(runs):
    with pytest.raises(UsageError, match="no experiment can be named 'latest'"):
        new_run_path(runs, "latest")


def test_create_makes_missing_parents(tmp_path):
    assert create(tmp_path / "a" / "b" / "c").path.is_dir()


def test_create_takes_an_empty_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    create(tmp_path / "empty")


def test_create_refuses_a_folder_with_anything_in_it(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match="full exists already; a run needs a new or an empty folder"):
        create(tmp_path / "full")
    assert os.listdir(tmp_path / "full") == ["thesis.txt"]


def test_create_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunError, match="exists already"):
        create(tmp_path / "file")


def test_create_refuses_a_run_and_says_how_to_go_on_with_it(make_run):
    run = make_run("my run")
    with pytest.raises(RunError, match=r"holds a run already.*mnistnn resume '.*/my run'"):
        create(run.path)


def test_create_takes_a_folder_in_which_a_run_was_never_finished_being_made(tmp_path):
    run = create(tmp_path / "a")
    run.lock.touch()
    furnish(run)
    run.config.write_text("half")
    assert create(run.path) == run
    furnish(run)


def test_furnish_refuses_what_another_process_made_in_the_meantime(make_run):
    with pytest.raises(RunError, match="holds a run already"):
        furnish(make_run("a"))


def test_create_below_a_file_is_a_resource_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError):
        create(tmp_path / "file" / "run")


def test_latest_points_at_the_newest_run_by_a_relative_path(make_run, runs):
    for name in ("mlp/1", "mlp/2"):
        latest.point_at(make_run(name), runs)
    assert os.readlink(runs / "latest") == os.path.join("mlp", "2")
    assert find("latest", runs).path.name == "2"


def test_latest_survives_moving_all_runs(make_run, runs, tmp_path):
    latest.point_at(make_run("mlp/1"), runs)
    runs.rename(tmp_path / "elsewhere")
    assert find("latest", tmp_path / "elsewhere").path == tmp_path / "elsewhere" / "mlp" / "1"


def test_latest_does_not_point_at_runs_outside(runs, tmp_path):
    latest.point_at(create(tmp_path / "outside"), runs)
    assert not runs.exists()


def test_latest_leaves_no_temporary_link_when_it_cannot_be_made(make_run, runs, monkeypatch):
    run = make_run("mlp/1")

    def refuse(*paths):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ResourceError, match="latest: no space left on the disk"):
        latest.point_at(run, runs)
    assert os.listdir(runs) == ["mlp"]
    assert not list(runs.rglob("*.tmp"))


def test_all_runs_are_listed_once_by_name(make_run, runs):
    latest.point_at(make_run("b/20250102-000000-aaaa"), runs)
    make_run("a/20250101-000000-ffff")
    make_run("plain")
    (runs / "a" / "no-run").mkdir()
    assert [run.path.relative_to(runs).as_posix() for run in all_runs(runs)] == [
        "a/20250101-000000-ffff",
        "b/20250102-000000-aaaa",
        "plain",
    ]


def test_no_folder_of_runs_means_no_runs(runs):
    assert all_runs(runs) == []


def test_find_takes_a_path(make_run, runs):
    run = make_run("mlp/1")
    assert find(str(run.path), runs) == run


def test_find_takes_a_unique_prefix(make_run, runs):
    make_run("mlp/20250101-000000-ffff")
    wanted = make_run("mlp/20250102-000000-ffff")
    assert find("20250102", runs) == wanted


def test_find_takes_a_whole_id_that_others_start_with(make_run, runs):
    wanted = make_run("try/run1")
    make_run("try/run10")
    assert find("run1", runs) == wanted


def test_find_refuses_a_prefix_of_several_and_names_them(make_run, runs):
    for number in range(7):
        make_run(f"mlp/2025010{number}")
    with pytest.raises(RunError, match=r"'2025' names 7 runs in .*: mlp/20250100, .*mlp/20250104, …"):
        find("2025", runs)


def test_find_refuses_a_folder_without_a_run(tmp_path, runs):
    with pytest.raises(RunError, match=r"is not a run directory: it has no run\.json"):
        find(str(tmp_path), runs)


@pytest.mark.parametrize("reference", ["2025", "no/such/folder", "x" * 5000, "a\tb"])
def test_find_says_what_was_tried(reference, runs):
    with pytest.raises(RunError, match="neither a folder nor the start of a run id in"):
        find(reference, runs)


def test_find_latest_without_runs_says_so(runs):
    with pytest.raises(RunError, match="there is no latest run in"):
        find("latest", runs)


def test_find_latest_with_a_removed_run_says_so(make_run, runs):
    run = make_run("mlp/1")
    latest.point_at(run, runs)
    run.path.rename(runs / "moved")
    with pytest.raises(RunError, match="there is no latest run in"):
        find("latest", runs)


def test_latest_that_cannot_be_made_nor_cleaned_up_is_a_resource_error(make_run, runs, monkeypatch):
    run = make_run("mlp/1")

    def refuse(*arguments, **options):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(ResourceError, match="latest: permission denied"):
        latest.point_at(run, runs)


def test_link_of_a_killed_process_is_removed_when_the_run_goes_on(make_run, runs, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*arguments, **options):
        raise Killed

    run = make_run("mlp/1")
    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", kill)
        with pytest.raises(Killed):
            latest.point_at(run, runs)
    assert list(runs.rglob("*.tmp"))
    clear(run)
    assert not list(runs.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("path", "argument"), [("run", "run"), ("my run", "'my run'"), ("-run", "./-run"), ("-my run", "'./-my run'")]
)
def test_path_is_written_as_it_can_be_typed(path, argument):
    assert as_argument(Path(path)) == argument


def test_path_of_windows_is_written_so_that_no_shell_needs_it_quoted():
    assert as_argument(PureWindowsPath("runs\\toy\\1")) == "runs/toy/1"


def test_name_or_folder_of_an_experiment_means_its_newest_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("toy/20260101-000000-aaaa", "toy/20260301-000000-bbbb", "toy-2/20260401-000000-cccc"):
        run = Path("runs", name)
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
    for reference in ("toy", "runs/toy"):
        assert find(reference, Path("runs")).path == Path("runs/toy/20260301-000000-bbbb")
    assert find("toy-2", Path("runs")).path == Path("runs/toy-2/20260401-000000-cccc")
    assert find("20260101", Path("runs")).path == Path("runs/toy/20260101-000000-aaaa")
    for reference in ("to", "runs", ".", "..", "../runs", "runs/none"):
        with pytest.raises(RunError):
            find(reference, Path("runs"))


def test_folder_of_the_same_name_does_not_hide_an_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunDirectory(Path("runs/letters/20260101-000000-aaaa"))
    run.path.mkdir(parents=True)
    run.record.write_text("{}")
    Path("letters").mkdir()
    assert find("letters", Path("runs")).path == run.path


def test_name_like_one_that_there_is_gets_a_hint(tmp_path):
    (tmp_path / "letters/20260101-000000-aaaa").mkdir(parents=True)
    (tmp_path / "letters/20260101-000000-aaaa/run.json").write_text("{}")
    for given, meant in (("leters", "letters"), ("lates", "latest"), ("experiments/letters.yaml", "letters")):
        with pytest.raises(RunError, match=f"did you mean '{meant}'"):
            find(given, tmp_path)


@pytest.mark.parametrize("kind", ["folder", "file"])
@pytest.mark.parametrize("arguments", [("train", "toy.yaml"), ("train", "toy.yaml", "--seeds", "0..1")])
def test_what_is_in_the_place_of_the_link_to_the_newest_run_is_left_there(toy, command, kind, arguments):
    latest = Path("runs/latest")
    latest.parent.mkdir()
    latest.mkdir() if kind == "folder" else latest.write_text("mine")
    done = command(*arguments, "-q")
    assert (done.code, f"runs/latest: a {kind}, where the link to the newest run belongs" in done.err) == (4, True)
    assert list(Path("runs").iterdir()) == [latest]
    assert latest.is_dir() if kind == "folder" else latest.read_text() == "mine"
    assert command(*arguments, "--runs", "others", "-q").code == 0
