"""What stands before the page: hosts, paths, sizes, senders and files that it has no use for are refused, and it may
load nothing from elsewhere."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aegean.surface import say
from aegean.web.upload import BYTES

Headers = Sequence[tuple[bytes, bytes]]
ONCE = (b"host", b"origin", b"content-length", b"transfer-encoding")

# What the page in the browser asks for; gradio's other paths (files, the API's pages, proxies, recordings) are closed.
PAGES = {"/", "/config", "/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt"}
BELOW = ("/assets/", "/static/", "/svelte/", "/gradio_api/heartbeat/")
ASKED = {"/gradio_api/queue/data", "/gradio_api/upload_progress", "/gradio_api/app_id", "/gradio_api/startup-events"}
SENT = {"/gradio_api/queue/join": 1 << 20, "/gradio_api/cancel": 1 << 16, "/gradio_api/reset": 1 << 16}  # bytes
UPLOAD = "/gradio_api/upload"
FORM = 1 << 16  # bytes that a form adds to its file
STORED = 1 << 30  # bytes of uploads that are kept at a time

OURS = "'self' 'unsafe-inline' 'unsafe-eval'"  # the page compiles its own templates
POLICY = (
    f"default-src 'self'; script-src {OURS}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src data:; "
    "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
ADDED: Headers = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """An ASGI application before another.

    host: what the server listens on; where that is this machine alone, other names for it are refused, so that no page
        of a stranger can pass for this one (DNS rebinding).
    folder: where uploads lie; a request may name no other file.
    """

    def __init__(self, app: Any, host: str, folder: str):
        self.app, self.folder = app, os.path.realpath(folder)
        self.names = {host.lower(), "localhost", "127.0.0.1", "::1"} if _is_local(host) else set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None
        status, why = self.refusal(scope["method"], scope["path"], scope["headers"])
        if not status and scope["path"] in SENT:
            body = await whole(receive, SENT[scope["path"]])
            if not names_only(self.folder, body):
                status, why = 403, "Only files that were uploaded here can be named."
            receive = replay(body)
        if not status and scope["path"] == UPLOAD and stored(self.folder) > STORED:
            status, why = 507, "There is no room for more files now; try again in some minutes."
        if status:
            return await refuse(send, status, why)

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *ADDED]}
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception as error:  # a request that makes no sense to gradio, which has answered that it failed
            say(f"a request to {scope['path']} failed ({type(error).__name__})")
        return None

    def refusal(self, method: str, path: str, pairs: Headers) -> tuple[int, str]:
        """A status and a sentence, or 0 where the request may pass."""
        headers = dict(pairs)
        if len(pairs) != len(headers) and any(count(pairs, name) > 1 for name in ONCE):
            return 400, "A header stands twice."
        host = headers.get(b"host", b"").decode("latin-1")
        if self.names and host_name(host) not in self.names:
            return 421, "This playground answers on this machine only."
        if method in ("GET", "HEAD"):
            allowed = path in PAGES or path in ASKED or path.startswith(BELOW)
            return (0, "") if allowed else (404, "There is nothing here.")
        limit = BYTES + FORM if path == UPLOAD else SENT.get(path, 0)
        if method != "POST" or not limit:
            return 404, "There is nothing here."
        if not same_origin(headers, host):
            return 403, "This was sent by another page."
        if b"transfer-encoding" in headers:
            return 400, "Say how long this is, and send it in one piece."
        length = headers.get(b"content-length", b"")
        if not length.isdigit():
            return 411, "Say how long this is."
        return (0, "") if int(length) <= limit else (413, f"Files of at most {BYTES >> 20} MB are taken.")


def count(pairs: Headers, name: bytes) -> int:
    return sum(key == name for key, _ in pairs)


def same_origin(headers: dict[bytes, bytes], host: str) -> bool:
    """Whether a request comes from the page itself, or from no page at all: browsers always name one."""
    origin = headers.get(b"origin")
    if origin is None:
        return headers.get(b"sec-fetch-site", b"same-origin") in (b"same-origin", b"none")
    return origin.decode("latin-1").lower().partition("://")[2] == host.lower() != ""


async def whole(receive: Any, limit: int) -> bytes:
    """The body of a request, cut off above `limit` bytes or where the sender leaves."""
    body, more = b"", True
    while more and len(body) <= limit:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and message.get("more_body", False)
    return body


def replay(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Gives a body that was read already, once."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    return receive


def names_only(folder: str, body: bytes) -> bool:
    """Whether all files that a JSON text names lie in the folder, and no address of elsewhere stands beside them."""
    try:
        return _inside(folder, json.loads(body or b"null"))
    except (ValueError, RecursionError):
        return False


def _inside(folder: str, value: Any) -> bool:
    if isinstance(value, list):
        return all(_inside(folder, part) for part in value)
    if not isinstance(value, dict):
        return True
    if "path" in value or "url" in value:
        path, url = value.get("path"), value.get("url")
        if not isinstance(path, str) or not os.path.realpath(path).startswith(folder + os.sep):
            return False
        if url is not None and not (isinstance(url, str) and unquote(url).endswith(f"/gradio_api/file={path}")):
            return False
    return all(_inside(folder, part) for part in value.values())


def stored(folder: str) -> int:
    """Bytes that lie in a folder and below."""
    total = 0
    for file in Path(folder).rglob("*"):
        with contextlib.suppress(OSError):  # deleted meanwhile
            total += file.stat().st_size
    return total


async def refuse(send: Any, status: int, why: str) -> None:
    body = why.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *ADDED]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def host_name(header: str) -> str:
    """The name in a Host header, without its port and brackets."""
    name = header.rpartition("]")[0].lstrip("[") if header.startswith("[") else header.partition(":")[0]
    return name.lower()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
