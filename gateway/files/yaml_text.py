"""YAML that people write and read: the one module that knows `yaml`."""

from typing import Any

import yaml


def dump(value: Any) -> str:
    """A value of JSON as YAML, its members in their order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text


def load(text: str) -> Any:
    """The value that a text holds; None where it holds nothing.

    Raises:
        ValueError: it cannot be read; the message says where and why.
    """
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(f"not YAML: {exc}") from exc
    except RecursionError as exc:
        raise ValueError("not YAML that can be read: it is nested too deeply") from exc
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        # the constructors fail on a value that does not fit its tag, such as `!!bool maybe`
        raise ValueError(f"not YAML that can be read: a value does not fit its tag ({exc!r})") from exc
