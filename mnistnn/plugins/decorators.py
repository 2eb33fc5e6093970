"""What makes a component of a class in a file of one's own: `@layer`, `@optimizer` and so on."""

from typing import Any, TypeVar, dataclass_transform

from pydantic import Field, TypeAdapter
from pydantic.errors import PydanticUserError

from mnistnn.component import component
from mnistnn.plugins.checks import ComponentError, check_declaration
from mnistnn.plugins.names import KindName

_Class = TypeVar("_Class", bound=type)

_OF_LAYERS: dict[str, Any] = {"second_order": frozenset(), "repeats_itself": False}

# What is said of a component by an attribute, and need not be true any more of one with other methods.
_NEED_NOT_HOLD: dict[KindName, list[tuple[set[str], str, Any]]] = {
    "layer": [({"forward", "backward"}, name, nothing) for name, nothing in _OF_LAYERS.items()],
    "optimizer": [({"update", "scalars"}, "fused_update", None)],
    "loss": [({"losses_and_dz", "value_and_dz"}, name, False) for name in ("is_convex", "repeats_itself")],
}

_KIND = "__mnistnn_kind__"  # the attribute that a decorated class has, and one that extends it has not


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def layer(cls: _Class) -> _Class:
    """Make a layer of a class that extends BaseLayer: `model.layers.NAME: {type: …}`."""
    return _decorated(cls, "layer")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def optimizer(cls: _Class) -> _Class:
    """Make an optimizer of a class that extends GradientRule or FullBatchOptimizer: `optimizer: {type: …}`."""
    return _decorated(cls, "optimizer")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def loss(cls: _Class) -> _Class:
    """Make a loss of classifiers of a class that extends PerClassLoss or PerExampleLoss: `loss: {type: …}`."""
    return _decorated(cls, "loss")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def transform(cls: _Class) -> _Class:
    """Make a transform of a class that extends Transform or ImageTransform: an item of `preprocess`."""
    return _decorated(cls, "transform")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def policy(cls: _Class) -> _Class:
    """Make a stopping policy of a class that extends Policy: an item of `stopping`."""
    return _decorated(cls, "policy")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(Field,))
def fitted_model(cls: _Class) -> _Class:
    """Make a model that is fitted, and not trained by steps, of a class that extends Fitted: `model: {type: …}`."""
    return _decorated(cls, "fitted_model")


def kind_of(found: Any) -> KindName | None:
    """Return the kind of component that a class was made by a decorator; None of anything else."""
    kind: KindName | None = vars(found).get(_KIND) if isinstance(found, type) else None
    return kind


def _decorated(cls: _Class, kind: KindName) -> _Class:
    """Return the component. Raises ComponentError for a class that cannot be one."""
    check_declaration(cls, kind)
    _forget_what_need_not_hold(cls, kind)
    try:
        made = component(cls)
    except (PydanticUserError, NameError, TypeError, ValueError) as error:
        raise _no_keys(cls, error) from error
    setattr(made, _KIND, kind)
    return made


def _forget_what_need_not_hold(cls: type, kind: KindName) -> None:
    """Let a class that extends a component of mnistnn, and computes something else, not claim what that one can do."""
    for methods, name, nothing in _NEED_NOT_HOLD.get(kind, ()):
        if name not in vars(cls) and methods & vars(cls).keys():
            setattr(cls, name, nothing)


def check_keys(made: type) -> None:
    """Raise ComponentError if the fields of a component are of types that no YAML has."""
    try:
        TypeAdapter(made).json_schema()
    except (PydanticUserError, NameError, TypeError, ValueError) as error:
        raise _no_keys(made, error) from error


def _no_keys(cls: type, error: Exception) -> ComponentError:
    return ComponentError(f"its fields cannot be keys of an experiment: {str(error).splitlines()[0]}", cls.__name__)
