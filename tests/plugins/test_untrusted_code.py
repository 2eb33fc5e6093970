"""A run from elsewhere: its code is executed by nothing, until somebody who has read it trusts it."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import mnistnn
from mnistnn.cli import shell
from mnistnn.config import load
from mnistnn.errors import LackingCodeError
from mnistnn.plugins import execution
from mnistnn.plugins.code import CodeFile
from mnistnn.storage.sealed_json import seal_json, unseal_json
from tests.plugins.conftest import CODE, MAXOUT, OVERRIDES

# Notes that it is executed, in whatever folder that is done.
CANARY = "open('executed', 'a').close()\n" + MAXOUT

EXECUTED = Path("executed")

SHORT = "stopping.max_epochs.epochs=2"


@pytest.fixture(scope="module")
def trained_there(toy_cache: Path, toy_text: str, tmp_path_factory) -> Path:
    """A folder with a run and sweeps that somebody else has made with the canary, which nobody has trusted here."""
    folder: Path = tmp_path_factory.mktemp("there")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setenv("MNISTNN_TRUST", str(folder / "trusted.json"))
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.chdir(folder)
        Path("toy.yaml").write_text(toy_text)
        Path("maxout.py").write_text(CANARY)
        given = ["toy.yaml", *OVERRIDES["maxout"], SHORT, "--code", "maxout.py", "-q"]
        assert shell.run(["train", *given, "--run-dir", "run"]) == 0
        sweep = ["sweep", "run", *given, "model.layers.hidden.units=3,6"]
        assert shell.run([*sweep, "--study", "study", "--workers", "2"]) == 0
        assert shell.run([*sweep, "--study", "prepared", "--prepare"]) == 0
    assert (folder / EXECUTED).exists()
    return folder


@pytest.fixture
def run(toy: Path, trained_there: Path) -> None:
    """Copy what was trained elsewhere to the working folder of a process that has executed nothing."""
    for name in ("run", "study", "prepared"):
        shutil.copytree(trained_there / name, name, symlinks=True)
    load._validator.cache_clear()
    execution._declared_by.cache_clear()


BUILDING = [
    ["resume", "run"],
    ["eval", "run", "--split", "valid"],
    ["refit", "run"],
    ["committee", "run", "run", "--name", "both"],
    ["sample", "run"],
    ["predict", "run", "digit.png"],
    ["export", "run", "--to", "npz"],
    ["inspect", "summary", "run"],
    ["inspect", "gradcheck", "run"],
    ["inspect", "errors", "run", "--split", "valid"],
    ["inspect", "filters", "run"],
    ["inspect", "confusion", "run", "--split", "valid"],
    ["inspect", "activations", "run"],
    ["inspect", "dead-units", "run"],
]
READING = [
    ["ls"],
    ["show", "run"],
    ["tail", "run"],
    ["verify", "run"],
    ["compare", "run"],
    ["plot", "run", "--out", "curves.svg"],
    ["report", "run", "--out", "report.html"],
    ["diff", "run", "run"],
    ["export", "run", "--to", "csv"],
    ["rm", "run", "--yes"],
]


@pytest.mark.parametrize("arguments", BUILDING, ids=lambda arguments: " ".join(arguments[:2]))
def test_command_that_builds_the_model_says_what_to_read_and_to_trust(run, command, arguments):
    done = command(*arguments)
    assert not EXECUTED.exists()
    assert done.code == 4, done.err
    assert "run: needs maxout.py (sha256 " in done.err
    assert "not trusted on this machine: read run/source/code/maxout.py, then `mnistnn trust run`" in done.err


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: " ".join(arguments[:2]))
def test_command_that_builds_nothing_goes_on_working(run, command, arguments):
    done = command(*arguments)
    assert not EXECUTED.exists()
    assert done.code == 0, done.err


def test_inspecting_files_of_a_run_executes_nothing(run, command):
    files = sorted(str(path) for path in Path("run").rglob("*") if path.is_file())
    lines = [json.loads(line) for line in command("inspect", *files).out.splitlines()]
    assert not EXECUTED.exists()
    (config,) = [line for line in lines if line["path"] == "run/config.yaml"]
    assert "not trusted" in config["problem"]


def test_resume_auto_executes_nothing_of_the_runs_that_it_looks_at(run, command):
    Path("runs/toy").mkdir(parents=True)
    shutil.move("run", "runs/toy/20260101-000000-0000")
    done = command("train", "toy.yaml", SHORT, "--resume", "auto", "-q")
    assert not EXECUTED.exists()
    assert done.code == 0, done.err


def test_python_program_is_told_the_same(run):
    found = mnistnn.load("run")
    with pytest.raises(LackingCodeError, match=r"needs maxout\.py"):
        found.predict(np.zeros((1, 8, 8), np.uint8))
    assert found.config["model"]["layers"]["hidden"]["pieces"] == 3
    assert not EXECUTED.exists()


def test_verify_says_what_was_left_out(run, command):
    done = command("verify", "run")
    assert "note   checkpoints: not compared with the model, which was not built: run: needs maxout.py" in done.out
    assert "ok     source/code/maxout.py" in done.out


def test_configuration_is_held_to_its_digest_without_the_code(run, command):
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("pieces: 3", "pieces: 4"))
    done = command("compare", "run")
    assert "altered: its SHA-256 is not the one in run.json" in done.err
    assert not EXECUTED.exists()


def test_sweep_is_shown_and_not_gone_on_with(run, command):
    for arguments in (["resume"], ["resume", "--retry-failed"], ["resume", "--workers", "2"], ["trial", "0000-seed0"]):
        done = command("sweep", arguments[0], "prepared", *arguments[1:])
        assert done.code == 4, done.err
        assert "read prepared/code/maxout.py, then `mnistnn trust prepared`" in done.err
    for each in ("status", "emit"):
        assert command("sweep", each, "prepared").code == 0
    assert not EXECUTED.exists()
    assert command("trust", "prepared").code == 0
    assert command("sweep", "trial", "prepared", "0000-seed0").code == 0
    assert EXECUTED.exists()


def test_finished_sweep_is_reported_and_its_test_split_not_read(run, command):
    assert command("sweep", "status", "study").code == 0
    assert command("sweep", "report", "study").code == 0
    assert command("sweep", "best", "study").code == 4
    assert not EXECUTED.exists()


def test_trusted_run_is_asked_like_any_other(run, command):
    done = command("trust", "run")
    assert not EXECUTED.exists()
    digest = CodeFile("maxout.py", CANARY.encode()).sha256
    lines = len(CANARY.splitlines())
    assert (done.code, done.out) == (0, f"maxout.py  sha256 {digest}  {lines} lines: trusted from now on\n")
    assert command("eval", "run", "--split", "valid").code == 0
    assert command("trust", "run").out.endswith("trusted already\n")
    assert command("trust", "--list").out.startswith(f"{digest}  maxout.py")
    assert command("trust", "--remove", digest[:10]).code == 0
    assert command("eval", "run", "--split", "valid").code == 4


@pytest.mark.parametrize("arguments", [["eval", "run"], ["resume", "run"], ["trust", "run"], ["compare", "run"]])
def test_altered_code_is_refused_by_name(run, command, arguments):
    path = Path("run/source/code/maxout.py")
    command("trust", "run")
    path.write_text(CANARY + "# altered\n")
    done = command(*arguments)
    assert done.code == 4
    assert f"{path}: altered: its SHA-256 is not the one in environment.json" in done.err
    assert not EXECUTED.exists()
    done = command("verify", "run")
    assert done.code == 9
    assert "source/code/maxout.py: altered" in done.out


def test_code_that_is_not_trusted_is_not_executed_even_if_somebody_asks_for_that(toy):
    with pytest.raises(AssertionError, match="is not trusted"):
        execution.classes_of(CodeFile("maxout.py", CANARY.encode()))
    assert not EXECUTED.exists()


@pytest.mark.parametrize("key", ["forward", "class"])
def test_what_a_run_says_of_its_code_cannot_take_the_place_of_methods(run, command, key):
    path = Path("run/environment.json")
    content = unseal_json(path.read_bytes(), "x", "x", 1)
    content["components"][0]["keys"].append(key)
    path.write_bytes(seal_json(content))
    done = command("compare", "run")
    assert done.code == 4
    assert f"is said to have the key {key}, which is none" in done.err


def test_name_of_a_file_of_code_leads_nowhere_else(run, command):
    path = Path("run/environment.json")
    content = unseal_json(path.read_bytes(), "x", "x", 1)
    content["source"]["code/../../../maxout.py"] = content["source"].pop("code/maxout.py")
    path.write_bytes(seal_json(content))
    for arguments in (["trust", "run"], ["compare", "run"]):
        done = command(*arguments)
        assert done.code == 4
        assert "cannot be the name of a file of code" in done.err


@pytest.mark.parametrize("name", CODE)
def test_configuration_with_any_component_is_read_without_its_code(own, command, elsewhere, name):
    arguments = own(name)
    if name == "rule":  # whose keys, with those of its base, are not in the order of the file
        arguments[1] = "optimizer={type: lion, learning_rate: {type: exponential, start: 0.01, factor: 0.9}}"
    done = command("train", *arguments, "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    elsewhere()
    for reading in (["compare", "run"], ["tail", "run"], ["report", "run"], ["plot", "run", "--out", "x.svg"]):
        done = command(*reading)
        assert done.code == 0, (reading, done.err)
    done = command("verify", "run")
    assert "ok     config.yaml" in done.out
    assert command("eval", "run").code == 4


def test_damaged_list_of_what_is_trusted_is_named(run, command, trust_of_its_own):
    trust_of_its_own.write_text('{"schema_version": 1, "trusted": []')
    done = command("eval", "run")
    assert done.code == 4
    assert f"{trust_of_its_own}: not readable as a list of trusted code" in done.err
    assert not EXECUTED.exists()


def test_list_that_cannot_be_written_is_named(run, command, monkeypatch):
    Path("file").touch()
    monkeypatch.setenv("MNISTNN_TRUST", "file/trusted.json")
    done = command("trust", "run")
    assert done.code == 5
    assert "file/trusted.json" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name runs or files to trust"),
        (["run", "--list"], "name runs or files to trust"),
        (["run", "--json"], "--json goes with --list"),
        (["--remove", "0"], "stands for 0 of 0 trusted digests"),
        (["toy.yaml"], "no run named"),
    ],
)
def test_command_that_means_nothing_is_refused(run, command, arguments, said):
    done = command("trust", *arguments)
    assert done.code in (2, 4)
    assert said in done.err


def test_run_without_code_needs_no_trust(toy, command, start):
    start(toy, SHORT)
    done = command("trust", "run")
    assert (done.code, "has no code of its own" in done.err) == (2, True)


def test_verify_says_that_the_configuration_cannot_be_read_without_a_list_of_components(run, command):
    path = Path("run/environment.json")
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_bytes(seal_json({**content, "components": {"a": 1}}))
    done = command("verify", "run")
    assert (done.code, "config.yaml" in done.out + done.err) == (9, True)


def test_folder_that_is_a_run_and_a_sweep_is_refused(run, command):
    Path("run/study.json").write_text("{}")
    done = command("trust", "run")
    assert (done.code, "is a run and a sweep at once" in done.err) == (2, True)


def test_damaged_list_of_what_is_trusted_says_what_to_do(run, command, trust_of_its_own):
    trust_of_its_own.write_text("{")
    assert "remove that file: no code is trusted then" in command("eval", "run").err


@pytest.mark.parametrize("text", ["x = a" + ".a" * 100_000, "x = " + "-" * 100_000 + "1"])
def test_code_that_nests_too_deeply_is_refused_as_code(toy, command, text):
    Path("deep.py").write_text(text + "\n")
    done = command("config", "check", "toy.yaml", "--code", "deep.py")
    assert done.code == 2
    assert "deep.py" in done.err


def test_characters_that_editors_do_not_show_are_warned_of(toy, command):
    Path("mine.py").write_text("x = '\u202e'\n")
    done = command("trust", "mine.py")
    assert "mine.py: has characters that editors do not show: U+202E" in done.err
    for hidden in ("\r# a comment", "\f", "\u3164 = 1", "\u2028", "'\ufe0f'"):
        Path("other.py").write_bytes(f"x = 1{hidden}\n".encode())
        assert "other.py: has characters that editors do not show: U+" in command("trust", "other.py").err
    Path("honest.py").write_bytes("x = 'é'\r\n\ty = 1\r\n".encode())
    assert "editors" not in command("trust", "honest.py").err
    assert json.loads(command("trust", "--list", "--json").out)["trusted"][0]["name"] == "mine.py"


def test_each_run_is_named_by_itself(run, command):
    shutil.copytree("run", "other")
    for name in ("run", "other"):
        assert f"read {name}/source/code/maxout.py, then `mnistnn trust {name}`" in command("eval", name).err
