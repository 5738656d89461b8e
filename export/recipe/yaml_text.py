"""Recipes as YAML where words are words: truth values are `true` and `false`, as in YAML 1.2.

PyYAML reads YAML 1.1, where a label called `no` would be the truth value false, and a field that is
written twice has the value that stands last.
"""

from typing import Any

import yaml

_BOOL = "tag:yaml.org,2002:bool"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to say it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL or first in "tTfF"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the field {key.value} is there twice; remove one", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep)


def parse(text: str) -> Any:
    """The value that a YAML text holds.

    Raises:
        ValueError: it is not YAML, or names a field twice; the message says where and why.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        found = ", ".join(part for part in (exc.context, exc.problem) if part)
        raise ValueError(f"not YAML: {where}{found or 'cannot be read'}") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # a control character, a date that is none, a deep nesting
        raise ValueError(f"not YAML: {' '.join(str(exc).split())}") from exc
