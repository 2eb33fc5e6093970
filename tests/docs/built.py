"""Sites that Sphinx builds with the settings of the documentation."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRIED = Path(__file__).parent / "site"
"""Pages that try what Sphinx is to do. They are no part of the documentation."""


def build(pages: Path, out: Path) -> str:
    """Build pages as `make docs` does, into a folder beside what Sphinx remembers; return its complaints."""
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-c", ROOT / "docs", pages, out],
        env={"PYTHONPATH": str(ROOT), "PATH": "", "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
    return done.stderr
