"""A comparison in words: the metrics of each experiment, what is said of each pair, and what validation chooses.

The terminal and the local page say the same.
"""

from collections.abc import Sequence

from mnistnn.analysis.comparison.compare import Compared, Comparison, StoredTest
from mnistnn.analysis.comparison.paired_tests import Pair
from mnistnn.analysis.statistics import LEVEL, McNemar, SignFlip, seeds_needed, verdict
from mnistnn.types import is_percent

_OBVIOUS = 0.001  # a smallest p below this keeps nobody from finding anything, and is not said


def headings(found: Comparison) -> list[str]:
    """Return what is above a table of experiments: their label, then the metrics of `cells`."""
    has_deviation = any(each.deviation is not None for each in found.experiments)
    figure = f"{found.metric}, mean ± std" if has_deviation else found.metric
    return ["experiment", "runs", figure, "95 % interval", "best epoch", "mean seconds", "parameters"]


def cells(each: Compared, metric: str) -> list[str]:
    """Return the metrics of an experiment as text, in the order of the headings."""
    if each.mean is None:
        return ["0", *["–"] * 5]
    scale = 100 if is_percent(metric) else 1
    unit = " %" if is_percent(metric) else ""
    deviation = "" if each.deviation is None else f" ± {scale * each.deviation:{'.2f' if unit else '.2g'}}"
    return [
        str(len(each.values)),
        f"{_digits(scale * each.mean, metric)}{deviation}{unit}",
        "–" if each.interval_95 is None else _interval(each.interval_95, metric) + unit,
        _range(each.best_epochs),
        f"{sum(each.seconds) / len(each.seconds):,.1f}",
        "–" if each.parameters is None else f"{each.parameters:,}",
    ]


def _digits(value: float, metric: str, sign: str = "") -> str:
    return f"{value:{sign}{'.2f' if is_percent(metric) else '.4g'}}"


def _interval(interval: tuple[float, float], metric: str, sign: str = "") -> str:
    scale = 100 if is_percent(metric) else 1
    if scale == 100 and not sign:  # no mean of errors lies beyond, whatever a normal distribution does
        interval = max(0.0, interval[0]), min(1.0, interval[1])
    low, high = (_digits(scale * end, metric, sign) for end in interval)
    return f"{low} to {high}"


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def pair_lines(pair: Pair, found: Comparison) -> list[str]:
    """Say of a pair how large the difference is, and whether it is more than chance."""
    heading = f"{pair.second} against {pair.first}: "
    if pair.mean is not None:
        scale, unit = (100, " percentage points of ") if is_percent(found.metric) else (1, " of ")
        heading += f"{_digits(scale * pair.mean, found.metric, '+')}{unit}{found.metric}"
        if pair.interval_95 is not None:
            heading += f" (95 % interval {_interval(pair.interval_95, found.metric, '+')})"
        heading += f", paired by {_seeds(pair.seeds)}" if len(pair.seeds) > 1 else ""
    lines = [heading.removesuffix(": ")]
    if pair.problem is not None:
        lines.append(f"  no test: {pair.problem}")
    elif pair.test is not None:
        lines += [f"  {text}" for text in _test_lines(pair, pair.test, found)]
    if pair.left_out and pair.seeds:
        lines.append(f"  left out: {_seeds(pair.left_out)}, which only one of them has")
    return lines


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _test_lines(pair: Pair, test: SignFlip | McNemar, found: Comparison) -> list[str]:
    tests = sum(each.test is not None for each in found.pairs)
    holm = "" if pair.holm_p is None else f"; adjusted for {tests} tests (Holm), p = {pair.holm_p:.3g}"
    name, p = ("p", test.p) if pair.holm_p is None else ("adjusted p", pair.holm_p)
    if not isinstance(test, SignFlip):
        return [
            f"McNemar's test on the validation examples: {test.only_first:,} are classified correctly by {pair.first} "
            f"alone, {test.only_second:,} by {pair.second} alone; p = {test.p:.3g}{_smallest(test, 'so many')}{holm}",
            f"{verdict(p, name)}; this holds for these two models: other seeds may say otherwise",
        ]
    how = "" if test.is_exact else f", {test.patterns:,} patterns of signs drawn"
    n, needed = sum(each != 0 for each in pair.differences), seeds_needed(LEVEL, tests)
    which = f"{n} seeds" if n == len(pair.seeds) else f"{n} seeds with a difference"
    more = f"; {needed} seeds could show it" if n < needed and p > LEVEL else ""
    return [f"sign-flip test{how}: p = {test.p:.3g}{_smallest(test, which)}{holm}", f"{verdict(p, name)}{more}"]


def _smallest(test: SignFlip | McNemar, what: str) -> str:
    if test.p <= test.smallest_p:
        return f", the smallest that {what} allow"
    return f" ({what} allow no less than {test.smallest_p:.3g})" if test.smallest_p >= _OBVIOUS else ""


def choice_lines(found: Comparison) -> list[str]:
    """Say what validation chooses, and the test error of that alone."""
    if found.chosen is None or (len(found.experiments) == 1 and found.test is None):
        return []
    one = next(each for each in found.experiments if each.letter == found.chosen)
    lines = []
    if len(found.experiments) > 1:
        lines.append(f"validation chooses {one.letter}, {one.label}: the lowest mean {found.metric}")
    if found.test is None:
        return [*lines, "its test error has not been read (mnistnn eval reads it)"]
    return [*lines, _test_metrics(found.test)]


def _test_metrics(test: StoredTest) -> str:
    deviation = "" if test.deviation is None else f" ± {100 * test.deviation:.2f}"
    interval = "" if test.interval_95 is None else f" (95 % interval {_interval(test.interval_95, 'test.error')} %)"
    of = "" if test.runs == test.of_runs == 1 else f", as eval has read it for {test.runs} of {test.of_runs} runs"
    return f"its test error: {100 * test.mean:.2f}{deviation} %{interval}{of}"
