"""Which prompt the type of an input chooses."""

import orjson
import pytest

from gateway.dialects.embedding_options import embedding_options
from gateway.errors import InvalidRequest
from gateway.fakes.manifests import make_manifest

E5 = {"query": "query: ", "passage": "passage: "}


def options(prompts, **asked):
    manifest = make_manifest(
        "minilm", 1, "feature-extraction", postprocessing={"pooling": "mean", "normalize": True, "dimension": 4, "prompts": prompts}
    )
    return orjson.loads(embedding_options(manifest, **asked) or b"{}")


@pytest.mark.parametrize(
    ("prompts", "input_type", "wanted"),
    [
        (E5, "query", {"input_type": "query"}),
        (E5, "search_query", {"input_type": "query"}),
        (E5, "passage", {"prompt_name": "passage"}),
        (E5, "search_document", {"prompt_name": "passage"}),
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, "search_document", {"input_type": "document"}),
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, "passage", {"prompt_name": "passage"}),
        ({"query": "q: ", "corpus": "c: "}, "passage", {"prompt_name": "corpus"}),
        ({"query": "q: "}, "passage", {"input_type": "document"}),
        ({"clustering": "group: "}, "clustering", {"prompt_name": "clustering"}),
        ({}, "passage", {}),
    ],
)
def test_a_type_chooses_the_prompt_of_its_name_or_else_of_its_kind(prompts, input_type, wanted):
    assert options(prompts, input_type=input_type) == wanted


def test_a_type_without_a_prompt_is_refused_where_a_model_has_prompts():
    with pytest.raises(InvalidRequest, match="none for clustering"):
        options(E5, input_type="clustering")
