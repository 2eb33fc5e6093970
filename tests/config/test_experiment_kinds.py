"""The two forms of an experiment: what is trained by steps, and what is fitted; neither takes the other's keys."""

from dataclasses import fields

import pytest

from mnistnn.config.load import experiment_validator, load_text
from mnistnn.config.schema import Experiment, FittedExperiment
from mnistnn.errors import ConfigError

FITTED = "name: pairs\nmodel: {type: least_squares}\n"
TRAINED = """\
name: net
model: {type: sequential, layers: {output: {type: dense, units: 10}}}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 3}]
"""
# Every key that belongs to steps, with a value that a model which is trained by them would take.
OF_STEPS = {
    "optimizer": "{type: sgd, learning_rate: 0.1}",
    "loss": "{type: softmax_nll}",
    "batches": "{size: 20}",
    "averaging": "{decay: 0.9}",
    "pretrain": "[]",
    "augment": "{shift_px: 1}",
    "penalties": "{l2: {strength: 1e-4}}",
}


def refusal(text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.yaml", overrides)
    return str(caught.value)


def test_table_has_every_key_of_steps():
    trained, fitted = ({field.name for field in fields(form)} for form in (Experiment, FittedExperiment))
    assert trained - fitted == {*OF_STEPS}
    assert fitted <= trained


@pytest.mark.parametrize("model", ["least_squares}", "committee, members: [{experiment: {" + FITTED[:11] + "}}]}"])
@pytest.mark.parametrize("key", OF_STEPS)
def test_key_of_steps_is_refused_for_a_fitted_model_by_its_name(key, model):
    kind = model.partition(",")[0].rstrip("}")
    message = refusal(f"name: x\nmodel: {{type: {model}\n{key}: {OF_STEPS[key]}\n")
    assert f"x.yaml:3:1: a model of type {kind} is fitted, and not trained by steps: it has no {key}\n" in message


def test_keys_of_steps_are_refused_all_at_once_and_beside_other_mistakes():
    lines = "".join(f"{key}: {value}\n" for key, value in OF_STEPS.items())
    message = refusal(f"name: x\nmodel: {{type: least_squares, ridge: -1}}\n{lines}")
    assert message.endswith(f"{len(OF_STEPS) + 1} errors, nothing was run.")
    assert "x.yaml:2:37: expected a number >= 0, got -1" in message


def test_override_with_a_key_of_steps_is_refused_where_it_was_given():
    message = refusal(FITTED, "optimizer.learning_rate=0.1")
    assert message.startswith(
        "error: command line: optimizer.learning_rate=0.1: a model of type least_squares is fitted"
    )


def test_null_unsets_a_key_of_steps():
    text = FITTED + "".join(f"{key}: null\n" for key in OF_STEPS)
    assert load_text(text, "x.yaml").resolved == load_text(FITTED, "x.yaml").resolved


def test_base_of_steps_may_be_changed_into_one_that_is_fitted():
    unset = [f"{key}=null" for key in ("optimizer", "stopping")]
    loaded = load_text(TRAINED, "x.yaml", ["model={type: least_squares}", *unset])
    assert isinstance(loaded.experiment, FittedExperiment)


@pytest.mark.parametrize("key", ["optimizer", "stopping"])
def test_trained_model_without_what_steps_need_is_refused_by_its_name(key):
    message = refusal(TRAINED, f"{key}=null")
    assert f"x.yaml: missing key '{key}' at the top level: a model of type sequential is trained by steps" in message
    assert f"add {key}: " in message
    assert message.endswith("1 error, nothing was run.")


@pytest.mark.parametrize("kind", ["least_square", "commitee", "sequentail", "7"])
def test_unknown_type_is_the_only_mistake(kind):
    """Whether keys are missing depends on the type that was meant."""
    message = refusal(f"name: x\nmodel: {{type: {kind}}}\n")
    trained, fitted = "autoencoder, boltzmann, rbm, sequential", "boosted_stumps, committee, knn, least_squares"
    assert f"{trained}, {fitted}, quadratic_discriminant, svm" in message
    assert message.endswith("1 error, nothing was run.")


def test_model_without_a_type_is_asked_for_one_of_all():
    message = refusal("name: x\nmodel: {}\noptimizer: {type: sgd, learning_rate: 1}\nstopping: []\n")
    assert "x.yaml:2:1: missing key 'type' for model" in message
    assert "boosted_stumps, committee, knn, least_squares, quadratic_discriminant, svm" in message


def test_what_readers_ask_of_any_experiment_is_there():
    for text in (FITTED, TRAINED):
        experiment = load_text(text, "x.yaml").experiment
        for key in OF_STEPS:
            assert hasattr(experiment, key)


def test_schema_for_editors_tells_the_forms_apart():
    schema = experiment_validator().schema
    assert schema["if"]["properties"]["model"]["properties"]["type"]["enum"] == [
        "boosted_stumps",
        "committee",
        "knn",
        "least_squares",
        "quadratic_discriminant",
        "svm",
    ]
    assert schema["then"]["properties"] == dict.fromkeys(sorted(OF_STEPS), False)
    assert {*schema["else"]["required"]} - {*schema["required"]} == {"optimizer", "stopping"}
    assert {*schema["properties"]["model"]["discriminator"]["mapping"]} == {
        *(
            "autoencoder",
            "boltzmann",
            "rbm",
            "sequential",
            "boosted_stumps",
            "committee",
            "knn",
            "least_squares",
            "quadratic_discriminant",
            "svm",
        )
    }
