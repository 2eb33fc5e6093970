"""The pages that are made of the program, of records and of lists: they say what those say now, and enough."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnistnn.config.load import experiment_validator

ROOT = Path(__file__).parents[2]
REFERENCE = ("commands.md", "data-sets.md", "examples.md", "keys.md", "python.md")
PAGES = ("course/coverage.md", "explanation/sources.md", *(f"reference/{name}" for name in REFERENCE))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, ROOT / "docs/generate.py", folder], env={"PYTHONPATH": str(ROOT)}, check=True)
    return folder


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_the_program_says(made, name):
    kept, now = ((folder / name).read_text(encoding="utf-8") for folder in (ROOT / "docs", made))
    assert kept == now, f"docs/{name} is stale; renew it: .venv/bin/python docs/generate.py"


def test_all_pages_that_are_made_are_compared(made):
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*.md")) == sorted(PAGES)


def test_every_part_of_an_experiment_and_every_key_of_it_is_described():
    book = experiment_validator().book
    parts = {"experiment": book.root, **book.root["$defs"]}
    assert [name for name, part in parts.items() if not part.get("description")] == []
    keys = [(name, key, schema) for name, part in parts.items() for key, schema in part["properties"].items()]
    assert len(keys) > 500
    # What a type is stands with the part that has it.
    assert [f"{name}.{key}" for name, key, schema in keys if key != "type" and not schema.get("description")] == []


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        (
            "commands.md",
            [
                "(command-data-fetch)=",
                "mnistnn config show [OPTIONS] FILE [KEY=VALUE]...",
                "| `--epochs INTEGER RANGE` | Stop after so many epochs at the latest. | x>=1 |",
                "Fit and save a whitening transform.",
            ],
        ),
        (
            "keys.md",
            [
                "| `momentum` | a number in [0, 1) or [linear](#type-optimizer-learning-rate-linear) or "
                "[sutskever](#type-optimizer-momentum-sutskever) | `0.9` | "
                "The part μ of the velocity that survives a step: a number, or a schedule. |",
                "(type-model-layers-name-dense)=",
                "| `stopping` | a list of at least 1 item, each [stopping](#keys-stopping) | **required** | "
                "Any of these ends the run. |",
                "v ← μ v − η g; θ ← θ + v.",
            ],
        ),
        ("examples.md", ["| `softmax` | Multiclass logistic regression", "| 7.30 to 8.20 % |"]),
        (
            "python.md",
            [
                "mnistnn.runs(folder: str | Path = 'runs') -> list[Run]",
                "predict(images: Any) -> NDArray[int64]",
                "- `checkpoint`: whose parameters: best, last, or the path of a checkpoint file",
                "## mnistnn.sklearn.Classifier",
            ],
        ),
    ],
)
def test_page_has_what_is_looked_up_there(made, page, lines):
    text = (made / "reference" / page).read_text(encoding="utf-8")
    assert [line for line in lines if line not in text] == []


def test_commands_stand_in_the_order_of_the_help(made, command):
    text = (made / "reference/commands.md").read_text(encoding="utf-8")
    listed = [
        line.split()[0] for line in command("--help").out.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    names = [name for name in listed if f"(command-{name})=" in text]
    assert len(names) > 20
    places = [text.index(f"(command-{name})=") for name in names]
    assert places == sorted(places)
