"""What stands before the page: which hosts, paths and sizes pass."""

import socket

import pytest

from aegean.config import UserError
from aegean.web.guard import Guard, host_name
from aegean.web.server import is_loopback, listening
from aegean.web.upload import BYTES

HERE = {b"host": b"127.0.0.1:7860"}


def status(method, path, headers=HERE, host="127.0.0.1"):
    return Guard(None, host).refusal(method, path, headers)[0]


@pytest.mark.parametrize("path", ["/", "/config", "/assets/index.js", "/gradio_api/queue/data", "/theme.css"])
def test_what_the_page_asks_for_passes(path):
    assert status("GET", path) == 0


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://a", "/gradio_api/info", "/gradio_api/runs", "/docs",
     "/gradio_api/run-history/buckets", "/monitoring", "/gradio_api/openapi.json", "/assets", "/login"],
)  # fmt: skip
def test_what_the_page_has_no_use_for_is_closed(path):
    assert status("GET", path) == 404


def test_only_uploads_and_events_are_taken():
    small = {**HERE, b"content-length": b"100"}
    assert status("POST", "/gradio_api/upload", small) == status("POST", "/gradio_api/queue/join", small) == 0
    for path in ("/gradio_api/run/predict", "/gradio_api/call/draw", "/gradio_api/process_recording", "/"):
        assert status("POST", path, small) == 404
    assert status("PUT", "/gradio_api/upload", small) == status("OPTIONS", "/", small) == 404


def test_bodies_are_bounded_before_they_are_read():
    assert status("POST", "/gradio_api/upload", {**HERE, b"content-length": str(BYTES * 2).encode()}) == 413
    assert status("POST", "/gradio_api/queue/join", {**HERE, b"content-length": b"2000000"}) == 413
    assert status("POST", "/gradio_api/upload", HERE) == 411
    assert status("POST", "/gradio_api/upload", {**HERE, b"content-length": b"-1"}) == 411


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_another_name_for_this_machine_is_refused(host):
    """A stranger's page whose name is made to mean 127.0.0.1 reaches the server, but under its own name."""
    assert status("GET", "/", {b"host": b"evil.example:7860"}, host) == 421
    assert status("GET", "/", {}, host) == 421
    assert (
        status("GET", "/", {b"host": b"localhost:7860"}, host) == status("GET", "/", {b"host": b"[::1]:1"}, host) == 0
    )


def test_where_others_may_come_any_name_passes():
    assert status("GET", "/", {b"host": b"my-desk.local:7860"}, "0.0.0.0") == 0


def test_names_in_headers():
    assert [host_name(text) for text in ("A.b:1", "[::1]:80", "", "x")] == ["a.b", "::1", "", "x"]


def test_loopback_is_told_from_the_world():
    assert is_loopback("127.0.0.1") and is_loopback("::1") and not is_loopback("0.0.0.0") and not is_loopback("::")


def test_a_port_in_use_is_said():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} is in use; .*port"):
            listening("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 70, "a..b"])
def test_a_host_that_is_not_here_is_said(host):
    with pytest.raises(UserError, match=r"host.* is no address of this machine"):
        listening(host, 0)


def test_a_free_port_is_found():
    with listening("127.0.0.1", 0) as found:
        assert found.getsockname()[1] > 0
