"""What a packaged model says by itself: the answer that every way through the gateway must give."""

import numpy as np
import tritonclient.grpc
from triton_clients import tensors

OUTPUTS = {"embeddings": "EMBEDDING", "weather": "SCORES"}
TOLERANCE = 1e-4
"""Of fp32: the order in which a batch adds up changes the last digits."""


class ModelAlone:
    """Asks a Triton directly, `together` texts a call, and each text once."""

    def __init__(self, triton, together=1):
        self._client = tritonclient.grpc.InferenceServerClient(triton.grpc_url)
        self._together = together
        self._rows = {}

    def rows(self, model, version, texts):
        """The rows of texts, fp32 [texts, width]."""
        missing = list(dict.fromkeys(text for text in texts if (model, version, text) not in self._rows))
        for at in range(0, len(missing), self._together):
            some = missing[at : at + self._together]
            inputs = tensors("grpc", {"TEXT": [text.encode() for text in some]})
            answer = self._client.infer(model, inputs, model_version=str(version)).as_numpy(OUTPUTS[model])
            self._rows |= {(model, version, text): row for text, row in zip(some, answer, strict=True)}
        return np.array([self._rows[model, version, text] for text in texts])

    def close(self):
        """Close the connection."""
        self._client.close()
