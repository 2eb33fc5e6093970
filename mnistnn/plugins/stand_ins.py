"""Stand-ins for components whose code is not executed here: they take any values under the right keys, and do nothing.

With them the configuration of a run from elsewhere can be read, compared and held to its digest. What is planned with
them is refused (`experiment/plan.py`).
"""

import keyword
from typing import Any, Literal

from mnistnn.component import FIELD_DOCS, component
from mnistnn.errors import RunError
from mnistnn.layers.contract import BaseLayer
from mnistnn.models.contract import Fitted
from mnistnn.plugins.checks import is_part_of_contract
from mnistnn.plugins.code import Declared
from mnistnn.plugins.kinds import KINDS
from mnistnn.plugins.names import KEY, KindName
from mnistnn.preprocess.contract import Transform
from mnistnn.stopping.contract import Policy

# What readers of a configuration ask of a component, these answer; of the others they read keys only.
_BASES: dict[KindName, tuple[type, ...]] = {
    "layer": (BaseLayer,),
    "transform": (Transform,),
    "policy": (Policy,),
    "fitted_model": (Fitted,),
}


def stand_in(declared: Declared) -> type:
    """Return a component of the same type and keys. Raises RunError for keys that no component of its kind has.

    What is declared may be anybody's, and Python writes the names of fields into code of its own: so they are held to
    what a key may be.
    """
    kind = KINDS[declared.kind]
    for key in declared.keys:
        is_key = KEY.fullmatch(key) and not keyword.iskeyword(key)
        if not is_key or (key != "type" and is_part_of_contract(kind, key)):
            raise RunError(
                f"{declared.source}: {kind.words} of type {declared.type} is said to have the key {key}, which is none"
            )
    annotations: dict[str, Any] = dict.fromkeys(declared.keys, Any)
    annotations["type"] = Literal[declared.type]
    about = {"__module__": __name__, "__doc__": f"Of {declared.source}, which was not executed.", FIELD_DOCS: {}}
    body = {**about, "__annotations__": annotations, "type": declared.type}
    return component(type("StandIn", _BASES.get(declared.kind, ()), body))
