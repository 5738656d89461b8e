import pytest

from gateway.catalog.aliases import in_path, spelled, useless
from gateway.catalog.catalog import Catalog, ServedModel, ServedVersion
from gateway.errors import NotFound

SLASHED, TAGGED = "sentence-transformers/all-MiniLM-L6-v2", "nomic-embed-text:latest"


@pytest.fixture
def catalog(manifest):
    def make(**aliases):
        return Catalog({"minilm": ServedModel("minilm", {1: ServedVersion(manifest(), ready=True)}, 1, 8)}, aliases)

    return make


def test_a_model_is_found_by_its_name_and_by_its_aliases(catalog):
    found = catalog(ada="minilm", minilm="other", typo="minlm")
    assert {found.model(name).name for name in ("minilm", "ada")} == {"minilm"}
    assert (found.name_of("ada"), found.name_of("minilm"), found.name_of("gone")) == ("minilm", "minilm", "gone")
    assert found.aliases_of_models() == {"ada": "minilm"}
    with pytest.raises(NotFound, match=r"^no such model; there are: minilm, and typo is an alias of minlm$"):
        found.model("typo")


def test_an_alias_that_leads_nowhere_has_its_reason(catalog):
    assert useless(catalog(ada="minilm", minilm="minilm", typo="minlm")) == {
        "minilm": "a model has this name itself",
        "typo": "there is no model minlm; there are: minilm",
    }


@pytest.mark.parametrize(
    ("path", "routed"),
    [
        (f"/v1/models/{SLASHED}:predict", f"/v1/models/{spelled(SLASHED)}:predict"),
        (f"/v2/models/{SLASHED}/versions/2/infer", f"/v2/models/{spelled(SLASHED)}/versions/2/infer"),
        (f"/models/{SLASHED}", f"/models/{spelled(SLASHED)}"),
        (f"/models/{SLASHED}/embed", f"/models/{spelled(SLASHED)}/embed"),
        (f"/openai/deployments/{TAGGED}/embeddings", f"/openai/deployments/{spelled(TAGGED)}/embeddings"),
        (f"/models/{SLASHED}-else/embed", f"/models/{SLASHED}-else/embed"),
        ("/v1/models", "/v1/models"),
        ("/models/minilm/embed", "/models/minilm/embed"),
    ],
)
def test_an_alias_is_one_segment_of_the_path_that_is_routed(path, routed):
    assert in_path(path, [SLASHED, TAGGED, "sentence-transformers/all"]) == routed
