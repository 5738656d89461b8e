import { InferenceClient } from "@huggingface/inference";
import { call, TEXTS, URL_ } from "./calls.mjs";

const client = (model) => new InferenceClient("none").endpoint(`${URL_}/models/${model}`);
const labels = (found) => found.map((one) => [one.label, one.score]);
const context = TEXTS.slice(0, 3).join(" ");

await call("textClassification", "labels", TEXTS[0], async () => labels(await client("weather").textClassification({ inputs: TEXTS[0] })));
await call("tokenClassification", "entities", TEXTS[0], async () =>
  (await client("entities").tokenClassification({ inputs: TEXTS[0] })).map((one) => [one.entity_group, one.start, one.end, one.score]),
);
await call("featureExtraction", "unit embeddings", TEXTS.slice(0, 1), () =>
  client("raw-embeddings").featureExtraction({ inputs: TEXTS.slice(0, 1) }),
);
await call("sentenceSimilarity", "similarities", TEXTS.slice(0, 4), () =>
  client("raw-embeddings").sentenceSimilarity({ inputs: { source_sentence: TEXTS[0], sentences: TEXTS.slice(1, 4) } }),
);
await call("questionAnswering", "answers", ["alna", context], async () => {
  const found = await client("answers").questionAnswering({ inputs: { question: "alna", context } });
  return [[found.answer, found.start, found.end, found.score]];
});
await call("zeroShotClassification", "zero-shot", TEXTS[0], async () =>
  labels(await client("zero-shot").zeroShotClassification({ inputs: TEXTS[0], parameters: { candidate_labels: ["alna", "bero"] } })),
);
