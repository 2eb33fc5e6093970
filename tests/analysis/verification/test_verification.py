"""Verifying runs: whole ones are found whole, and every damage is found, in the file where it is."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mnistnn.analysis.evaluation.elsewhere import on_another_set
from mnistnn.analysis.evaluation.results import evaluate, load, measure
from mnistnn.analysis.verification.verify import verify
from mnistnn.augment.corrupted_sets import generate_corrupted
from mnistnn.config.dump import config_hash
from mnistnn.config.load import load_experiment, load_resolved
from mnistnn.errors import InterruptedRunError, RunError
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from mnistnn.runner import session
from mnistnn.runner.refit import refit_experiment
from mnistnn.storage.sealed_json import seal_json

OVERRIDES = (
    "preprocess=[{type: standardize}, {type: whiten, dimensions: 20}]",
    "optimizer={type: adam, learning_rate: 0.01}",
    "averaging={decay: 0.9}",
    "checkpoint={keep_every_epochs: 3, monitor: valid.loss}",
    "evaluation.every_updates=4",
)
QUIET = session.Verbosity(shown=False)
NEWEST, KEPT = "checkpoints/step-0000000060.safetensors", "checkpoints/step-0000000030.safetensors"


def ignore(text):
    pass


@pytest.fixture(scope="module")
def trained(toy_cache, toy_text, tmp_path_factory) -> Path:
    """A finished run with everything that a run can have: transforms, kept checkpoints, overrides, evaluations."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setattr(os, "fsync", lambda descriptor: None)
        (folder / "toy.yaml").write_text(toy_text)
        plan = Plan(load_experiment(folder / "toy.yaml", OVERRIDES))
        run = session.start(plan, folder / "run", folder, QUIET).run
        for split, which in (("test", "best"), ("test", "last"), ("valid", "best")):
            evaluate(run, split, which, ignore)  # type: ignore[arg-type]
        patch.setenv("MNISTNN_DATA", str(folder / "data"))
        shutil.copytree(toy_cache, folder / "data")
        generate_corrupted("foggy", "toy", "fog", None, 0)
        for which in ("best", "last"):
            measure(run, on_another_set(load(run, which, ignore), "foggy"), "test")
    return run.path


@pytest.fixture
def run(toy, trained) -> RunDirectory:
    """A copy of the run, to be damaged."""
    shutil.copytree(trained, "run", symlinks=True)
    return RunDirectory(Path("run"))


def problems(run: RunDirectory) -> dict[str, str]:
    return {each.file: each.text for each in verify(run).problems}


def notes(run: RunDirectory) -> dict[str, str]:
    return {each.file: each.text for each in verify(run).findings if each.verdict == "note"}


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)


def edit_lines(path: Path, change: Callable[[list[str]], object]) -> None:
    def changed(text: str) -> str:
        lines = text.splitlines(keepends=True)
        change(lines)
        return "".join(lines)

    edit(path, changed)


# Whole runs.


def test_run_with_everything_is_whole(run):
    report = verify(run)
    assert [each.file for each in report.findings if each.verdict != "ok"] == []
    assert (report.status, report.is_in_use) == ("finished", False)
    files = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert {each.file for each in report.findings} == files - {".mnistnn-lock"}


def test_verifying_changes_nothing_and_needs_no_permission_to_write(run, everything_below):
    for path in [run.path, *run.path.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = everything_below(".")
    assert not problems(run)
    assert everything_below(".") == before
    for path in [run.path, *run.path.rglob("*")]:
        path.chmod(0o755)


def test_run_that_was_moved_is_whole(run):
    run.path.rename("elsewhere")
    assert not problems(RunDirectory(Path("elsewhere")))


def test_run_is_whole_without_its_data_set(run, monkeypatch):
    monkeypatch.setenv("MNISTNN_DATA", "empty")
    assert not problems(run)
    assert "not compared with the model" not in notes(run).get("checkpoints", "")


@pytest.mark.parametrize("updates", [1, 7, 10, 33])
def test_interrupted_and_resumed_run_is_whole_each_time(toy, start, stop_after, updates):
    stop_after(updates)
    with pytest.raises(InterruptedRunError):
        start(toy, "checkpoint.keep_last=1")
    run = RunDirectory(Path("run"))
    assert not problems(run)
    session.resume(run, ["stopping.max_epochs.epochs=8"], QUIET)
    assert not problems(run)


def test_run_without_any_update_is_whole(toy, command):
    command("train", toy, "-q", "--run-dir", "run", "--time-budget", "0")
    assert not problems(RunDirectory(Path("run")))


def test_diverged_run_is_whole(toy, command):
    assert command("train", toy, "-q", "--run-dir", "run", "optimizer.learning_rate=1e30").code == 6
    assert not problems(RunDirectory(Path("run")))


def test_refit_run_is_whole(toy, start):
    loaded = refit_experiment(start(toy).run, "epochs")
    assert not problems(session.start(Plan(loaded), Path("refit"), Path("."), QUIET).run)


class Killed(BaseException):
    """Nothing catches it, and nothing is written after it."""


@pytest.fixture
def kill(monkeypatch):
    """Let a process end at the n-th rename of a file, without another word on the disk."""

    def arrange(at: int) -> None:
        count = iter(range(1, 1000))
        real = os.replace

        def dying(source, destination):
            if next(count) >= at:
                raise Killed
            real(source, destination)

        monkeypatch.setattr(os, "replace", dying)

    return arrange


@pytest.mark.parametrize("at", range(5, 12))
def test_run_killed_between_any_two_files_is_whole(toy, start, kill, monkeypatch, at):
    """1 to 4 prepare the run; then checkpoint and best.json take turns."""
    with monkeypatch.context():
        kill(at)
        with pytest.raises(Killed):
            start(toy)
    assert not problems(RunDirectory(Path("run")))


@pytest.mark.parametrize("at", [1, 2, 3])
def test_run_killed_while_a_resume_changes_its_configuration_is_whole(toy, start, kill, at):
    run = start(toy).run
    kill(at)
    with pytest.raises(Killed):
        session.resume(run, ["stopping.max_epochs.epochs=8"], QUIET)
    assert not problems(run)


def test_rows_after_the_newest_checkpoint_are_harmless_in_a_run_that_was_killed(run):
    record = read_record(run)
    record.status, record.ended, record.exit_code = "running", None, None
    record.write(run)
    with run.metrics.open("a") as file:
        file.write('{"epoch": 7, "upda')
    assert not problems(run)
    assert "which a resume would cut off" in notes(run)["metrics.jsonl"]


def test_run_in_use_is_said_to_be_so(run):
    with lock.exclusive(run):
        assert verify(run).is_in_use
    assert not verify(run).is_in_use


def test_problem_that_goes_away_while_a_run_is_in_use_is_none(run, monkeypatch):
    """A checkpoint that is listed, and removed by its writer before it is read."""
    real, calls = checkpoints.read, []

    def read(path):
        calls.append(path)
        if len(calls) == 1:
            raise RunError(f"{path}: No such file or directory")
        return real(path)

    monkeypatch.setattr(checkpoints, "read", read)
    with lock.exclusive(run):
        assert not problems(run)


def test_leftovers_and_foreign_files_are_notes(run):
    (run.checkpoints / ".step-0000000060.safetensors.0123456789ab.tmp").write_text("half")
    (run.path / "thoughts.txt").write_text("mine")
    (run.evaluations / "note.json").write_text("{}")
    (run.path / "plots").mkdir()
    assert not problems(run)
    assert notes(run).keys() == {
        "checkpoints/.step-0000000060.safetensors.0123456789ab.tmp",
        "thoughts.txt",
        "eval/note.json",
        "plots",
    }


@pytest.mark.parametrize("content", [b"", b"{}", b"\0\xff", b'{"epoch": -3}'])
def test_file_that_tells_how_far_a_run_is_may_be_there_and_say_anything(run, content):
    before = notes(run)
    (run.path / "progress.json").write_bytes(content)
    assert not problems(run)
    assert notes(run) == before


def test_configuration_of_a_version_that_lacked_a_key_is_whole(run):
    """As if `augment` and the whole of `evaluation.train_error` had come later: the digest was taken without them."""
    resolved = load_resolved(run.config).resolved
    del resolved["augment"], resolved["evaluation"]["train_error"], resolved["expect"]
    record = read_record(run)
    record.config_hash, record.resumed = config_hash(resolved), 1  # so that checkpoints may name another
    record.write(run)
    lines = run.config.read_text().splitlines(keepends=True)
    expect = next(i for i, line in enumerate(lines) if line.startswith("expect:"))
    after = next((i for i in range(expect + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
    kept = [*lines[:expect], *lines[after:]]
    run.config.write_text("".join(line for line in kept if "augment" not in line and "train_error" not in line))
    assert not problems(run)


# Damaged ones.

FILES = (
    "run.json",
    "config.yaml",
    "environment.json",
    "metrics.jsonl",
    "timing.jsonl",
    "log.txt",
    "source/0-toy.yaml",
    "source/overrides.txt",
    "preprocess/0-standardize.safetensors",
    "preprocess/1-whiten.safetensors",
    NEWEST,
    KEPT,
    "checkpoints/best.json",
    "eval/test-best.json",
    "eval/valid-best.json",
    "eval/test-readings.jsonl",
    "eval/on/foggy/test-best.json",
    "eval/on/foggy/test-readings.jsonl",
)
# Nothing says that they must be there.
NOT_COUNTED = {"eval/test-best.json", "eval/valid-best.json", "eval/on/foggy/test-best.json"}
TEXT = {"log.txt"}
LINES = {"timing.jsonl", "eval/test-readings.jsonl", "eval/on/foggy/test-readings.jsonl"}


@pytest.mark.parametrize("file", [file for file in FILES if file not in NOT_COUNTED])
def test_missing_file_is_found(run, file):
    (run.path / file).unlink()
    assert "missing" in problems(run)[file]


@pytest.mark.parametrize("file", [file for file in FILES if file not in TEXT])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.98])
def test_torn_file_is_found(run, file, part):
    size = (run.path / file).stat().st_size
    os.truncate(run.path / file, int(part * size))
    found = problems(run)
    if file == "config.yaml":  # what its last lines say may be what holds by default
        found |= notes(run)
    assert file in found


@pytest.mark.parametrize("file", FILES)
def test_link_in_the_place_of_a_file_is_found_and_not_followed(run, file):
    path = run.path / file
    path.rename("outside")
    path.symlink_to(Path("outside").resolve())
    assert "a symbolic link" in problems(run)[file]


@pytest.mark.parametrize("file", [*FILES, ".mnistnn-lock"])
def test_pipe_in_the_place_of_a_file_is_found_and_not_waited_for(run, file):
    (run.path / file).unlink()
    os.mkfifo(run.path / file)
    assert "neither file nor folder" in problems(run)[file]


@pytest.mark.parametrize("folder", ["checkpoints", "eval", "eval/on", "eval/on/foggy", "preprocess", "source"])
def test_link_in_the_place_of_a_folder_is_found(run, folder):
    (run.path / folder).rename("outside")
    (run.path / folder).symlink_to(Path("outside").resolve())
    assert "a symbolic link" in problems(run)[folder]


# Every byte of a sealed file counts; of a text, those of its values do.
@pytest.mark.parametrize("file", [file for file in FILES if file not in TEXT | LINES])
@pytest.mark.parametrize("place", [0.03, 0.37, 0.61, 0.93])
def test_flipped_bit_is_found(run, file, place):
    content = bytearray((run.path / file).read_bytes())
    position = int(place * len(content))
    while not chr(content[position]).isalnum():  # white space between values is no part of what a JSON file says
        position += 1
    content[position] ^= 1
    (run.path / file).write_bytes(content)
    # A configuration in which an empty key is called otherwise means the same; that is noted.
    assert file in problems(run) or (file == "config.yaml" and "means what it should" in notes(run)[file])


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines.insert(3, lines[2]),
        lambda lines: lines.pop(2),
        lambda lines: lines.pop(),
        lambda lines: lines.append(lines[-1]),
        lambda lines: lines.reverse(),
        lambda lines: lines.__setitem__(1, lines[1].replace('"valid.error": 0', '"valid.error": 1')),
        lambda lines: lines.__setitem__(1, lines[1].replace('"valid.error": 0', '"valid.error": NaN')),
    ],
    ids=["row twice", "row lost", "last row lost", "last row twice", "other order", "altered number", "no number"],
)
def test_altered_metrics_are_found(run, change):
    edit_lines(run.metrics, change)
    assert "metrics.jsonl" in problems(run)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines.insert(3, lines[2]), "line 4: epoch"),
        (lambda lines: lines.pop(2), "the row of epoch 1 is missing"),
        (lambda lines: lines.__setitem__(1, lines[1].replace('"valid.error"', '"error"')), "line 2: not the metrics"),
        (lambda lines: lines.__setitem__(1, lines[1].replace('"valid.error": 0', '"valid.error": NaN')), "line 2: "),
    ],
    ids=["row twice", "row lost", "other metrics", "no number"],
)
def test_altered_metrics_are_found_also_where_all_digests_were_renewed(run, change, expected):
    edit_lines(run.metrics, change)
    for path in checkpoints.newest_first(run.checkpoints):
        saved = checkpoints.read(path)
        updates = saved.state.progress.updates
        rows = [line for line in run.metrics.read_text().splitlines(keepends=True) if f'"updates": {updates}' in line]
        content = run.metrics.read_bytes()
        length = content.index(rows[-1].encode()) + len(rows[-1])
        if updates == 60:
            length = len(content)
        position = replace(saved.state.metrics, bytes=length, sha256=hashlib.sha256(content[:length]).hexdigest())
        checkpoints.write(
            run.checkpoints, replace(saved, state=replace(saved.state, metrics=position)), saved.state.progress.updates
        )
    assert expected in problems(run)["metrics.jsonl"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines.pop(2), "the row of epoch 1 is missing"),
        (lambda lines: lines.insert(3, lines[2]), "its rows are not those of metrics.jsonl"),
        (lambda lines: lines.append(lines[-1]), "rows for"),
        (lambda lines: lines.__setitem__(1, '{"epoch": 1}\n'), "line 2: not the time of an evaluation"),
        (lambda lines: lines.__setitem__(1, "rubbish\n"), "line 2: not strict JSON"),
    ],
)
def test_altered_timing_is_found(run, change, expected):
    edit_lines(run.timing, change)
    assert any(expected in each.text for each in verify(run).problems if each.file == "timing.jsonl")


def test_swapped_checkpoints_are_found(run):
    (run.path / NEWEST).rename("a")
    (run.path / KEPT).rename(run.path / NEWEST)
    Path("a").rename(run.path / KEPT)
    found = problems(run)
    assert found[NEWEST] == "holds the state after update 30"
    assert found[KEPT] == "holds the state after update 60"


def test_renamed_checkpoint_is_found(run):
    wrong = "checkpoints/step-0000000061.safetensors"
    (run.path / NEWEST).rename(run.path / wrong)
    assert problems(run)[wrong] == "holds the state after update 60"


def test_too_few_checkpoints_are_found(toy, start):
    run = start(toy).run
    checkpoints.path_for(run.checkpoints, 50).unlink()
    assert problems(run) == {"checkpoints": "1 checkpoints, but at least 2 should be there"}


def test_checkpoint_of_another_run_is_found(run, start, toy):
    other = start(toy, "model.layers.hidden.units=5", path="other").run
    shutil.copy(other.path / NEWEST, run.path / NEWEST)
    found = verify(run).problems
    said = [each.text for each in found if each.file == NEWEST]
    assert any("another configuration" in text for text in said)
    assert any("layout is not that of the model" in text for text in said)


def test_checkpoint_with_the_state_of_another_optimizer_is_found(run):
    saved = checkpoints.read(run.path / NEWEST)
    tensors = {name: array for name, array in saved.tensors.items() if name != "average"}
    checkpoints.write(run.checkpoints, replace(saved, tensors=tensors), 60)
    assert problems(run)[NEWEST].startswith("its array 'average' is missing, expected")


def test_checkpoint_with_weights_that_are_no_numbers_is_found(run):
    saved = checkpoints.read(run.path / NEWEST)
    theta = saved.tensors["theta"].copy()
    theta[3] = float("inf")
    checkpoints.write(run.checkpoints, replace(saved, tensors=saved.tensors | {"theta": theta}), 60)
    assert problems(run) == {NEWEST: "the values of theta are not all finite numbers"}


def test_checkpoint_that_calls_another_row_the_best_is_found(run):
    saved = checkpoints.read(run.path / NEWEST)
    best = dict(read_rows(run.metrics)[0])
    checkpoints.write(run.checkpoints, replace(saved, state=replace(saved.state, best=best)), 60)
    assert problems(run)[NEWEST] == "its best evaluation is not the best row of metrics.jsonl"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"checkpoint": "step-0000000061.safetensors"}, "which is not there"),
        ({"checkpoint": "../run.json"}, "which is not there"),
        ({"checkpoint": Path(KEPT).name}, "is not what step-0000000030.safetensors says"),
        ({"valid.error": 0.5}, "is not what step-0000000060.safetensors says"),
        ({"tensor": "theta"}, "is not what step-0000000060.safetensors says"),
        ({"schema_version": 2}, "format 2; this mnistnn reads format 1"),
    ],
)
def test_wrong_note_of_the_best_is_found_also_with_a_right_digest(run, changes, expected):
    path = checkpoints.best_path(run.checkpoints)
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_bytes(seal_json(content | changes))
    assert any(expected in each.text for each in verify(run).problems if each.file == "checkpoints/best.json")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("error", 0.5, "its error does not follow"),
        ("errors", 1, "its errors does not follow"),
        ("examples", 81, "its examples does not follow"),
        ("confusion", [[1, 2], [3]], "its confusion matrix is none"),
        ("confusion", [[0, 0], [0, 0]], "its confusion matrix is none"),
        ("confusion", [], "its confusion matrix is none"),
        ("split", "train", "holds what belongs into train-best.json"),
        ("run", "another", "is an evaluation of the run 'another'"),
        ("schema_version", 2, "format 2; this mnistnn reads format 1"),
    ],
)
def test_wrong_evaluation_is_found_also_with_a_right_digest(run, key, value, expected):
    path = run.evaluations / "test-best.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_bytes(seal_json(content | {key: value}))
    assert any(expected in each.text for each in verify(run).problems if each.file == "eval/test-best.json")


def test_evaluation_on_another_data_set_than_its_folder_says_is_found(run):
    (run.path / "eval/on/foggy").rename(run.path / "eval/on/other")
    found = problems(run)
    assert found["eval/on/other/test-best.json"] == "is about the data set 'foggy', not other"


def test_evaluation_on_the_own_set_among_those_on_another_is_found(run):
    shutil.copy(run.path / "eval/test-best.json", run.path / "eval/on/foggy/test-best.json")
    assert "dataset" in problems(run)["eval/on/foggy/test-best.json"]


def test_lost_reading_is_found_and_one_too_many_noted(run):
    access_log = run.evaluations / "test-readings.jsonl"
    edit_lines(access_log, lambda lines: lines.append(lines[-1]))
    assert notes(run) == {"eval/test-readings.jsonl": "3 readings, of which only 2 led to an evaluation"}
    edit_lines(access_log, lambda lines: lines.__delitem__(slice(1, None)))
    assert "1 entries, but an evaluation counts 2 readings" in problems(run)["eval/test-readings.jsonl"]


@pytest.mark.parametrize(
    ("field", "value", "file"),
    [
        ("config_hash", "0" * 64, "config.yaml"),
        ("name", "other", "config.yaml"),
        ("monitor", "valid.error", "config.yaml"),
        ("threads", 77, "environment.json"),
        ("status", "running", "run.json"),
        ("status", "diverged", "run.json"),
        ("exit_code", 6, "run.json"),
        ("ended", "yesterday", "run.json"),
        ("best", {"epoch": 1}, "run.json"),
        ("best_epoch", 99, "run.json"),
        ("id", "another", "eval/test-best.json"),
    ],
)
def test_record_that_disagrees_is_found_also_with_a_right_digest(run, field, value, file):
    record = read_record(run)
    setattr(record, field, value)
    record.write(run)
    assert file in problems(run)


@pytest.mark.parametrize(
    ("old", "new"),
    [("seed: 0", "seed: 1"), ("size: 32", "size: 33"), ("units: 12", "units: 13"), ("size: 32", "sise: 32")],
)
def test_altered_configuration_is_found(run, old, new):
    edit(run.config, lambda text: text.replace(old, new))
    assert "config.yaml" in problems(run)


@pytest.mark.parametrize("file", ["run.json", "environment.json"])
def test_newer_format_is_refused_clearly(run, file):
    content = json.loads((run.path / file).read_text())
    del content["sha256"]
    (run.path / file).write_bytes(seal_json(content | {"schema_version": 2}))
    assert problems(run)[file] == "format 2; this mnistnn reads format 1"


def test_files_of_an_earlier_version_without_digests_are_noted_as_such(run):
    content = json.loads(run.environment.read_text())
    del content["sha256"], content["source"]
    run.environment.write_text(json.dumps(content))
    best = json.loads((run.checkpoints / "best.json").read_text())
    del best["sha256"], best["schema_version"]
    (run.checkpoints / "best.json").write_text(json.dumps(best))
    texts = {each.file: each.text for each in verify(run).findings}
    assert not problems(run)
    assert "carries no digest" in texts["environment.json"]
    assert "no digest is recorded" in texts["source/0-toy.yaml"]


def test_everything_wrong_at_once_is_a_report_and_no_more(run):
    for path in run.path.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff\x00{[" * 50)
    assert problems(run).keys() >= {"run.json", "config.yaml", "environment.json", NEWEST, KEPT, "eval/test-best.json"}


def test_empty_folder_is_a_report_and_no_more(toy):
    Path("run").mkdir()
    assert problems(RunDirectory(Path("run"))).keys() >= {"run.json", "config.yaml", "environment.json"}
