"""Unquoted words and what they mean."""

import pytest

from mnistnn.config.scalars import ScalarError, resolve_plain

VALUES = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "nULL": "nULL",
    "true": True, "True": True, "FALSE": False, "tRue": "tRue",
    "yes": "yes", "no": "no", "on": "on", "off": "off", "y": "y", "N": "N",
    "0": 0, "-0": 0, "7": 7, "+7": 7, "-12": -12, "0x1F": 31, "0o17": 15,
    "9223372036854775807": 2**63 - 1,
    "1e-3": 1e-3, "1E5": 1e5, "1e3": 1000.0, "1.": 1.0, ".5": 0.5, "-.5": -0.5, "0.1": 0.1, "+1.5e+3": 1500.0,
    "1.5": 1.5, "0.0": 0.0, "1e-400": 0.0, "0e0": 0.0,
    "inf": "inf", "nan": "nan", ".": ".", "-": "-", "+": "+", "1e": "1e", "e5": "e5", "1.2.3": "1.2.3",
    "2001-01-01": "2001-01-01", "30px": "30px", "0b": "0b", "0x": "0x", "-0x1": "-0x1",
    "12_layers": "12_layers",
    "1:a": "1:a", "=": "=", "..inf": "..inf",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_plain_word_has_its_yaml_1_2_value(text, value):
    found = resolve_plain(text)
    assert found == value
    assert type(found) is type(value)


REFUSED = {
    "010": "write 10 for", "-007": "write -7 for", "00": "write 0 for", "01.5": "write 1.5 for",
    "00.5": "write 0.5 for", "01e3": "write 1e3 for",
    "1_000": "write 1000 for", "1_0.5_0": "write 10.50 for", "12:30": "write '12:30'",
    "1:30:00.5": "for text",
    "0b101": "decimal", ".inf": "finite", "-.INF": "finite", ".nan": "finite", "1e999": "smaller",
    "9223372036854775808": "smaller", "-9223372036854775808": "smaller", "9" * 5000: "smaller",
    "9" * 5000 + ".5": "smaller", "0x" + "f" * 5000: "smaller",
}  # fmt: skip


@pytest.mark.parametrize(("text", "hint"), REFUSED.items(), ids=lambda text: text[:20])
def test_ambiguous_or_impossible_number_is_refused_with_a_way_out(text, hint):
    with pytest.raises(ScalarError) as caught:
        resolve_plain(text)
    assert hint in caught.value.hint
