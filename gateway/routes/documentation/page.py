"""A content security policy for `/docs`, and its dark mode.

Scripts come from the gateway alone; of inline scripts, only those run that the served page holds.
"""

import base64
import hashlib
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
# Swagger UI writes style attributes and draws its icons from data: URLs
_POLICY = (
    "default-src 'none'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEAD_END = b"</head>"
# Swagger UI's stylesheet has a dark mode, which only the bar at the top of another layout turns on;
# its lines are so close that the ground of inline code covers the line above
_AS_THE_SYSTEM = b"""<meta name="color-scheme" content="light dark">
<style>.swagger-ui .renderedMarkdown p { line-height: 1.7 }</style>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
</script>
"""


class DocumentationPage:
    """ASGI wrapper of a route whose response is a small page in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the page with its policy, light or dark as the reader's system is."""
        start: Message = {}

        async def send_with_policy(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start:
                page = message.get("body", b"").replace(_HEAD_END, _AS_THE_SYSTEM + _HEAD_END)
                own = {b"content-length": str(len(page)).encode(), b"content-security-policy": content_security_policy(page).encode()}
                head, start = {**start, "headers": list({**dict(start["headers"]), **own}.items())}, {}
                await send(head)
                message = {**message, "body": page}
            await send(message)

        await self._app(scope, receive, send_with_policy)


def content_security_policy(page: bytes) -> str:
    """The policy under which only the page's own scripts run."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _SCRIPT.findall(page)]
    return _POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in digests))
