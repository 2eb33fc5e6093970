"""What an experiment can name is shown by one: each type of each union, and the options that are techniques themselves.

Whoever adds a type adds an experiment that uses it, in `experiments/parts/` if nowhere else.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.load import DEFAULT, LoadedExperiment, experiment_validator
from mnistnn.experiment.plan import Plan
from tests.test_experiment_files import CLAIMS, FOLDER, loaded_from, name_of

PARTS = [path for path in CLAIMS if path.parent.name == "parts"]
# Options that are techniques of their own: the experiment that shows each, the key, and what it is set to.
OPTIONS: list[tuple[str, str, Any]] = [
    ("parts/added_outputs", "model.combine", "sum"),
    ("parts/averaging", "averaging.decay", 0.99),
    ("parts/bidirectional", "model.layers.memory.bidirectional", True),
    ("parts/class_weights", "loss.class_weights", "balanced"),
    ("parts/clipped", "optimizer.clip_norm", 1.0),
    ("parts/contiguous_streams", "batches.order", "lanes"),
    ("parts/contiguous_streams", "model.layers.memory.carry", 20),
    ("parts/dropconnect_per_example", "model.layers.hidden.per_example", True),
    ("parts/fletcher_reeves", "optimizer.formula", "fletcher_reeves"),
    ("parts/fletcher_reeves", "optimizer.restart_every", 20),
    ("parts/forget_bias", "model.layers.memory.forget_bias", 0.0),
    ("parts/gaussian_pixels", "model.visible", "gaussian"),
    ("parts/global_pooling", "model.layers.classes.size", "whole"),
    ("parts/growing_steps", "loss.steps.end", 10),
    ("parts/hestenes_stiefel", "optimizer.formula", "hestenes_stiefel"),
    ("parts/horizon", "data.sequences.horizon", 5),
    ("parts/label_smoothing", "loss.label_smoothing", 0.1),
    ("parts/leaky_relu", "model.layers.hidden.activation", "leaky_relu"),
    ("parts/linear_reconstruction", "model.tied", False),
    ("parts/linear_reconstruction", "model.visible", "gaussian"),
    ("parts/marquardt", "optimizer.scaling", "diagonal"),
    ("parts/masked_steps", "data.sequences.every_step", True),
    ("parts/mean_pooling", "model.layers.pool1.reduce", "mean"),
    ("parts/overlapping_pools", "model.layers.pool1.stride", 2),
    ("parts/peepholes", "model.layers.memory.peepholes", True),
    ("parts/quadratic_products", "preprocess.1.linear", False),
    ("parts/sampled_pixels", "loss.sample_pixels", True),
    ("parts/scan_blocks", "preprocess.1.pixels", 28),
    ("parts/softplus", "model.layers.hidden.activation", "softplus"),
    ("parts/sparsity", "loss.sparsity.target", 0.05),
    ("parts/spatial_dropout", "model.layers.dropped.whole_maps", True),
    ("parts/stacked_recurrence", "model.layers.below.output", "every"),
    ("parts/streamed", "data.stream_above_mb", 0),
    ("parts/truncated", "model.layers.memory.truncate", 5),
    ("parts/vote", "model.combine", "vote"),
    ("parts/winograd", "model.layers.conv2.method", "winograd"),
    ("parts/zca", "preprocess.0.method", "zca"),
    ("images/strided", "model.layers.conv1.stride", 2),
    ("lstm", "optimizer.clip_norm", 1.0),
    ("lstm_permuted", "preprocess.0.permutation", 0),
]
each_part = pytest.mark.parametrize("path", PARTS, ids=name_of)


def components(book: SchemaBook, schema: Schema) -> Iterator[Schema]:
    """Yield the components that a value can be, or those that are items of it."""
    for branch in book.branches(schema):
        if inner := branch.get("items") or book.entries(branch):
            yield from components(book, inner)
        elif tags := book.tags(branch):
            yield from tags.values()
        elif "properties" in branch:
            yield branch


def types(book: SchemaBook) -> dict[int, str]:
    """Return all components that an experiment can name: the identity of each, and the first key at which it can be."""
    found: dict[int, str] = {}
    waiting = [("", book.root)]
    while waiting:
        above, component = waiting.pop(0)
        for key in book.keys(component):
            for inner in components(book, component["properties"][key]):
                path = f"{above}.{key}".strip(".")
                if id(inner) not in found:
                    found[id(inner)] = " ".join((path, *book.types(inner)))
                    waiting.append((path, inner))
    return found


def used(loaded: LoadedExperiment) -> set[int]:
    """Return the identities of the components that an experiment's files name; what is left to defaults is none."""
    book = loaded.validator.book

    def walk(schema: Schema, value: Any, path: str) -> Iterator[int]:
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from walk(schema, item, f"{path}.{index}")
        elif isinstance(value, dict):
            named = [each for each in components(book, schema) if value.get("type", "") in (book.types(each) or [""])]
            if not named:  # names of one's own, such as those of layers
                for key, item in value.items():
                    yield from walk(schema, item, f"{path}.{key}")
            for component in named[:1]:
                if is_written(path, loaded):
                    yield id(component)
                for key in component["properties"].keys() & value.keys():
                    yield from walk(component["properties"][key], value[key], f"{path}.{key}")

    found = (walk(schema, loaded.resolved.get(key), key) for key, schema in book.root["properties"].items())
    return {each for inside in found for each in inside}


def is_written(path: str, loaded: LoadedExperiment) -> bool:
    """Tell whether a file says anything at a key, or inside of it."""
    return any(origin != DEFAULT for key, origin in loaded.origins.items() if key == path or key.startswith(f"{path}."))


def test_every_type_is_used_by_an_experiment():
    named: set[int] = set()
    for path in CLAIMS:
        loaded = loaded_from(path)
        assert loaded.validator is experiment_validator()
        named |= used(loaded)
    missing = [name for component, name in types(experiment_validator().book).items() if component not in named]
    assert not missing, f"write an experiment in experiments/parts/ for each of: {', '.join(missing)}"


def test_types_of_unions_and_of_those_inside_of_them_are_found():
    found = set(types(experiment_validator().book).values())
    assert {
        "model sequential",
        "model.layers dense",
        "model.init he",
        "model.kernel gaussian",
        "optimizer.momentum sutskever",
        "optimizer.line_search backtracking",
        "averaging",
        "loss.sparsity",
    } <= found


def test_what_is_left_to_defaults_is_not_shown():
    names = types(experiment_validator().book)
    found = {names[component] for component in used(loaded_from(FOLDER / "alternatives" / "l_bfgs.yaml"))}
    assert {"optimizer l_bfgs", "model.layers dense", "penalties.l2"} <= found
    assert not {"optimizer.line_search strong_wolfe", "model.init glorot", "backend"} & found


@pytest.mark.parametrize(("name", "key", "value"), OPTIONS, ids=[f"{name} {key}" for name, key, _ in OPTIONS])
def test_option_is_shown(name, key, value):
    loaded = loaded_from(FOLDER / f"{name}.yaml")
    found: Any = loaded.resolved
    for part in key.split("."):
        found = found[int(part) if isinstance(found, list) else part]
    assert (found, loaded.origins[key] != DEFAULT) == (value, True)


@each_part
def test_part_is_shown_with_its_origin_and_little_else(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    assert len(lines) <= 24
    assert path.stem.startswith("plain") or re.search(r"[A-Z]\w+(?: et al\.)? \(?(?:1[89]|20)\d\d", comment)


@each_part
def test_claim_of_an_error_leaves_room_for_the_noise_of_the_test_split(path):
    """Half a band is at least two standard deviations of a binomial: 10 000 digits tell no more."""
    loaded = loaded_from(path)
    band = loaded.experiment.expect.test_error
    if band is not None and loaded.experiment.data.sequences is None:
        middle = sum(band) / 2
        assert (band[1] - band[0]) / 2 >= 2 * (middle * (1 - middle) / Plan(loaded).examples["test"]) ** 0.5
