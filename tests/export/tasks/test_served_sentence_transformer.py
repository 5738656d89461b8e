"""A sentence-transformers folder with modules of its own, through a real Triton and the gateway."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from gateway_process import GatewayProcess, wait_until
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Normalize, Pooling

from export.__main__ import main

pytestmark = pytest.mark.integration
HIDDEN, MAX_LENGTH = 32, 24
TEXTS = ["alna bero", "cota", "Duva elno fita gora huvo alna bero cota duva elno", "huvo " * 60, "ë 今日 \N{GRINNING FACE}"]


def test_the_gateway_gives_the_librarys_embeddings(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_TRITON_GRPC_URL", raising=False)
    torch.manual_seed(1)
    folder, repository = tmp_path / "model", tmp_path / "models"
    modules = [Transformer(str(encoder)), Pooling(HIDDEN, "mean"), Dense(HIDDEN, 12), LayerNorm(12), Normalize()]
    prompts = {"query": "alna bero ", "document": "cota "}
    SentenceTransformer(modules=modules, prompts=prompts, default_prompt_name="query", device="cpu").save(str(folder))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"model: rooms\nversion: 1\ntask: feature-extraction\ncheckpoint: {folder}\nmax_length: {MAX_LENGTH}\n"
        "target: cpu\nprecision: fp32\nevaluation: none\n"
    )
    assert main(["run", str(recipe), "--repository", str(repository), "--work", str(tmp_path / "work")]) == 0
    library = SentenceTransformer(str(folder), device="cpu")
    library.max_seq_length = MAX_LENGTH
    with GatewayProcess("--embedded", "--repository", repository, log=tmp_path / "gateway.log", catalog_refresh_s=0.2) as gateway:
        wait_until(lambda: httpx.get(f"{gateway.url}/v1/models/rooms").status_code == 200)
        for texts in ([TEXTS[0]], TEXTS):
            for parameters, prompt in (({}, "query"), ({"prompt_name": "document"}, "document"), ({"prompt_name": ""}, None)):
                body = {"instances": texts, "parameters": parameters}
                answer = httpx.post(f"{gateway.url}/v1/models/rooms:predict", json=body)
                assert answer.status_code == 200, answer.text
                found = [one["embedding"] if isinstance(one, dict) else one for one in answer.json()["predictions"]]
                right = library.encode(texts, batch_size=1, **({"prompt": ""} if prompt is None else {"prompt_name": prompt}))
                np.testing.assert_allclose(found, right, atol=1e-5, err_msg=json.dumps(parameters))
