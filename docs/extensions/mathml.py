"""Formulas as MathML, which browsers draw by themselves: no script, no fonts to be fetched.

latex2mathml lets pass what it does not know. Here that is a warning, at the line of the formula.
"""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

_ALIGNED = re.compile(r"\\(begin|end)\{aligned\}")  # which latex2mathml knows by another name
_NOT_KNOWN = re.compile(r"\\[A-Za-z]+|>&<")
_log = logging.getLogger(__name__)


def mathml(formula: str, display: str) -> str:
    """Return a formula of LaTeX as MathML; ValueError for what cannot be shown.

    display  inline or block
    """
    text = _ALIGNED.sub(r"\\\1{align*}", formula)
    if display == "block" and "\\begin" not in text and "\\\\" in text:
        text = rf"\begin{{split}}{text}\end{{split}}"
    try:
        found = convert(text, display=display)
    except Exception as error:
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
    if unknown := _NOT_KNOWN.search(found):
        raise ValueError(f"{unknown[0].strip('<>')} is not known, or stands where it may not")
    return found


def _convert(node: nodes.Element, display: str) -> str:
    try:
        return mathml(node.astext(), display)
    except ValueError as error:
        _log.warning("cannot show the formula %r: %s", node.astext(), error, location=node, type="mathml")
        return ""


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(writer.starttag(node, "span", "", CLASS="math") + _convert(node, "inline") + "</span>")
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node.get("number"):
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(_convert(node, "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
