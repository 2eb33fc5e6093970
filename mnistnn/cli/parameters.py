"""Kinds of values that options take, and options that stand for keys of an experiment."""

import re
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.command import settings
from mnistnn.cli.terminal import printable

_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?|(\d{1,9})")
_RANGE = re.compile(r"(\d{1,18})\.\.(\d{1,18})")
_LIST = re.compile(r"\d{1,18}(,\d{1,18})*")
_MOST = 1000
_SIZE = re.compile(r"(\d{1,4})(?:[x×X](\d{1,4}))?")
_LARGEST_SIDE_PX = 1024


class Duration(click.ParamType[float]):
    """A time such as 90, 90s, 55m or 1h30m, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        parts = _DURATION.fullmatch(str(value))
        if parts is None or not any(parts.groups()):
            self.fail(f"expected a time such as 90s, 55m or 1h30m, got '{value}'", param, ctx)
        hours, minutes, seconds, bare = (int(part or 0) for part in parts.groups())
        return hours * 3600.0 + minutes * 60.0 + seconds + bare


class Size(click.ParamType[tuple[int, int]]):
    """Height and width in pixels: 28x20, or 28 for both."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = _SIZE.fullmatch(str(value))
        height, width = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not (1 <= height <= _LARGEST_SIDE_PX and 1 <= width <= _LARGEST_SIDE_PX):
            self.fail(
                f"expected height and width such as 28x20, or 28 for both, up to {_LARGEST_SIDE_PX}, got '{value}'",
                param,
                ctx,
            )
        return height, width


class Share(click.ParamType[int | float]):
    """A part of all images: a number of them, or a fraction above 0 and below 1."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        if isinstance(value, int | float):
            return value
        text = str(value)
        if re.fullmatch(r"\d{1,9}", text) and int(text):
            return int(text)
        if not re.fullmatch(r"0?\.\d{1,9}", text) or not float(text):
            self.fail(
                f"expected a number of images such as 100, or a fraction above 0 and below 1 such as 0.2, got '{text}'",
                param,
                ctx,
            )
        return float(text)


class Numbers(click.ParamType[list[int]]):
    """Several numbers: a range such as 0..4 or a list such as 0,3,7."""

    name = "numbers"
    what = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        text = str(value)
        numbers: Sequence[int] = []
        if found := _RANGE.fullmatch(text):
            numbers = range(int(found[1]), int(found[2]) + 1)
        elif _LIST.fullmatch(text):
            numbers = [int(part) for part in text.split(",")]
        if not 0 < len(numbers) <= _MOST or len(set(numbers)) != len(numbers):
            self.fail(f"expected up to {_MOST} {self.what} such as 0..4 or 0,3,7, each once, got '{text}'", param, ctx)
        return list(numbers)


class Seeds(Numbers):
    """Several seeds. A single number above 0 is refused: it may be meant for a seed, or for how many there are."""

    name = "seeds"
    what = "seeds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if (text := str(value)).isdecimal() and len(text) < 19 and int(text) > 0:  # 0 is a seed
            several = f"--seeds 0..{int(text) - 1} for {text} seeds, " if int(text) > 1 else ""
            self.fail(
                f"'{text}' may mean a seed or a number of them: write {several}--seeds {text}..{text} for that one",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class ExperimentFile(click.ParamType[Path]):
    """An experiment file: by its path, or by the name of an experiment that comes with mnistnn."""

    name = "experiment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if isinstance(value, Path):
            return value
        from mnistnn.config.examples import experiment_file

        found = experiment_file(str(value))
        if found.name is not None and not settings().quiet:
            which = "the experiment of mnistnn" if found.is_example else "the file, not the experiment of mnistnn"
            click.echo(printable(f"{value}: {which}, {found.path}"), err=True)
        return found.path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete files, and names."""
        from mnistnn.config.examples import example_names

        names = [CompletionItem(name) for name in example_names() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")]
