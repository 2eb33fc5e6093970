"""Components of installed packages, which are imported only when an experiment names a type of theirs."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistnn.config.load import experiment_validator, load_experiment
from mnistnn.errors import ConfigError
from mnistnn.plugins import packages
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import read_environment
from tests.plugins.conftest import MAXOUT, RULE

REALLY = packages._places
LAYER = "model.layers.hidden={type: maxout, units: 6}"
SHORT = "stopping.max_epochs.epochs=2"


class Package:
    """A distribution in a folder on sys.path, which notes that it is imported."""

    def __init__(self, site: Path) -> None:
        self.site, self.imported = site, site / "imported"

    def install(self, text: str = MAXOUT, version: str = "1.2", points: str = "maxout = mnistnn_maxout:Maxout") -> None:
        self.uninstall()
        (self.site / "mnistnn_maxout.py").write_text(f"open({str(self.imported)!r}, 'a').close()\n{text}")
        about = self.site / f"mnistnn_maxout-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mnistnn-maxout\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[mnistnn.components]\n{points}\n")

    def uninstall(self) -> None:
        sys.modules.pop("mnistnn_maxout", None)
        for about in self.site.glob("*.dist-info"):
            for file in about.iterdir():
                file.unlink()
            about.rmdir()
        experiment_validator.__globals__["_validator"].cache_clear()


@pytest.fixture
def package(tmp_path_factory, monkeypatch) -> Iterator[Package]:
    site: Path = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(packages, "_places", lambda: {str(site.resolve())})
    made = Package(site)
    made.install()
    yield made
    made.uninstall()


def test_package_that_lies_in_the_working_folder_is_not_installed(toy, package, monkeypatch):
    monkeypatch.setattr(packages, "_places", REALLY)
    with pytest.raises(ConfigError, match="unknown type for model"):
        load_experiment(toy, [LAYER])
    assert not package.imported.exists()


def test_package_is_imported_only_for_a_type_that_it_has(toy, package):
    load_experiment(toy)
    assert not package.imported.exists()
    loaded = load_experiment(toy, [LAYER])
    assert package.imported.exists()
    assert loaded.resolved["model"]["layers"]["hidden"]["pieces"] == 2
    assert [(each.source, each.version) for each in loaded.plugins.packaged] == [("mnistnn-maxout", "1.2")]


def test_package_that_is_named_and_not_used_is_no_part_of_the_experiment(toy, package):
    loaded = load_experiment(toy, [LAYER, "name=lion"])
    package.install(points="maxout = mnistnn_maxout:Maxout\nlion = mnistnn_maxout:Lion", text=MAXOUT + RULE)
    assert load_experiment(toy, [LAYER, "name=lion"]).plugins == loaded.plugins


def test_run_keeps_name_and_version_and_needs_no_flag(toy, package, command):
    assert command("train", toy, LAYER, SHORT, "--run-dir", "run", "-q").code == 0
    (kept,) = read_environment(RunDirectory(Path("run")))["components"]
    assert (kept["source"], kept["version"], kept["type"]) == ("mnistnn-maxout", "1.2", "maxout")
    for arguments in (["eval", "run"], ["verify", "run"], ["compare", "run"]):
        assert command(*arguments).code == 0
    package.install(version="1.3")
    done = command("resume", "run", "stopping.max_epochs.epochs=3")
    assert done.code == 0
    assert "warning: not the environment of before: mnistnn-maxout: 1.2 then, 1.3 now" in done.err


def test_run_whose_package_is_not_installed_is_shown_and_not_evaluated(toy, package, command):
    assert command("train", toy, LAYER, SHORT, "--run-dir", "run", "-q").code == 0
    package.uninstall()
    done = command("eval", "run")
    assert (done.code, done.err) == (4, "error: needs the package mnistnn-maxout 1.2, which is not installed here\n")
    for arguments in (["compare", "run"], ["verify", "run"], ["tail", "run"]):
        assert command(*arguments).code == 0


def test_misspelt_type_is_suggested_with_its_package(toy, package, command):
    done = command("train", toy, "model.layers.hidden={type: maxoot}")
    assert done.code == 2
    assert "did you mean 'maxout', of the package mnistnn-maxout?" in done.err
    assert not package.imported.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": "raise OSError('no')"}, "cannot be imported: OSError: no"),
        ({"points": "maxout = mnistnn_maxout:np"}, "is no component: a decorator of mnistnn.plugins makes one"),
        ({"points": "maxout = mnistnn_maxout:Lion", "text": RULE}, "its type is lion; an entry point is called like"),
        ({"text": MAXOUT.replace("def backward", "def back")}, "Maxout: a layer needs backward"),
    ],
)
def test_package_that_is_none_is_refused_by_name(toy, package, command, changes, said):
    package.install(**changes)
    done = command("train", toy, LAYER)
    assert done.code == 2
    assert done.err.startswith("error: package mnistnn-maxout 1.2, entry point maxout = mnistnn_maxout:")
    assert said in done.err


def test_file_and_package_cannot_have_the_same_type(toy, package, command):
    Path("maxout.py").write_text(MAXOUT)
    Path("rule.py").write_text(RULE)
    package.install(points="lion = mnistnn_maxout:Lion\nmaxout = mnistnn_maxout:Maxout", text=MAXOUT + RULE)
    lion = "optimizer={type: lion, learning_rate: 0.01}"
    done = command("train", toy, LAYER, lion, SHORT, "--code", "maxout.py", "-q")
    assert done.code == 2
    assert "package mnistnn-maxout and maxout.py:10 both have a layer of type 'maxout'" in done.err


def test_type_of_mnistnn_is_not_looked_for_in_packages(toy, package, command):
    package.install(points="dense = mnistnn_maxout:Maxout\nmax_epochs = mnistnn_maxout:Maxout")
    assert command("train", toy, "model.layers.hidden.units=no").code == 2
    assert not package.imported.exists()
