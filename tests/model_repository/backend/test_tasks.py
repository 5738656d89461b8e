"""Each task's answers equal those of transformers' pipelines and of sentence-transformers.

The models are tiny and have random weights.
"""

import json
import random

import numpy as np
import pytest
import torch
from headrace_backend.cost import fit
from headrace_backend.items import Item
from headrace_backend.pipeline import Pipeline
from headrace_backend.session import padded
from headrace_backend.tasks import task_of
from headrace_backend.tokenizer import Fit, TextTokenizer
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizerFast,
    pipeline,
)

MAX_LENGTH = 64
TAGS = ("O", "B-PORT", "I-PORT", "B-GOOD", "I-GOOD")
WORDS = ("wheat", "corn", "oil", "price", "ship", "port", "trade", "tariff", "crude", "barrel", "rose", "the", "dollar", "yen", "Köln")
STRATEGIES = ("none", "simple", "first", "average", "max")


class TorchSession:
    """Runs windows through a PyTorch model."""

    def __init__(self, model, outputs):
        self._model, self._outputs = model.eval(), outputs

    def run(self, windows):
        with torch.inference_mode():
            inputs = {name: torch.from_numpy(values) for name, values in padded(windows, 0).items() if name != "pooling_mask"}
            found = self._model(**inputs)
        return [found[name].numpy() for name in self._outputs]


@pytest.fixture(scope="module")
def hf_tokenizer(classifier):
    return BertTokenizerFast(tokenizer_file=str(classifier.tokenizer), model_max_length=MAX_LENGTH)


@pytest.fixture(scope="module")
def texts():
    rng = random.Random(6)
    return [" ".join(rng.choices(WORDS, k=k)) for k in (1, 3, 8, 12, 40)] + ["ship, port! of-trade", "oil 漢字 price"]


def tiny(kind, hf_tokenizer, seed=0, **fields):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(hf_tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=MAX_LENGTH,
        initializer_range=0.5,
        attn_implementation="eager",
        **fields,
    )
    return kind(config).eval()


def named(labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def answering(classifier, model, manifest):
    manifest = {"max_length": MAX_LENGTH, "labels": [], "windows": None, **manifest}
    task = task_of(manifest)
    stride = (manifest["windows"] or {}).get("stride") if task.stride is None else task.stride
    tokenizer = TextTokenizer(classifier.tokenizer, Fit(manifest["max_length"], stride, task.cut, task.offsets))
    seen = {(batch, length): 16 + batch * length for batch in (1, 2, 4, 8) for length in (8, 16, 32, 64)}
    return Pipeline(tokenizer, TorchSession(model, task.graph_outputs), task, fit(seen, 8, MAX_LENGTH))


def ask(pipe, rows, **parameters):
    """Rows are texts or pairs; the answers, with no error."""
    given = json.dumps(parameters).encode() if parameters else b""
    pairs = [row if isinstance(row, tuple) else (row, None) for row in rows]
    answers = pipe.answer([Item(text.encode(), pair if pair is None else pair.encode(), given) for text, pair in pairs])
    assert answers.errors == [""] * len(rows)
    return [json.loads(answer) for answer in answers.json] if answers.json[0] else next(iter(answers.outputs.values()))


def error(pipe, item):
    (message,) = pipe.answer([item]).errors
    return message


@pytest.fixture(scope="module")
def tagger(hf_tokenizer):
    return tiny(BertForTokenClassification, hf_tokenizer, **named(TAGS))


def token_manifest(**changes):
    settings = {"aggregation_strategy": "simple", "subword_prefix": "##", "unknown_token": "[UNK]"}
    return {"task": "token-classification", "labels": list(TAGS), "postprocessing": settings, **changes}


def entities(found):
    return [(entity.get("entity_group") or entity["entity"], entity["start"], entity["end"]) for entity in found]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_token_classification_equals_the_pipeline(classifier, hf_tokenizer, tagger, texts, strategy):
    expected = pipeline("token-classification", tagger, tokenizer=hf_tokenizer, aggregation_strategy=strategy)(texts)
    answers = ask(answering(classifier, tagger, token_manifest()), texts, aggregation_strategy=strategy)
    assert sum(map(len, expected)) > 20
    for answer, reference in zip(answers, expected, strict=True):
        assert [(entity["label"], entity["start"], entity["end"]) for entity in answer] == entities(reference)
        np.testing.assert_allclose([e["score"] for e in answer], [float(e["score"]) for e in reference], atol=1e-5)


def test_token_classification_of_windows_equals_the_pipeline_with_a_stride(classifier, hf_tokenizer, tagger, texts):
    text = " ".join(texts)
    short = BertTokenizerFast(tokenizer_object=hf_tokenizer.backend_tokenizer, model_max_length=24)
    reference = pipeline("token-classification", tagger, tokenizer=short, aggregation_strategy="first", stride=6)(text)
    windowed = answering(classifier, tagger, token_manifest(max_length=24, windows={"stride": 6, "aggregation": "mean"}))
    (answer,) = ask(windowed, [text], aggregation_strategy="first")
    assert [(entity["label"], entity["start"], entity["end"]) for entity in answer] == entities(reference)


def test_offsets_count_characters_of_the_original_text(classifier, tagger):
    text = "Köln, 漢字 oil"
    (answer,) = ask(answering(classifier, tagger, token_manifest()), [text], aggregation_strategy="none")
    assert {text[entity["start"] : entity["end"]] for entity in answer} <= set("Köln,漢字") | {"oil"}


POOLINGS = ("mean", "cls", "max", "lasttoken")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("normalize", [True, False])
def test_feature_extraction_equals_sentence_transformers(classifier, hf_tokenizer, texts, tmp_path, pooling, normalize):
    model = tiny(BertModel, hf_tokenizer, seed=3)
    model.save_pretrained(tmp_path)
    hf_tokenizer.save_pretrained(tmp_path)
    modules = [Transformer(str(tmp_path), max_seq_length=MAX_LENGTH), Pooling(32, pooling_mode=pooling)]
    expected = SentenceTransformer(modules=[*modules, Normalize()] if normalize else modules, device="cpu").encode(texts)
    settings = {"dimension": 32, "pooling": pooling, "normalize": normalize}
    found = ask(answering(classifier, model, {"task": "feature-extraction", "postprocessing": settings}), texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("function", "activation"), [("sigmoid", torch.nn.Sigmoid()), ("identity", torch.nn.Identity())])
def test_text_ranking_equals_the_cross_encoder(classifier, hf_tokenizer, texts, tmp_path, function, activation):
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=4, num_labels=1)
    model.save_pretrained(tmp_path)
    hf_tokenizer.save_pretrained(tmp_path)
    pairs = [("oil price", text) for text in texts]
    expected = CrossEncoder(str(tmp_path), max_length=MAX_LENGTH, device="cpu").predict(pairs, activation_fn=activation)
    found = ask(answering(classifier, model, {"task": "text-ranking", "postprocessing": {"function": function}}), pairs)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)


def test_of_a_ranked_document_in_windows_the_best_counts(classifier, hf_tokenizer):
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=4, num_labels=1)
    manifest = {"task": "text-ranking", "postprocessing": {"function": "identity"}}
    windowed = answering(classifier, model, {**manifest, "max_length": 12, "windows": {"stride": 0}})
    document = " ".join(["oil", "price", "rose"] * 2 + ["ship", "port", "fell"] * 2 + ["corn"] * 3)
    parts = [document.split()[at : at + 7] for at in (0, 7, 14)]  # 12 tokens less [CLS] query [SEP] … [SEP]
    alone = ask(windowed, [("trade of", " ".join(part)) for part in parts])
    assert ask(windowed, [("trade of", document)])[0] == pytest.approx(alone.max(), abs=1e-5)


@pytest.fixture(scope="module")
def reader(hf_tokenizer):
    return tiny(BertForQuestionAnswering, hf_tokenizer, seed=5)


def reader_manifest(**settings):
    return {"task": "question-answering", "postprocessing": {"max_answer_length": 15, "handle_impossible_answer": False, **settings}}


@pytest.mark.parametrize("top_k", [1, 4])
@pytest.mark.parametrize("impossible", [True, False])
def test_question_answering_equals_the_pipeline(classifier, hf_tokenizer, reader, texts, top_k, impossible):
    contexts = [*texts[1:], " ".join(texts * 3)]  # the last one takes several windows
    hf = pipeline("question-answering", reader, tokenizer=hf_tokenizer)
    pipe = answering(classifier, reader, reader_manifest())
    answers = ask(pipe, [("price of oil", context) for context in contexts], top_k=top_k, handle_impossible_answer=impossible)
    for context, answer in zip(contexts, answers, strict=True):
        reference = hf(question="price of oil", context=context, top_k=top_k, handle_impossible_answer=impossible, max_seq_len=MAX_LENGTH)
        reference = reference if isinstance(reference, list) else [reference]
        assert [(a["answer"], a["start"], a["end"]) for a in answer] == [(r["answer"], r["start"], r["end"]) for r in reference]
        np.testing.assert_allclose([a["score"] for a in answer], [r["score"] for r in reference], atol=1e-5)


def test_all_spans_of_a_context_are_spans(classifier, reader):
    [answers] = ask(answering(classifier, reader, reader_manifest()), [("price of oil", "crude rose here")], top_k=1000)
    assert sorted((one["start"], one["end"]) for one in answers) == [(0, 5), (0, 10), (0, 15), (6, 10), (6, 15), (11, 15)]
    assert all(one["score"] > 0 for one in answers)


NLI = ("contradiction", "neutral", "entailment")


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("candidates", [["trade", "ship", "the price"], ["oil"]])
def test_zero_shot_classification_equals_the_pipeline(classifier, hf_tokenizer, texts, multi_label, candidates):
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=6, **named(NLI))
    template = "the trade of {}"
    hf = pipeline("zero-shot-classification", model, tokenizer=hf_tokenizer)
    expected = hf(texts, candidates, hypothesis_template=template, multi_label=multi_label)
    settings = {"entailment": 2, "contradiction": 0, "hypothesis_template": "This example is {}."}
    pipe = answering(classifier, model, {"task": "zero-shot-classification", "postprocessing": settings})
    answers = ask(pipe, texts, candidate_labels=candidates, hypothesis_template=template, multi_label=multi_label)
    for answer, reference in zip(answers, expected, strict=True):
        assert answer["labels"] == reference["labels"]
        np.testing.assert_allclose(answer["scores"], reference["scores"], atol=1e-5)


def test_a_pair_is_classified_as_the_pipeline_does(classifier, hf_tokenizer, texts):
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=7, **named(NLI))
    pairs = list(zip(texts, reversed(texts), strict=True))
    hf = pipeline("text-classification", model, tokenizer=hf_tokenizer, top_k=None, truncation=True, max_length=MAX_LENGTH)
    expected = [{r["label"]: r["score"] for r in hf({"text": a, "text_pair": b})} for a, b in pairs]
    manifest = {"task": "text-classification", "labels": NLI, "postprocessing": {"function": "softmax", "text_pair": True}}
    found = ask(answering(classifier, model, manifest), pairs)
    np.testing.assert_allclose(found, [[reference[label] for label in NLI] for reference in expected], atol=1e-5)


@pytest.mark.parametrize(("aggregation", "joined"), [("mean", np.mean), ("max", np.max)])
def test_scores_of_windows_are_joined(classifier, hf_tokenizer, aggregation, joined):
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=8, **named(NLI))
    manifest = {"task": "text-classification", "labels": NLI, "max_length": 10}
    windowed = answering(classifier, model, {**manifest, "windows": {"stride": 0, "aggregation": aggregation}})
    words = ["oil", "price", "rose", "ship", "port", "fell", "crude", "wheat"] * 2 + ["corn"]
    alone = ask(windowed, [" ".join(words[at : at + 8]) for at in (0, 8, 16)])
    np.testing.assert_allclose(ask(windowed, [" ".join(words)])[0], joined(alone, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "template", "message"),
    [
        ([f"{i}" for i in range(1001)], "{}", "has 1001 labels, at most 1000 are allowed"),
        (
            ["oil", "corn"],
            "{}" + "a" * 65_533,
            "have 131073 characters, at most 131072 are allowed: give fewer labels, or a shorter template",
        ),
        (["oil" * 1000], "{}" * 44, "have 132000 characters"),
    ],
    ids=["labels", "template", "slots"],
)
def test_hypotheses_are_bounded(classifier, hf_tokenizer, labels, template, message):
    settings = {"entailment": 2, "contradiction": 0, "hypothesis_template": "This example is {}."}
    model = tiny(BertForSequenceClassification, hf_tokenizer, seed=6, **named(NLI))
    pipe = answering(classifier, model, {"task": "zero-shot-classification", "postprocessing": settings})
    options = json.dumps({"candidate_labels": labels, "hypothesis_template": template}).encode()
    assert message in error(pipe, Item(b"oil", None, options))


@pytest.mark.parametrize(
    ("manifest", "item", "message"),
    [
        (token_manifest(), Item(b"oil", None, b'{"aggregation_strategy": "best"}'), "must be one of none, simple, first, max, average"),
        (token_manifest(), Item(b"oil", None, b'{"strategy": "max"}'), "There is no parameter strategy; there are aggregation_strategy."),
        (token_manifest(), Item(b"oil", None, b"[1]"), "The parameters must be a JSON object."),
        (token_manifest(), Item(b"oil", None, b"{"), "The parameters are not JSON"),
        (reader_manifest(), Item(b"oil"), "TEXT_PAIR is missing"),
        (reader_manifest(), Item(b"oil", b"yen", b'{"top_k": 0}'), "The parameter top_k must be at least 1."),
        (reader_manifest(), Item(b"oil", b"yen", b'{"top_k": "all"}'), "The parameter top_k must be like 1."),
        (reader_manifest(), Item(b"oil", b"yen", b'{"max_answer_length": %d}' % 10**30), "max_answer_length must be at most 2147483647."),
        (reader_manifest(), Item(b"oil", b"yen", b"[" * 100_000), "The parameters are not JSON"),
        (reader_manifest(), Item(b"oil " * 99, b"yen"), "leaves no room"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(classifier, tagger, reader, manifest, item, message):
    model = tagger if manifest["task"] == "token-classification" else reader
    assert message in error(answering(classifier, model, manifest), item)
