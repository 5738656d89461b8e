import { CohereClient, CohereClientV2 } from "cohere-ai";
import { call, TEXTS, URL_ } from "./calls.mjs";

const [query, documents] = [TEXTS[0], TEXTS.slice(1, 5)];
const ranking = (answer) => answer.results.map((one) => [one.index, one.relevanceScore]);

await call("CohereClientV2 rerank", "ranking", [query, documents], async () =>
  ranking(await new CohereClientV2({ environment: URL_, token: "none" }).rerank({ model: "ranker", query, documents })),
);
await call("CohereClient rerank", "ranking", [query, documents], async () =>
  ranking(await new CohereClient({ environment: URL_, token: "none" }).rerank({ model: "ranker", query, documents })),
);
await call("CohereClientV2 embed", "embeddings", TEXTS.slice(0, 2), async () => {
  const client = new CohereClientV2({ environment: URL_, token: "none" });
  const answer = await client.embed({
    model: "raw-embeddings", texts: TEXTS.slice(0, 2), inputType: "search_document", embeddingTypes: ["float"],
  });
  return answer.embeddings.float;
});
