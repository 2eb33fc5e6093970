"""The same bits with any number of threads, in every family of models, also when the number changes in mid-run.

With loops or without. The nets are small, so pieces are made small as well: then all that is ever cut into pieces is
cut here.
"""

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from mnistnn.backend import pieces
from mnistnn.backend.worker_choice import WorkerChoice
from mnistnn.backend.workers import Workers
from mnistnn.experiment.plan import Plan
from mnistnn.kernels import convolution, windows, winograd
from mnistnn.layers import conv, recurrent_base
from mnistnn.optim import rule

EXPERIMENTS = Path(__file__).parents[1] / "old_runs" / "experiments"
FAMILIES = (
    *("softmax", "mlp", "dropconnect", "cnn", "pca", "augmented", "streamed", "double"),
    *("l-bfgs", "hessian-free", "squared-error"),
    *("rbm", "centred", "boltzmann", "autoencoder", "features", "belief", "stacked"),
    *("lstm", "scanned", "adding", "copying", "forecast"),
)
SMALL = (
    *((pieces, "CUT_FROM", (300, 1000, 3000)), (pieces, "_GRAIN", 2), (pieces, "ELEMENTS", 100), (rule, "BLOCK", 50)),
    *((windows, "PART", 500), (conv, "PART", 500), (conv, "ELEMENTS", 100)),
    *((convolution, "_LEAST_ROWS", 4), (winograd, "_IMAGES", 5)),
    *((recurrent_base, "_FEWEST", 2), (recurrent_base, "_MOST", 5)),
)


@pytest.fixture
def small_pieces(monkeypatch):
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    pieces.of_product.cache_clear()
    yield
    pieces.of_product.cache_clear()


@pytest.fixture
def spread(monkeypatch) -> list[int]:
    """Count the pieces that helpers have been asked to share, by who takes part."""
    spread, multiply, found = Workers.spread, Workers.multiply, list[int]()

    def counting_spread(self, work, parts):
        if len(parts) > 1:
            found.append(self.taking_part)
        spread(self, work, parts)

    def counting_multiply(self, *arguments):
        found.append(self.taking_part)
        multiply(self, *arguments)

    monkeypatch.setattr(Workers, "spread", counting_spread)
    monkeypatch.setattr(Workers, "multiply", counting_multiply)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_any_number_of_threads_gives_the_same_bits(family, toy, command, monkeypatch, small_pieces, spread):
    for file in EXPERIMENTS.iterdir():
        shutil.copy(file, toy.parent)
    if family == "boltzmann":
        monkeypatch.setenv("MNISTNN_DATA", str(toy.parent / "cache"))  # other tests share the one that there is
        assert command("data", "fetch", "bars-and-stripes").code == 0
    if family == "features":
        assert command("train", "machine.yaml", "--run-dir", "machine", "-q").code == 0
        assert command("export", "machine", "--to", "features", "--out", "features.safetensors").code == 0
        spread.clear()

    def trained(name: str, most: int) -> dict[str, bytes]:
        done = command("train", f"{family}.yaml", f"backend.threads={most}", "--run-dir", name, "-q")
        assert done.code == 0, done.err
        found = {"metrics": Path(name, "metrics.jsonl").read_bytes()}
        for path in Path(name).rglob("*.safetensors"):
            tensors = load_file(path)  # and not what stands beside them, which names the configuration
            found |= {f"{path.relative_to(name)} {key}": tensor.tobytes() for key, tensor in tensors.items()}
        assert len(found) > 2
        return found

    expected = trained("one", 1)
    assert set(spread) == {1}, "nothing was cut"
    for most in (2, 3, 5):
        monkeypatch.setattr(Plan, "needs_loops", most != 3)  # and so products are handed over in compiled code
        monkeypatch.setattr(WorkerChoice, "_begin_comparison", lambda self: None)  # all take part
        monkeypatch.setattr("mnistnn.backend.worker_choice.free_cores", lambda most=most: most)
        spread.clear()
        assert trained(f"threads-{most}", most) == expected
        assert set(spread) == {most}

    def change(self: WorkerChoice, work: int) -> None:
        self.workers.taking_part = self.workers.taking_part % self.workers.most + 1

    monkeypatch.setattr(WorkerChoice, "end", change)
    spread.clear()
    assert trained("changing", 3) == expected
    if family not in ("l-bfgs", "hessian-free"):  # of a few long updates
        assert set(spread) == {1, 2, 3}


@pytest.mark.parametrize("family", ["mlp", "cnn", "lstm", "rbm", "l-bfgs"])
def test_run_that_is_stopped_and_gone_on_with_by_other_numbers_of_threads_has_the_same_bits(
    family, toy, command, small_pieces
):
    for file in EXPERIMENTS.iterdir():
        shutil.copy(file, toy.parent)
    assert command("train", f"{family}.yaml", "backend.threads=1", "--run-dir", "whole", "-q").code == 0
    done = command("train", f"{family}.yaml", "backend.threads=2", "--run-dir", "run", "-q", "--time-budget", "0s")
    for most in (3, 1, 5, 2, 4) * 40:
        if done.code == 0:
            break
        done = command("resume", "run", f"backend.threads={most}", "-q", "--time-budget", "0s")
        assert done.code in (0, 75), done.err
    assert done.code == 0
    assert Path("run/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()
    found, expected = (load_file(max(Path(run, "checkpoints").glob("*.safetensors"))) for run in ("run", "whole"))
    assert {name: tensor.tobytes() for name, tensor in found.items()} == {
        name: tensor.tobytes() for name, tensor in expected.items()
    }
