"""Serving the page: one socket, the few paths that the page asks for, a folder for uploads that goes when it ends."""

from __future__ import annotations

import errno
import importlib.util
import ipaddress
import os
import socket
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aegean.config import UserError
from aegean.surface import option, say
from aegean.web.guard import Guard
from aegean.web.upload import BYTES

if TYPE_CHECKING:
    from aegean.web.play import Exhibit

GRACE = 1  # seconds that open connections get when the server ends
KEPT = 600  # seconds that an upload is kept
BUTTONS = {"": "#1d4ed8", "_hover": "#1e40af", "_dark": "#1d4ed8", "_hover_dark": "#2563eb"}  # white on them: 5 : 1
SWEPT = 60  # seconds from one look for old uploads to the next


def serve(paths: Sequence[str], host: str, port: int) -> None:
    """Load runs or model files and serve their page until interrupted. UserError: no gradio, a port or host that cannot
    be listened on, a run that cannot be shown."""
    if importlib.util.find_spec("gradio") is None:
        raise UserError("`aegean play` needs the library gradio: pip install 'aegean[web]'")
    with listening(host, port) as here, tempfile.TemporaryDirectory(prefix="aegean-play-") as folder:
        from aegean.web.play import load_runs

        runs = load_runs(paths)
        say("opening the playground ...")
        app = application(runs, folder, host)
        name, number = here.getsockname()[:2]
        if not is_loopback(name):
            say(
                f"warning: with {option('host', host)} everybody who can reach this machine can use the playground and "
                f"send images to it; there is no password. Leave {option('host')} out to keep it to yourself."
            )
        say(f"the playground is open at http://{_written(name)}:{number} (Ctrl-C closes it)")
        import uvicorn

        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE)).run(sockets=[here])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. UserError: the port is in use or forbidden, or the host is no address of this machine."""
    found = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere this would share a port that is in use
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
        return found
    except (OSError, UnicodeError) as error:  # the latter: a name that no host can have
        if found:
            found.close()
        raise UserError(_refused(error, host, port)) from None


def _refused(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        other = option("port")
        return f"Port {port} is in use; stop what listens there, or give another one as {other} (0 for any free one)."
    if number == errno.EACCES:
        return f"Port {port} may not be listened on; give one above 1023 as {option('port')}."
    if number == errno.EADDRNOTAVAIL or not isinstance(error, OSError) or isinstance(error, socket.gaierror):
        return f"{option('host', host)} is no address of this machine; give 127.0.0.1, or one of its own."
    return f"{option('host', host)}, {option('port', port)} cannot be listened on ({error.strerror}); give others."


def is_loopback(address: str) -> bool:
    """Whether nobody outside this machine can reach an address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _written(address: str) -> str:
    """An address as it is written in a URL."""
    return f"[{address}]" if ":" in address else address


def application(runs: Sequence[Exhibit], folder: str, host: str) -> Any:
    """The page as an ASGI application, behind a guard. Uploads go into `folder`."""
    os.environ.update(GRADIO_TEMP_DIR=folder, GRADIO_ANALYTICS_ENABLED="False")  # before it is imported
    import gradio as gr
    from fastapi import FastAPI

    from aegean.web import show
    from aegean.web.app import make_page

    page = make_page(runs, delete_cache=(SWEPT, KEPT))
    theme = gr.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    ).set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        **{f"button_primary_background_fill{when}": colour for when, colour in BUTTONS.items()},
    )
    app = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=BYTES,
        ssr_mode=False,
        theme=theme,
        css=show.CSS,
    )
    page.has_launched = True  # else gradio takes any file of this machine for an upload
    return Guard(app, host, folder)
