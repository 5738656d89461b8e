"""What is known of a configuration before it is measured. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from loadtest.planning.sweep.configuration import Configuration
from loadtest.planning.sweep.stack.packaged import Facts, PackagedModel


@dataclass(frozen=True, slots=True)
class Description:
    """A configuration by its name, and what its knobs come to.

    `knobs` are those that are turned; `packaged` is what the manifest says of the version;
    `settings` are the gateway's variables.
    """

    name: str
    knobs: Mapping[str, JsonValue]
    workload: str
    packaged: Facts
    config_pbtxt: str
    settings: Mapping[str, str]

    @property
    def workers(self) -> int:
        """Processes of the gateway."""
        workers = self.knobs.get("workers")
        return workers if isinstance(workers, int) else 1

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Description":
        """The description in the JSON values of a run, among others."""
        return cls(
            name=values["name"],
            knobs=values["knobs"],
            workload=values["workload"],
            packaged=Facts(**values["packaged"]),
            config_pbtxt=values["config_pbtxt"],
            settings=values["settings"],
        )


def describe(configuration: Configuration, model: str, packaged: PackagedModel) -> Description:
    """Describe a configuration of a packaged model, which the gateway calls `model`.

    Raises:
        SweepError: the version is not packaged, or knobs do not fit the model.
    """
    knobs = configuration.knobs
    return Description(
        name=configuration.name,
        knobs=knobs.turned(),
        workload=configuration.workload,
        packaged=packaged.versions[packaged.version(knobs)],
        config_pbtxt=packaged.alone(knobs),
        settings=knobs.gateway_settings(model),
    )
