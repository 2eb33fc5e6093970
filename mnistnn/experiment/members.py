"""The members of a committee: each is an experiment of its own, whose run lies inside the committee's.

<run>/members/<number>/  a run like any other
"""

from dataclasses import dataclass, fields

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_text
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.inside import folder_in

FOLDER = "members"


@dataclass(frozen=True)
class MemberExperiment(LoadedExperiment):
    """The experiment of the member `number` of a committee, in whose file its mistakes are shown."""

    whole: LoadedExperiment
    number: int

    def error(self, message: str, key: str) -> ConfigError:
        return self.whole.error(f"member {self.number + 1}: {key}: {message}", f"model.members.{self.number}")


def member_name(number: int) -> str:
    """Return the name of the folder of a member's run; numbers count from 0."""
    return f"{number + 1:03}"


def member_run(run: RunDirectory, number: int) -> RunDirectory:
    """Return where the run of a member lies; numbers count from 0."""
    return RunDirectory(folder_in(folder_in(run.path, FOLDER), member_name(number)))


def members_of(whole: LoadedExperiment) -> list[MemberExperiment]:
    """Return the experiments of a committee's members, on the committee's backend; none if the model is no committee.

    Raises ConfigError, at the member, if its data are not those of the committee.
    """
    resolved = whole.resolved
    found = []
    for number, member in enumerate(resolved["model"].get("members", ())):
        own = dict(member["experiment"])
        for key, value in resolved["data"].items():
            if own["data"][key] != value:
                raise ConfigError(
                    f"a committee decides on the data that all its members know, and member {number + 1} has "
                    f"data.{key} {own['data'][key]!r} where the committee has {value!r}",
                    key=f"model.members.{number}",
                )
        own["backend"] = resolved["backend"]
        loaded = load_text(resolved_yaml(type_first(own)), f"member {number + 1}", (), whole.plugins)
        known = {field.name: getattr(loaded, field.name) for field in fields(LoadedExperiment)}
        found.append(MemberExperiment(**known, whole=whole, number=number))
    return found
