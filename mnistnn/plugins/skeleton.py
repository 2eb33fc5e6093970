"""The text of a file to begin with: a component of a kind, under a name of one's own, that works as it is."""

import keyword
import re
from pathlib import Path

from mnistnn.errors import UsageError
from mnistnn.plugins.kinds import own_types
from mnistnn.plugins.names import TYPE, KindName

_FOLDER = Path(__file__).parent / "skeletons"


def skeleton(kind: KindName, name: str) -> str:
    """Return the text. Raises UsageError for a name that no component can have, or that one of mnistnn has."""
    if not TYPE.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r:.80} cannot be a type: a letter, then letters, digits and _, all small, 64 at most")
    if name in own_types():
        raise UsageError(f"mnistnn has a type {name} of its own: take another name")
    text = (_FOLDER / f"{kind}.py").read_text(encoding="utf-8")
    class_name = _camel_case(name)
    if keyword.iskeyword(class_name) or re.search(rf"\b{class_name}\b", text):
        class_name += _camel_case(kind)
    return text.replace("Skeleton", class_name).replace("skeleton", name)


def _camel_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
