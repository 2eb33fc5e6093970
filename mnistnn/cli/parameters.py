"""Kinds of values that options take, and options that stand for keys of an experiment."""

import re
from collections.abc import Sequence

import click

_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?|(\d{1,9})")
_SEEDS = re.compile(r"(\d{1,18})\.\.(\d{1,18})")
_SEED_LIST = re.compile(r"\d{1,18}(,\d{1,18})*")
_MOST_SEEDS = 1000


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


class Seeds(click.ParamType[list[int]]):
    """Several seeds: a range such as 0..4 or a list such as 0,3,7."""

    name = "seeds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        text = str(value)
        seeds: Sequence[int] = []
        if found := _SEEDS.fullmatch(text):
            seeds = range(int(found[1]), int(found[2]) + 1)
        elif _SEED_LIST.fullmatch(text):
            seeds = [int(part) for part in text.split(",")]
        if not 0 < len(seeds) <= _MOST_SEEDS or len(set(seeds)) != len(seeds):
            self.fail(f"expected up to {_MOST_SEEDS} seeds such as 0..4 or 0,3,7, each once, got '{text}'", param, ctx)
        return list(seeds)


def as_overrides(name: str | None, epochs: int | None, device: str | None) -> list[str]:
    """Write options that stand for configuration keys as overrides."""
    from mnistnn.config.dump import scalar_yaml

    given = {"name": name, "stopping.max_epochs.epochs": epochs, "backend.device": device}
    return [f"{key}={scalar_yaml(value)}" for key, value in given.items() if value is not None]
