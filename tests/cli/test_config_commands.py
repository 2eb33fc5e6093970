"""`mnistnn config …`: what is printed where, and the exit codes."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from mnistnn.cli.config import config
from mnistnn.errors import ConfigError

GOOD = """\
name: small
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 20, activation: tanh}
    output: {type: dense, units: 10}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 3}]
"""


@pytest.fixture
def run():
    def invoke(*arguments):
        return CliRunner().invoke(config, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


def test_check_says_ok_for_each_good_file(run, good):
    result = run("check", good, good)
    assert result.exit_code == 0
    assert result.stdout == f"ok {good}\n" * 2


def test_check_reports_three_mistakes_of_one_file_with_lines_and_columns(run, good, tmp_path):
    bad = tmp_path / "bad.yaml"
    text = GOOD.replace("units: 20", "unts: 20").replace("0.1", "fast").replace("max_epochs", "max_epoch")
    bad.write_text(text)
    result = run("check", good, bad)
    assert result.exit_code == 2
    assert result.stdout == f"ok {good}\n"
    assert f"error: {bad}:5:27: unknown key 'unts' for model.layers.hidden of type dense" in result.stderr
    assert f"error: {bad}:7:39: expected a number > 0 or a mapping with type 'bold_driver'" in result.stderr
    assert f"error: {bad}:8:19: unknown type for stopping.0, got 'max_epoch'" in result.stderr
    assert result.stderr.endswith("3 errors, nothing was run.\n")


def test_show_prints_text_that_is_a_valid_experiment_again(run, good, tmp_path):
    shown = run("show", good, "seed=7", "--no-origins").stdout
    (tmp_path / "again.yaml").write_text(shown)
    assert run("show", tmp_path / "again.yaml", "--no-origins").stdout == shown
    assert "seed: 7\n" in shown


def test_show_says_where_each_value_comes_from(run, good):
    lines = {line.split(":")[0].strip(): line for line in run("show", good, "seed=7").stdout.splitlines()}
    assert lines["seed"].endswith("# command line")
    assert lines["learning_rate"].endswith(f"# {good}:7")
    assert lines["dtype"].endswith("# default")


def test_show_as_json_carries_values_digest_and_origins(run, good):
    shown = json.loads(run("show", good, "--json").stdout)
    assert shown["schema_version"] == 1
    assert next(iter(shown["config"]["optimizer"])) == "type"
    assert shown["config"]["optimizer"] == {"type": "sgd", "learning_rate": 0.1, "clip_norm": None}
    assert shown["origins"]["name"] == f"{good}:1"
    assert len(shown["config_hash"]) == 64


def test_show_refuses_a_bad_override(run, good):
    result = run("show", good, "optimizer.learning_rate=fast")
    assert isinstance(result.exception, ConfigError)
    assert "fast: expected a number > 0 or a mapping" in str(result.exception)
    assert f"(in the place of the value at {good}:7)" in str(result.exception)


def test_diff_prints_both_values(run, good, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("extends: good.yaml\nname: other\nmodel: {layers: {hidden: {units: 30}}}\n")
    assert run("diff", good, other).stdout == "name: small → other\nmodel.layers.hidden.units: 20 → 30\n"
    rows = json.loads(run("diff", good, other, "--json").stdout)["differences"]
    assert rows[0] == {"key": "name", "order": False, "left": "small", "right": "other"}


def test_diff_of_equal_experiments_says_so(run, good):
    assert run("diff", good, good).stdout == "no difference\n"


def test_explain_describes_a_key(run):
    result = run("explain", "optimizer.learning_rate")
    assert result.exit_code == 0
    assert result.stdout.startswith("optimizer.learning_rate  (types adadelta, adagrad, ")
    assert "\n  a number > 0 or a mapping" in result.stdout
    assert result.stdout.count("; required") == 1


def test_explain_describes_a_schedule_and_its_keys(run):
    assert "    epochs: a number > 0; required" in run("explain", "optimizer.learning_rate.cosine").stdout
    assert "a number > 0; required" in run("explain", "optimizer.learning_rate.cosine.epochs").stdout


def test_explain_of_an_unknown_key_suggests_one(run):
    result = run("explain", "optimizer.learning_rat")
    assert isinstance(result.exception, ConfigError)
    assert "did you mean 'learning_rate'?" in str(result.exception)


def test_explain_without_a_key_lists_the_top_level(run):
    assert "  optimizer: " in run("explain").stdout


def test_schema_is_json_with_every_top_level_key(run):
    found = json.loads(run("schema").stdout)
    assert {"name", "model", "optimizer", "stopping"} <= found["properties"].keys()


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from mnistnn.cli.config import config\n"
        "print([m for m in ('numpy', 'pydantic', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_diff_says_what_a_layer_was_that_is_taken_out(run, good, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("extends: good.yaml\nmodel: {layers: {hidden: null}}\n")
    (line,) = run("diff", good, other).stdout.splitlines()
    assert line.startswith("model.layers.hidden: {type: dense, units: 20, ")
    assert line.endswith("} → absent")
