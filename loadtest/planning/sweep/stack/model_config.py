"""`config.pbtxt` of a configuration. Pure.

It is read and written with the protobuf classes that tritonclient ships.
"""

from typing import Any

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from loadtest.planning.sweep.errors import SweepError
from loadtest.planning.sweep.knobs import Knobs

FILE = "config.pbtxt"
BY_VERSION = ("manifest.", "signature.")
ABOUT_VERSIONS = ("default_version", "default_version_history", "out_of_service")


def tuned(text: str, knobs: Knobs, where: str) -> str:
    """A configuration with the knobs' batching, instances and backend parameters; all else stays.

    Raises:
        SweepError: `text` is no Triton model configuration, or the knobs do not fit it.
    """
    config = _parse(text, where)
    if knobs.max_batch_size is not None:
        config.max_batch_size = knobs.max_batch_size
    _batch(config, knobs)
    if knobs.instances is not None:
        if not config.instance_group:
            config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU)
        del config.instance_group[1:]
        config.instance_group[0].count = knobs.instances
    for name, value in knobs.parameters.items():
        config.parameters[name].string_value = str(value)
    return str(text_format.MessageToString(config))


def narrowed(text: str, version: int, where: str) -> str:
    """A configuration of one version alone, without what it says of the other versions.

    Raises:
        SweepError: `text` is no Triton model configuration.
    """
    config = _parse(text, where)
    config.version_policy.specific.versions[:] = [version]
    kept = {f"{kind}{version}" for kind in BY_VERSION}
    for key in list(config.parameters):
        if key in ABOUT_VERSIONS or (key.startswith(BY_VERSION) and key not in kept):
            del config.parameters[key]
    return str(text_format.MessageToString(config))


def _batch(config: Any, knobs: Knobs) -> None:
    if knobs.dynamic_batching is False:
        config.ClearField("dynamic_batching")
        return
    if knobs.dynamic_batching:
        config.dynamic_batching.SetInParent()
    if not config.HasField("dynamic_batching"):
        if knobs.queue_delay_us is not None or knobs.preferred_batch_sizes is not None:
            raise SweepError(f"{config.name}: queue_delay_us and preferred_batch_sizes need dynamic_batching: it is off as packaged")
        return
    batching = config.dynamic_batching
    if knobs.queue_delay_us is not None:
        batching.max_queue_delay_microseconds = knobs.queue_delay_us
    if knobs.preferred_batch_sizes is not None:
        batching.preferred_batch_size[:] = knobs.preferred_batch_sizes
    for size in batching.preferred_batch_size:
        if size > config.max_batch_size:
            raise SweepError(f"{config.name}: preferred_batch_sizes must be at most max_batch_size, {config.max_batch_size}, not {size}")


def _parse(text: str, where: str) -> Any:
    config = pb.ModelConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as exc:
        raise SweepError(f"{where}: {exc}") from exc
    return config
