"""The two forms of an experiment, by how its model learns: trained by steps, or fitted.

Which of them a file is follows from `model.type`. Both are one schema to who reads about keys; what belongs to steps
only is refused by name where a model is fitted.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter

from mnistnn.config.expected import Schema, SchemaBook
from mnistnn.config.layer_order import LAYERS, MEANING, with_layers_in_order
from mnistnn.config.messages import Problem
from mnistnn.config.nodes import MappingNode, Node, Scalar, find, key_place, without
from mnistnn.config.open_unions import with_more_types
from mnistnn.config.schema import AnyExperiment, Expect, Experiment, FittedExperiment
from mnistnn.config.validate import Validator
from mnistnn.errors import DataError
from mnistnn.models.fitted import AnyFitted
from mnistnn.plugins.components import NO_COMPONENTS, Components
from mnistnn.plugins.kinds import KINDS

_Form = TypeVar("_Form")
_MOST_COMMON = "mnist"  # whose splits the schema's defaults are


class ExperimentValidator:
    """Checks trees against the form that their model wants.

    also_at_root  keys that were used before
    components    what there is beside the components of mnistnn; it is known to this validator alone
    """

    def __init__(self, also_at_root: Iterable[str] = (), components: Components = NO_COMPONENTS) -> None:
        self._also_at_root, self.components = tuple(also_at_root), components

    def _form(self, form: type[_Form]) -> TypeAdapter[_Form]:
        """Return what reads a form of an experiment whose unions have all components."""
        joining = [(kind.union, self.components.classes.get(name, ())) for name, kind in KINDS.items()]
        return TypeAdapter(with_more_types(form, joining))

    # Each is made when an experiment of its form is met: that takes a tenth of a second.

    @cached_property
    def _trained(self) -> "_Trained":
        return _Trained(self._form(Experiment), self._also_at_root, fitted=lambda: self._fitted.adapter)

    @cached_property
    def _fitted(self) -> Validator[FittedExperiment]:
        return Validator(self._form(FittedExperiment), self._also_at_root)

    @property
    def book(self) -> SchemaBook:
        """The JSON Schema of both forms, for explanations."""
        return self._trained.book

    @cached_property
    def schema(self) -> Schema:
        """The JSON Schema for editors, which tells the forms apart."""
        both, fitted = self.book.root, self._fitted.book.root
        of_fitted = {"properties": {"type": {"enum": self.fitted_types}}, "required": ["type"]}
        return {
            **both,
            "required": fitted["required"],
            "if": {"properties": {"model": of_fitted}, "required": ["model"]},
            "then": {"properties": dict.fromkeys(sorted(self._keys_of_steps), False)},
            "else": {"required": both["required"]},
        }

    @cached_property
    def fitted_types(self) -> list[str]:
        """The types of models that are fitted."""
        kinds: list[Any] = [*get_args(AnyFitted), *self.components.classes.get("fitted_model", ())]
        return sorted(kind.__dataclass_fields__["type"].default for kind in kinds)

    def validate(
        self, tree: Node, problems: list[Problem], gives_up: Callable[[], bool] = lambda: False
    ) -> tuple[AnyExperiment | None, Node]:
        """Return the experiment, and the tree without the keys that a null unset; None, and problems, if invalid, or
        without problems where it `gives_up`.
        """
        tree = with_layers_in_order(tree, problems)
        kind = find(tree, ("model", "type"))
        if not isinstance(kind, Scalar) or kind.value not in self.fitted_types:
            return self._trained.validate(tree, problems, gives_up)
        assert isinstance(tree, MappingNode)
        wrong = self._keys_of_steps & tree.entries.keys()
        for key in sorted(wrong):
            node = tree.value(key)
            if not isinstance(node, Scalar) or node.value is not None:
                what = f"a model of type {kind.value} is fitted, and not trained by steps: it has no {key}"
                problems.append(Problem(key_place(tree, (key,)), what))
        return self._fitted.validate(without(tree, {(key,) for key in wrong}), problems, gives_up)

    def experiment_of(self, resolved: dict[str, Any]) -> AnyExperiment:
        """Return the experiment that `dump` returned these data of."""
        is_fitted = resolved["model"]["type"] in self.fitted_types
        adapter: TypeAdapter[Any] = self._fitted.adapter if is_fitted else self._trained.adapter
        experiment: AnyExperiment = adapter.validate_json(json.dumps(resolved))
        return experiment

    def complete(self, experiment: AnyExperiment, tree: Node, own_claims: set[str]) -> None:
        """Let an experiment that says nothing of a validation split have that of its data set, and make no claim that
        is about another experiment: only those keys of `expect` are kept.
        """
        claims = experiment.expect
        experiment.expect = Expect(**{key: getattr(claims, key) for key in own_claims})
        data = experiment.data
        says_nothing = find(tree, ("data", "validation_examples")) is None
        if not says_nothing or not data.has_images or data.dataset == _MOST_COMMON:
            return
        from mnistnn.data.splits import default_validation_examples

        with suppress(DataError):  # of a set that cannot be read, which the plan says at the key of the set
            count = default_validation_examples(data.dataset)
            if count is not None:
                data.validation_examples = count

    def dump(self, experiment: AnyExperiment, exclude_defaults: bool = False) -> dict[str, Any]:
        """Return plain data that validates to an equal experiment, every default written out or none."""
        adapter: TypeAdapter[Any] = (
            self._fitted.adapter if isinstance(experiment, FittedExperiment) else self._trained.adapter
        )
        data: dict[str, Any] = adapter.dump_python(experiment, mode="json", exclude_defaults=exclude_defaults)
        return data

    @cached_property
    def _keys_of_steps(self) -> set[str]:
        trained, fitted = ({field.name for field in fields(form)} for form in (Experiment, FittedExperiment))
        return trained - fitted


@dataclass(frozen=True)
class _Trained(Validator[Experiment]):
    """The validator of experiments that are trained by steps; its words know the types of `fitted` models too."""

    fitted: Callable[[], TypeAdapter[FittedExperiment]] = field(kw_only=True)

    @cached_property
    def book(self) -> SchemaBook:
        trained, fitted = self.adapter.json_schema(), self.fitted().json_schema()
        trained["$defs"] |= fitted["$defs"]
        own, other = (schema["properties"]["model"] for schema in (trained, fitted))
        own["oneOf"] += other["oneOf"]
        own["discriminator"]["mapping"] |= other["discriminator"]["mapping"]
        book = SchemaBook(trained)
        _add_places(book)
        return book


def _add_places(book: SchemaBook) -> None:
    """Let the schema of each layer know the keys that say where it stands, which are used before validation."""
    places = {key: {"type": "string", "description": meaning} for key, meaning in MEANING.items()}
    for model in book.tags(book.root["properties"][LAYERS[0]]).values():
        layers = model.get("properties", {}).get(LAYERS[1], {})
        for layer in book.tags(book.entries(layers)).values():
            layer["properties"] |= places
