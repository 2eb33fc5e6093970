"""Answers as they are sent: JSON with the length, shapes and places of arrays, and behind it these as float32."""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Answer, Backward, Feeding, Part, Picture
from mnistnn.analysis.inspection.answers.network import reduced


class Packing:
    """Collects arrays, and tells where each lies."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._offset = 0

    def array(self, values: Any) -> dict[str, Any]:
        """Take an array; return its shape and the number of its first float32."""
        numbers = np.ascontiguousarray(values, dtype="<f4")
        place = {"shape": list(numbers.shape), "offset": self._offset}
        self._parts.append(numbers.tobytes())
        self._offset += numbers.size
        return place

    def packed(self, about: Mapping[str, Any]) -> bytes:
        """Return the body: the length of the JSON in 4 bytes, the JSON, padded to a multiple of 4 bytes, and the
        arrays, end to end; all little-endian.
        """
        text = json.dumps(about, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        return b"".join([struct.pack("<I", len(text)), text, *self._parts])

    # What answers consist of.

    def answer(self, answer: Answer) -> dict[str, Any]:
        scores = answer.scores
        return {
            "image": self.array(answer.image),
            "scores": None
            if scores is None
            else {
                "names": scores.names,
                "values": [finite(value) for value in scores.values],
                "unit": scores.unit,
                "predicted": scores.predicted,
            },
            "parts": [self.part(part) for part in answer.parts],
            "backward": None if answer.backward is None else self.backward(answer.backward),
            "no_backward": answer.no_backward,
            "dreams": answer.dreams,
        }

    def part(self, part: Part) -> dict[str, Any]:
        return {
            "name": part.name,
            "type": part.type,
            "about": part.about,
            "formulas": list(part.formulas),
            "pictures": [self.picture(picture) for picture in part.pictures],
            "has_units": part.has_units,
            "table": None if part.table is None else [list(row) for row in part.table],
            "note": part.note,
        }

    def picture(self, picture: Picture) -> dict[str, Any]:
        labels = None if picture.labels is None else list(picture.labels)
        about = {"name": picture.name, "signed": picture.signed, "labels": labels, "caption": picture.caption}
        return {**about, **self.array(picture.values)}

    def backward(self, backward: Backward) -> dict[str, Any]:
        parts = []
        for part in backward.parts:
            arrays = []
            for name, values in part.arrays.items():
                shown, caption = reduced(name, values)
                wide = values.astype(np.float64)
                sizes = {
                    "size": list(values.shape),
                    "length": finite(float(np.sqrt((wide**2).sum()))),
                    "largest": finite(float(np.abs(wide).max(initial=0.0))),
                }
                arrays.append({"name": name, "signed": True, "labels": None, "caption": caption, **sizes}
                              | self.array(shown))  # fmt: skip
            parts.append(
                {"name": part.name, "type": part.type, "formulas": list(part.formulas), "note": part.note}
                | {"pictures": arrays}
            )
        return {
            "target": backward.target,
            "loss": finite(backward.loss),
            "formula": backward.formula,
            "parts": parts,
        }

    def feeding(self, feeding: Feeding) -> dict[str, Any]:
        return {
            "place": list(feeding.place),
            "value": finite(feeding.value),
            "lines": feeding.lines,
            "box": feeding.box,
            "field": feeding.field,
            "note": feeding.note,
            "terms": [[term.name, finite(term.x), finite(term.w), finite(term.product)] for term in feeding.terms],
            "others": [feeding.others[0], finite(feeding.others[1])],
            "pictures": [
                {"name": name, "signed": name != "x" or bool((values < 0).any()), "labels": None, "caption": caption}
                | self.array(values)
                for name, values, caption in _arrays_of(feeding)
                if values is not None
            ],
        }


def _arrays_of(feeding: Feeding) -> Sequence[tuple[str, Any, str]]:
    products = None if feeding.weights is None else feeding.inputs * feeding.weights
    name = "slopes" if feeding.are_slopes else "W"
    return [
        ("x", feeding.inputs, "its inputs"),
        (name, feeding.weights, "what each is multiplied by" if name == "W" else "the derivative by each"),
        ("products", products if name == "W" else None, "their products, which are added up"),
        ("dW", feeding.gradient, "the loss's gradient by these weights"),
    ]


def finite(value: float) -> float | None:
    """Return a number as JSON has them: None stands for what is none."""
    return value if math.isfinite(value) else None
