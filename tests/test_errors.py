"""The name that was probably meant."""

from mnistnn.errors import did_you_mean, nearest


def test_nearest_name_is_found_whatever_its_case():
    assert nearest("Mnits", ["emnist", "mnist", "cifar"]) == "mnist"
    assert nearest("valid.LOSS", ["valid.Loss"]) == "valid.Loss"


def test_word_that_is_like_no_name_has_no_nearest():
    assert nearest("xyz", ["mnist"]) is None
    assert nearest("m" * 61, ["m" * 61]) is None


def test_hint_stands_between_its_surroundings():
    assert did_you_mean("mnits", ["mnist"]) == "did you mean 'mnist'?"
    assert did_you_mean("mnits", ["mnist"], before="; ", after=" ") == "; did you mean 'mnist'? "


def test_hint_writes_the_name_as_asked():
    assert did_you_mean("svgg", ["svg"], quoted="'.{}'".format) == "did you mean '.svg'?"


def test_no_hint_has_no_surroundings_either():
    assert did_you_mean("xyz", ["mnist"], before="; ", after=" ") == ""
