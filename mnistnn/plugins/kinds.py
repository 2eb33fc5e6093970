"""The kinds of components that somebody can add: what a class of each kind extends, and what it must have."""

from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from mnistnn.layers import Layer
from mnistnn.layers.contract import BaseLayer
from mnistnn.losses import AnyLoss
from mnistnn.losses.contract import PerExampleLoss
from mnistnn.models import AnyFittedModel, AnyModel
from mnistnn.models.contract import Fitted
from mnistnn.optim import Optimizer
from mnistnn.optim.full_batch import FullBatchOptimizer
from mnistnn.optim.rule import GradientRule
from mnistnn.plugins.names import KindName
from mnistnn.preprocess import Preprocess
from mnistnn.preprocess.contract import Transform
from mnistnn.stopping import Stopping
from mnistnn.stopping.contract import Policy


@dataclass(frozen=True)
class Kind:
    """A kind of components.

    words     what one is called in messages
    bases     a class extends one of these
    methods   what a class must define itself, as its base only declares it
    some_of   of these it must define one at least
    union     of the types of mnistnn, which types of one's own join
    beside    a union whose types have their names at the same place of an experiment
    reserved  keys that no component of this kind can have
    """

    words: str
    bases: tuple[type, ...]
    methods: tuple[str, ...]
    union: Any
    some_of: tuple[str, ...] = ()
    beside: Any = None
    reserved: tuple[str, ...] = ()

    @property
    def types(self) -> dict[str, type]:
        """The types of mnistnn that there are already, by their names."""
        unions = [self.union] if self.beside is None else [self.union, self.beside]
        members = [member for union in unions for member in get_args(get_args(union)[0])]
        return {member.__dataclass_fields__["type"].default: member for member in members}


KINDS: dict[KindName, Kind] = {
    "layer": Kind("a layer", (BaseLayer,), ("build", "forward", "backward"), Layer, reserved=("after", "before")),
    "optimizer": Kind("an optimizer", (GradientRule, FullBatchOptimizer), ("update", "move"), Optimizer),
    "loss": Kind("a loss", (PerExampleLoss,), ("build", "losses_and_dz", "predict", "probabilities"), AnyLoss),
    "transform": Kind("a transform", (Transform,), ("apply",), Preprocess),
    "policy": Kind("a policy", (Policy,), (), Stopping, some_of=("reason", "deadline", "time_limit_s")),
    "fitted_model": Kind(
        "a fitted model",
        (Fitted,),
        (
            *("build", "rounds", "rounds_done", "criterion", "size", "multiply_adds", "allocate", "fit", "scores"),
            *("arrays", "restore", "keep_rounds"),
        ),
        AnyFittedModel,
        beside=AnyModel,
    ),
}


@cache
def own_types() -> frozenset[str]:
    """Return the names of all types of mnistnn itself."""
    return frozenset(name for kind in KINDS.values() for name in kind.types)
