import { createCohere } from "@ai-sdk/cohere";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, rerank } from "ai";
import { call, TEXTS, URL_ } from "./calls.mjs";

const openai = createOpenAI({ baseURL: `${URL_}/v1`, apiKey: "none" });
const compatible = createOpenAICompatible({ name: "headrace", baseURL: `${URL_}/v1`, apiKey: "none" });
const cohere = createCohere({ baseURL: `${URL_}/v2`, apiKey: "none" });

await call("embed, @ai-sdk/openai", "embeddings", TEXTS.slice(0, 1), async () => [
  (await embed({ model: openai.embedding("raw-embeddings"), value: TEXTS[0] })).embedding,
]);
await call("embedMany, @ai-sdk/openai-compatible", "embeddings", TEXTS, async () =>
  (await embedMany({ model: compatible.textEmbeddingModel("raw-embeddings"), values: TEXTS })).embeddings,
);
const many = Array(1500).fill(TEXTS[0]);
await call("embedMany of 1,500, @ai-sdk/openai", "embeddings", many, async () =>
  (await embedMany({ model: openai.embedding("raw-embeddings"), values: many })).embeddings,
);
await call("embed, @ai-sdk/cohere", "embeddings", TEXTS.slice(0, 1), async () => [
  (await embed({ model: cohere.embedding("raw-embeddings"), value: TEXTS[0] })).embedding,
]);
await call("rerank, @ai-sdk/cohere", "ranking", [TEXTS[0], TEXTS.slice(1, 5)], async () => {
  const answer = await rerank({ model: cohere.reranking("ranker"), query: TEXTS[0], documents: TEXTS.slice(1, 5) });
  return answer.ranking.map((one) => [one.originalIndex, one.score]);
});
