"""The catalogs of several Tritons merged into one, and which Triton gets which calls. Pure."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace

from gateway.catalog.catalog import Catalog, ServedModel, ServedVersion


def merged(catalogs: Mapping[str, Catalog]) -> Catalog:
    """What the Tritons, given by address, serve together: a version is ready if one has it ready.

    Instances add up over those that have the model. Where one version number holds different
    packages, as while a repository is being replaced, the package that is ready on most counts, and
    the others do not answer. The configuration is that of the Triton with the newest ready version.
    """
    names = sorted({name for catalog in catalogs.values() for name in catalog.models})
    return Catalog({name: _model([catalog.models[name] for catalog in catalogs.values() if name in catalog.models]) for name in names})


def routes(catalog: Catalog, catalogs: Mapping[str, Catalog]) -> dict[str, frozenset[Hashable]]:
    """The packages of the merged catalog that each address answers, as (model, version, digest).

    Among them are those that are leaving: rows wait for them that were placed there before.
    """
    return {
        address: frozenset(
            (name, number, version.manifest.digest)
            for name, model in own.models.items()
            for number, version in model.versions.items()
            if (version.ready or version.leaving) and version.manifest.digest == catalog.models[name].versions[number].manifest.digest
        )
        for address, own in catalogs.items()
    }


def unready(catalog: Catalog) -> Catalog:
    """The last catalog of a Triton that no longer answers, with no version ready.

    Its versions stay known, so that their cached answers are still given.
    """
    return Catalog({name: replace(model, versions=_unready(model.versions), instances=0) for name, model in catalog.models.items()})


def _unready(versions: Mapping[int, ServedVersion]) -> dict[int, ServedVersion]:
    return {
        number: replace(version, ready=False, leaving=False, reason="its model server does not answer")
        for number, version in versions.items()
    }


def _model(models: list[ServedModel]) -> ServedModel:
    if len(models) == 1:
        return models[0]
    numbers = sorted({number for model in models for number in model.versions})
    promotions = Counter(model.promoted for model in models if model.promoted is not None)
    return ServedModel(
        models[0].name,
        {number: _version([model.versions[number] for model in models if number in model.versions]) for number in numbers},
        instances=sum(model.instances for model in models),
        max_batch_size=min(model.max_batch_size for model in models),
        promoted=max(promotions, key=lambda number: (promotions[number], number)) if promotions else None,
        config=max(models, key=_newest_ready).config,
    )


def _newest_ready(model: ServedModel) -> int:
    return max((number for number, version in model.versions.items() if version.ready), default=0)


def _version(found: list[ServedVersion]) -> ServedVersion:
    ready = Counter(version.manifest.digest for version in found if version.ready)
    return max(found, key=lambda version: (version.ready, ready[version.manifest.digest], version.manifest.digest))
