"""What may have been meant by a misspelt name."""

import difflib
from collections.abc import Iterable

_LONGEST_WORD = 60  # comparing longer words costs time, and no name is that long


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like `word`, upper and lower case alike, or None when none is close."""
    if len(word) > _LONGEST_WORD:
        return None
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None
