"""`mnistnn reproduce`: what it runs, what it says, how it ends."""

from pathlib import Path

import pytest

EXPERIMENTS = Path("experiments")


@pytest.fixture
def write(toy):
    """Write an experiment on the toy set into the group `small`, which is also what is quick."""

    def experiment(name, claim):
        path = EXPERIMENTS / "small" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = toy.read_text().replace("name: toy", f"name: small-{name}").replace("epochs: 6", "epochs: 2")
        path.write_text(text + claim)
        return path

    experiment("good", "expect: {test_error: [0, 1], source: chance, note: as it should}\n")
    (EXPERIMENTS / "quick.txt").write_text("small\n")
    return experiment


def test_reproduced_experiment_leaves_a_record_and_the_table(write, command):
    done = command("reproduce")
    assert (done.code, done.out) == (0, "results: RESULTS.md\n")
    assert "within: " in done.err
    assert (EXPERIMENTS / "results" / "small-good.json").exists()
    assert "- **good**: as it should" in Path("RESULTS.md").read_text()


def test_one_run_is_made_for_each_seed(write, command):
    assert command("reproduce", "--seeds", "0..2", "--runs", "elsewhere").code == 0
    assert len(list(Path("elsewhere", "small-good").iterdir())) == 3
    assert " (3) |" in Path("RESULTS.md").read_text()


def test_error_outside_of_its_band_fails_the_check_after_all_have_run(write, command):
    write("bad", "expect: {test_error: [0, 0.000001]}\n")
    done = command("reproduce", "small")
    assert done.code == 9
    assert "error: 1 of 2 experiments were not reproduced:\n  small/bad.yaml: " in done.err
    assert "claimed 0.00 to 0.00 %" in done.err
    assert (EXPERIMENTS / "results" / "small-good.json").exists()


def test_invalid_file_is_refused_before_the_first_run(write, command):
    write("wrong", "expect: {test_error: [0, 1]}\nseeed: 1\n")
    done = command("reproduce", "small")
    assert done.code == 2
    assert "did you mean 'seed'" in done.err
    assert not Path("runs").exists()
    assert not Path("RESULTS.md").exists()


def test_table_alone_is_made_without_training(write, command):
    command("reproduce")
    before = Path("RESULTS.md").read_text()
    Path("RESULTS.md").unlink()
    assert command("reproduce", "--table-only", "--runs", "none").code == 0
    assert Path("RESULTS.md").read_text() == before
    assert not Path("none").exists()


def test_other_records_get_a_table_of_their_own(write, command):
    done = command("reproduce", "--results", "mine")
    assert done.out == "results: mine/RESULTS.md\n"
    assert Path("mine", "small-good.json").exists()
    assert not Path("RESULTS.md").exists()


def test_quiet_says_only_where_the_results_are(write, command):
    done = command("reproduce", "-q")
    assert (done.out, done.err) == ("results: RESULTS.md\n", "")


@pytest.mark.parametrize(
    "arguments", [("--all", "small"), ("--table-only", "small"), ("--table-only", "--all"), ("smal",), ("--seeds", "x")]
)
def test_contradictory_or_unknown_arguments_are_usage_errors(write, command, arguments):
    assert command("reproduce", *arguments).code == 2
    assert not Path("runs").exists()


def test_outside_of_a_project_it_says_what_is_missing(toy, command):
    done = command("reproduce")
    assert done.code == 2
    assert "there is no folder experiments here" in done.err
