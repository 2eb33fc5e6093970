"""`mnistnn doctor`."""

import json
import tempfile
from importlib import metadata
from pathlib import Path

import pytest

from mnistnn.backend import jit
from mnistnn.cli import doctor, shell
from mnistnn.cli.doctor import Finding

AREAS = ["versions", "packages", "processor", "gpu", "storage"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Point the cache and the working folder to empty places."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def installed(monkeypatch):
    """Pretend which distributions are installed, and what mnistnn requires."""

    def pretend(requirements, versions):
        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, "requires", lambda _: requirements)
        monkeypatch.setattr(metadata, "version", version)

    return pretend


def _findings(area):
    return {finding.name: finding for finding in doctor.examine() if finding.area == area}


def test_json_report_holds_every_area(cache, capsys):
    assert shell.run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["schema_version"], report["ok"]) == (1, True)
    assert set(AREAS) <= {finding["area"] for finding in report["findings"]}


def test_listing_shows_every_finding(cache, capsys):
    assert shell.run(["doctor"]) == 0
    listing = capsys.readouterr().out
    for finding in doctor.examine():
        assert finding.name in listing


def test_missing_dependency_fails_with_5_after_the_report(cache, installed, capsys):
    installed(["numpy>=2.0"], {})
    assert shell.run(["doctor", "--json"]) == 5
    captured = capsys.readouterr()
    assert json.loads(captured.out)["ok"] is False
    assert captured.err == "error: mnistnn cannot work here: numpy failed, see the report\n"


def test_missing_extra_is_absent_with_the_command_that_installs_it(cache, installed):
    installed(["pillow>=11.1; extra == 'plot'"], {})
    assert _findings("extra plot")["pillow"] == Finding(
        "extra plot", "pillow", "absent", "not installed", "pip install 'mnistnn[plot]'"
    )


def test_outdated_dependency_fails(cache, installed):
    installed(["click>=8.10"], {"click": "8.9.1"})
    found = _findings("packages")["click"]
    assert (found.status, found.detail) == ("failed", "8.9.1 is older than 8.10")


def test_sources_that_are_not_installed_can_still_be_examined(cache, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert _findings("packages")["mnistnn"].status == "absent"


@pytest.mark.parametrize(("available", "status"), [(True, "ok"), (False, "absent")])
def test_processor_tells_whether_loops_are_compiled(available, status, cache, monkeypatch):
    monkeypatch.setattr(jit, "can_compile", lambda: available)
    assert _findings("processor")["loops"].status == status


def test_datasets_in_the_cache_are_named(cache):
    for name in ("mnist", "own", ".unfinished"):
        (cache / "datasets" / name).mkdir(parents=True)
        (cache / "datasets" / name / "manifest.json").touch()
    assert _findings("storage")["datasets"].detail == "mnist, own"


def test_examination_leaves_nothing_behind(cache):
    list(doctor.examine())
    assert list(cache.parent.iterdir()) == []


def test_folder_that_cannot_be_written_fails_with_the_reason(cache, monkeypatch):
    def refuse(dir):  # noqa: A002 - the name that the caller uses
        raise OSError(30, "Read-only file system", str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = _findings("storage")["cache"]
    assert found.status == "failed"
    assert found.detail == f"{cache.parent}: the file system is read-only"


def test_file_in_the_way_of_the_cache_fails(cache):
    Path(cache).write_text("not a folder")
    assert _findings("storage")["cache"].status == "failed"
