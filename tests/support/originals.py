"""The fields that requests of the original servers and SDKs have, each with a value to send.

Of each: where it was read, and in which version. A field is `taken` (with this value the answer is
that of a request without it), `obeyed`, or `refused` by its name; `test_originals` sends them all.
"""

from typing import Any, Literal, NamedTuple

Fate = Literal["taken", "obeyed", "refused"]


class Field(NamedTuple):
    """A field, a value that its original takes, and what becomes of it here."""

    name: str
    value: Any
    fate: Fate


class Original(NamedTuple):
    """An original's requests to a path: a body with what must be there, and the other fields."""

    source: str
    path: str
    body: dict[str, Any]
    fields: tuple[Field, ...]


def taken(**fields: Any) -> tuple[Field, ...]:
    """Fields that change nothing."""
    return tuple(Field(name, value, "taken") for name, value in fields.items())


def obeyed(**fields: Any) -> tuple[Field, ...]:
    """Fields that are obeyed."""
    return tuple(Field(name, value, "obeyed") for name, value in fields.items())


def refused(**fields: Any) -> tuple[Field, ...]:
    """Fields that are refused."""
    return tuple(Field(name, value, "refused") for name, value in fields.items())


EMBEDDINGS = {"input": "a"}
RERANK = {"query": "q", "documents": ["a", "b"]}
_VLLM = "vLLM at 020638a, vllm/entrypoints/pooling/base/protocol.py"
_VLLM_TAKEN = taken(
    user="u",
    truncate_prompt_tokens=-1,
    padding="do_not_pad",
    truncation_side="right",
    request_id="r-1",
    priority=-5,
    cache_salt="s",
    use_activation=True,
)

ORIGINALS = (
    Original(
        "openai 3.57, openai/types/embedding_create_params.py",
        "/v1/embeddings",
        EMBEDDINGS,
        taken(model="minilm", encoding_format="float", user="u") + obeyed(dimensions=4) + refused(input=[1, 2]),
    ),
    Original(
        f"{_VLLM} (EmbeddingCompletionRequest)",
        "/v1/embeddings",
        EMBEDDINGS,
        _VLLM_TAKEN
        + taken(model="minilm", add_special_tokens=True, encoding_format="float", embed_dtype="float32", endianness="native")
        + obeyed(dimensions=4)
        + refused(mm_processor_kwargs={"a": 1}, add_special_tokens=False, embed_dtype="float16", endianness="big", messages=[]),
    ),
    Original(
        "text-embeddings-inference 1.9.3, router/src/http/types.rs (OpenAICompatRequest)",
        "/v1/embeddings",
        EMBEDDINGS,
        taken(model="text-embeddings-inference", user="u", encoding_format="float") + obeyed(dimensions=4) + refused(input=[[1], [2]]),
    ),
    Original(
        "NVIDIA NeMo Retriever text embedding NIM 1.13, API reference",
        "/v1/embeddings",
        EMBEDDINGS,
        taken(model="minilm", input_type="query", encoding_format="float", truncate="END", user="u", embedding_type="float")
        + obeyed(dimensions=4)
        + refused(embedding_type="int8"),
    ),
    Original(
        "infinity_emb, fastapi_schemas/pymodels.py (OpenAIEmbeddingInputText)",
        "/v1/embeddings",
        EMBEDDINGS,
        taken(model="minilm", encoding_format="float", user="u", modality="text") + obeyed(dimensions=4) + refused(modality="image"),
    ),
    Original(
        "cohere 7.3, cohere/raw_base_client.py (rerank)",
        "/v1/rerank",
        RERANK,
        taken(model="ranker", rank_fields=["text"], max_chunks_per_doc=10, return_documents=True)
        + obeyed(top_n=1)
        + refused(rank_fields=["title"]),
    ),
    Original(
        "cohere 7.3, cohere/v2/raw_client.py (rerank)",
        "/v2/rerank",
        RERANK,
        taken(model="ranker", max_tokens_per_doc=4096, priority=5) + obeyed(top_n=1) + refused(relevant_spans={"mode": "on"}),
    ),
    Original(
        f"{_VLLM}, scoring/protocol.py (RerankRequest)",
        "/rerank",
        RERANK,
        tuple(field for field in _VLLM_TAKEN if field.name != "use_activation")
        + taken(model="ranker", use_activation=True, top_n=0)
        + obeyed(top_n=1)
        + refused(mm_processor_kwargs={"a": 1}),
    ),
    Original(
        "infinity_emb, fastapi_schemas/pymodels.py (RerankInput)",
        "/rerank",
        RERANK,
        taken(model="ranker", raw_scores=False, return_documents=True) + obeyed(top_n=1),
    ),
    Original(
        "cohere 7.3, cohere/v2/raw_client.py (embed)",
        "/v2/embed",
        {"texts": ["a"], "input_type": "search_query"},
        taken(model="minilm", input_type="search_document", embedding_types=["float"], truncate="END", max_tokens=512, priority=5)
        + obeyed(output_dimension=4, embedding_types=["base64"])
        + refused(images=["data:image/png;base64,AA=="], embedding_types=["int8"], input_type="image"),
    ),
    Original(
        "cohere 7.3, cohere/raw_base_client.py (embed)",
        "/v1/embed",
        {"texts": ["a"]},
        taken(model="minilm", input_type="search_query", truncate="END") + obeyed(embedding_types=["float"]) + refused(images=["x"]),
    ),
    Original(
        "text-embeddings-inference 1.9.3, router/src/http/types.rs (EmbedRequest); huggingface_hub 2.4, feature_extraction",
        "/embed",
        {"inputs": "a"},
        taken(truncate=True, truncation_direction="right", normalize=True, encoding_format="float")
        + obeyed(dimensions=4, normalize=False)
        + refused(inputs=[1, 2], prompt_name="query", encoding_format="base64"),
    ),
    Original(
        "text-embeddings-inference 1.9.3, router/src/http/types.rs (PredictRequest)",
        "/predict",
        {"inputs": "a"},
        taken(truncate=True, truncation_direction="Right", raw_scores=False) + obeyed(raw_scores=True),
    ),
    Original(
        "text-embeddings-inference 1.9.3, router/src/http/types.rs (RerankRequest); top_n is litellm's 1.110",
        "/rerank",
        {"query": "q", "texts": ["a", "b"]},
        taken(truncate=True, truncation_direction="Left", raw_scores=False, return_text=False)
        + obeyed(return_text=True, raw_scores=True, top_n=1),
    ),
    Original(
        "text-embeddings-inference 1.9.3, router/src/http/types.rs (SimilarityRequest)",
        "/similarity",
        {"inputs": {"source_sentence": "a", "sentences": ["b"]}},
        taken(parameters={"truncate": True, "truncation_direction": "right", "prompt_name": None}),
    ),
    Original(
        "huggingface_hub 2.4, inference/_generated/types/text_classification.py; `options` is @huggingface/inference's",
        "/models/topics",
        {"inputs": "a"},
        taken(parameters={"function_to_apply": "softmax"}, options={"use_cache": False, "wait_for_model": True})
        + obeyed(parameters={"top_k": 1, "function_to_apply": "none"}),
    ),
    Original(
        "huggingface_hub 2.4, inference/_generated/types/token_classification.py",
        "/models/names",
        {"inputs": "a b c d"},
        taken(parameters={"stride": 4, "ignore_labels": ["O"]}),
    ),
    Original(
        "huggingface_hub 2.4, inference/_generated/types/question_answering.py",
        "/models/answers",
        {"inputs": {"question": "a", "context": "b c d"}},
        taken(parameters={"align_to_words": True, "doc_stride": 16, "max_seq_len": 64})
        + obeyed(parameters={"top_k": 2, "max_answer_len": 5, "handle_impossible_answer": True})
        + refused(parameters={"max_question_len": 8}),
    ),
    Original(
        "huggingface_hub 2.4, inference/_generated/types/zero_shot_classification.py",
        "/models/themes",
        {"inputs": "a", "parameters": {"candidate_labels": ["x", "y"]}},
        obeyed(parameters={"candidate_labels": ["x", "y"], "multi_label": True, "hypothesis_template": "It is {}."}),
    ),
)
