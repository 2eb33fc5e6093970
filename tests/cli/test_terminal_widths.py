"""What people see on real terminals of 80 and 120 columns: no line is broken in two."""

import os
import pty
import re
import select
import struct
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.faults.processes import ended, start
from tests.faults.trials import command

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def on_a_terminal(columns: int, *arguments: object, term: str = "xterm") -> list[str]:
    """Run a command on a terminal of so many columns; return all that it has shown, line by line."""
    controller, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {"TERM": term, "MNISTNN_DATA": os.environ["MNISTNN_DATA"]}
    process = start(list(arguments), Path.cwd(), environment, Path(os.ttyname(terminal)))
    shown, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([controller, process.sentinel], [], [], 1.0)
        if controller in ready:
            shown += os.read(controller, 65536)
        elif ready:
            break
    code = ended(process)
    os.close(terminal)
    os.close(controller)
    text = shown.decode()
    assert code == 0, text
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text))


def too_long(lines: list[str], columns: int) -> list[str]:
    return [line for line in lines if len(line.rstrip()) > columns]


@pytest.fixture(scope="module")
def runs(toy_cache, toy_text, tmp_path_factory) -> Path:
    """A folder with two experiments of long names and two seeds each, evaluated, and a sweep of two keys."""
    folder: Path = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTNN_DATA", str(toy_cache))
        patch.setattr(os, "fsync", lambda descriptor: None)
        patch.chdir(folder)
        Path("toy.yaml").write_text(toy_text)
        for rate in (0.1, 0.2):
            name = f"experiment-of-a-long-name-{rate}".replace(".", "_")
            rates = f"optimizer.learning_rate={rate}"
            done = command("train", "toy.yaml", "--seeds", "0..1", "--name", name, rates, "-q")
            assert done.code == 0, done.err
        assert command("eval", "latest").code == 0
        keys = ["optimizer.learning_rate=0.1,0.2", "model.layers.hidden.units=5,7", "penalties.l2.strength=1e-5,1e-4"]
        assert command("sweep", "run", "toy.yaml", *keys, "--epochs", "1", "--study", "study").code == 0
    return folder


@pytest.fixture
def trained(toy, runs, monkeypatch) -> None:
    """Work in the folder of these runs."""
    monkeypatch.chdir(runs)


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit(trained, columns):
    for arguments in (
        ["ls"],
        ["ls", "--finished"],
        ["show", "latest"],
        ["tail", "latest"],
        ["eval", "latest"],
        ["inspect", "confusion", "latest"],
        ["sweep", "status", "study"],
        ["data", "show", "toy"],
    ):
        lines = on_a_terminal(columns, *arguments)
        assert not too_long(lines, columns), arguments
        assert any(line.strip() for line in lines)


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_of_a_comparison_fit(trained, columns):
    lines = on_a_terminal(
        columns, "compare", "runs/experiment-of-a-long-name-0_1", "runs/experiment-of-a-long-name-0_2"
    )
    assert not too_long([line for line in lines if "warning: " not in line], columns)
    assert any("valid.error, mean ± std" in line for line in lines)
    assert any(line.startswith("B against A") for line in lines)


@pytest.mark.parametrize("columns", [80, 120])
def test_training_shows_a_line_for_each_epoch_and_one_block_at_the_end(toy, columns):
    lines = on_a_terminal(columns, "train", toy)
    epochs = [found for line in lines if (found := re.match(r"epoch +(\d+)  train", line)) is not None]
    assert {int(found[1]) for found in epochs} == {1, 2, 3, 4, 5, 6}
    assert all(" %" in found.string and len(found.string.rstrip()) <= columns for found in epochs)
    text = "\n".join(lines)
    assert text.count("max_epochs: 6 epochs are done") == 1
    assert re.search(
        r"toy: max_epochs.*\nbest epoch \d: valid\.error \d+\.\d\d %, .*\nrun: .*\nnext: mnistnn eval ", text
    )


def test_dumb_terminal_gets_lines(toy):
    lines = on_a_terminal(80, "train", toy, "--epochs", "2", term="dumb")
    assert not any("batch/s" in line or "\x1b" in line or "█" in line for line in lines)
    assert len([line for line in lines if line.startswith("epoch")]) == 2


def test_sweep_counts_its_trials(toy):
    lines = on_a_terminal(80, "sweep", "run", toy, "optimizer.learning_rate=0.1,0.2", "--epochs", "1", "--study", "s")
    assert any(line.startswith("trial 1 of 2  0000-seed0") for line in lines)
    assert any(line.startswith("trial 2 of 2  0001-seed0") for line in lines)


def test_seeds_are_counted(toy):
    text = "\n".join(on_a_terminal(80, "train", toy, "--seeds", "3..4", "--epochs", "1"))
    assert "seed 3, 1 of 2" in text
    assert "seed 4, 2 of 2" in text


def test_matrix_of_many_classes_is_cut_into_parts():
    from mnistnn.tasks.confusion import confusion_lines

    k = len(LETTERS)
    matrix = [[100 * (i == j) + (i + 1 == j) for j in range(k)] for i in range(k)]
    lines = confusion_lines(matrix, [0.01] * k, LETTERS, columns=80)
    assert max(map(len, lines)) <= 80
    parts = "\n".join(lines).split("\n\n")
    assert [part.splitlines()[0].split()[0] for part in parts] == ["true\\pred"] * len(parts)
    assert "".join(part.splitlines()[0].replace("true\\pred", "").replace("error", "") for part in parts).split() == [
        *LETTERS
    ]
    assert all("1.00 %" not in part for part in parts[:-1])
    assert parts[-1].count("1.00 %") == k


def test_time_is_said_before_and_after_training_begins(toy, monkeypatch):
    done = command("train", toy, "--dry-run")
    assert re.search(r"^time: about .* for up to 6 epochs, .* each", done.out, re.MULTILINE)
    assert not Path("runs").exists()
    monkeypatch.setattr("mnistnn.runner.progress._WORTH_SAYING_S", 0.0)
    done = command("train", toy, "stopping.max_epochs.epochs=200")
    assert re.search(r"^about .* for up to 200 epochs", done.err, re.MULTILINE)
