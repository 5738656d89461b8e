"""What the protocol says of the server and its models, from the catalog.

REST and gRPC have the same fields.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version as version_of
from typing import Any

from gateway.catalog.catalog import Catalog, ServedModel
from gateway.errors import NotFound
from model_repository.tensors import DIGEST

EXTENSIONS = ["classification", "schedule_policy", "model_configuration", "binary_tensor_data", "parameters"]
_DATATYPES = {"TYPE_STRING": "BYTES"}


@cache
def server() -> dict[str, Any]:
    """The server: its name, version, and the extensions that it speaks."""
    return {"name": "headrace", "version": version_of("headrace"), "extensions": EXTENSIONS}


def model(served: ServedModel, version: int | None) -> dict[str, Any]:
    """A model's tensors, and its ready versions or, where `version` is given, that one.

    Raises:
        NotFound: no such version.
    """
    require_version(served, version)
    versions = [number for number in served.versions if served.is_ready(number)] if version is None else [version]
    config = served.config
    return {
        "name": served.name,
        "versions": [str(number) for number in sorted(versions)],
        "platform": config.platform or config.backend,
        "inputs": [_tensor(tensor) for tensor in config.input],
        # the headers of an answer say which package gave it
        "outputs": [_tensor(tensor) for tensor in config.output if tensor.name != DIGEST],
    }


def is_ready(served: ServedModel, version: int | None) -> bool:
    """Whether a version answers; None stands for the one that a request without a version gets.

    Raises:
        NotFound: no such version.
    """
    require_version(served, version)
    return served.is_ready(served.default_version if version is None else version)


def index(catalog: Catalog, ready_only: bool) -> list[Mapping[str, str]]:
    """Every version of every model, with its state and what keeps it from answering."""
    return [
        {"name": served.name, "version": str(number), "state": "READY" if version.ready else "UNAVAILABLE"}
        | ({"reason": version.reason} if version.reason else {})
        for _, served in sorted(catalog.models.items())
        for number, version in sorted(served.versions.items())
        if version.ready or not ready_only
    ]


def require_version(served: ServedModel, version: int | None) -> None:
    """Require that a model has this version; None requires nothing.

    Raises:
        NotFound: names the versions that there are.
    """
    if version is not None and version not in served.versions:
        raise NotFound(f"model {served.name} has no version {version}; there are: {', '.join(map(str, served.versions))}")


def _tensor(tensor: Any) -> dict[str, Any]:
    datatype = tensor.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[tensor.data_type].name
    return {"name": tensor.name, "datatype": _DATATYPES.get(datatype, datatype.removeprefix("TYPE_")), "shape": [-1, *tensor.dims]}
