"""What is on the page, and that what comes from outside stays text."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from mnistnn.analysis.comparison.run_groups import load_runs
from mnistnn.analysis.inspection.member_differences import Differences
from mnistnn.analysis.inspection.members import comparison_lines, disagreement_line, members_on, votes_text
from mnistnn.analysis.report.page import report_html
from mnistnn.errors import ResourceError
from mnistnn.experiment.trained import load_trained
from mnistnn.tasks.intervals import wilson_interval

pytest.importorskip("jinja2")
pytest.importorskip("PIL")

RUNS = Path("runs")


def page_of(*references):
    return report_html(*load_runs(references or ["runs"], RUNS))


def text_of(page):
    """Return the text that a reader sees."""
    body = re.sub(r"(?s)<(style|script)>.*?</\1>", "", page)
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", " ", body)))


@pytest.fixture
def run(toy, start):
    return start(toy, path=RUNS / "one").run


def test_single_run_is_shown_with_metrics_and_interval(run, command):
    assert command("eval", "runs/one").code == 0
    evaluation = json.loads((run.evaluations / "test-best.json").read_text())
    low, high = wilson_interval(evaluation["errors"], 80)
    text = text_of(page_of())
    assert (
        f"{100 * evaluation['error']:.2f} % ({evaluation['errors']} of 80; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)" in text
    )
    best = min(json.loads(line)["valid.error"] for line in run.metrics.read_text().splitlines())
    assert f"{100 * best:.2f} %" in text
    assert "test digits, 80 of them, by the model of the best epoch; read once for this run" in text


def test_test_split_is_not_read(run):
    text = text_of(page_of())
    assert "test digits," not in text
    assert "validation digits, 60 of them, classified by the model of the best epoch" in text
    assert not (run.evaluations / "test-readings.jsonl").exists()
    assert not list(run.evaluations.iterdir())


def test_page_of_equal_runs_is_equal_and_leaves_them_alone(run, everything_below):
    before = everything_below("runs")
    assert page_of() == page_of()
    assert everything_below("runs") == before


def test_seeds_are_summed_up(toy, start):
    errors = []
    for seed in range(3):
        outcome = start(toy, f"seed={seed}", path=RUNS / f"seed-{seed}")
        errors.append(min(json.loads(line)["valid.error"] for line in outcome.run.metrics.read_text().splitlines()))
    mean = sum(errors) / 3
    deviation = (sum((error - mean) ** 2 for error in errors) / 2) ** 0.5
    text = text_of(page_of())
    assert f"{100 * mean:.2f} ± {100 * deviation:.2f} % (n = 3)" in text
    assert "3 runs of 1 experiment" in text
    assert "band: ± one standard deviation over seeds" in text
    assert "the best run, seed-" in text


def test_keys_that_differ_between_experiments_are_marked_in_each(toy, start):
    start(toy, path=RUNS / "a")
    start(toy, "optimizer.learning_rate=0.05", "optimizer.clip_norm=1.0", path=RUNS / "b")
    page = page_of()
    assert "What differs" in page
    rows = re.findall(r"<code>(optimizer[^<]*)</code></th><td><bdi>([^<]*)</bdi></td><td><bdi>([^<]*)</bdi>", page)
    assert rows == [("optimizer.learning_rate", "0.2", "0.05"), ("optimizer.clip_norm", "null", "1.0")]
    assert "<mark>  learning_rate: 0.2</mark>" in page
    assert "<mark>  learning_rate: 0.05</mark>  <i># command line</i>" in page


def test_what_was_given_is_told_from_what_is_there_by_default(run):
    (config,) = re.findall(r'(?s)<pre class="config">(.*?)</pre>', page_of())
    lines = config.splitlines()
    assert "<strong>    hidden:</strong>" in lines
    assert "<strong>      units: 12</strong>" in lines
    assert "      max_norm: null" in lines
    assert "<strong>  validation_examples: 60</strong>" in lines


def test_misclassified_digits_are_those_of_a_recount(run):
    text = text_of(page_of())
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    best = min(rows, key=lambda row: row["valid.error"])
    wrong = round(60 * best["valid.error"])
    assert f"Of 60 validation digits {wrong} are misclassified" in text
    assert len(re.findall(r"\d predicted as \d", text)) == min(wrong, 48)


def test_run_whose_checkpoints_are_gone_is_shown_as_far_as_it_can_be(run):
    for checkpoint in run.checkpoints.glob("step-*"):
        checkpoint.write_bytes(b"")
    text = text_of(page_of())
    assert "the model cannot be shown: runs/one/checkpoints: no usable checkpoint" in text
    assert "Learning curves" in text


def test_run_whose_digits_are_gone_is_shown(run, monkeypatch, tmp_path):
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "empty"))
    text = text_of(page_of())
    assert "the model cannot be shown" not in text
    assert "Learning curves" in text


def test_run_of_before_whose_digits_are_gone_is_shown_as_far_as_it_can_be(run, monkeypatch, tmp_path):
    """Runs keep the sizes of their set since then."""
    for path in RUNS.glob("*/environment.json"):
        content = json.loads(path.read_text())
        for key in ("dataset", "sha256"):
            content.pop(key, None)
        path.write_text(json.dumps(content))
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "empty"))
    text = text_of(page_of())
    assert "the model cannot be shown: " in text
    assert "toy" in text.split("the model cannot be shown: ")[1][:200]
    assert "Learning curves" in text


def test_unreadable_runs_are_named_with_the_reason(run):
    (RUNS / "torn").mkdir()
    (RUNS / "torn" / "run.json").write_text("{")
    assert re.search(r"Not shown runs/torn : runs/torn/run\.json: ", text_of(page_of()))


HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"


def test_hostile_names_are_escaped(toy, start):
    start(toy, path=RUNS / HOSTILE.replace("/", "|"))
    (RUNS / "torn").mkdir()
    (RUNS / "torn" / "run.json").write_text(json.dumps(HOSTILE))
    page = page_of("runs", HOSTILE)
    assert "<script>alert" not in page
    assert HOSTILE in unescape(page)
    assert "49" not in re.findall(r"(?s)<h3>Not shown.*?</ul>", page)[0]
    assert len(re.findall("<script", page)) == 1


def test_page_names_no_address(run):
    page = page_of()
    assert re.findall(r"(?:src|href|action)=\"(?!data:)", page) == []
    assert re.findall(r"https?://|url\(|@import", page) == []


def test_report_without_jinja_says_how_to_install_it(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[plot\]'"):
        page_of()


@pytest.mark.parametrize(
    ("labels", "names"), [("{pair: [3, 1]}", ["3", "1"]), ("{positive: [0, 2]}", ["not 0 or 2", "0 or 2"])]
)
def test_classes_have_the_names_of_what_they_were_made_of(toy, start, labels, names):
    start(toy, f"data.labels={labels}", "model.layers.output.units=2", path=RUNS / "two")
    assert re.findall(r'<th scope="row">([^<]*)</th><td class="', page_of()) == names


# Committees.


@pytest.fixture
def voters(fitted_run):
    """A committee of two small nets and a fitted model, all of which have joined."""
    return fitted_run("voters")


def members_of(run):
    return members_on(load_trained(run), run, "valid")


def test_members_of_a_committee_are_shown_with_their_disagreement(voters):
    page, found = page_of("run"), members_of(voters)
    assert len(found.members) == 3
    for each in found.members:
        error, together = f"{100 * each.error:.2f} %", f"{100 * each.error_together:.2f} %"
        row = (
            rf'{each.number}</th>.*?{each.name}</bdi>.*?"error">{error}</td><td data-heading="together">{together}</td>'
        )
        assert re.search(row, page)
    (matrix,) = re.findall(r"(?s)<table[^>]*>((?:(?!<table).)*)</table>\s*</div>\s*<figcaption>disagreement", page)
    cells = re.findall(r'<td class="(\w+)">([\d.·]+)</td>', matrix)
    shares = [f"{100 * found.disagreement[i, j]:.2f}" if i != j else "·" for i in range(3) for j in range(3)]
    assert [text for _, text in cells] == shares
    assert [shade for shade, _ in cells[:3]] == ["none", "most", "most"]
    text = text_of(page)
    for line in (*comparison_lines(found), disagreement_line(found)):
        assert f"{line[1:]}." in text


def test_digits_that_all_members_misclassify_are_shown(fitted_run):
    everywhere = members_of(fitted_run("committee")).misclassified_by_all()
    assert 1 < len(everywhere) < 48
    text = text_of(page_of("run")).split("Misclassified by all members")[1].split("Misclassified digits")[0]
    assert f"{len(everywhere)} digits are misclassified by all members. " in text
    expected = [
        f"{each.true} predicted as {each.predicted} {100 * (each.probability or 0):.1f} % {votes_text(each, '0123')}"
        for each in everywhere
    ]
    assert text.split("which class. ")[1].strip() == " ".join(expected)


def test_page_says_where_no_digit_is_misclassified_by_all_members(voters):
    assert members_of(voters).misclassified_by_all() == []
    assert "No digit is misclassified by all members." in text_of(page_of("run"))


def test_members_are_what_errors_of_committees_are_drawn_along(voters, toy, start):
    labels = re.findall(r'data-x="(\w+)"', page_of("run"))
    assert labels == ["members", "members"]
    start(toy, path=RUNS / "net")
    assert set(re.findall(r'data-x="(\w+)"', page_of("run", "runs/net"))) == {"epoch"}
    assert re.findall(r'data-label="(\w+)"', page_of("run")) == ["valid", "member", "valid"]


def test_page_of_a_committee_reads_no_test_digits_and_tells_of_no_missing_weights(voters, everything_below):
    before = everything_below("run")
    page = page_of("run")
    assert everything_below("run") == before
    assert "has no weights" not in page
    assert re.findall(r"(?:src|href|action)=\"(?!data:)", page) == []


def test_other_runs_have_no_members(run):
    assert "Members of the committee" not in page_of()


def test_what_sets_members_apart_is_escaped(voters, monkeypatch):
    hostile = [Differences({}, HOSTILE)] * 3
    monkeypatch.setattr("mnistnn.analysis.inspection.members.differences_of", lambda configs: hostile)
    page = page_of("run")
    assert "<script>alert" not in page
    assert unescape(page).count(f"<bdi>{HOSTILE}</bdi>") == 3
