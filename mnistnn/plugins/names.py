"""The names that components go by: those of their kinds, of their types, and of their keys."""

import re
from typing import Literal

KindName = Literal["layer", "optimizer", "loss", "transform", "policy", "fitted_model"]
"""The kinds of components that can be added. Each is the name of its decorator."""

TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What a type may be called in an experiment."""

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""What a key may be called."""
