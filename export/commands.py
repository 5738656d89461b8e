"""Commands that refusals name: each makes a checkpoint that can be read of one that cannot.

They are run by the Python that runs export, which has the libraries, unless another one is needed.
"""

import json
import shlex
import sys
from pathlib import Path

PICKLED = "pytorch_model*.bin"
"""Weights as transformers and sentence-transformers wrote them before safetensors."""

_LOAD = 'torch.load({file}, map_location="cpu", weights_only=True)'
"""Runs no code of a pickle."""
_SAVE = (
    f"w = {{}}; [w.setdefault(os.path.dirname(p), {{}}).update({_LOAD.format(file='p')}) "
    f'for p in sorted(glob.glob(glob.escape(d) + "/**/{PICKLED}", recursive=True))]; '
    '[save_file({k: v.clone() for k, v in t.items()}, f + "/model.safetensors", {"format": "pt"}) for f, t in w.items()]'
)
"""The tensors of the pickles in each folder become one file, whatever the architecture and the
task: no class of a model is asked, so no head is lost."""
_IMPORTS = "import glob, os, torch; from safetensors.torch import save_file; "
_OF_OTHERS = ["*.h5", "*.msgpack", "*.ot", "*.onnx", "onnx/*", "openvino/*"]


def unpickle(folder: Path) -> str:
    """Write the pickles in a folder, and in those of its modules, as safetensors beside them."""
    return _python(f"{_IMPORTS}d = {_string(folder)}; {_SAVE}")


def unpickle_from_hub(repo: str, revision: str, target: str) -> str:
    """Fetch a model of the Hub into the folder `target`, and write its pickles as safetensors."""
    fetched = f"snapshot_download({_string(repo)}, revision={_string(revision)}, ignore_patterns={json.dumps(_OF_OTHERS)})"
    return _python(
        f"{_IMPORTS}from shutil import copytree; from huggingface_hub import snapshot_download; "
        f"d = copytree({fetched}, {_string(target)}, dirs_exist_ok=True); {_SAVE}"
    )


def unpickle_adapter(pickle: Path, target: Path) -> str:
    """Write an adapter's pickle as safetensors."""
    return _python(
        f"import torch; from safetensors.torch import save_file; w = {_LOAD.format(file=_string(pickle))}; "
        f'save_file({{k: v.clone() for k, v in w.items()}}, {_string(target)}, {{"format": "pt"}})'
    )


def unwrap(folder: Path, prefix: str) -> str:
    """Write the safetensors of a folder, and their index, with names without a prefix."""
    renamed = f"{{k.removeprefix({_string(prefix)}): v for k, v in load_file(f).items()}}"
    quoted = json.dumps(f'"{prefix}')
    return _python(
        f"import pathlib; from safetensors.torch import load_file, save_file; d = pathlib.Path({_string(folder)}); "
        f'[save_file({renamed}, f, {{"format": "pt"}}) for f in d.glob("*.safetensors")]; '
        f'[f.write_text(f.read_text().replace({quoted}, chr(34))) for f in d.glob("*.index.json")]'
    )


def save_anew(folder: Path, architecture: object = None, *, elsewhere: bool = False) -> str:
    """Save a model with its tokenizer into a folder beside, by the class that its configuration
    names; or a sentence-transformers model. `elsewhere`: by another Python than export's."""
    source, target = _string(folder), _string(f"{folder}-saved")
    if (folder / "modules.json").is_file():
        return _python(
            f'from sentence_transformers import SentenceTransformer as S; S({source}, device="cpu").save({target})', elsewhere=elsewhere
        )
    kind = architecture if isinstance(architecture, str) and architecture.isidentifier() else "AutoModel"
    return _python(
        f"from transformers import {kind} as M, AutoTokenizer as T; "
        f"M.from_pretrained({source}).save_pretrained({target}); T.from_pretrained({source}).save_pretrained({target})",
        elsewhere=elsewhere,
    )


def save_tokenizer(folder: Path) -> str:
    """Write a tokenizer's files anew where they lie, `tokenizer.json` among them, by another Python
    than export's."""
    script = f"from transformers import AutoTokenizer as T; T.from_pretrained({_string(folder)}).save_pretrained({_string(folder)})"
    return _python(script, elsewhere=True)


def _string(value: object) -> str:
    """A string of Python in double quotes, so that the shell's single ones go around it."""
    return json.dumps(str(value))


def _python(script: str, *, elsewhere: bool = False) -> str:
    return shlex.join(["python" if elsewhere else _interpreter(), "-c", script])


def _interpreter() -> str:
    """The Python that runs this, from the current folder where it lies below it."""
    interpreter, here = Path(sys.executable), Path.cwd()
    return str(interpreter.relative_to(here) if interpreter.is_relative_to(here) else interpreter)
