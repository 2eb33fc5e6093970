"""The page that compares runs says what `mnistnn compare` prints."""

import html
import re
from pathlib import Path

import pytest

from mnistnn.analysis.comparison import compare as module
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing, id_of
from tests.run.test_view import mark_as_running
from tests.web.test_guard import AUTHORIZED, TOKEN, testclient


@pytest.fixture
def client(toy, tmp_path):
    return testclient.TestClient(create_app(Listing(tmp_path / "runs"), TOKEN), base_url="http://127.0.0.1:8000")


@pytest.fixture
def part(client):
    """Ask for a part of the page about runs; return its text."""

    def ask(runs, *, tests=False, **choices):
        query = {"runs": ",".join(id_of(run) for run in runs), **choices}
        reply = client.get(f"/api/compare{'/tests' if tests else ''}", params=query, headers=AUTHORIZED)
        assert reply.status_code == 200, reply.text
        return html.unescape(reply.text)

    return ask


@pytest.fixture
def six(toy, start):
    """Three seeds of two experiments."""
    rates = ("0.2", "0.05")
    return [
        start(toy, f"seed={seed}", f"optimizer.learning_rate={rate}", path=f"runs/toy/{rate}-{seed}").run
        for rate in rates
        for seed in range(3)
    ]


def words(text):
    """Return what a text says, without its tags, and with single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()


def printed(command, *arguments):
    done = command("compare", *arguments)
    assert done.code == 0, done.err
    return done.out


def test_table_of_experiments_is_that_of_the_command(six, part, command):
    shown = [
        [words(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", part(six).split("</table>")[0], re.S)
    ]
    lines = printed(command, *(run.path for run in six), "--md").splitlines()
    header, _, *rows = [[cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")] for line in lines]
    assert [shown[0], *([row[0].partition(" ")[2], *row[1:]] for row in shown[1:])] == [header, *rows]
    assert len(rows) == 2
    assert all("±" in row[2] for row in rows)


@pytest.mark.parametrize("metric", ["valid.error", "valid.loss"])
@pytest.mark.parametrize("chosen", [slice(None), slice(0, 6, 3), slice(0, 5)], ids=["seeds", "single", "uneven"])
def test_tests_are_those_of_the_command(six, part, command, chosen, metric):
    runs = six[chosen]
    text = words(part(runs, tests=True, metric=metric))
    expected = words(printed(command, *(run.path for run in runs), "--metric", metric))
    assert text.startswith("B against A: ")
    assert "p = " in text
    assert text in expected


def test_what_differs_and_what_validation_chooses_are_those_of_the_command(six, part, command):
    text, expected = words(part(six)), words(printed(command, *(run.path for run in six)))
    assert "optimizer.learning_rate 0.2 0.05" in text
    assert "optimizer.learning_rate 0.2 0.05" in expected
    (choice,) = re.findall(r"validation chooses \w, .*?\): the lowest mean valid\.error", expected)
    assert choice in text


def test_test_errors_are_shown_of_nobody_but_who_validation_chooses(six, part, command):
    assert "its test error has not been read" in part(six)
    for run in six:
        command("eval", run.path)
    readings = [(run.evaluations / "test-readings.jsonl").read_text() for run in six]
    text, expected = words(part(six)), words(printed(command, *(run.path for run in six)))
    (test,) = re.findall(r"its test error: .*? %\)", expected)
    assert text.count("test error") == 1
    assert test in text
    assert [(run.evaluations / "test-readings.jsonl").read_text() for run in six] == readings


def test_comparing_reads_no_test_split(six, part, monkeypatch):
    part(six)
    part(six[::3], tests=True)
    assert not [path for run in six for path in run.evaluations.glob("*")]


def test_tests_wait_for_runs_in_training(six, part, monkeypatch):
    mark_as_running(six[0])
    monkeypatch.setattr("mnistnn.run.lock.is_held", lambda run: run.path.name == six[0].path.name)
    monkeypatch.setattr("mnistnn.web.comparing.compare", None)
    text = words(part(six, tests=True))
    assert text == f"Tests wait until all runs are over. Still in training: {six[0].path.name} ."


def test_tests_are_computed_once(six, part, monkeypatch):
    calls = []

    def counted(*given):
        calls.append(given)
        return module.compare(*given)

    monkeypatch.setattr("mnistnn.web.comparing.compare", counted)
    texts = {part(six, tests=True) for _ in range(3)}
    assert len(texts) == len(calls) == 1
    part(six[:4], tests=True)
    part(six, tests=True, metric="valid.loss")
    assert len(calls) == 3


def test_another_experiment_may_come_first(six, part):
    (order,) = re.findall(r'data-choose="runs" data-value="([^"]*)"', part(six))
    assert order.split(",") == [id_of(run) for run in (*six[3:], *six[:3])]


def test_metric_without_a_chart_gets_one(six, part):
    assert part(six).count('<figure class="chart"') == 2
    text = part(six, metric="theta.norm")
    assert text.count('<figure class="chart"') == 3
    assert "<option selected>theta.norm</option>" in text


@pytest.mark.parametrize(("scale", "logarithmic"), [("log", 2), ("linear", 0)])
def test_scale_is_chosen(six, part, scale, logarithmic):
    assert part(six, scale=scale).count(", log scale</text>") == logarithmic


def test_scale_that_there_is_not_is_left_to_the_values(six, part):
    assert words(part(six, scale="<nonsense>")) == words(part(six))


def test_metric_that_no_run_has_is_that_of_the_runs(six, part):
    assert words(part(six, metric="<nonsense>")) == words(part(six))


def test_run_that_cannot_be_compared_is_named_and_hides_no_other(six, part):
    Path(six[0].config).write_text("nonsense: true\n")
    text = words(part(six))
    assert "0.2-0" in text
    assert "B toy" in text


def test_configurations_are_there_with_what_differs_marked(six, part):
    text = part(six)
    assert text.count("<summary>Configuration of") == 2
    assert "<mark>  learning_rate: 0.05</mark>" in text
