"""Which kind of model, or of loss, one has is asked in a few places only; everybody else asks the task."""

import ast
from pathlib import Path
from typing import Any

import pytest

import mnistnn
from mnistnn.losses import AnyLoss
from mnistnn.models import AnyFittedModel, AnyModel
from tests.test_registry import members

ROOT = Path(mnistnn.__file__).parent
AT_HOME = ("tasks", "models", "objectives", "losses", "layers")
"""The folders in which kinds may be asked."""


def names_of_kinds() -> set[str]:
    """Return the classes and unions that models/ and losses/ define."""
    names = set()
    for path in [*(ROOT / "models").rglob("*.py"), *(ROOT / "losses").rglob("*.py")]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name) and target.id.istitle()}
    return names


def types_of_kinds() -> set[str]:
    """Return the words that `type` may be in a model or a loss of an experiment."""
    kinds: list[Any] = [kind for union in (AnyModel, AnyFittedModel, AnyLoss) for kind in members(union)]
    return {kind.__dataclass_fields__["type"].default for kind in kinds}


KINDS, TYPES = names_of_kinds(), types_of_kinds()


def _calls(node: ast.AST, *functions: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _asks(node: ast.AST) -> bool:
    """Tell whether a node compares with a kind: its class, or its `type`."""
    if isinstance(node, ast.Call) and _calls(node, "isinstance", "issubclass"):
        return bool(KINDS & _names_in(node.args[1]))
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    words = {each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)}
    if any(isinstance(side, ast.Attribute) and side.attr == "type" for side in sides):
        return bool(words & TYPES)
    return any(_calls(side, "type") for side in sides) and any(KINDS & _names_in(side) for side in sides)


def questions(source: str) -> list[int]:
    """Return the lines on which a source asks what kind of model or loss something is."""
    return [getattr(node, "lineno", 0) for node in ast.walk(ast.parse(source)) if _asks(node)]


def test_kinds_of_models_and_losses_are_asked_at_home_only():
    strays = [
        f"mnistnn/{path.relative_to(ROOT)}, line {line}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in AT_HOME
        for line in questions(path.read_text(encoding="utf-8"))
    ]
    assert not strays, "ask the task instead (tasks/contract.py): " + "; ".join(strays)


@pytest.mark.parametrize(
    "planted",
    [
        "if isinstance(plan.experiment.model, Sequential): pass",
        "if isinstance(loss, SoftmaxNLL | SquaredError): pass",
        "if experiment.model.type == 'rbm': pass",
        "if plan.experiment.loss.type in ('mean_squared_error', 'x'): pass",
        "if type(model) is LeastSquares: pass",
    ],
)
def test_planted_question_is_found(planted):
    assert questions(planted) == [1]


@pytest.mark.parametrize(
    "harmless", ["isinstance(layer, Conv)", "layer.type == 'conv'", "name in ('rbm', 'committee')"]
)
def test_other_questions_are_not(harmless):
    assert not questions(harmless)
