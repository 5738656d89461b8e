import OpenAI from "openai";
import { call, refused, TEXTS, URL_ } from "./calls.mjs";

const client = new OpenAI({ baseURL: `${URL_}/v1`, apiKey: "none" });
const vectors = (answer) => answer.data.map((one) => one.embedding);

await call("embeddings.create, a text", "embeddings", TEXTS.slice(0, 1), async () =>
  vectors(await client.embeddings.create({ model: "raw-embeddings", input: TEXTS[0] })),
);
await call("embeddings.create, a list, encoding_format float", "embeddings", TEXTS, async () =>
  vectors(await client.embeddings.create({ model: "raw-embeddings", input: TEXTS, encoding_format: "float" })),
);
await call("models.list", "true", null, async () => (await client.models.list()).data.some((one) => one.id === "weather"));
await refused("embeddings.create, an unknown model", "NotFoundError", /no such model/, () =>
  client.embeddings.create({ model: "nope", input: TEXTS[0] }),
);
await refused("embeddings.create, no input", "BadRequestError", /input/, () =>
  client.embeddings.create({ model: "raw-embeddings", input: [] }),
);
