"""The findings of a verification: one finding for each file, and for each thing that is wrong."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Verdict = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """`file` is a path below the run's folder; a note is worth knowing, and harmless."""

    file: str
    verdict: Verdict
    text: str = ""


@dataclass
class Findings:
    """Collects findings about the run at `path`."""

    path: Path
    found: list[Finding] = field(default_factory=list)

    def ok(self, file: str, text: str = "") -> None:
        """Note that a file is what it should be, unless something was said against it."""
        if not self.speaks_against(file):
            self.found.append(Finding(file, "ok", text))

    def note(self, file: str, text: str) -> None:
        self.found.append(Finding(file, "note", text))

    def problem(self, file: str, what: str | Exception) -> None:
        """Note what is wrong with a file; the path with which messages begin is not repeated."""
        text = str(what).removeprefix(str(self.path / file)).removeprefix(": ")
        if text.startswith(":") and text[1:2].isdigit():
            text = f"line {text[1:]}"
        self.found.append(Finding(file, "problem", text))

    def speaks_against(self, file: str) -> bool:
        """Tell whether there is a problem with a file."""
        return any(each.file == file and each.verdict == "problem" for each in self.found)


@dataclass(frozen=True)
class Report:
    """All findings about one run. `status` is the recorded one, or `unreadable`."""

    path: Path
    status: str
    is_in_use: bool
    findings: list[Finding]

    @property
    def problems(self) -> list[Finding]:
        return [each for each in self.findings if each.verdict == "problem"]
