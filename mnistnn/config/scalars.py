"""The meaning of unquoted YAML words: the numbers of YAML 1.2, and a refusal where YAML 1.1 would disagree.

PyYAML reads `1e-3` as text, `no` as false, `010` as 8 and `12:30` as 750. Here `1e-3` is a number, `no` is
text, and words that two readers would take differently are errors that show how to write either meaning.
Quoted words never come here: they are text. Files and command-line overrides share these rules.
"""

import math
import re

ScalarValue = str | int | float | bool | None

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"([-+]?)0+([0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?)")
_UNDERSCORES = re.compile(r"[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9_]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_BINARY = re.compile(r"[-+]?0b[01_]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 400
_LARGEST = 2**63 - 1


class ScalarError(ValueError):
    """An unquoted word that is refused. `hint` says how to write what may be meant."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def resolve_plain(text: str) -> ScalarValue:
    """Return the value of an unquoted word. Raises ScalarError for ambiguous words and impossible numbers."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    _refuse_ambiguous(text)
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    return text


def _refuse_ambiguous(text: str) -> None:
    quoted = f"'{text}' for text"
    if zero := _LEADING_ZERO.fullmatch(text):
        raise ScalarError(
            "a number with a leading zero is ambiguous: some readers take it as octal",
            f"write {zero[1]}{zero[2]} for the number, {quoted}",
        )
    if "_" in text and _UNDERSCORES.fullmatch(text):
        raise ScalarError(
            "a number with underscores is ambiguous: some readers take it as text",
            f"write {text.replace('_', '')} for the number, {quoted}",
        )
    if _SEXAGESIMAL.fullmatch(text):
        raise ScalarError("numbers with colons are ambiguous: some readers count them in base 60", f"write {quoted}")
    if _BINARY.fullmatch(text):
        raise ScalarError(
            "binary numbers are ambiguous: some readers take them as text",
            f"write it in decimal, or {quoted}",
        )
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError("infinity and not-a-number are not allowed", f"write a finite number, or {quoted}")


def _integer(text: str) -> int:
    # The length is checked first: turning a million digits into a number takes seconds.
    value = int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) <= _MOST_DIGITS else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise ScalarError("the number is too large: integers have at most 64 bits", "write a smaller number")
    return value


def _float(text: str) -> float:
    value = float(text) if len(text) <= _MOST_DIGITS else math.inf
    if not math.isfinite(value):
        raise ScalarError("the number is too large for a 64-bit floating-point number", "write a smaller number")
    return value
