"""Which version of a model answers by default, and which are out of service. Pure.

Both are parameters of its `config.pbtxt`:

    default_version           the promoted version; without it the newest that is ready answers
    default_version_history   what `rollback` goes back to, oldest first: versions, and `newest`
                              for the time before the first promotion
    out_of_service            versions that stay packaged and are not served; the version policy
                              follows from them
"""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

DEFAULT, HISTORY, OUT_OF_SERVICE = "default_version", "default_version_history", "out_of_service"
NEWEST = "newest"
HISTORY_LENGTH = 32


class ServingError(ValueError):
    """A parameter that cannot be read, or a rollback without an earlier default.

    The message says what to change.
    """


def default_version(config: Any) -> int | None:
    """The promoted version of a `ModelConfig`; None: the newest that is ready answers.

    Raises:
        ServingError: the parameter is not a version.
    """
    found = _read(config, DEFAULT)
    if len(found) > 1:
        raise ServingError(f"{config.name}: parameter {DEFAULT} names {len(found)} versions; leave one")
    return found[0] if found else None


def history(config: Any) -> list[int | None]:
    """The defaults before the present one, oldest first; None: the newest answered.

    Raises:
        ServingError: the parameter is not a list of versions.
    """
    return _read(config, HISTORY)


def out_of_service(config: Any) -> set[int]:
    """The versions that are packaged and not served.

    Raises:
        ServingError: the parameter is not a list of versions.
    """
    return {version for version in _read(config, OUT_OF_SERVICE) if version is not None}


def promote(config: Any, version: int) -> None:
    """Make a version the default and keep the one before for `rollback`.

    Raises:
        ServingError: a parameter cannot be read.
    """
    before = default_version(config)
    if before != version:
        _write(config, HISTORY, [*history(config), before][-HISTORY_LENGTH:])
        _write(config, DEFAULT, [version])


def rollback(config: Any) -> int | None:
    """Make the default before the present one the default again, and return it.

    None is the newest that is ready.

    Raises:
        ServingError: there is none before, or a parameter cannot be read.
    """
    *older, before = history(config) or [0]
    if before == 0:
        raise ServingError(f"{config.name} has no default before the present one; promote the version that you want")
    _write(config, HISTORY, older)
    _write(config, DEFAULT, [] if before is None else [before])
    return before


def take_out(config: Any, versions: Iterable[int]) -> None:
    """Mark versions as out of service.

    A gateway stops using them at once, Triton stops serving them when the version policy follows.
    """
    _write(config, OUT_OF_SERVICE, sorted(out_of_service(config) | set(versions)))


def put_back(config: Any, versions: Iterable[int]) -> None:
    """Mark versions as in service again."""
    _write(config, OUT_OF_SERVICE, sorted(out_of_service(config) - set(versions)))


def set_version_policy(config: Any, packaged: Collection[int]) -> None:
    """Let Triton serve the packaged versions that are not out of service.

    Versions that are gone are removed from the parameters.

    Raises:
        ServingError: a parameter cannot be read.
    """
    default, before, out = default_version(config), history(config), out_of_service(config) & set(packaged)
    kept = [version for version in before if version is None or version in packaged]
    if default is not None and default not in packaged:
        # the gateway answers with the newest until someone promotes
        default = None
    kept = [version for version, _ in groupby([*kept, default])][:-1]
    _write(config, DEFAULT, [] if default is None else [default])
    _write(config, HISTORY, kept)
    _write(config, OUT_OF_SERVICE, sorted(out))
    if out:
        config.version_policy.specific.versions[:] = sorted(set(packaged) - out)
        config.version_policy.specific.SetInParent()
    else:
        config.version_policy.all.SetInParent()


def _read(config: Any, parameter: str) -> list[int | None]:
    # asking a protobuf map for a key that is not there would make the key
    words = config.parameters[parameter].string_value.split() if parameter in config.parameters else []
    if wrong := [word for word in words if word != NEWEST and not (word.isdecimal() and int(word))]:
        raise ServingError(f"{config.name}: parameter {parameter}: {wrong[0]!r} is not a version; write versions with spaces between them")
    return [None if word == NEWEST else int(word) for word in words]


def _write(config: Any, parameter: str, versions: Iterable[int | None]) -> None:
    text = " ".join(NEWEST if version is None else str(version) for version in versions)
    if text:
        config.parameters[parameter].string_value = text
    elif parameter in config.parameters:
        del config.parameters[parameter]
