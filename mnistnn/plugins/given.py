"""Code that the user gives, by `--code` or `code=`: whoever gives a file trusts it."""

import os
from collections.abc import Sequence
from pathlib import Path

from mnistnn.errors import UsageError
from mnistnn.plugins.code import NO_PLUGINS, Plugins, read_code, unlike_each_other
from mnistnn.plugins.components import components_of
from mnistnn.plugins.trust import trust, trusting

Given = str | Path | Sequence[str | Path] | None


def given_code(paths: Given) -> Plugins:
    """Read files of code, once; they are trusted on this machine from then on, if they can be loaded.

    Raises ConfigError for what cannot be loaded, or declares no component, UsageError for what is no path.
    """
    if paths is None:
        return NO_PLUGINS
    several = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    for path in several:
        if not isinstance(path, str | os.PathLike):
            raise UsageError(f"code: expected the path of a file of Python, or several, got {path!r:.100}")
    plugins = Plugins(unlike_each_other([read_code(Path(path)) for path in several]))
    if plugins.files:
        digests = frozenset(plugins.digests.values())
        with trusting(digests):
            components_of(plugins, digests)
        trust(plugins.files)
    return plugins
