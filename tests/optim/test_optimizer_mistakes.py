"""What cannot be an optimizer is refused at its place in the file, before any data is read."""

import pytest

from mnistnn.config.load import load_text
from mnistnn.errors import ConfigError
from mnistnn.optim.schedules import Exponential

EXPERIMENT = """\
name: toy
model: {type: sequential, layers: {output: {type: dense, units: 10}}}
stopping: [{type: max_epochs, epochs: 6}]
optimizer: OPTIMIZER
"""


def load(optimizer: str):
    return load_text(EXPERIMENT.replace("OPTIMIZER", optimizer), "toy.yaml").experiment.optimizer


@pytest.mark.parametrize(
    ("optimizer", "place", "said"),
    [
        ("{type: sgd}", "4:1", "missing key 'learning_rate'"),
        ("{type: sgd, learning_rate: 0}", "4:39", ""),
        ("{type: sgd, learning_rate: -0.1}", "4:39", ""),
        ("{type: sgd, learning_rate: fast}", "4:39", "got 'fast'"),
        ("{type: sgd, learning_rate: 1, clip_norm: 0}", "4:53", "got 0"),
        ("{type: sgd, learning_rate: {type: linear, start: 0.1, epochs: -3}}", "4:", "epochs"),
        ("{type: sgd, learning_rate: {type: step, start: 0.1, every_epochs: 0}}", "4:", "every_epochs"),
        ("{type: sgd, learning_rate: {type: cosine, start: -1, epochs: 3}}", "4:", "start"),
        ("{type: sgd, learning_rate: {type: zigzag, start: 0.1}}", "4:", "one_cycle"),
        ("{type: sgd, learning_rate: {type: sutskever}}", "4:", "one_cycle"),
        ("{type: momentum, learning_rate: 1, momentum: 1}", "4:57", "got 1"),
        ("{type: momentum, learning_rate: 1, momentum: 1.5}", "4:57", "got 1.5"),
        ("{type: nesterov, learning_rate: 1, momentum: -0.1}", "4:57", "got -0.1"),
        ("{type: momentum, learning_rate: 1, momentum: {type: sutskever, limit: 1}}", "4:", "limit"),
        ("{type: nesterov, learning_rate: 1, momentum: {type: linear, start: 0.5, end: 1, epochs: 3}}", "4:", "[0, 1)"),
        ("{type: course_momentum, learning_rate: 1, beta: 1}", "4:60", "got 1"),
        ("{type: rmsprop, learning_rate: 1, epsilon: 0}", "4:55", "got 0"),
        ("{type: adam, learning_rate: 1, beta2: 1}", "4:50", "got 1"),
        ("{type: adamw, learning_rate: 1, weight_decay: -1}", "4:58", "got -1"),
        ("{type: adaptive_rates, learning_rate: 1, minimum: 3, maximum: 2}", "4:74", "not be below minimum (3), got 2"),
    ],
)
def test_mistake_is_refused_at_its_place(optimizer, place, said):
    with pytest.raises(ConfigError) as refused:
        load(optimizer)
    first, *rest = str(refused.value).splitlines()
    assert first.startswith(f"error: toy.yaml:{place}")
    assert said in str(refused.value)
    assert rest[-1] == "1 error, nothing was run."


@pytest.mark.parametrize(
    ("rate", "expected"), [("1", float), ("1e-3", float), ("{type: exponential, start: 1, factor: 0.9}", Exponential)]
)
def test_rate_may_be_a_number_or_a_schedule(rate, expected):
    optimizer = load(f"{{type: momentum, learning_rate: {rate}, momentum: 0}}")
    assert type(optimizer.momentum) is float
    assert type(optimizer.learning_rate) is expected
