"""`mnistnn inspect members`: how good members are, and where they disagree."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.inspection.members import comparison_lines, disagreement_line, members_on
from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.experiment.trained import load_trained

TOY = Data(dataset="toy", validation_examples=60)


@pytest.fixture
def run(fitted_run):
    return fitted_run("committee")


def shown(command, *options):
    done = command("inspect", "members", "run", "--checkpoint", "last", *options)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


def found_in(run, split="valid"):
    return members_on(load_trained(run, "last"), run, split)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_json_has_what_was_found(run, command, split):
    found, report = found_in(run, split), json.loads(shown(command, "--json", "--split", split))
    assert (report["schema_version"], report["run"], report["split"]) == (1, "committee", split)
    assert [each["error"] for each in report["members"]] == [each.error for each in found.members]
    assert [each["error_together"] for each in report["members"]] == [each.error_together for each in found.members]
    assert [each["differs"] for each in report["members"]] == [
        {"optimizer.learning_rate": rate, "stopping.0.epochs": epochs} for rate, epochs in ((0.2, 2), (0.4, 3))
    ]
    assert (report["combine"], report["wanted"], report["examples"]) == ("mean", 2, len(found.committee.labels))
    assert (report["errors"], report["best_member"]) == (found.errors, found.best)
    assert report["error"] == found.errors / report["examples"]
    assert found.test is not None
    assert report["mcnemar"] == {
        "committee_alone": found.test.only_first,
        "member_alone": found.test.only_second,
        "p": found.test.p,
    }
    assert report["disagreement"] == found.disagreement.tolist()
    everywhere = found.misclassified_by_all()
    assert report["misclassified_by_all"] == len(everywhere)
    assert [each["place"] for each in report["misclassified"]] == [each.place for each in everywhere]
    first, expected = report["disputed"][0], found.disputed()[0]
    assert len(report["disputed"]) == np.count_nonzero(found.pairs)
    assert first == {
        "place": expected.place,
        "true": expected.true,
        "predicted": expected.predicted,
        "probability": expected.probability,
        "votes": [{"class": label, "members": members} for label, members in expected.votes],
    }


def test_count_is_that_of_listed_digits(run, command):
    report = json.loads(shown(command, "--json", "--count", "2"))
    assert (len(report["disputed"]), len(report["misclassified"])) == (2, 2)
    assert report["misclassified_by_all"] == len(found_in(run).misclassified_by_all()) > 2
    assert shown(command, "--count", "2").count(", votes ") == 2


def test_text_has_members_sentences_and_digits(run, command):
    found, lines = found_in(run), shown(command).splitlines()
    assert lines[0] == (
        "committee, valid split, checkpoint last (epoch 2): 2 members, by the mean of their probabilities"
    )
    first, second = found.members
    assert lines[1].split() == ["member", "experiment", "differs", "in", "error", "together"]
    assert lines[2].split(maxsplit=2)[:2] == ["1", "toy"]
    assert lines[2].endswith(f"{100 * first.error:.2f} %   {100 * first.error_together:.2f} %")
    assert lines[3].endswith(f"{100 * second.error:.2f} %   {100 * second.error_together:.2f} %")
    assert "learning_rate 0.4" in lines[3]
    assert f"committee: {found.errors} of 60 misclassified ({100 * found.errors / 60:.2f} %)" in lines
    assert set(comparison_lines(found)) < set(lines)
    assert disagreement_line(found) in lines
    assert f"misclassified by all members: {len(found.misclassified_by_all())} digits" in lines
    disputed = found.disputed()
    assert f"members disagree on {len(disputed)} digits, the 10 most disputed ones:" in lines
    votes = ", ".join(f"{members} for {label}" for label, members in disputed[0].votes)
    assert f"  {disputed[0].place}: {disputed[0].true} as {disputed[0].predicted}, votes {votes}" in lines


def test_three_members_have_a_matrix_of_their_disagreement(fitted_run, command):
    found = found_in(fitted_run("voters"))
    lines = shown(command).splitlines()
    at = lines.index("disagreement in % of digits")
    rows = [line.split() for line in lines[at + 1 : at + 5]]
    shares = [[f"{100 * share:.2f}" for share in row] for row in found.disagreement]
    assert rows[0] == ["member", "1", "2", "3"]
    assert rows[1] == ["1", ".", shares[0][1], shares[0][2]]
    assert rows[3] == ["3", shares[2][0], shares[2][1], "."]
    assert "3 members, by vote" in lines[0]


def test_best_epoch_may_have_fewer_members(run, command, monkeypatch):
    rows = run.metrics.read_text().splitlines()
    best = min(map(json.loads, rows), key=lambda row: row["valid.error"])["epoch"]
    title = command("inspect", "members", "run").out.splitlines()[0]
    which = "2 members" if best == 2 else "the first 1 of 2 members"
    assert (
        title == f"committee, valid split, checkpoint best (epoch {best}): {which}, by the mean of their probabilities"
    )


def test_pictures_are_those_that_all_members_misclassify(run, command):
    image = pytest.importorskip("PIL.Image")
    done = command("inspect", "members", "run", "--checkpoint", "last", "--out", "m.png", "--count", "3")
    assert (done.code, done.err) == (0, "wrote m.png\n")
    with image.open("m.png") as picture:
        pixels = np.asarray(picture)
    for number, each in enumerate(found_in(run).misclassified_by_all()[:3]):
        left = 7 + number * (pixels.shape[1] - 6) // 3
        digit = read_split(TOY, "valid").images[each.place].repeat(11, 0).repeat(11, 1)
        strip = pixels[7 : 7 + 88]
        assert any((strip[:, x : x + 88] == digit).all() for x in range(left, left + 40))
    assert pixels.shape[0] == 90 + 3 * 19 + 12 + 6  # what, how surely, the votes


def test_no_picture_is_written_where_no_digit_is_misclassified_by_all(fitted_run, command, monkeypatch):
    pytest.importorskip("PIL")
    fitted_run("voters")
    monkeypatch.setattr("mnistnn.analysis.inspection.members.Members.misclassified_by_all", lambda found: [])
    done = command("inspect", "members", "run", "--out", "m.png")
    assert (done.code, done.err) == (0, "no digit was misclassified by all members, so no picture is written\n")
    assert not Path("m.png").exists()


def test_picture_is_not_replaced_unless_forced(run, command):
    pytest.importorskip("PIL")
    Path("m.png").write_text("mine")
    done = command("inspect", "members", "run", "--split", "test", "--out", "m.png")
    assert (done.code, done.err) == (2, "error: m.png: there already; --force replaces it\n")
    assert not list(run.evaluations.iterdir())
    assert command("inspect", "members", "run", "--out", "m.png", "--force").code == 0
    assert Path("m.png").read_bytes().startswith(b"\x89PNG")


def test_reading_of_the_test_split_is_counted_and_said(run, command):
    assert json.loads(shown(command, "--split", "test", "--json"))["test_readings"] == 1
    assert "test_readings" not in json.loads(shown(command, "--json"))
    assert shown(command, "--split", "test").endswith("the test split has been read 2 times for this run\n")
    assert command("verify", "run").code == 0


def test_nothing_but_the_test_access_log_changes(run, command, everything_below):
    before = everything_below(run.path)
    shown(command)
    assert everything_below(run.path) == before
    shown(command, "--split", "test")
    access_log = run.evaluations / "test-readings.jsonl"
    assert everything_below(run.path) == {**before, access_log: everything_below(run.path)[access_log]}


def test_run_that_is_no_committee_is_refused_before_the_test_split_is_counted(fitted_run, command):
    run = fitted_run("pairs")
    done = command("inspect", "members", "run", "--split", "test")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: pairs: its model, of type least_squares, has no members\n"
    assert not list(run.evaluations.iterdir())


def test_committee_that_nobody_has_joined_has_nothing_to_show(committee, command):
    broken = committee.read_text().replace("stopping.max_epochs.epochs=2", "optimizer.learning_rate=1e30")
    committee.write_text(broken)
    assert command("train", committee, "--run-dir", "run", "-q").code == 6
    done = command("inspect", "members", "run", "--checkpoint", "last")
    assert (done.code, done.out) == (4, "")


def test_lines_fit_a_narrow_terminal(fitted_run, command, monkeypatch):
    fitted_run("voters")
    monkeypatch.setenv("COLUMNS", "60")
    lines = command("inspect", "members", "run", "--checkpoint", "last").out.splitlines()
    assert max(map(len, lines)) <= 60
