"""A YAML file that people write: a mapping of fields, or a sentence that says what is wrong."""

from pathlib import Path
from typing import Any

import yaml


class YamlFileError(ValueError):
    """A file that cannot be read, or is no mapping; the message is one sentence with its path."""


def read_mapping(path: Path, fields: str) -> dict[str, Any]:
    """The fields of a file, unchecked.

    `fields` names some that it should have, for the message to somebody who wrote something else.

    Raises:
        YamlFileError: the file cannot be read, or is no YAML mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise YamlFileError(f"{path}: {exc.strerror if isinstance(exc, OSError) else 'not UTF-8'}") from exc
    except yaml.YAMLError as exc:
        raise YamlFileError(f"{path}: not YAML: {exc}") from exc
    if not isinstance(values, dict):
        raise YamlFileError(f"{path}: must be a mapping with {fields} …")
    return values
