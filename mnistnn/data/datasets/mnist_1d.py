"""MNIST-1D: ten short signals, of which noise, shifts and shears make a set that separates families of models.

After S. Greydanus and D. Kobak: Scaling down deep learning with MNIST-1D (2020, 2024), whose program (Apache-2.0) names
the constants. The rule is theirs, the random numbers are not, so this is another sample of the same distribution:

1. A template of 12 points is followed by 36 to 60 zeros, stretched to 72 points, scaled by 0.8 to 1.2, and turned round
   by 0 to 47 points.
2. Where there are zeros comes Gaussian noise of standard deviation 0.25, smoothed over two points; everywhere comes
   independent noise of 0.02.
3. A line that rises or falls by at most 0.375 from end to end is taken off, and 40 points of it all are kept.
4. All numbers together get mean 0 and standard deviation 1. A number x is stored as the byte nearest to 128 + 32 x, at
   least 0 and at most 255: 3 numbers of 10,000 lie beyond.

An image is one row of 40 pixels. Of 1000 test signals a linear classifier of theirs has 32 % right, an MLP 68 %, a
convolutional net 94 %, a GRU 91 %.
"""

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.rng import stream
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set

# Heights of a stroke, drawn from top to bottom, at 12 points: one row for each digit.
_STROKES = [
    [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
    [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
    [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
    [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
    [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
    [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
    [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
    [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
    [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
]
_EXAMPLES, _TRAINING = 5000, 4000
_FEWEST_ZEROS, _MOST_ZEROS = 36, 60
_SCALE, _TURN, _SHEAR = 0.4, 48, 0.75
_CORRELATED, _INDEPENDENT, _SMOOTHED = 0.25, 0.02, 2.0
_POINTS = 40
_ZERO_BYTE, _STEPS = 128, 32


def make() -> ImageSet:
    """Return 4000 training and 1000 test signals; of each digit there are 500 in all."""
    rng = stream(0, "generate", 0)
    templates = _templates()
    digits = np.repeat(np.arange(len(templates)), _EXAMPLES // len(templates))
    signals = np.stack([_signal(templates[digit], rng) for digit in digits])
    order = rng.permutation(_EXAMPLES)
    signals, labels = signals[order], digits[order].astype(np.uint8)
    signals = (signals - signals.mean()) / signals.std()
    images = np.clip(np.rint(_ZERO_BYTE + _STEPS * signals), 0, 255).astype(np.uint8)[:, None, :]
    train = LabelledImages(images[:_TRAINING], labels[:_TRAINING])
    return image_set(train, LabelledImages(images[_TRAINING:], labels[_TRAINING:]), "MNIST-1D")


def _templates() -> NDArray[np.float64]:
    """Return the templates (10, 12): of standard deviation 1/6, and beginning with 0."""
    strokes = np.array(_STROKES)
    strokes -= strokes.mean(axis=1, keepdims=True)
    strokes /= strokes.std(axis=1, keepdims=True)
    templates: NDArray[np.float64] = (strokes - strokes[:, :1]) / 6
    return templates


def _signal(template: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return one signal (40,) of a template (12,)."""
    zeros = int(rng.integers(_FEWEST_ZEROS, _MOST_ZEROS + 1))
    longest = len(template) + _MOST_ZEROS
    # What is signal is remembered as a second signal: where it is above zero when both are stretched, no noise comes.
    signal = _stretched(np.concatenate([template, np.zeros(zeros)]), longest)
    is_signal = _stretched(np.concatenate([np.ones_like(template), np.zeros(zeros)]), longest) > 0
    signal *= 1 + _SCALE * (rng.random() - 0.5)
    turn = int(rng.integers(_TURN))
    signal, is_signal = np.roll(signal, turn), np.roll(is_signal, turn)
    signal = np.where(is_signal, signal, _smoothed(_CORRELATED * rng.standard_normal(longest)))
    signal += _INDEPENDENT * rng.standard_normal(longest)
    signal -= _SHEAR * (rng.random() - 0.5) * np.linspace(-0.5, 0.5, longest)
    return _stretched(signal, _POINTS)


def _stretched(values: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Return so many values, at equal distances, of the lines between the given ones."""
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(values)), values)


def _smoothed(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the noise folded with a Gaussian, mirrored at its ends."""
    radius = int(4 * _SMOOTHED)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _SMOOTHED) ** 2)
    return np.convolve(np.pad(noise, radius, mode="symmetric"), weights / weights.sum(), mode="valid")
