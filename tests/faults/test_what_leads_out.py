"""Links and pipes in the place of each file and each folder of a run: no command follows or waits for one.

A run directory may come from somebody else. Nothing outside of it is read into what is shown, and nothing outside of it
is written, however its files are replaced.
"""

import itertools
import os
import random
import shutil
import signal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.plots.contact_sheet import encode_png
from tests.faults.trials import BELIEF, Done, command

SECRET = "the-first-line-of-a-foreign-file: 12345"
_WITHIN_S = 60

# Every command that is given a run. RUN is replaced, OTHER is a sound run of the same experiment.
COMMANDS = {
    "resume": "resume RUN",
    "resume for longer": "resume RUN --epochs 4",
    "train on": "train CFG --run-dir RUN --resume auto",
    "train anew": "train CFG --run-dir RUN",
    "refit": "refit RUN",
    "eval": "eval RUN",
    "eval of validation": "eval RUN OTHER --split valid",
    "show": "show RUN",
    "show as JSON": "show RUN --json",
    "tail": "tail RUN",
    "ls": "ls --runs .",
    "compare": "compare RUN OTHER",
    "diff": "diff RUN OTHER",
    "plot": "plot RUN --out plot.svg --force",
    "report": "report RUN --out report.html --force",
    "verify": "verify RUN",
    "predict": "predict RUN picture.png",
    "committee": "committee RUN OTHER --name both",
    "rm": "rm RUN --yes",
    **{f"inspect {what}": f"inspect {what} RUN" for what in ("summary", "filters", "errors", "confusion")},
    **{f"inspect {what}": f"inspect {what} RUN" for what in ("activations", "dead-units")},
    **{f"export {to}": f"export RUN --to {to} --out exported --force" for to in ("safetensors", "npz", "csv")},
}
"""The words of each command, by what it is."""

# A command refuses a run that leads out, unless it needs nothing of what does, and ends as it would without.
_REFUSED = {"verify": 9, "ls": 0}
_WITHOUT_CONFIG = {"show as JSON", "show", "tail", "plot", "compare", "report", "rm", "export csv", "train anew"}
WAYS = ("link to the same", "link to another", "link to nothing", "pipe")


def entries(run: Path) -> list[str]:
    """Return all files and folders of a run, by their paths in it."""
    return sorted(path.relative_to(run).as_posix() for path in run.rglob("*"))


def replace(run: Path, entry: str, way: str, outside: Path) -> None:
    """Put something in the place of an entry that leads out of the run, or nowhere."""
    inside, target = run / entry, outside / Path(entry).name
    outside.mkdir()
    if way == "link to the same":
        inside.rename(target)
    else:
        shutil.rmtree(inside) if inside.is_dir() else inside.unlink()
    match way:
        case "link to another":
            target.write_text(SECRET + "\n")
        case "pipe":
            os.mkfifo(inside)
            return
    inside.symlink_to(target)


def run_command(what: str, folder: Path, everything_below, outside: Path) -> Done:
    """Run a command line in a folder; it may neither hang nor touch what is outside."""
    before = everything_below(outside), sorted(outside.rglob("*"))
    os.chdir(folder)
    signal.alarm(_WITHIN_S)
    try:
        done = command(*_arguments(what, folder / "cfg.yaml"), "-q")
    finally:
        signal.alarm(0)
    assert (everything_below(outside), sorted(outside.rglob("*"))) == before, "something outside was changed"
    return done


WHITENED = """\
name: whitened
data: {dataset: toy, validation_examples: 60}
preprocess: [{type: whiten, method: zca}]
model: {type: sequential, layers: {hidden: {type: dense, units: 6}, classes: {type: dense, units: 4}}}
batches: {size: 100}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 2}]
checkpoint: {keep_last: 1}
"""
COMMITTEE_OF_TWO = """\
name: committee
data: {dataset: toy, validation_examples: 60}
model:
  type: committee
  members: [{experiment: short.yaml}, {experiment: short.yaml, overrides: [seed=1]}]
"""
EXPERIMENTS = {"whitened": WHITENED, "pretrained": BELIEF, "committee": COMMITTEE_OF_TWO}


@pytest.fixture(scope="module", params=EXPERIMENTS)
def template(request, toy_cache, tmp_path_factory) -> Path:
    """A folder with a finished run and another one, which nobody may change, and a picture."""
    return made(request.param, toy_cache, tmp_path_factory)


@pytest.fixture(scope="module")
def whitened(toy_cache, tmp_path_factory) -> Path:
    """Such a folder, with a run that holds no others."""
    return made("whitened", toy_cache, tmp_path_factory)


def made(kind: str, toy_cache: Path, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("template")
    (folder / "short.yaml").write_text(WHITENED)
    (folder / "cfg.yaml").write_text(EXPERIMENTS[kind])
    (folder / "picture.png").write_bytes(encode_png(np.zeros((8, 8), np.uint8)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.chdir(folder)
        for name in ("run", "other"):
            assert command("train", "cfg.yaml", "--run-dir", name, "-q").code == 0
            assert command("eval", name, "-q").code == 0
    return folder


@cache
def undisturbed(template: Path, what: str) -> int | None:
    """Return the exit code of a command on a sound run."""
    folder = template.with_name(f"{template.name}-sound")
    shutil.copytree(template, folder, symlinks=True)
    os.chdir(folder)
    code = command(*_arguments(what, folder / "cfg.yaml"), "-q").code
    shutil.rmtree(folder)
    return code


def _arguments(what: str, config: Path) -> list[str]:
    words = {"CFG": str(config), "RUN": "run", "OTHER": "other"}
    return [words.get(word, word) for word in COMMANDS[what].split()]


def check(template: Path, folder: Path, everything_below, entry: str, way: str, what: str) -> int | None:
    """Replace an entry of a run, run a command on it, and check how it ends; return its exit code."""
    shutil.copytree(template, folder, symlinks=True)
    outside = folder.with_name(folder.name + "-outside")
    replace(folder / "run", entry, way, outside)
    done = run_command(what, folder, everything_below, outside)
    place = f"{what}, {entry} as a {way}: {done}"
    assert done.code in {_REFUSED.get(what, 4), undisturbed(template, what)}, place
    assert "Traceback" not in done.err, place
    shown = (
        done.out
        + done.err
        + "".join(
            path.read_text(errors="replace") for path in folder.iterdir() if path.name in ("report.html", "plot.svg")
        )
    )
    assert SECRET not in shown, place
    if done.code == 4 and what != "train anew":  # which is refused as there is a run already
        assert Path(entry).name in done.err or Path(entry).parts[0] in done.err, place
    shutil.rmtree(folder)
    shutil.rmtree(outside)
    return done.code


def each(template: Path) -> list[tuple[str, str, str]]:
    """Return all that can be checked; of a run with others inside, what is about these."""
    found = entries(template / "run")
    nested = [entry for entry in found if entry.split("/")[0] in ("pretrain", "members")]
    return [(entry, way, what) for entry in nested or found for way in WAYS for what in COMMANDS]


def test_no_command_follows_a_link_or_waits_for_a_pipe(toy, template, tmp_path, everything_below):
    """A part of all, which is below: each entry in each way and each command, but not each with each."""
    chosen = random.Random(1).sample(each(template), 40)
    codes = [check(template, tmp_path / "work", everything_below, *one) for one in chosen]
    assert {0, 4} <= set(codes)


SWEEP_COMMANDS = {
    "status": "sweep status study",
    "best": "sweep best study --so-far",
    "resume": "sweep resume study",
    "report": "sweep report study --out report.html --force",
    "emit": "sweep emit study",
    "trial": "sweep trial study 0000-seed0",
}


@pytest.fixture(scope="module")
def swept(toy_cache, tmp_path_factory) -> Path:
    """A folder with a sweep of which one trial is finished."""
    folder: Path = tmp_path_factory.mktemp("swept")
    (folder / "cfg.yaml").write_text(WHITENED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.chdir(folder)
        values = ("optimizer.learning_rate=0.1,0.2", "--study", "study", "--prepare")
        assert command("sweep", "run", "cfg.yaml", *values, "-q").code == 0
        assert command("sweep", "trial", "study", "0001-seed0", "-q").code == 0
    return folder


@pytest.mark.parametrize("what", SWEEP_COMMANDS)
def test_no_command_about_a_sweep_follows_a_link_or_waits_for_a_pipe(toy, swept, tmp_path, everything_below, what):
    found = [entry for entry in entries(swept / "study") if len(entry.split("/")) < 3]  # deeper, it is that of a run
    assert {"study.json", "configs", "trials/0001-seed0", "attempts/0001-seed0.jsonl"} <= set(found)
    codes = set()
    for entry, way in itertools.product(found, ("link to another", "pipe")):
        folder, outside = tmp_path / "work", tmp_path / "outside"
        shutil.copytree(swept, folder, symlinks=True)
        replace(folder / "study", entry, way, outside)
        before = everything_below(outside), sorted(outside.rglob("*"))
        os.chdir(folder)
        signal.alarm(_WITHIN_S)
        try:
            done = command(*SWEEP_COMMANDS[what].split(), "-q")
        finally:
            signal.alarm(0)
        place = f"{what}, {entry} as a {way}: {done}"
        assert (everything_below(outside), sorted(outside.rglob("*"))) == before, place
        assert done.code in (0, 4, 8), place  # 8: it is that of one trial alone
        assert SECRET not in done.out + done.err, place
        assert "Traceback" not in done.err, place
        codes.add(done.code)
        shutil.rmtree(folder)
        shutil.rmtree(outside)
    assert 4 in codes


def test_page_about_a_sweep_holds_no_trials_of_another_folder(toy, swept, tmp_path):
    shutil.copytree(swept, tmp_path / "work", symlinks=True)
    os.chdir(tmp_path / "work")
    for name in ("trials", "trials/0001-seed0"):
        inside, outside = Path("study", name), tmp_path / "outside"
        inside.rename(outside)
        inside.symlink_to(outside)
        done = command(*SWEEP_COMMANDS["report"].split(), "-q")
        assert (done.code, f"{inside}: a symbolic link" in done.err, Path("report.html").exists()) == (4, True, False)
        inside.unlink()
        outside.rename(inside)
    assert command(*SWEEP_COMMANDS["report"].split(), "-q").code == 0


AT_LENGTH = [pytest.param(name, marks=pytest.mark.torture) for name in ("no UTF-8", "another key", "too large")]


@pytest.mark.parametrize("instead", ["a folder", "no YAML", *AT_LENGTH])
def test_configuration_that_cannot_be_read_is_the_fault_of_the_run(toy, whitened, tmp_path, instead):
    """One exit code for all commands that need it."""
    for what in COMMANDS:
        folder = tmp_path / "work"
        shutil.copytree(whitened, folder, symlinks=True)
        config = folder / "run" / "config.yaml"
        config.unlink()
        match instead:
            case "a folder":
                config.mkdir()
            case "no YAML":
                config.write_text("name: [")
            case "no UTF-8":
                config.write_bytes(b"name: \xff")
            case "another key":
                config.write_text("colour: red")
            case "too large":
                config.write_text("name: x" + " " * (1 << 20))
        os.chdir(folder)
        done = command(*_arguments(what, folder / "cfg.yaml"), "-q")
        sound = undisturbed(whitened, what)
        assert done.code in {_REFUSED.get(what, 4), sound if what in _WITHOUT_CONFIG else 4}, (what, done)
        shutil.rmtree(folder)


@pytest.mark.torture
@pytest.mark.parametrize("what", COMMANDS)
def test_no_command_follows_any_link_or_waits_for_any_pipe(
    toy, template, tmp_path, everything_below, what, record_property
):
    codes: dict[int | None, int] = {}
    for one in each(template):
        if one[2] == what:
            code = check(template, tmp_path / "work", everything_below, *one)
            codes[code] = codes.get(code, 0) + 1
    said = ", ".join(f"{count} × exit {code}" for code, count in codes.items())
    record_property("counts", f"{said}; 0 violations")
