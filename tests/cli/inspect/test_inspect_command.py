"""`mnistnn inspect`: of an experiment file and of a run."""

import json

import pytest

from mnistnn.kernels import dense as dense_kernels


@pytest.fixture(params=["toy.yaml", "run"])
def target(request, toy, start):
    if request.param == "run":
        start(toy)
    return request.param


@pytest.fixture
def wrong_gradient(monkeypatch):
    real = dense_kernels.dense_backward

    def wrong(dz, x, W, dW, db, dx=None, dW_T=None):
        real(dz, x, W, dW, db, dx, dW_T)
        db *= 1.001

    monkeypatch.setattr("mnistnn.layers.dense.dense_backward", wrong)


def test_summary_shows_layers_and_totals(target, command):
    done = command("inspect", "summary", target)
    assert (done.code, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.splitlines()[:5]] == ["layer", "input", "hidden", "output", "total"]


def test_summary_as_json(target, command):
    found = json.loads(command("inspect", "summary", target, "--json").out)
    assert found["schema_version"] == 1
    assert (found["parameters"], found["updates_per_epoch"]) == (832, 10)
    hidden = {"name": "hidden", "type": "dense", "out_shape": [12], "parameters": 780}
    assert found["layers"][0] == {**hidden, "kept_bytes": 4 * 300 * 12}


def test_summary_takes_overrides(target, command):
    out = command("inspect", "summary", target, "model.layers.hidden.units=100", "--json").out
    assert json.loads(out)["parameters"] == 6904


def test_gradcheck_passes(target, command):
    done = command("inspect", "gradcheck", target)
    assert (done.code, done.err) == (0, "")
    head, *rows = (line.split() for line in done.out.splitlines())
    assert head == ["by", "numbers", "slopes", "backward", "difference", "error", "allowed"]
    assert [row[0] for row in rows] == ["hidden.W", "hidden.b", "output.W", "output.b", "input"]
    assert all(row[-1] == "ok" and 0.0 < float(row[5]) < float(row[6]) for row in rows)
    for _, _, _, backward, difference, error, *_ in rows:
        assert abs(float(backward) - float(difference)) <= float(error) + 1e-4 * abs(float(backward))


def test_gradcheck_reads_no_data_set(toy, command, monkeypatch):
    monkeypatch.setenv("MNISTNN_DATA", "empty-cache")
    toy.write_text(toy.read_text().replace("dataset: toy", "dataset: mnist").replace("units: 4", "units: 10"))
    assert command("inspect", "gradcheck", toy).code == 0


def test_wrong_gradient_fails_with_9_and_is_named(target, command, wrong_gradient):
    done = command("inspect", "gradcheck", target)
    assert done.code == 9
    said = "the gradient of parameter `{}` is wrong: error 0.0005, allowed 1e-06"
    assert done.err == f"error: {said.format('hidden.b')}; {said.format('output.b')}\n"
    assert [line.split()[-1] for line in done.out.splitlines()[1:]] == ["ok", "WRONG", "ok", "WRONG", "ok"]


def test_wrong_gradient_as_json(target, command, wrong_gradient):
    done = command("inspect", "gradcheck", target, "--json")
    found = json.loads(done.out)
    assert (done.code, found["passed"], found["tolerance"]) == (9, False, 1e-6)
    assert [row["relative_error"] > 1e-4 for row in found["parameters"]] == [False, True, False, True, False]
    assert [row["error"] > row["allowed"] for row in found["parameters"]] == [False, True, False, True, False]
    assert [row["passed"] for row in found["parameters"]] == [True, False, True, False, True]


def test_gradient_that_is_no_number_gives_strict_json(toy, command, monkeypatch):
    def spoil(dz, x, W, dW, db, *rest):
        db[...] = float("nan")

    monkeypatch.setattr("mnistnn.layers.dense.dense_backward", spoil)
    done = command("inspect", "gradcheck", toy, "--json")
    assert done.code == 9
    assert "Infinity" not in done.out
    assert "NaN" not in done.out
    row = json.loads(done.out)["parameters"][1]
    assert (row["backward"], row["error"], row["passed"]) == (None, None, False)


def test_missing_experiment_file_is_called_one(toy, command):
    done = command("inspect", "gradcheck", "gone.yaml")
    assert done.code == 2
    assert "gone.yaml" in done.err


def test_missing_run_is_called_one(toy, command):
    done = command("inspect", "summary", "2024")
    assert done.code == 4
    assert "no run named '2024'" in done.err


@pytest.mark.parametrize("examples", ["0", "1001", "many"])
def test_impossible_batch_is_a_usage_error(toy, command, examples):
    assert command("inspect", "gradcheck", toy, "--examples", examples).code == 2


def lines(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_files_are_identified_one_line_each(toy, start, command):
    start(toy)
    done = command("inspect", "file", "toy.yaml", "run/run.json")
    assert (done.code, done.err) == (0, "")
    first, second = lines(done)
    assert first == {
        "schema_version": 1,
        "path": "toy.yaml",
        "kind": "experiment",
        "about": {"mistakes": 0, "name": "toy", "layers": {"hidden": "dense", "output": "dense"}},
        "problem": None,
    }
    assert (second["kind"], second["about"]["status"]) == ("run", "finished")


def test_unknown_file_ends_with_9_after_all_lines(toy, command):
    done = command("inspect", "file", "gone", "toy.yaml")
    assert done.code == 9
    assert [line["problem"] is None for line in lines(done)] == [False, True]
    assert done.err == "error: 1 of 2 files are not known or not whole\n"


@pytest.mark.parametrize("arguments", [["toy.yaml"], ["-q", "toy.yaml"], ["toy.yaml", "toy.yaml"], ["./toy.yaml"]])
def test_verb_can_be_left_out_before_a_file(toy, command, arguments):
    done = command("inspect", *arguments)
    assert done.code == 0
    assert {line["kind"] for line in lines(done)} == {"experiment"}


def test_missing_file_is_called_one_also_without_the_verb(toy, command):
    done = command("inspect", "gone.npz")
    assert done.code == 9
    assert lines(done)[0]["problem"] == "cannot be read: no such file or directory"


def test_verb_wins_over_a_file_of_its_name(toy, command):
    toy.rename("summary")
    assert command("inspect", "summary").code == 2
    assert lines(command("inspect", "file", "summary"))[0]["kind"] == "experiment"


def test_misspelt_verb_is_still_answered_with_the_nearest(toy, command):
    done = command("inspect", "sumary")
    assert done.code == 2
    assert "did you mean 'summary'?" in done.err


def test_help_shows_that_files_may_come_first(command):
    assert command("inspect", "--help").out.startswith("Usage: mnistnn inspect [OPTIONS] FILE... | COMMAND [ARGS]...\n")
