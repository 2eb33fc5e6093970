"""Formulas, taken from where they stand: in the docstrings of layers and kernels; and numbers in formulas."""

import inspect
import re

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Numbers, Term

_SENTENCE = re.compile(r"(?<=[.])\s+(?=[A-Z])")
# A symbol or several, perhaps with indices, and a sign of equality: `i, f, o = `, `z[f, r, s] = `, `dc += `.
_SYMBOL = r"[^\s()=,.:;]*(?:\[[^]]*\])?"
_EQUATION = re.compile(rf"^{_SYMBOL}(?:, {_SYMBOL})* \+?= ")
_SHOWN = 4  # products of a sum; the others are added up


def formulas_in(text: str | None) -> list[str]:
    """Return the formulas of a docstring: lines below its first paragraph that begin as equations do, as in kernels;
    else its first sentence if that has one, as in layers.
    """
    if not text:
        return []
    first, *rest = inspect.cleandoc(text).split("\n\n")
    found = [line.strip().rstrip(".") for part in rest for line in part.split("\n") if _EQUATION.match(line)]
    if found:
        return found
    joined = " ".join(first.split("\n"))
    sentence = _SENTENCE.split(joined)[0]
    return [sentence.rstrip(".:")] if " = " in sentence else []


def about(text: str | None) -> str:
    """Return the first sentence of a docstring."""
    if not text:
        return ""
    first = " ".join(inspect.cleandoc(text).split("\n\n")[0].split("\n"))
    return first.split(". ")[0].rstrip(".") + "."


def number(value: float) -> str:
    """Return a number with four digits, with a minus sign that is one."""
    return f"{value:.4g}".replace("-", "−")


def factor(value: float) -> str:
    """Return a number as a factor: a negative one in brackets."""
    return f"({number(value)})" if value < 0 else number(value)


def largest_terms(names: list[str], x: Numbers, w: Numbers) -> tuple[list[Term], tuple[int, float]]:
    """Return the largest products of x and w, both (k,), and the count and sum of the others."""
    products = x.astype(np.float64) * w.astype(np.float64)
    order = np.argsort(-np.abs(products), kind="stable")
    shown = [Term(names[i], float(x[i]), float(w[i])) for i in order[:_SHOWN] if products[i] != 0.0]
    return shown, (len(x) - len(shown), float(products.sum()) - sum(term.product for term in shown))


def summed(terms: list[Term], others: tuple[int, float], *more: tuple[str, float]) -> str:
    """Return a sum with its numbers: products, the other ones, and what else is added, such as b."""
    parts = [f"{factor(term.x)}·{factor(term.w)}" for term in terms]
    if others[0]:
        parts.append(f"[{others[0]:,} more: {number(others[1])}]")
    parts += [f"{factor(value)} ({name})" for name, value in more]
    return " + ".join(parts) if parts else "0"
