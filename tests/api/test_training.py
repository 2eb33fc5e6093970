"""`mnistnn.train` and `Run.resume`, beside what the commands do."""

import signal
from pathlib import Path

import numpy as np
import pytest
import yaml

import mnistnn
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.runner.checkpointing import RunCheckpointing


def test_run_is_that_of_the_command(toy, command, assert_same_result):
    run = mnistnn.train(toy, "optimizer.learning_rate=0.1", seed=3, epochs=2, name="other", run_dir="own", quiet=True)
    words = ["optimizer.learning_rate=0.1", "--seed", 3, "--epochs", 2, "--name", "other", "--run-dir", "run"]
    assert command("train", toy, *words).code == 0
    assert_same_result("own", "run")
    assert Path("own/config.yaml").read_bytes() == Path("run/config.yaml").read_bytes()
    assert (run.name, run.seed, run.path) == ("other", 3, Path("own").absolute())


def test_dict_is_trained_as_the_file_of_its_content(toy, assert_same_result):
    content = yaml.safe_load(toy.read_text())
    content["penalties"]["l2"]["strength"] = np.float64(1e-4)
    content["batches"]["size"] = np.int32(32)
    mnistnn.train(content, run_dir="own", seed=np.int64(0), quiet=True)
    mnistnn.train(str(toy), run_dir="run", quiet=True)
    assert_same_result("own", "run")
    assert Path("own/config.yaml").read_bytes() == Path("run/config.yaml").read_bytes()


def test_run_lies_in_the_folder_of_its_name_and_is_the_latest(toy):
    run = mnistnn.train(toy, runs="all", epochs=1, quiet=True)
    assert run.path.parent == Path("all/toy").absolute()
    assert mnistnn.load("latest", runs="all").path == run.path
    assert run.id == run.path.name


def test_quiet_says_nothing_and_otherwise_the_lines_of_the_command_are_shown(toy, capsys, command):
    mnistnn.train(toy, epochs=1, quiet=True)
    assert capsys.readouterr() == ("", "")
    mnistnn.train(toy, epochs=1)
    said = capsys.readouterr()
    assert said.out == ""
    expected = command("train", toy, "--epochs", 1).err
    assert [line.split("  ")[:3] for line in said.err.splitlines()[1:]] == [
        line.split("  ")[:3] for line in expected.splitlines()[1:]
    ]


def test_ctrl_c_saves_and_can_be_gone_on_from(toy, stop_after, assert_same_result):
    mnistnn.train(toy, run_dir="reference", quiet=True)
    stop_after(27, signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(mnistnn.InterruptedRunError, match="interrupted in epoch 3 after update 27; saved"):
        mnistnn.train(toy, quiet=True)
    assert signal.getsignal(signal.SIGINT) == before
    run = mnistnn.load("latest")
    assert (run.status, len(run.metrics["epoch"])) == ("interrupted", 2)
    assert run.resume(quiet=True) is run
    assert (run.status, len(run.metrics["epoch"])) == ("finished", 6)
    assert_same_result(run.path, "reference")


def test_second_ctrl_c_raises_keyboard_interrupt_and_is_recorded_as_an_interruption(toy, monkeypatch):
    real = RunCheckpointing.after_update

    def after_update(self, t):
        if t.progress.updates == 12:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        real(self, t)

    monkeypatch.setattr(RunCheckpointing, "after_update", after_update)
    with pytest.raises(KeyboardInterrupt):
        mnistnn.train(toy, run_dir="run", quiet=True)
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code) == ("interrupted", 130)


def test_unfinished_run_is_gone_on_with_if_that_is_asked_for(toy, stop_after):
    stop_after(27)
    with pytest.raises(mnistnn.InterruptedRunError):
        mnistnn.train(toy, quiet=True)
    run = mnistnn.train(toy, resume=True, quiet=True)
    assert [each.path for each in mnistnn.runs()] == [run.path]
    assert run.status == "finished"


def test_model_is_that_of_the_end_after_a_resume(toy, command):
    run = mnistnn.train(toy, "checkpoint.monitor=last", epochs=1, quiet=True)
    before = run.parameters["hidden.W"]
    digest = run.digest
    run.resume("checkpoint.keep_last=1", epochs=2, quiet=True)
    assert run.best["epoch"] == 2
    assert not np.array_equal(run.parameters["hidden.W"], before)
    assert run.digest != digest
    assert len(run.checkpoints) == 1


def test_resume_is_that_of_the_command(toy, command, assert_same_result):
    run = mnistnn.train(toy, epochs=2, run_dir="own", quiet=True)
    assert command("train", toy, "--epochs", 2, "--run-dir", "run").code == 0
    run.resume(epochs=4, quiet=True)
    assert command("resume", "run", "--epochs", 4).code == 0
    assert_same_result("own", "run")


@pytest.mark.parametrize(
    ("arguments", "keywords", "said"),
    [
        (["gone.yaml"], {}, "no such file"),
        (["toy.yaml", "optimizer.lerning_rate=1"], {}, "did you mean"),
        (["toy.yaml"], {"seed": -1}, "seed"),
        (["toy.yaml"], {"device": "gpu"}, "'cpu' or 'cuda'"),
        ([{"extends": "toy.yaml"}], {}, "only a file can extend another"),
        (
            [{"name": "x", "model": {"type": "sequential", "layers": {"a": {"units": object()}}}}],
            {},
            "a.units: expected",
        ),
        ([{"name": "x", 3: 4}], {}, "keys are texts, got 3"),
        ([{"name": "x", "modell": {}}], {}, "experiment:2:1: unknown key"),
    ],
)
def test_mistake_in_an_experiment_is_a_config_error_and_nothing_is_written(toy, arguments, keywords, said):
    with pytest.raises(mnistnn.ConfigError) as caught:
        mnistnn.train(*arguments, quiet=True, **keywords)
    assert said in str(caught.value)
    assert not Path("runs").exists()


def test_message_is_that_of_the_command(toy, command):
    with pytest.raises(mnistnn.ConfigError) as caught:
        mnistnn.train(toy, "optimizer.lerning_rate=1")
    assert command("train", toy, "optimizer.lerning_rate=1").err == f"{caught.value}\n"


@pytest.mark.parametrize(
    ("arguments", "keywords", "said"),
    [
        ([3], {}, "experiment: expected a name, the path of a YAML file, or a dict, got a int"),
        (["toy.yaml", {"seed": 1}], {}, "overrides: expected texts such as"),
        (["toy.yaml"], {"epochs": 1.5}, "epochs: expected a whole number, got 1.5"),
        (["toy.yaml"], {"seed": "three"}, "seed: expected a whole number, got 'three'"),
    ],
)
def test_argument_of_another_type_is_refused_by_name(toy, arguments, keywords, said):
    with pytest.raises(mnistnn.UsageError) as caught:
        mnistnn.train(*arguments, quiet=True, **keywords)
    assert said in str(caught.value)


def test_taken_folder_and_divergence_are_errors_that_can_be_caught(toy):
    mnistnn.train(toy, epochs=1, run_dir="run", quiet=True)
    with pytest.raises(mnistnn.RunError, match="holds a run already"):
        mnistnn.train(toy, run_dir="run", quiet=True)
    with pytest.raises(mnistnn.DivergedError):
        mnistnn.train(toy, "optimizer.learning_rate=1e30", "loss={type: squared_error}", run_dir="far", quiet=True)
    assert mnistnn.load("far").status == "diverged"


def test_unknown_set_and_split_are_said(toy):
    with pytest.raises(mnistnn.ConfigError, match="did you mean 'toy'"):
        mnistnn.data("toi")
    with pytest.raises(
        mnistnn.UsageError, match="split: expected train, valid or test, got 'vaild'; did you mean 'valid'"
    ):
        mnistnn.data("toy", "vaild")
