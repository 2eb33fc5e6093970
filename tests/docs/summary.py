"""A line at the end of the tests: how many fences of the documentation ran."""

from collections import Counter


def pytest_terminal_summary(terminalreporter) -> None:
    """Add up what the pages counted, wherever their tests ran."""
    counts = Counter[str]()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call":
                counts.update(dict(report.user_properties).get("fences", {}))
    if counts:
        terminalreporter.line("fences of the documentation: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
