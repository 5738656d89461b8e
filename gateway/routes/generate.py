"""`POST /v2/models/{model}/generate` and `/generate_stream`: Triton's generate extension."""

from fastapi import APIRouter, Request, Response

from gateway.calls.call import Call, age_header
from gateway.calls.inference import infer
from gateway.dialects.open_inference import generate
from gateway.routes.direct import DirectRoute
from gateway.routes.documentation import open_inference as documentation
from gateway.routes.open_inference import MODEL, VERSION

router = APIRouter(route_class=DirectRoute, tags=["open inference protocol"])


@router.post(
    MODEL + "/generate", summary="Infer in plain JSON", responses=documentation.GENERATE, openapi_extra=documentation.GENERATE_BODY
)
@router.post(VERSION + "/generate", include_in_schema=False)
async def create_generation(request: Request) -> Response:
    """Answer texts that stand under the names of the model's inputs."""
    body, headers = await _generated(request)
    return Response(body, media_type="application/json", headers=headers)


@router.post(MODEL + "/generate_stream", include_in_schema=False)
@router.post(VERSION + "/generate_stream", include_in_schema=False)
async def stream_generation(request: Request) -> Response:
    """The same as a server-sent event: models here answer a request once."""
    body, headers = await _generated(request)
    return Response(generate.event(body), media_type="text/event-stream; charset=utf-8", headers=headers)


async def _generated(request: Request) -> tuple[bytes, dict[str, str]]:
    call = await Call.enter(request)
    asked = generate.parse(await call.json())
    inference = await infer(call, request.path_params["model"], request.path_params.get("version"), asked)
    return generate.render(asked, inference.prediction, inference.outputs), age_header(inference.prediction)
