"""The fifteen corruptions of MNIST-C, which digits are still read under, by people.

After N. Mu and J. Gilmer: MNIST-C, a robustness benchmark for computer vision (2019), arXiv:1906.02337. What each does
and how strong it is are theirs, and so is the usual severity; the random numbers are not, so a set that is made here is
not the published one. Images may have other sizes than 28×28: lengths stay what they are there.
"""

from mnistnn.augment.corruptions.affine import rotated, scaled, sheared, translated
from mnistnn.augment.corruptions.contract import Corruption
from mnistnn.augment.corruptions.edges import canny_edges
from mnistnn.augment.corruptions.fog import foggy
from mnistnn.augment.corruptions.glass import glass_blurred
from mnistnn.augment.corruptions.light import brightened, striped
from mnistnn.augment.corruptions.lines import crossed_by_dots, crossed_by_zigzag
from mnistnn.augment.corruptions.motion import motion_blurred
from mnistnn.augment.corruptions.noise import impulse_noise, shot_noise
from mnistnn.augment.corruptions.spatter import spattered

CORRUPTIONS: dict[str, Corruption] = {
    "shot_noise": Corruption("as of little light", shot_noise, (60, 25, 12, 5, 3), usual=5),
    "impulse_noise": Corruption("black and white pixels", impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27), usual=4),
    "glass_blur": Corruption(
        "as seen through frosted glass",
        glass_blurred,
        ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
        usual=1,
    ),
    "motion_blur": Corruption(
        "as of a camera that moves", motion_blurred, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), usual=1
    ),
    "shear": Corruption("slanted to the left or right", sheared, (0.2, 0.4, 0.6, 0.8, 1.0), usual=2),
    "scale": Corruption("smaller", scaled, (0.9, 0.8, 0.7, 0.6, 0.5), usual=3),
    "rotate": Corruption("turned to the left or right", rotated, (0.2, 0.4, 0.6, 0.8, 1.0), usual=2),
    "brightness": Corruption("brighter everywhere", brightened, (0.1, 0.2, 0.3, 0.4, 0.5), usual=5),
    "translate": Corruption("shifted towards a corner", translated, (1, 2, 3, 4, 5), usual=3),
    "stripe": Corruption("inverted outside of a stripe", striped),
    "fog": Corruption("fog", foggy, ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)), usual=5),
    "spatter": Corruption(
        "splashes of mud",
        spattered,
        (
            (0.65, 0.3, 4.0, 0.69, 0.6),
            (0.65, 0.3, 3.0, 0.68, 0.6),
            (0.65, 0.3, 2.0, 0.68, 0.5),
            (0.65, 0.3, 1.0, 0.65, 1.5),
            (0.67, 0.4, 1.0, 0.65, 1.5),
        ),
        usual=4,
    ),
    "dotted_line": Corruption("a dotted line across", crossed_by_dots),
    "zigzag": Corruption("a zigzag line across", crossed_by_zigzag),
    "canny_edges": Corruption("outlines only", canny_edges),
}
"""Every kind, by name."""
