"""What stands before the page: which hosts, paths and sizes pass."""

import asyncio
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegean.config import UserError
from aegean.surface import noted
from aegean.web import guard as guard_module
from aegean.web.guard import Guard, host_name, names_only
from aegean.web.server import BUTTONS, is_loopback, listening
from aegean.web.upload import BYTES

HERE = {b"host": b"127.0.0.1:7860"}


FOLDER = "/tmp/aegean-play-test"


def status(method, path, headers=HERE, host="127.0.0.1"):
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    return Guard(None, host, FOLDER).refusal(method, path, pairs)[0]


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


@pytest.mark.parametrize("coding", [b"chunked", b"gzip, chunked", b"identity"])
def test_a_length_is_not_believed_beside_pieces(coding):
    small = {**HERE, b"content-length": b"100", b"transfer-encoding": coding}
    assert status("POST", "/gradio_api/upload", small) == status("POST", "/gradio_api/queue/join", small) == 400


def test_headers_that_stand_twice_are_refused():
    small = [*HERE.items(), (b"content-length", b"100")]
    assert status("POST", "/gradio_api/upload", [*small, (b"content-length", b"99999999999")]) == 400
    assert status("GET", "/", [*HERE.items(), (b"host", b"evil.example")]) == 400
    assert status("GET", "/", [*HERE.items(), (b"accept", b"a"), (b"accept", b"b")]) == 0


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/cancel"])
@pytest.mark.parametrize(
    "sender, passes",
    [
        ({}, True),  # no browser
        ({b"origin": b"http://127.0.0.1:7860"}, True),
        ({b"origin": b"http://127.0.0.1:8000"}, False),  # another server of this machine
        ({b"origin": b"http://evil.example"}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": b""}, False),
        ({b"sec-fetch-site": b"cross-site"}, False),
        ({b"sec-fetch-site": b"same-origin"}, True),
    ],
)
def test_what_other_pages_send_is_refused(path, sender, passes):
    found = status("POST", path, {**HERE, b"content-length": b"100", **sender})
    assert found == (0 if passes else 403)
    anywhere = {b"host": b"desk.local:7860", b"content-length": b"100", **sender}
    assert status("POST", path, anywhere, "0.0.0.0") == (0 if passes and sender.get(b"origin") is None else 403)


OWN = f"{FOLDER}/1f/stroke.png"


@pytest.mark.parametrize(
    "file, passes",
    [
        (OWN, True),
        ("/etc/passwd", False),
        ("/home/ada/holiday.png", False),
        (f"{FOLDER}/../holiday.png", False),
        (f"{FOLDER}-other/holiday.png", False),
        (FOLDER, False),
        ("stroke.png", False),
        ("http://169.254.169.254/latest", False),
        (None, False),
        (7, False),
    ],
)
def test_only_files_of_the_upload_folder_can_be_named(file, passes):
    for shape in (lambda one: one, lambda one: {"value": one}, lambda one: {"deep": [[one]]}):
        for meta in ({}, {"meta": {"_type": "gradio.FileData"}}):
            body = {"data": [0, shape({"path": file, **meta})], "event_data": None, "fn_index": 3}
            assert names_only(FOLDER, json.dumps(body).encode()) == passes


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "file:///etc/passwd", 7, "/gradio_api/file=/etc/passwd"])
def test_no_address_of_elsewhere_may_stand_beside_a_file(url):
    assert not names_only(FOLDER, json.dumps([{"path": OWN, "url": url}]).encode())
    assert not names_only(FOLDER, json.dumps([{"url": url}]).encode())
    assert names_only(FOLDER, json.dumps([{"path": OWN, "url": f"http://h/gradio_api/file={OWN}"}]).encode())


@given(st.one_of(st.binary(), st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())))
def test_any_body_is_judged_without_a_fault(body):
    assert names_only(FOLDER, body) in (True, False)
    assert not names_only(FOLDER, b"[" * 10**5)


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


def called(guard, path, body):
    """The status of a POST through the whole guard."""
    sent, headers = [], {**HERE, b"content-length": str(len(body)).encode()}
    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers.items())}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"]


def test_a_request_that_the_page_fails_at_is_one_line_in_the_terminal(tmp_path):
    async def app(scope, receive, send):
        assert (await receive())["body"] == b"[]"
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise KeyError(99)

    with noted() as said:
        assert called(Guard(app, "127.0.0.1", str(tmp_path)), "/gradio_api/queue/join", b"[]") == 500
    assert said == ["a request to /gradio_api/queue/join failed (KeyError)"]


def test_uploads_do_not_fill_the_disk(tmp_path, monkeypatch):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    guard = Guard(app, "127.0.0.1", str(tmp_path))
    assert called(guard, "/gradio_api/upload", b"x") == 200
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(bytes(10_000))
    monkeypatch.setattr(guard_module, "STORED", 9_000)
    assert called(guard, "/gradio_api/upload", b"x") == 507
    assert called(guard, "/gradio_api/queue/join", b"[]") == 200


@pytest.mark.parametrize("colour", BUTTONS.values())
def test_white_can_be_read_on_a_button(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    assert 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 70, "a..b"])
def test_a_host_that_is_not_here_is_said(host):
    with pytest.raises(UserError, match=r"host.* is no address of this machine"):
        listening(host, 0)


def test_a_free_port_is_found():
    with listening("127.0.0.1", 0) as found:
        assert found.getsockname()[1] > 0
