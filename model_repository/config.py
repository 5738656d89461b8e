"""`config.pbtxt`: written and read with the protobuf classes that tritonclient ships.

It can be edited by hand. What a user edits (batching, instances, queue policy, backend parameters)
survives the next export; the tensors, the backend's name, the manifests with their signatures and
the version policy are ours and are set again each time.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from google.protobuf import text_format
from headrace_backend.machine import cores
from tritonclient.grpc import model_config_pb2 as pb
from tritonclient.grpc.model_config_pb2 import ModelConfig as ModelConfig  # the name that others import from here

from model_repository.manifest import Manifest, ManifestError
from model_repository.measured import Precision, Target
from model_repository.serving import set_version_policy
from model_repository.tensors import DIGEST, DIGEST_BYTES, ERROR, TOKENS, Tensors

FILE = "config.pbtxt"
BACKEND = "headrace"
MANIFEST_PARAMETER = "manifest."
SIGNATURE_PARAMETER = "signature."
MAX_BATCH_SIZE = 64


class _Queue(NamedTuple):
    max_requests: int
    timeout_s: int


QUEUES = {1: _Queue(max_requests=256, timeout_s=30), 2: _Queue(max_requests=1024, timeout_s=600)}
"""By Triton's priority level.

Level 1 is for callers that wait for the answer, level 2 for batch work, which is served while no
request of level 1 waits.
"""


class ConfigError(ValueError):
    """A `config.pbtxt` that cannot be read; the message says where and why."""


def read(path: Path) -> ModelConfig:
    """Parse a `config.pbtxt`.

    Raises:
        ConfigError: the file is not a Triton model configuration in protobuf text format.
    """
    config = ModelConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
    except (text_format.ParseError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: {exc}") from exc
    return config


def write(path: Path, config: ModelConfig) -> None:
    """Write a `config.pbtxt` in one step: a reader sees the old file or the new one."""
    part = path.with_suffix(".part")
    part.write_text(text_format.MessageToString(config), encoding="utf-8")
    part.replace(path)


def updated(
    config: ModelConfig | None, manifests: Mapping[int, Manifest], signatures: Mapping[int, str] = MappingProxyType({})
) -> ModelConfig:
    """The configuration of a model with these versions (at least one).

    It keeps what a user may have edited in `config`. Default version and versions out of service
    also stay, if they are among these versions.

    Raises:
        ServingError: a parameter that says which versions serve cannot be read.
    """
    newest = manifests[max(manifests)]
    new = ModelConfig()
    if config is None:
        _set_defaults(new, newest)
    else:
        new.CopyFrom(config)
    new.name, new.backend = newest.model, BACKEND
    set_version_policy(new, manifests)
    del new.input[:], new.output[:]
    _set_tensors(new, newest.tensors)
    for key in [key for key in new.parameters if key.startswith((MANIFEST_PARAMETER, SIGNATURE_PARAMETER))]:
        del new.parameters[key]
    for version, manifest in manifests.items():
        # fields that the manifest's writer lacked stay out: the signature is over what it wrote
        new.parameters[f"{MANIFEST_PARAMETER}{version}"].string_value = manifest.model_dump_json(exclude_unset=True)
        if version in signatures:
            new.parameters[f"{SIGNATURE_PARAMETER}{version}"].string_value = signatures[version]
    return new


def manifests(config: ModelConfig) -> dict[int, Manifest]:
    """The manifests in a configuration's parameters, by version.

    Raises:
        ManifestError: a manifest that cannot be read.
    """
    found = {}
    for key in sorted(key for key in config.parameters if key.startswith(MANIFEST_PARAMETER)):
        manifest = Manifest.parse(config.parameters[key].string_value, where=f"{config.name}: parameter {key}")
        if key != f"{MANIFEST_PARAMETER}{manifest.version}":
            raise ManifestError(f"{config.name}: parameter {key} holds the manifest of version {manifest.version}")
        found[manifest.version] = manifest
    return found


def instances(config: ModelConfig) -> int:
    """How many instances of each version the configuration asks for."""
    return sum(group.count for group in config.instance_group) or 1


def _set_tensors(config: ModelConfig, tensors: Tensors) -> None:
    for name in (*tensors.inputs, *tensors.optional_inputs):
        config.input.add(name=name, data_type=pb.TYPE_STRING, dims=[1], optional=name in tensors.optional_inputs)
    if tensors.is_json:
        config.output.add(name=tensors.output, data_type=pb.TYPE_STRING, dims=[1])
    else:
        config.output.add(name=tensors.output, data_type=pb.TYPE_FP32, dims=[-1])
    config.output.add(name=TOKENS, data_type=pb.TYPE_INT32, dims=[1])
    config.output.add(name=ERROR, data_type=pb.TYPE_STRING, dims=[1])
    config.output.add(name=DIGEST, data_type=pb.TYPE_UINT8, dims=[DIGEST_BYTES])


def execution_provider(target: Target, precision: Precision) -> str:
    """The ONNX Runtime execution provider that serves a version.

    It is TensorRT for static int8, which the CUDA provider does not run fast.
    """
    if target == "cpu":
        return "CPUExecutionProvider"
    return "TensorrtExecutionProvider" if precision == "int8-static" else "CUDAExecutionProvider"


def _set_defaults(config: ModelConfig, newest: Manifest) -> None:
    config.max_batch_size = MAX_BATCH_SIZE
    _set_queues(config.dynamic_batching)
    if newest.target == "gpu":
        # a Python-based backend places itself: KIND_CPU only says where Triton puts the tensors
        config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU, count=1)
    else:
        # the cores of this machine; where more serve, the instances get more threads, and where
        # fewer serve, the backend advises fewer instances
        config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU, count=cores())
    config.parameters["execution_provider"].string_value = execution_provider(newest.target, newest.precision)
    for choice in ("intra_op_threads", "lone_text_threads", "allow_spinning", "io_binding"):
        config.parameters[choice].string_value = "auto"
    # an empty text through the whole backend: a version that cannot answer is not ready, and no
    # request pays for what the first one sets up
    warmup = config.model_warmup.add(name="empty text", batch_size=1)
    for name in newest.tensors.inputs:
        sample = warmup.inputs[name]
        sample.data_type, sample.zero_data = pb.TYPE_STRING, True
        sample.dims.append(1)


def _set_queues(batching: pb.ModelDynamicBatching) -> None:
    # no queue delay: requests that arrive while the instances are busy are batched anyway, and a
    # lone request does not wait for others
    batching.priority_levels, batching.default_priority_level = len(QUEUES), min(QUEUES)
    for level, queue in QUEUES.items():
        policy = batching.priority_queue_policy[level]
        policy.timeout_action = pb.ModelQueuePolicy.REJECT
        policy.max_queue_size = queue.max_requests
        policy.default_timeout_microseconds = queue.timeout_s * 1_000_000
        # a request may bring a shorter timeout; without a default, which it must be shorter than,
        # Triton would ignore it
        policy.allow_timeout_override = True
