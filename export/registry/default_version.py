"""Which version of a model answers by default; one that nobody judged only where that is said."""

from collections.abc import Callable, Mapping
from pathlib import Path

from export.errors import ExportError
from export.registry.model_folder import current_config, versions
from model_repository import serving
from model_repository.config import ModelConfig
from model_repository.manifest import Manifest


def answering(settings: ModelConfig, packaged: Mapping[int, Manifest]) -> Manifest | None:
    """The version that answers requests that name none, once those in service are ready.

    It is the promoted version, else the newest; None where none is in service.
    """
    in_service = set(packaged) - serving.out_of_service(settings)
    promoted = serving.default_version(settings)
    return packaged[promoted if promoted in in_service and promoted else max(in_service)] if in_service else None


def present(repository: Path, model: str) -> Manifest | None:
    """The version of a model in a repository that answers by default; None where there is none."""
    packaged = versions(repository / model)
    return answering(current_config(repository / model), packaged) if packaged else None


def require_judged(manifest: Manifest, *, said: bool) -> None:
    """Require a version to be judged, or that it is `said` to be the default all the same.

    Raises:
        ExportError: it is not.
    """
    if manifest.unjudged and not said:
        raise ExportError(
            f"{manifest.unjudged.said}: {manifest.model}/{manifest.version} was exported without an evaluation set, so nobody knows "
            "whether its answers are right; to make it the default all the same, add --unjudged"
        )


def require_change_said(repository: Path, model: str, change: Callable[[ModelConfig], object], *, said: bool) -> None:
    """Require that a change lets no version that nobody judged become the default without a word.

    Raises:
        ExportError: it does.
    """
    packaged, settings = versions(repository / model), current_config(repository / model)
    before = answering(settings, packaged)
    change(settings)
    after = answering(settings, packaged)
    first = before is None and all(manifest.unjudged for manifest in packaged.values())
    if after and not first and (before is None or before.version != after.version):
        try:
            require_judged(after, said=said)
        except ExportError as exc:
            raise ExportError(f"{model}/{after.version} would answer by default then, and {exc}") from exc


def require_replaceable(repository: Path, model: str, version: int, *, said: bool) -> None:
    """Require that a version that nobody will judge does not replace a judged one that answers.

    Raises:
        ExportError: it would.
    """
    answers = present(repository, model)
    if answers and answers.version == version and not answers.unjudged and not said:
        raise ExportError(
            f"{model}/{version} answers by default, and nobody judges what would replace it, for there is no evaluation set: give it "
            f"another version number (version {version} then stays the default), or add --unjudged to put it in front of users all the same"
        )


def settle(
    settings: ModelConfig, manifest: Manifest, packaged: Mapping[int, Manifest], before: Manifest | None, *, said: bool
) -> str | None:
    """Let a new version that nobody judged answer by default only where it is said, or alone.

    Without a promotion the newest version would, and this one may be it: then the version that
    answered `before` is promoted. Returns a sentence for people where the version is not judged.
    """
    after = answering(settings, packaged)
    if not manifest.unjudged:
        return None
    name = f"{manifest.model}/{manifest.version}"
    if after is None or after.version != manifest.version:
        return f"NOT JUDGED: {name} is not the default; `promote {name} --unjudged` makes it so."
    if said or before is None or before.version == manifest.version:
        why = "as --unjudged says" if said else "as no other version did" if before is None else "as the version did that it replaces"
        return f"NOT JUDGED: {name} answers by default, {why}."
    serving.promote(settings, before.version)
    return (
        f"NOT JUDGED: {name} is the newest version, and not the default: version {before.version}, which answered before, was promoted "
        f"for that. `promote {name} --unjudged` makes the new one the default."
    )
