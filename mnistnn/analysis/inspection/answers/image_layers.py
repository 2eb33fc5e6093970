"""How layers of images are shown: filters and windows that look at a part of the image."""

from typing import Any

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Box, Feeding, Numbers, Picture
from mnistnn.analysis.inspection.answers.formulas import factor, largest_terms, number, summed
from mnistnn.analysis.inspection.answers.layers import Back, Unchanging, on_host
from mnistnn.kernels import convolution, pooling
from mnistnn.layers.images import pair
from mnistnn.types import Array


class OfImages(Unchanging):
    """Images with channels, whatever the layer was given."""

    @property
    def images(self) -> Numbers:
        """The input (c, h, w)."""
        return self.x if self.x.ndim == 3 else self.x[None]

    def _as_given(self, box: Box) -> Box:
        """Return a box of `images` as one of x, without what lies outside of it."""
        inside = [(max(start, 0), min(stop, side)) for (start, stop), side in zip(box, self.images.shape, strict=True)]
        return inside if self.x.ndim == 3 else inside[1:]

    def _seen(self, box: Box) -> Numbers:
        """Return the input in a box, with zeros where padding is."""
        (first, last), (top, bottom), (left, right) = box
        seen = np.zeros((last - first, bottom - top, right - left), self.x.dtype)
        _, h, w = self.images.shape
        rows, columns = (slice(max(a, 0), min(b, side)) for a, b, side in ((top, bottom, h), (left, right, w)))
        inside = self.images[first:last, rows, columns]
        seen[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
        return seen


class ShownConv(OfImages):
    """y = f(pool(W ⋆ x) + b)."""

    kernels = (convolution.convolve, convolution.convolve_backward, pooling.max_pool_backward)

    def formulas(self) -> list[str]:
        """The pool belongs into the formula only where there is one."""
        whole = super().formulas()
        if self.layer.pool is None:
            return [line.replace("pool(W ⋆ x)", "W ⋆ x").replace(", perhaps a max-pool", "") for line in whole]
        return whole

    def pictures(self) -> list[Picture]:
        layer = self.layer
        W = self._filters()
        shown = W.reshape(-1, *W.shape[2:]) if W.shape[1] == 1 else W.mean(axis=1)
        caption = "its filters" if W.shape[1] == 1 else f"its filters, each the mean over {W.shape[1]} channels"
        return [*super().pictures(), Picture("W", shown, caption=f"{caption}, {layer.maps} of them")]

    def _filters(self) -> Numbers:
        """Return the numbers by which a window is multiplied, (maps, c, kh, kw)."""
        layer = self.layer
        W = on_host(layer.W).reshape(layer.maps, -1, *pair(layer.kernel))
        return W[:, :, ::-1, ::-1] if layer.flipped else W

    def backward(self, dy: Array) -> Back:
        dz = self._slope_applied(dy)
        return Back(self.layer.backward(dy), dz)

    def _window(self, rows: tuple[int, int], columns: tuple[int, int]) -> Box:
        """Return the box of the images that positions of the convolution see, padding included."""
        layer = self.layer
        sides = zip((rows, columns), pair(layer.kernel), pair(layer.stride), pair(layer.padding), strict=True)
        seen = [(start * by - pad, (stop - 1) * by - pad + side) for (start, stop), side, by, pad in sides]
        return [(0, len(self.images)), *seen]

    def _positions(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return rows and columns of the convolution that a box of y is made of."""
        ph, pw = (1, 1) if self.layer.pool is None else pair(self.layer.pool)
        (top, bottom), (left, right) = box[1:]
        return (top * ph, bottom * ph), (left * pw, right * pw)

    def field(self, box: Box) -> Box:
        return self._as_given(self._window(*self._positions(box)))

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        of_map, W = place[0], self._filters()[place[0]].astype(np.float64)
        (top, bottom), (left, right) = self._positions([(i, i + 1) for i in place])
        sums = {
            (r, s): float((self._seen(self._window((r, r + 1), (s, s + 1))).astype(np.float64) * W).sum())
            for r in range(top, bottom)
            for s in range(left, right)
        }
        (r, s), z = max(sums.items(), key=lambda item: item[1])
        box = self._window((r, r + 1), (s, s + 1))
        seen, b, value = self._seen(box), float(self.layer.b[of_map]), float(self.y[place])
        names = [f"x[{c}, {i + box[1][0]}, {j + box[2][0]}]" for c, i, j in np.ndindex(*seen.shape)]
        terms, others = largest_terms(names, seen.reshape(-1), W.reshape(-1))
        lines = [
            f"(W ⋆ x)[{of_map}, {r}, {s}] = Σ W[{of_map}, c, i, j] x[c, {box[1][0]} + i, {box[2][0]} + j]",
            f"(W ⋆ x)[{of_map}, {r}, {s}] = {summed(terms, others)} = {number(z)}",
        ]
        if len(sums) > 1:
            lines.append(f"pool: max({', '.join(number(each) for each in sums.values())}) = {number(z)}")
        lines += [f"z = {number(z)} + {factor(b)} (b) = {number(z + b)}", *self._activated(z + b, value)]
        shown, gradient = W.astype(self.x.dtype), self._gradient_of(of_map) if self.has_gradient else None
        return Feeding(place, value, lines, self._as_given(box), seen, shown, terms, others, gradient)

    def _gradient_of(self, of_map: int) -> Numbers:
        """Return dW of a map, as a window meets it."""
        dW = on_host(self.layer.dW[of_map]).reshape(-1, *pair(self.layer.kernel))
        return dW[:, ::-1, ::-1] if self.layer.flipped else dW


class ShownPool(OfImages):
    """The largest or the mean number of each window."""

    def formulas(self) -> list[str]:
        return [f"y = {self.layer.reduce} of each window of x"]

    def backward_formulas(self) -> list[str]:
        kernel: Any = pooling.max_pool_backward if self.layer.reduce == "max" else pooling.mean_pool_backward
        return [(kernel.__doc__ or "").strip().split("\n")[0]]

    def _windows(self, box: Box) -> Box:
        window = self.layer.window
        sides = zip(box[1:], window.size, window.stride, strict=True)
        return [box[0], *((start * by, (stop - 1) * by + side) for (start, stop), side, by in sides)]

    def _with_axes(self, box: Box) -> Box:
        """Return a box of y with rows and columns, which a pool over the whole image leaves out."""
        return box if len(box) == 3 else [*box, (0, 1), (0, 1)]

    def field(self, box: Box) -> Box:
        return self._as_given(self._windows(self._with_axes(box)))

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        box = self._windows(self._with_axes([(i, i + 1) for i in place]))
        seen, value = self._seen(box), float(self.y[place])
        numbers = [number(float(each)) for each in seen.reshape(-1)[:9]]
        more = f", … ({seen.size} numbers)" if seen.size > len(numbers) else ""
        lines = [f"y = {self.layer.reduce}({', '.join(numbers)}{more}) = {number(value)}"]
        return Feeding(place, value, lines, self._as_given(box), seen)
