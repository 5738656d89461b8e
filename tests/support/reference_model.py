"""The answers of a packaged model itself, which every path through the gateway must give."""

import numpy as np
import tritonclient.grpc
from triton_clients import tensors

OUTPUTS = {"embeddings": "EMBEDDING", "weather": "SCORES"}
TOLERANCE = 1e-4
"""For fp32: the order of additions in a batch changes the last digits."""


class ReferenceModel:
    """Asks a Triton directly, with `batch_size` texts a call, and for each text once."""

    def __init__(self, triton, batch_size=1):
        self._client = tritonclient.grpc.InferenceServerClient(triton.grpc_url)
        self._batch_size = batch_size
        self._rows = {}

    def rows(self, model, version, texts):
        """The rows of texts, fp32 [texts, width]."""
        missing = list(dict.fromkeys(text for text in texts if (model, version, text) not in self._rows))
        for at in range(0, len(missing), self._batch_size):
            some = missing[at : at + self._batch_size]
            inputs = tensors("grpc", {"TEXT": [text.encode() for text in some]})
            answer = self._client.infer(model, inputs, model_version=str(version)).as_numpy(OUTPUTS[model])
            self._rows |= {(model, version, text): row for text, row in zip(some, answer, strict=True)}
        return np.array([self._rows[model, version, text] for text in texts])

    def close(self):
        """Close the connection."""
        self._client.close()
