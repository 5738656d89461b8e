"""Rotary position settings of transformers 5 → the fields that transformers 4.57 reads.

Version 5 keeps them in one field, `rope_parameters`, of one set or of one for each type of layer;
version 4 has fields of its own for each architecture, and keeps its defaults in silence where it
does not find them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from export.errors import RecipeError

RopeParameters = Mapping[str, Any]
Translate = Callable[[Mapping[str, Any]], dict[str, Any]]

_SCALINGS = ("default", "linear", "dynamic", "yarn", "llama3")
"""The types of scaling whose two forms were compared. Version 4's longrope takes its factor from
another place."""
_OF_BASE = ("rope_type", "type", "rope_theta", "partial_rotary_factor")
_FULL, _SLIDING = "full_attention", "sliding_attention"
FIELD = "rope_parameters"


def translated(config: Mapping[str, Any]) -> dict[str, Any]:
    """A `config.json` of transformers 5 with the rotary settings as 4.57 reads them.

    Raises:
        RecipeError: 4.57 has no field for what is said, or nobody compared the two forms.
    """
    if FIELD not in config:
        return dict(config)
    model_type = config.get("model_type")
    if model_type not in ARCHITECTURES:
        raise RecipeError(
            f"checkpoint: config.json says {FIELD}, which is transformers 5's, and export reads it of {', '.join(ARCHITECTURES)} only, "
            f"not of {model_type}; transformers 4.57, which export reads with, would pass over it in silence: choose a checkpoint that "
            "transformers 4 saved"
        )
    rest = {name: value for name, value in config.items() if name != FIELD}
    return {**rest, **(ARCHITECTURES[str(model_type)](config) if config[FIELD] else {})}


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    if _factor(config, "factor").get("factor", 1) != 1:
        raise RecipeError(
            f"checkpoint: config.json says {FIELD}.partial_rotary_factor, and transformers 4.57, which export reads with, has no such "
            f"field for {config.get('model_type')}; this checkpoint cannot be exported"
        )
    return _base(config[FIELD])


def _partial(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**_base(config[FIELD]), **_factor(config, "partial_rotary_factor")}


def _unscaled(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"rope_theta": _theta(config[FIELD], FIELD), **_factor(config, "partial_rotary_factor")}


def _gpt_neox(config: Mapping[str, Any]) -> dict[str, Any]:
    found = _base(config[FIELD])
    return {"rotary_emb_base": found["rope_theta"], "rope_scaling": found["rope_scaling"], **_factor(config, "rotary_pct")}


def _gemma3(config: Mapping[str, Any]) -> dict[str, Any]:
    full, sliding = _by_layer(config)
    return {**_base(full), "rope_local_base_freq": _theta(sliding, f"{FIELD}.{_SLIDING}")}


def _modernbert(config: Mapping[str, Any]) -> dict[str, Any]:
    """Version 4 knows a global layer in every n, beginning with the first; version 5 any order."""
    full, sliding = _by_layer(config)
    layers = config.get("layer_types") or []
    found = [at for at, kind in enumerate(layers) if kind == _FULL]
    every = found[1] if len(found) > 1 else max(len(layers), 1)
    if found != list(range(0, len(layers), every)):
        raise RecipeError(
            f"checkpoint: config.json says layer_types {', '.join(map(str, layers))}, and transformers 4.57, which export reads with, "
            f"knows {_FULL} in the first layer and every n-th one after it only; this checkpoint cannot be exported"
        )
    return {
        "global_rope_theta": _theta(full, f"{FIELD}.{_FULL}"),
        "local_rope_theta": _theta(sliding, f"{FIELD}.{_SLIDING}"),
        "global_attn_every_n_layers": every,
        "layer_types": None,
    }


ARCHITECTURES: Mapping[str, Translate] = {
    **dict.fromkeys(("qwen2", "qwen3", "llama", "mistral", "gemma", "smollm3", "granite", "falcon"), _flat),
    **dict.fromkeys(("phi", "phi3", "stablelm"), _partial),
    "nemotron": _unscaled,
    "gpt_neox": _gpt_neox,
    "gemma3_text": _gemma3,
    "modernbert": _modernbert,
}
"""By `model_type`: those whose answers were compared with transformers 5's own."""


def _base(parameters: RopeParameters) -> dict[str, Any]:
    kind = _kind(parameters, FIELD)
    scaling = {name: value for name, value in parameters.items() if name not in _OF_BASE}
    if kind == "default" and scaling:
        raise RecipeError(f"checkpoint: config.json says {FIELD}.{min(scaling)} beside rope_type default, which nobody reads; remove it")
    return {"rope_theta": parameters.get("rope_theta"), "rope_scaling": None if kind == "default" else {"rope_type": kind, **scaling}}


def _theta(parameters: RopeParameters, where: str) -> Any:
    """The base of unscaled rotary positions: version 4 has no field for a scaling here."""
    others = sorted(set(parameters) - set(_OF_BASE))
    if _kind(parameters, where) != "default" or others:
        raise RecipeError(
            f"checkpoint: config.json says {where}.{(others or ['rope_type'])[0]}, and transformers 4.57, which export reads with, "
            "has no field for it; this checkpoint cannot be exported"
        )
    return parameters.get("rope_theta")


def _kind(parameters: object, where: str) -> str:
    if not isinstance(parameters, Mapping) or not isinstance(parameters.get("rope_theta"), int | float):
        raise RecipeError(f"checkpoint: config.json's {where} is no set of rotary settings with a rope_theta; correct it")
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind not in _SCALINGS:
        raise RecipeError(
            f"checkpoint: config.json says {where}.rope_type {kind}, and export reads {', '.join(_SCALINGS)} of transformers 5; "
            "nobody compared what transformers 4.57, which export reads with, makes of it: choose a checkpoint that transformers 4 saved"
        )
    return str(kind)


def _factor(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = config[FIELD].get("partial_rotary_factor")
    return {} if found is None else {name: found}


def _by_layer(config: Mapping[str, Any]) -> tuple[RopeParameters, RopeParameters]:
    parameters = config[FIELD]
    if not isinstance(parameters, Mapping) or set(parameters) - {_FULL, _SLIDING} or len(parameters) < 2:
        raise RecipeError(f"checkpoint: config.json's {FIELD} must have {_FULL} and {_SLIDING}, and nothing else; correct it")
    return parameters[_FULL], parameters[_SLIDING]
