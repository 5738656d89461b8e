"""The ends of a request: each is called once, whatever the others do."""

import httpx

from gateway.observability.observe import Observe


async def test_an_end_that_raises_changes_neither_the_answer_nor_the_other_ends():
    seen = []

    def broken(ctx, scope, status):
        raise RuntimeError("broken")

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    observed = Observe(app, lambda path: b"", ends=(broken, lambda ctx, scope, status: seen.append(status)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(observed), base_url="http://gateway") as client:
        answer = await client.get("/")
    assert (answer.status_code, seen) == (204, [204])
