"""A sentence-transformers folder is served as the library reads it, or refused by name.

The folders are made by the library itself, with random modules and settings.
"""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from headrace_backend.items import Item
from named_command import run_named
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Normalize, Pooling

from export.checkpoints.libraries import CheckpointLibraries
from export.checkpoints.load import load
from export.checkpoints.tokenization import write_tokenizer
from export.errors import ExportError, RecipeError
from export.graphs import company
from export.graphs.batches import Padded
from export.graphs.graph import Graph
from export.graphs.onnx_export import export_onnx
from export.graphs.reference import torch_run
from export.graphs.serving import Serving
from export.graphs.tail import TRANSFORMER_OUTPUT, append_tail, make_tail
from export.inputs import Inputs
from export.tasks import TASKS
from model_repository.manifest import TOKENIZER
from model_repository.postprocessing import POOLING_MODES

Read = Callable[..., Inputs]
Served = Callable[..., Any]
HIDDEN, MAX_LENGTH = 32, 24
PROMPTS = {"query": "alna bero ", "passage": "cota: "}
TEXTS = ["Alna", "bero COTA", "duto fina gota huvo alna bero cota duto fina gota huvo", "elro cora " * 20, "huvo Fina"]


@pytest.fixture
def served(inputs: Read, tmp_path: Path) -> Served:
    """Serve a folder in fp32, without Triton.

    The answers are those of texts alone; all of them together must be the same.
    """

    def serve(folder: Path, task: str, **fields: Any) -> Served:
        found = inputs(task=task, checkpoint=str(folder), max_length=MAX_LENGTH, precision="fp32", evaluation="none", **fields)
        kind = TASKS[task].for_checkpoint(folder)
        reference = load(found, kind)
        write_tokenizer(reference.tokenizer, MAX_LENGTH, tmp_path / TOKENIZER, reference.pad_id)
        serving = Serving(reference.answering, tmp_path / TOKENIZER)
        graph = export_onnx(reference.model, kind, tmp_path / "onnx", token_types=reference.token_types)
        if plan := kind.tail(kind.files(folder), reference.answering):
            append_tail(graph, make_tail(plan, HIDDEN), HIDDEN)
        runs = Padded(Graph(graph, serving.backend.graph_outputs), serving.encode(()).pad_id)

        def ask(texts: Sequence[str | tuple[str, str]], **parameters: Any) -> Any:
            raw = json.dumps(parameters).encode() if parameters else b""
            pairs = [(text, None) if isinstance(text, str) else text for text in texts]
            items = [Item(first.encode(), second and second.encode(), raw) for first, second in pairs]
            alone = np.concatenate([serving.answer(runs, [item]) for item in items])
            np.testing.assert_allclose(serving.answer(runs, items, together=True), alone, atol=1e-5)
            return alone

        return ask

    return serve


def random_modules(rng: random.Random, encoder: Path) -> list[torch.nn.Module]:
    """A transformer, pooling of one or two ways, and what may come after."""
    torch.manual_seed(rng.randint(0, 1000))
    modes = tuple(rng.sample(POOLING_MODES, rng.choice((1, 1, 2, 3))))
    found: list[torch.nn.Module] = [Transformer(str(encoder)), Pooling(HIDDEN, modes, include_prompt=rng.random() < 0.5)]
    width = HIDDEN * len(modes)
    for _ in range(rng.choice((0, 0, 1, 2))):
        kind = rng.choice(("dense", "norm", "dropout", "normalize"))
        if kind == "dense":
            out = rng.choice((8, 16, 40))
            activation = rng.choice((torch.nn.Tanh(), torch.nn.Identity(), torch.nn.GELU(), torch.nn.ReLU()))
            found.append(Dense(width, out, bias=rng.random() < 0.5, activation_function=activation))
            width = out
        else:
            found.append({"norm": LayerNorm(width), "dropout": Dropout(), "normalize": Normalize()}[kind])
    return [*found, Normalize()] if rng.random() < 0.5 else found


@pytest.mark.parametrize("seed", range(12))
def test_a_folder_of_any_modules_embeds_as_the_library_does(served: Served, encoder: Path, tmp_path: Path, seed: int) -> None:
    rng, folder = random.Random(seed), tmp_path / "model"
    model = SentenceTransformer(
        modules=random_modules(rng, encoder),
        prompts=PROMPTS if rng.random() < 0.7 else None,
        truncate_dim=rng.choice((None, 5)),
        device="cpu",
    )
    if model.prompts.get("passage") and rng.random() < 0.5:
        model.default_prompt_name = "passage"
    model.save(str(folder))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": MAX_LENGTH, "do_lower_case": rng.random() < 0.5}))
    if rng.random() < 0.4:
        use_legacy_pooling(folder / "1_Pooling" / "config.json")
    reference, ask = SentenceTransformer(str(folder), device="cpu"), served(folder, "feature-extraction")
    np.testing.assert_allclose(ask(TEXTS), reference.encode(TEXTS, batch_size=1), atol=1e-5)
    np.testing.assert_allclose(ask(TEXTS, input_type="query"), reference.encode_query(TEXTS, batch_size=1), atol=1e-5)
    np.testing.assert_allclose(ask(TEXTS, input_type="document"), reference.encode_document(TEXTS, batch_size=1), atol=1e-5)
    np.testing.assert_allclose(ask(TEXTS, prompt_name=""), reference.encode(TEXTS, prompt="", batch_size=1), atol=1e-5)
    if "passage" in reference.prompts:
        expected = reference.encode(TEXTS, prompt_name="passage", batch_size=1)
        np.testing.assert_allclose(ask(TEXTS, prompt_name="passage"), expected, atol=1e-5)
    while isinstance(reference[-1], Normalize | Dropout):
        del reference[-1]
    np.testing.assert_allclose(ask(TEXTS, normalize=False), reference.encode(TEXTS, batch_size=1), atol=1e-5)


def use_legacy_pooling(path: Path) -> None:
    """Write the settings as the library did before version 5.5."""
    settings = json.loads(path.read_text())
    modes = [settings["pooling_mode"]] if isinstance(settings["pooling_mode"], str) else settings["pooling_mode"]
    named = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens"}
    flags = {f"pooling_mode_{named.get(mode, mode)}": mode in modes for mode in POOLING_MODES}
    width = settings["embedding_dimension"]
    path.write_text(json.dumps({"word_embedding_dimension": width, **flags, "include_prompt": settings["include_prompt"]}))


@pytest.fixture(scope="module")
def embedder(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module of each kind."""
    folder = tmp_path_factory.mktemp("embedder")
    modules = [Transformer(str(encoder)), Pooling(HIDDEN, "mean"), Dense(HIDDEN, 8), LayerNorm(8), Dropout(), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


REFUSED = {
    "own class": ("modules.json", [0, "type"], "my_parts.Transformer", "the module my_parts.Transformer, a class of the checkpoint's own"),
    "another module": (
        "modules.json",
        [2, "type"],
        "sentence_transformers.models.CNN",
        "CNN, which serving does not have; it has",
    ),
    "kwargs": ("modules.json", [0, "kwargs"], ["task"], r"modules\.json: kwargs is \['task'\], which serving cannot obey"),
    "unknown": ("config_sentence_transformers.json", ["pool_twice"], True, "pool_twice is a setting that serving does not know"),
    "no prompt": ("config_sentence_transformers.json", ["default_prompt_name"], "q", "default_prompt_name: there is no prompt 'q'"),
    "similarity": ("config_sentence_transformers.json", ["similarity_fn_name"], "tanimoto", "similarity_fn_name is 'tanimoto'"),
    "cross": ("config_sentence_transformers.json", ["model_type"], "CrossEncoder", "model_type CrossEncoder.*write task: text-ranking"),
    "sparse": ("config_sentence_transformers.json", ["model_type"], "SparseEncoder", "choose a checkpoint that was saved as a Sentence"),
    "chat": ("sentence_bert_config.json", ["modality_config"], {"message": {"method": "forward"}}, "modality_config is"),
    "tokenizer": ("sentence_bert_config.json", ["tokenizer_args"], {"add_special_tokens": False}, "tokenizer_args is"),
    "processing": ("sentence_bert_config.json", ["processing_kwargs"], {"text": {"padding": "max_length"}}, "processing_kwargs is"),
    "pooling": ("1_Pooling/config.json", ["pooling_mode"], "attention", "pooling_mode is 'attention'"),
    "pooling key": ("1_Pooling/config.json", ["pooling_mode_attention"], True, "pooling_mode_attention is a setting that serving does not"),
    "activation": ("2_Dense/config.json", ["activation_function"], "my_parts.Swish", r"activation_function is 'my_parts\.Swish'"),
    "width": ("2_Dense/config.json", ["in_features"], 64, "2_Dense takes 64 numbers and gets 32"),
    "next width": ("3_LayerNorm/config.json", ["dimension"], 9, "3_LayerNorm takes 9 numbers and gets 8"),
}


@pytest.mark.parametrize(("file", "place", "value", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_serving_would_not_obey_is_refused(
    served: Served, embedder: Path, tmp_path: Path, file: str, place: list[Any], value: Any, reason: str
) -> None:
    folder = shutil.copytree(embedder, tmp_path / "model")
    contents = json.loads((folder / file).read_text())
    target = contents
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    (folder / file).write_text(json.dumps(contents))
    with pytest.raises(RecipeError, match=reason):
        served(folder, "feature-extraction")


def test_modules_without_their_weights_are_refused(served: Served, embedder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(embedder, tmp_path / "model")
    (folder / "2_Dense" / "model.safetensors").unlink()
    with pytest.raises(RecipeError, match=r"2_Dense holds no model\.safetensors with the weights of the module Dense; save the model anew"):
        served(folder, "feature-extraction")


@pytest.mark.parametrize("name", ["config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling/config.json"])
def test_settings_without_the_list_of_modules_are_refused(served: Served, embedder: Path, encoder: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(encoder, tmp_path / "model")
    (folder / name).parent.mkdir(exist_ok=True)
    shutil.copy(embedder / name, folder / name)
    with pytest.raises(RecipeError, match=rf"{name} says how sentence-transformers uses the model, and .*modules\.json, .*is missing"):
        served(folder, "feature-extraction", postprocessing={"pooling": "mean", "normalize": True})


def test_the_old_layout_is_named_with_the_command_that_changes_it(served: Served, embedder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(embedder, tmp_path / "old")
    (folder / "0_Transformer").mkdir()
    of_the_root = ("modules.json", "config_sentence_transformers.json")
    for path in [path for path in folder.iterdir() if path.is_file() and path.name not in of_the_root]:
        path.rename(folder / "0_Transformer" / path.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(RecipeError, match=r"with the model in 0_Transformer; .*python -c .*SentenceTransformer") as caught:
        served(folder, "feature-extraction")
    run_named(str(caught.value), "name the new folder: ", tmp_path)
    ask, model = served(tmp_path / "old-saved", "feature-extraction"), SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = MAX_LENGTH
    np.testing.assert_allclose(ask(TEXTS), model.encode(TEXTS, batch_size=1), atol=1e-5)


def test_a_recipe_wins_over_the_folder(served: Served, embedder: Path, inputs: Read) -> None:
    wished = {"pooling": "cls+max", "normalize": False, "dimension": 3, "prompts": {"q": "bero "}, "default_prompt_name": "q"}
    with pytest.raises(RecipeError, match="2_Dense takes 32 numbers and gets 64"):
        served(embedder, "feature-extraction", postprocessing=wished)
    wished["pooling"] = "max"
    ask = served(embedder, "feature-extraction", postprocessing=wished)
    model = SentenceTransformer(str(embedder), device="cpu", truncate_dim=3)
    model[1] = Pooling(HIDDEN, "max")
    del model[-1]
    model.max_seq_length = MAX_LENGTH
    np.testing.assert_allclose(ask(TEXTS), model.encode(TEXTS, prompt="bero ", batch_size=1), atol=1e-5)


def test_what_a_parameter_names_must_be_there(served: Served, embedder: Path) -> None:
    ask = served(embedder, "feature-extraction")
    with pytest.raises(ExportError, match=r"The parameter prompt_name must be one of query, document, or \"\" for no prompt\."):
        ask(["alna"], prompt_name="passage")
    with pytest.raises(ExportError, match=r"The parameter input_type must be one of query, document\."):
        ask(["alna"], input_type="title")


@pytest.fixture
def head(tiny: Callable[..., Any], classifier: Path, tmp_path: Path) -> Path:
    """A cross-encoder's checkpoint, without sentence-transformers' files."""
    import transformers

    folder = tmp_path / "head"
    tiny(transformers.BertForSequenceClassification, num_labels=1).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)
    return folder


PAIRS = [("alna", "bero cota"), ("cota duto fina " * 9, "gota"), ("huvo", "alna " * 30)]
ACTIVATIONS = {
    "none": {},
    "config": {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh", "version": "4.1.0"}},
    "old": {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
    "both": {
        "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"},
        "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity",
    },
}


@pytest.mark.parametrize("fields", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_a_cross_encoder_scores_with_its_activation(served: Served, head: Path, fields: dict[str, Any]) -> None:
    config = json.loads((head / "config.json").read_text())
    (head / "config.json").write_text(json.dumps(config | fields))
    ask, model = served(head, "text-ranking"), CrossEncoder(str(head), max_length=MAX_LENGTH, device="cpu")
    np.testing.assert_allclose(ask(PAIRS)[:, 0], model.predict(PAIRS, batch_size=1), atol=1e-5)
    raw = model.predict(PAIRS, batch_size=1, activation_fn=torch.nn.Identity())
    np.testing.assert_allclose(ask(PAIRS, function_to_apply="none")[:, 0], raw, atol=1e-5)
    np.testing.assert_allclose(ask(PAIRS, function_to_apply="sigmoid")[:, 0], torch.tensor(raw).sigmoid(), atol=1e-5)


@pytest.mark.parametrize("activation", [torch.nn.Identity(), torch.nn.Tanh(), torch.nn.Sigmoid()])
def test_a_cross_encoder_as_the_library_saves_it_scores_the_same(
    served: Served, head: Path, tmp_path: Path, activation: torch.nn.Module
) -> None:
    folder = tmp_path / "saved"
    CrossEncoder(str(head), activation_fn=activation, prompts=PROMPTS, default_prompt_name="query", device="cpu").save(str(folder))
    ask, model = served(folder, "text-ranking"), CrossEncoder(str(folder), max_length=MAX_LENGTH, device="cpu")
    np.testing.assert_allclose(ask(PAIRS)[:, 0], model.predict(PAIRS, batch_size=1), atol=1e-5)
    np.testing.assert_allclose(
        ask(PAIRS, prompt_name="passage")[:, 0], model.predict(PAIRS, prompt_name="passage", batch_size=1), atol=1e-5
    )


def test_a_cross_encoder_whose_head_is_modules_scores_the_same(served: Served, encoder: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    folder = tmp_path / "saved"
    dense = Dense(2 * HIDDEN, 1, module_output_name="scores", activation_function=torch.nn.Identity())
    CrossEncoder(modules=[Transformer(str(encoder)), Pooling(HIDDEN, ("cls", "mean")), dense], device="cpu").save(str(folder))
    ask, model = served(folder, "text-ranking"), CrossEncoder(str(folder), max_length=MAX_LENGTH, device="cpu")
    np.testing.assert_allclose(ask(PAIRS)[:, 0], model.predict(PAIRS, batch_size=1), atol=1e-5)


@pytest.mark.parametrize("name", ["torch.nn.modules.activation.Softmax", "my_parts.Softplus"])
def test_an_activation_that_serving_lacks_is_refused(served: Served, head: Path, name: str) -> None:
    config = json.loads((head / "config.json").read_text())
    (head / "config.json").write_text(json.dumps(config | {"sbert_ce_default_activation_function": name}))
    with pytest.raises(RecipeError, match=rf"sbert_ce_default_activation_function is '{name}', and serving has Identity, Sigmoid, Tanh"):
        served(head, "text-ranking")


def test_an_answer_that_the_library_gives_otherwise_is_found(inputs: Read, embedder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(embedder, tmp_path / "model")
    config = json.loads((folder / "config_sentence_transformers.json").read_text())
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config | {"prompts": PROMPTS, "default_prompt_name": "query"}))
    found = inputs(task="feature-extraction", checkpoint=str(folder), max_length=MAX_LENGTH, precision="fp32", evaluation="none")
    kind = TASKS["feature-extraction"]
    reference = load(found, kind)
    write_tokenizer(reference.tokenizer, MAX_LENGTH, tmp_path / TOKENIZER, reference.pad_id)
    plan = kind.tail(kind.files(folder), reference.answering)
    assert plan
    runs = Padded(make_tail(plan, HIDDEN).after(torch_run(reference.model, [TRANSFORMER_OUTPUT])), reference.pad_id)
    items = [Item(text.encode()) for text in TEXTS]
    expected = list(map(kind.reference(CheckpointLibraries(found, reference)), items))
    right = Serving(reference.answering, tmp_path / TOKENIZER)
    compared = company.compare(right, runs, items, expected, embeddings=True)
    assert max(compared.alone, compared.together) < 1e-10
    settings = reference.answering.postprocessing.model_copy(update={"default_prompt_name": None})
    wrong = Serving(reference.answering.model_copy(update={"postprocessing": settings}), tmp_path / TOKENIZER)
    with pytest.raises(ExportError, match=r"the answer of the fp32 graph to '[Aa]lna' alone has the cosine 0\.\d+ with the reference's"):
        company.compare(wrong, runs, items, expected, embeddings=True)
