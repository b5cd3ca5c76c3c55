"""Serving the page: one socket, the few paths that the page needs, and a folder for uploads that goes when it ends."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from aegean.config import UserError
from aegean.web.upload import BYTES


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. UserError: the port is in use or forbidden, or the host is no address of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except socket.gaierror:
        raise UserError(f"--host {host}: no such address; give 127.0.0.1, or one of this machine's own.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f"Port {port} is in use; stop what listens there, or give another one with --port."
        elif error.errno == errno.EADDRNOTAVAIL:
            text = f"--host {host}: this machine has no such address; give 127.0.0.1, or one of its own."
        elif error.errno == errno.EACCES:
            text = f"Port {port} may not be used; give one above 1023 with --port."
        else:
            text = f"--host {host} --port {port}: cannot be listened on ({error.strerror}); give others."
        raise UserError(text) from None
    return found


def serve(paths: Sequence[str], host: str, port: int, say: Callable[[str], None]) -> None:
    """Load runs and serve the page until interrupted."""
    with listening(host, port) as here, tempfile.TemporaryDirectory(prefix="aegean-play-") as folder:
        os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False")
        from aegean.web.play import shown_runs

        app = application(shown_runs(paths))
        name, number = here.getsockname()[:2]
        say(f"the playground is open at http://{name}:{number}; Ctrl-C closes it")
        import uvicorn

        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(sockets=[here])


def application(runs: Sequence[Any]) -> Any:
    import gradio as gr
    from fastapi import FastAPI

    from aegean.web import show
    from aegean.web.app import make_page

    font = ["system-ui", "sans-serif"]
    mono = ["ui-monospace", "monospace"]
    return gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        make_page(runs),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=True,
        max_file_size=BYTES,
        ssr_mode=False,
        theme=gr.themes.Default(font=font, font_mono=mono),
        css=show.CSS,
    )
