"""Find a checkpoint: in a local folder, on the Hugging Face Hub, or in an installed package.

A recipe writes a folder, `org/name@revision`, or `package:NAME/path`. Weights are read from
safetensors only: a pickle can run code when it is read.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from export import commands
from export.checkpoints.json_file import read_object
from export.checkpoints.version5 import readable
from export.checkpoints.weights import tensor_shapes
from export.errors import RecipeError, first_line
from model_repository.manifest import file_digest

WEIGHTS = "model.safetensors"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_READ_SUFFIXES = {".safetensors", ".json", ".txt", ".model", ".py"}
_OF_TRAININGS = ("*.pt", "*.pth", "*.ckpt", "*.bin", "*.h5", "*.msgpack")
_WITH_WEIGHTS = (".Dense", ".LayerNorm", ".WeightedLayerPooling")
_MODULES = ("*_*/config.json", "*_*/model.safetensors")
"""What sentence-transformers' modules keep in folders of their own."""
_HUB_ID = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True)
class Weights:
    """A folder of weights.

    `name` is as the recipe writes it, `revision` a commit of the Hub, `digest` over the files that
    are read. `folder` holds what transformers reads: a translation of `origin`, where the files
    lie, if transformers 5 saved them.
    """

    name: str
    folder: Path
    digest: str
    revision: str | None = None
    origin: Path = Path()
    scratch: TemporaryDirectory[str] | None = field(default=None, compare=False, repr=False)
    """Holds a translation for as long as the weights are in use."""

    @property
    def size_bytes(self) -> int:
        """Of the weights' files."""
        return sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))


def resolve(written: str, folder: Path, sha256: str | None = None) -> Weights:
    """Find the checkpoint that a recipe in `folder` names.

    The digest of its weights is compared with `sha256` where one is given.

    Raises:
        RecipeError: not found, no safetensors weights, or weights other than expected.
    """
    revision = None
    local = folder / written
    if written.startswith("package:"):
        found = _in_package(written)
    elif local.is_dir():
        found = local.resolve()
    elif hub := _HUB_ID.fullmatch(written):
        found = _from_hub(hub["id"], hub["revision"], local)
        revision = found.name
    else:
        raise RecipeError(f"checkpoint: there is no folder {local}; give a folder, org/name@revision, or package:NAME/path")
    _require_checkpoint(found)
    if sha256:
        _require_sha256(found, sha256)
    read, scratch = readable(found)
    return Weights(written, read, folder_digest(found), revision, found, scratch)


def resolve_adapter(written: Path, folder: Path) -> Weights:
    """Find the PEFT adapter that a recipe in `folder` names.

    Raises:
        RecipeError: not found, not a PEFT adapter, or no safetensors weights.
    """
    found = (folder / written).resolve()
    if not (found / ADAPTER_CONFIG).is_file():
        raise RecipeError(f"adapter: {found} holds no {ADAPTER_CONFIG}, so it is no PEFT adapter")
    if not (found / ADAPTER_WEIGHTS).is_file():
        if (pickle := found / "adapter_model.bin").is_file():
            raise RecipeError(
                f"adapter: {found} holds a pickle only, which can run code when it is read; convert it with: "
                f"{commands.unpickle_adapter(pickle, found / ADAPTER_WEIGHTS)}"
            )
        raise RecipeError(f"adapter: {found} holds no {ADAPTER_WEIGHTS}")
    tensor_shapes(found, "adapter")
    read, scratch = readable(found)
    return Weights(str(written), read, folder_digest(found), None, found, scratch)


def folder_digest(folder: Path) -> str:
    """`sha256:<hex>` over the weights, configuration and tokenizer files of a folder.

    It covers their names and their contents.
    """
    found = [*folder.iterdir(), *(path for pattern in _MODULES for path in folder.glob(pattern))]
    files = sorted(path for path in found if path.suffix in _READ_SUFFIXES and path.is_file())
    digests = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    return f"sha256:{hashlib.sha256(json.dumps(digests).encode()).hexdigest()}"


def _in_package(written: str) -> Path:
    package, _, path = written.removeprefix("package:").partition("/")
    # a top-level package is found without being imported
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise RecipeError(f"checkpoint: the package {package!r} of {written} is not installed; install it with pip")
    folder = Path(next(iter(spec.submodule_search_locations))) / path
    if not folder.is_dir():
        raise RecipeError(f"checkpoint: the package {package!r} has no folder {path!r}")
    return folder.resolve()


def _from_hub(repo: str, revision: str | None, local: Path) -> Path:
    if revision is None:
        raise RecipeError(
            f"checkpoint: there is no folder {local}; if {repo} is on the Hugging Face Hub, add the revision to use: {repo}@<commit or tag>"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        # top-level files only, as subfolders hold the same weights for other runtimes; and the
        # settings of sentence-transformers' modules
        patterns = [*(f"*{suffix}" for suffix in sorted(_READ_SUFFIXES)), *_MODULES]
        # a module's folder is called 2_Dense, and no other folder's name begins with a digit
        ignored = ["[!0-9]*/*.safetensors", "onnx/*"]
        folder = Path(snapshot_download(repo, revision=revision, allow_patterns=patterns, ignore_patterns=ignored))
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as exc:
        raise RecipeError(
            f"checkpoint: {repo}@{revision} is not in the local cache, and the Hugging Face Hub cannot be reached "
            "(is HF_HUB_OFFLINE set?); fetch it where there is a network, and give its folder"
        ) from exc
    except (HfHubHTTPError, HFValidationError, OSError) as exc:
        raise RecipeError(f"checkpoint: {repo}@{revision} cannot be had from the Hugging Face Hub: {first_line(exc)}") from exc
    if not any(folder.glob("*.safetensors")) or _modules_without_weights(folder):
        target = repo.partition("/")[2]
        raise RecipeError(
            f"{_pickle_only(f'{repo}@{revision}')}; fetch it into the folder {target} and convert it there with: "
            f"{commands.unpickle_from_hub(repo, revision, target)}"
        )
    return folder


def _require_checkpoint(folder: Path) -> None:
    if (folder / ADAPTER_CONFIG).is_file():
        base = read_object(folder / ADAPTER_CONFIG).get("base_model_name_or_path")
        raise RecipeError(
            f"checkpoint: {folder} is a PEFT adapter ({ADAPTER_CONFIG}); name it as adapter: and the model that it was trained on "
            f"({base or 'its base'}) as checkpoint:"
        )
    if not (folder / "config.json").is_file():
        if (inner := _transformer_folder(folder)) is not None:
            raise RecipeError(
                f"checkpoint: {folder} is laid out as old versions of sentence-transformers did, with the model in {inner}; "
                f"lay it out as today's do, and name the new folder: {commands.save_anew(folder)}"
            )
        raise RecipeError(f"checkpoint: {folder} holds no config.json, so it is no transformers checkpoint")
    if any(folder.glob("*.safetensors")):
        tensor_shapes(folder)
        if pickled := [path for path in _modules_without_weights(folder) if any((folder / path).glob(commands.PICKLED))]:
            raise RecipeError(f"{_pickle_only(str(folder / pickled[0]))}; convert it with: {commands.unpickle(folder)}")
        return
    if any(folder.glob(commands.PICKLED)):
        raise RecipeError(f"{_pickle_only(str(folder))}; convert it with: {commands.unpickle(folder)}")
    if others := sorted(path.name for pattern in _OF_TRAININGS for path in folder.glob(pattern)):
        raise RecipeError(
            f"checkpoint: {folder} holds no weights (*.safetensors), and {others[0]}, which is of a training program or another "
            "library; save the model with save_pretrained where it was trained, and name that folder"
        )
    raise RecipeError(f"checkpoint: {folder} holds no weights (*.safetensors)")


def _modules_without_weights(folder: Path) -> list[str]:
    """Folders of sentence-transformers' modules that need weights and have no safetensors."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        found = [str(module["path"]) for module in modules if str(module["type"]).endswith(_WITH_WEIGHTS)]
    except (OSError, ValueError, KeyError, TypeError):  # where there is such a file, its reader says what is wrong with it
        return []
    return [path for path in found if not (folder / path / WEIGHTS).is_file()]


def _transformer_folder(folder: Path) -> str | None:
    """The folder of sentence-transformers' first module, where the model lies there."""
    found = sorted(path.parent.name for path in folder.glob("0_*/config.json"))
    return found[0] if found and (folder / "modules.json").is_file() else None


def _pickle_only(source: str) -> str:
    return f"checkpoint: {source} has no safetensors weights, and a pickle can run code when it is read"


def _require_sha256(folder: Path, expected: str) -> None:
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise RecipeError(
            f"checkpoint_sha256: {folder} holds no {WEIGHTS} to compare with (sharded weights are not compared); remove the field"
        )
    found = file_digest(weights).removeprefix("sha256:")
    if found != expected:
        raise RecipeError(f"checkpoint_sha256: {weights} has sha256 {found}, and {expected} is expected")
