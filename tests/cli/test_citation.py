"""How mnistnn is cited, on the command line and in CITATION.cff."""

from pathlib import Path

import pytest
import yaml

from mnistnn import __version__
from mnistnn.cli.citation import YEAR

CITATION = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text())


@pytest.mark.parametrize("arguments", [("--cite",), ("--version", "--cite"), ("--cite", "--version")])
def test_citation_is_printed_as_bibtex(command, arguments):
    done = command(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("@software{mnistnn,\n  author  = {{mnistnn contributors}},\n")
    assert f"version = {{{__version__}}},\n  year    = {{{YEAR}}}," in done.out
    assert done.out.count("{") == done.out.count("}")


def test_file_for_other_programs_says_the_same():
    assert CITATION["version"] == __version__
    assert CITATION["date-released"].year == YEAR
    assert CITATION["authors"] == [{"name": "mnistnn contributors"}]
