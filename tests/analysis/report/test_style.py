"""The colours of the style sheet, which the report and the local page share: contrasts as WCAG 2 has them."""

import re
from importlib import resources

import pytest

STYLE = resources.files("mnistnn.analysis.report").joinpath("report.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--(\w+): ([^;]+);", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S))
SCHEMES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
TEXT, GRAPHIC = 4.5, 3.0


def channels(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def mixed(first, second, share):
    return [share * a + (1 - share) * b for a, b in zip(channels(first), channels(second), strict=True)]


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrasts_are_those_of_wcag():
    assert contrast([1, 1, 1], [0, 0, 0]) == pytest.approx(21)
    assert contrast(channels("#777777"), [1, 1, 1]) == pytest.approx(4.48, abs=0.005)  # a published example


@SCHEMES
@pytest.mark.parametrize(
    ("text", "behind"),
    [("ink", "paper"), ("ink", "soft"), ("ink", "mark"), ("quiet", "paper"), ("quiet", "soft"), ("c0", "paper")],
)
def test_text_contrasts_with_what_is_behind_it(colours, text, behind):
    assert contrast(channels(colours[text]), channels(colours[behind])) >= TEXT


@SCHEMES
@pytest.mark.parametrize("number", range(8))
def test_curve_contrasts_with_the_paper(colours, number):
    assert contrast(channels(colours[f"c{number}"]), channels(colours["paper"])) >= GRAPHIC


@SCHEMES
def test_figures_contrast_with_their_shades(colours):
    shares = [*re.findall(r"var\(--c1\) (\d+)%, var\(--paper\)", STYLE), colours["most"].removesuffix("%")]
    assert len(shares) == 3
    for share in shares:
        shade = mixed(colours["c1"], colours["paper"], int(share) / 100)
        assert contrast(channels(colours["ink"]), shade) >= TEXT
