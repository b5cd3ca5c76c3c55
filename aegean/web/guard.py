"""What stands before the page: hosts, paths and sizes that it has no use for are refused, and it may load nothing from
elsewhere."""

from __future__ import annotations

import ipaddress
from typing import Any

from aegean.web.upload import BYTES

Headers = list[tuple[bytes, bytes]]

# What the page in the browser asks for; gradio's other paths (files, the API's pages, proxies, recordings) are closed.
PAGES = {"/", "/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt"}
BELOW = ("/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/")
ASKED = {"/gradio_api/queue/data", "/gradio_api/upload_progress", "/gradio_api/app_id", "/gradio_api/startup-events"}
SENT = {"/gradio_api/queue/join": 1 << 20, "/gradio_api/cancel": 1 << 16, "/gradio_api/reset": 1 << 16}  # bytes
UPLOAD = "/gradio_api/upload"
FORM = 1 << 16  # bytes that a form adds to its file

OURS = "'self' 'unsafe-inline' 'unsafe-eval'"  # the page compiles its own templates
POLICY = (
    f"default-src 'self'; script-src {OURS}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
ADDED: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """An ASGI application before another. `host`: what the server listens on; where that is this machine alone, other
    names for it are refused, so that no page of a stranger can pass for this one (DNS rebinding)."""

    def __init__(self, app: Any, host: str):
        self.app = app
        self.names = {host.lower(), "localhost", "127.0.0.1", "::1"} if _is_local(host) else set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        status, why = self.refusal(scope["method"], scope["path"], dict(scope["headers"]))
        if status:
            body = why.encode()
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *ADDED]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            return await send({"type": "http.response.body", "body": body})

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *ADDED]}
            await send(message)

        return await self.app(scope, receive, with_headers)

    def refusal(self, method: str, path: str, headers: dict[bytes, bytes]) -> tuple[int, str]:
        """A status and a sentence, or 0 where the request may pass."""
        if self.names and host_name(headers.get(b"host", b"").decode("latin-1")) not in self.names:
            return 421, "This playground answers on this machine only."
        if method in ("GET", "HEAD"):
            allowed = path in PAGES or path in ASKED or path.startswith(BELOW)
            return (0, "") if allowed else (404, "There is nothing here.")
        limit = BYTES + FORM if path == UPLOAD else SENT.get(path, 0)
        if method != "POST" or not limit:
            return 404, "There is nothing here."
        length = headers.get(b"content-length", b"")
        if not length.isdigit():
            return 411, "Say how long this is."
        return (0, "") if int(length) <= limit else (413, f"Files of at most {BYTES >> 20} MB are taken.")


def host_name(header: str) -> str:
    """The name in a Host header, without its port and brackets."""
    name = header.rpartition("]")[0].lstrip("[") if header.startswith("[") else header.partition(":")[0]
    return name.lower()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
