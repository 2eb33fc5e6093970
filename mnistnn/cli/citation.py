"""How mnistnn is cited: `mnistnn --version --cite`."""

import click

from mnistnn import __version__

YEAR = 2026
"""Of this version."""

BIBTEX = f"""\
@software{{mnistnn,
  author  = {{{{mnistnn contributors}}}},
  title   = {{mnistnn: experiments with neural networks on {{MNIST}}-like data, with hand-written kernels}},
  version = {{{__version__}}},
  year    = {{{YEAR}}},
  license = {{MIT}},
}}"""


def print_citation(context: click.Context, _option: click.Parameter, given: bool) -> None:
    """Print BibTeX and exit, if that was asked for."""
    if given and not context.resilient_parsing:
        click.echo(BIBTEX)
        context.exit()
