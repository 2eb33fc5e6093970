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


@pytest.fixture
def history(write):
    """Let the group `small` be a history of one system, whose short form is another file."""
    write("short", "expect: {test_error: [0, 1], source: chance}\n")
    table = "year,system,published,file,short\n1998,a system,7.6,good.yaml,short.yaml\n"
    (EXPERIMENTS / "small" / "systems.csv").write_text(table)


def test_history_prints_its_table(history, command):
    done = command("reproduce", "small")
    head, _, row, results = done.out.splitlines()
    assert [cell.strip() for cell in head.split("|")[1:5]] == ["year", "system", "published", "ours (95 % interval)"]
    assert row.startswith("| 1998 | a system | 7.60 %    | ")
    assert row.split("|")[6].strip() == "–"
    assert results == "results: RESULTS.md"
    text = Path("RESULTS.md").read_text()
    assert text.index("## Small, then and now") < text.index(row) < text.index("## small\n")


def test_quick_takes_the_short_forms_of_a_history(history, command):
    done = command("reproduce", "small", "--quick")
    assert [path.name for path in Path("runs").iterdir() if path.name != "latest"] == ["small-short"]
    row = done.out.splitlines()[2].split("|")
    assert row[4].strip() == "–"
    assert row[6].strip().endswith(")")


def test_table_of_a_history_is_put_into_its_page_and_printed_without_training(history, command):
    empty = "# Mine\n<!-- This table is written by mnistnn reproduce. -->\n<!-- End of the table. -->\n"
    page = Path("docs/guides/history.md")
    page.parent.mkdir(parents=True)
    page.write_text(empty)
    assert command("reproduce", "small", "--results", "mine").code == 0
    assert page.read_text() == empty
    table = command("reproduce", "small").out.splitlines()[:3]
    assert "\n".join(table) in page.read_text()
    page.write_text(empty)
    done = command("reproduce", "small", "--table-only", "--runs", "none")
    assert done.out.splitlines()[:3] == table
    assert "\n".join(table) in page.read_text()
    assert not Path("none").exists()


def test_figure_of_a_history_is_drawn_and_replaced_only_with_force(history, command):
    pytest.importorskip("matplotlib")
    assert command("reproduce", "small", "--table-only", "--out", "f.svg").code == 0
    assert Path("f.svg").read_bytes().startswith(b"<?xml")
    done = command("reproduce", "small", "--out", "f.svg")
    assert (done.code, done.err) == (2, "error: f.svg: there already; --force replaces it\n")
    assert not Path("runs").exists()
    assert command("reproduce", "small", "--table-only", "--out", "f.svg", "--force").code == 0


def test_run_that_is_there_is_recorded_and_nothing_is_trained(write, command):
    path = EXPERIMENTS / "small" / "good.yaml"
    assert command("train", str(path), "--seed", "5").code == 0
    before = sorted(Path("runs").rglob("run.json"))
    done = command("reproduce", str(path), "--from", "latest", "--remark", "beside other work")
    assert done.code == 0
    assert "seed 5: error " in done.err
    assert sorted(Path("runs").rglob("run.json")) == before
    assert "- **good**: as it should beside other work" in Path("RESULTS.md").read_text()


def test_run_of_another_experiment_is_no_record(write, command):
    path = write("good", "expect: {test_error: [0, 1]}\n")
    assert command("train", str(path), "batches.size=7").code == 0
    done = command("reproduce", str(path), "--from", "latest")
    assert done.code == 2
    assert "is not of small/good.yaml, which differs in batches.size" in done.err
    assert not (EXPERIMENTS / "results").exists()


def test_claim_that_was_made_after_the_run_is_measured(write, command):
    path = write("good", "expect: {test_error: [0, 1]}\n")
    assert command("train", str(path)).code == 0
    write("good", "expect: {test_error: [0, 1], valid_error: [0, 1]}\n")
    assert command("reproduce", str(path), "--from", "latest").code == 0
    assert ", valid " in Path("RESULTS.md").read_text()


def test_members_of_a_committee_are_trained_at_a_time(write, command):
    text = (
        "name: small-committee\nmodel: {type: committee, members: [{experiment: good.yaml}, {experiment: good.yaml}]}\n"
    )
    path = EXPERIMENTS / "small" / "committee.yaml"
    path.write_text(text + "data: {dataset: toy}\nexpect: {test_error: [0, 1]}\n")
    digests = []
    for workers in ("1", "2"):
        assert command("reproduce", str(path), "--workers", workers, "--runs", workers).code == 0
        (run,) = (each for each in Path(workers, "small-committee").iterdir() if each.name != "latest")
        digests.append((run / "metrics.jsonl").read_text())
    assert digests[0] == digests[1]


def test_quiet_says_only_where_the_results_are(write, command):
    done = command("reproduce", "-q")
    assert (done.out, done.err) == ("results: RESULTS.md\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--all", "small"),
        ("--table-only", "small"),
        ("--table-only", "--all"),
        ("--table-only", "--from", "latest"),
        ("smal",),
        ("--seeds", "x"),
        ("--quick",),
        ("small", "--quick"),
        ("--from", "latest"),
        ("small", "quick", "--from", "latest"),
        ("small", "--unfinished"),
        ("small", "--out", "f.svg"),
        ("small", "--workers", "0"),
    ],
)
def test_contradictory_or_unknown_arguments_are_usage_errors(write, command, arguments):
    assert command("reproduce", *arguments).code == 2
    assert not Path("runs").exists()


def test_outside_of_a_project_it_says_what_is_missing(toy, command):
    done = command("reproduce")
    assert done.code == 2
    assert "there is no folder experiments here" in done.err
