from calls import TEXTS, URL, call
from haystack import Document
from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
from haystack.utils import Secret
from haystack_integrations.components.embedders.huggingface_api import HuggingFaceAPIDocumentEmbedder, HuggingFaceAPITextEmbedder

NONE = Secret.from_token("none")


@call("OpenAITextEmbedder", gives="embeddings", of=TEXTS[:1])
def _():
    return [OpenAITextEmbedder(model="raw-embeddings", api_base_url=f"{URL}/v1", api_key=NONE).run(TEXTS[0])["embedding"]]


@call("OpenAIDocumentEmbedder", gives="embeddings", of=TEXTS)
def _():
    embedder = OpenAIDocumentEmbedder(model="raw-embeddings", api_base_url=f"{URL}/v1", api_key=NONE, progress_bar=False)
    return [document.embedding for document in embedder.run([Document(content=text) for text in TEXTS])["documents"]]


@call("HuggingFaceAPITextEmbedder, text_embeddings_inference", gives="embeddings", of=TEXTS[:1])
def _():
    embedder = HuggingFaceAPITextEmbedder("text_embeddings_inference", {"url": f"{URL}/models/raw-embeddings"}, token=NONE)
    return [embedder.run(TEXTS[0])["embedding"]]


@call("HuggingFaceAPIDocumentEmbedder, text_embeddings_inference", gives="embeddings", of=TEXTS)
def _():
    parameters = {"url": f"{URL}/models/raw-embeddings"}
    embedder = HuggingFaceAPIDocumentEmbedder("text_embeddings_inference", parameters, token=NONE, progress_bar=False)
    return [document.embedding for document in embedder.run([Document(content=text) for text in TEXTS])["documents"]]
