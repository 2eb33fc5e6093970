"""The name of the newest run as a file, where there can be no symbolic link; as a link, see test_run_directory.py."""

import errno
import os
from pathlib import Path

import pytest

from mnistnn.errors import RunError
from mnistnn.run import latest
from mnistnn.run.directory import RunDirectory, all_runs, create, furnish
from mnistnn.run.finding import find
from mnistnn.run.removal import remove
from mnistnn.storage import names


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def make_run(runs):
    def make(name: str) -> RunDirectory:
        run = create(runs / name)
        furnish(run)
        run.record.write_text("{}")
        return run

    return make


@pytest.fixture
def without_links(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patch:
        patch.setattr(os, "symlink", refuse)
        yield patch


def test_file_names_the_newest_run(make_run, runs, without_links):
    for name in ("mlp/1", "mlp/2"):
        latest.point_at(make_run(name), runs)
        assert find("latest", runs).path == runs / name
    assert (runs / "latest").read_text().splitlines()[0] == "mlp/2"
    assert sorted(os.listdir(runs)) == ["latest", "mlp"]
    assert [run.path.name for run in all_runs(runs)] == ["1", "2"]
    assert not list(runs.rglob("*.tmp"))


def test_file_survives_moving_all_runs(make_run, runs, tmp_path, without_links):
    latest.point_at(make_run("mlp/1"), runs)
    runs.rename(tmp_path / "elsewhere")
    assert find("latest", tmp_path / "elsewhere").path == tmp_path / "elsewhere" / "mlp" / "1"


def test_file_and_link_take_each_others_place(make_run, runs, without_links):
    latest.point_at(make_run("mlp/1"), runs)
    without_links.undo()
    latest.point_at(make_run("mlp/2"), runs)
    assert os.readlink(runs / "latest") == os.path.join("mlp", "2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "link", lambda target, path: False)
        latest.point_at(make_run("mlp/3"), runs)
    assert not (runs / "latest").is_symlink()
    assert find("latest", runs).path.name == "3"


def test_file_names_the_run_before_when_the_newest_is_removed(make_run, runs, without_links):
    first, second = make_run("mlp/1"), make_run("mlp/2")
    latest.point_at(second, runs)
    remove(second, runs)
    assert find("latest", runs).path == first.path
    remove(first, runs)
    assert not (runs / "latest").exists()
    with pytest.raises(RunError, match="there is no latest run in"):
        find("latest", runs)


@pytest.mark.parametrize(
    "text",
    ["mine", "mlp/1\n", "mlp/1\nmine\n", "/etc\n{said}\n", "../x\n{said}\n", "\n{said}\n", "{said}\n", b"\xff\n", ""],
)
def test_other_files_of_that_name_are_left_alone(make_run, runs, without_links, text):
    run = make_run("mlp/1")
    content = text if isinstance(text, bytes) else text.format(said=latest._SAID).encode()
    (runs / "latest").write_bytes(content)
    with pytest.raises(RunError, match="latest: a file, where the link to the newest run belongs"):
        latest.point_at(run, runs)
    with pytest.raises(RunError, match="there is no latest run in"):
        find("latest", runs)
    assert (runs / "latest").read_bytes() == content
