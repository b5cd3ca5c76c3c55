"""The playground in a real browser."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from browser import CHROMIUM, chromium, playground
from needs import needs
from strokes import picture

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from playground import look

PHONE, DESK = 390, 1200
pytestmark = [
    pytest.mark.slow,
    needs("gradio", "playwright"),
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"chromium is not installed as {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def server(trained):
    runs = [trained / f"{name}.safetensors" for name in ("vae", "codec", "ladder")]
    with playground(*runs) as (process, address):
        yield process, address


@pytest.fixture
def visit(server, tmp_path):
    with chromium(tmp_path / "profile", PHONE) as found:
        found.open(server[1])
        yield found


def pictures(panel):
    """What the pictures of a tab are made of."""
    return panel.locator(".play-tiles img").evaluate_all("all => all.map(one => one.src)")


def until(true, seconds=60):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.05)


def changed(panel, before):
    """The pictures of a tab, once there are others than before."""
    until(lambda: pictures(panel) not in ([], before))
    return pictures(panel)


def slide(panel, label, value):
    """Give a slider a value."""
    box = panel.get_by_label(f"number input for {label}")
    box.fill(str(value))
    box.press("Enter")


def test_the_whole_page(visit, server, tmp_path):
    """Everything once, in one visit: drawing, sliding, a picture there and back, bad ones, a way, a level."""
    panel = visit.tab("Samples")
    first = pictures(panel)
    assert len(first) == 2 * 36  # the codec has no prior, and says so
    assert "fit one with" in panel.get_by_role("alert").inner_text()
    panel.get_by_role("button", name="Draw others").click()
    second = changed(panel, first)
    slide(panel, "Truncation", 0)
    third = changed(panel, second)
    assert len(set(third[:36])) == 1  # the middle of the vae's prior, again and again

    for link, name in (("Save all as one picture", "vae-all.png"), ("", "vae-sample-0.png")):
        with visit.page.expect_download() as saved:
            (panel.get_by_text(link) if link else panel.locator(".play-tiles a")).first.click()
        assert saved.value.suggested_filename == name
        assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")

    panel = visit.tab("Image")
    assert "left" not in panel.get_by_text("Drop an image").inner_text()
    good, bad = tmp_path / "stroke.jpg", tmp_path / "no-picture.png"
    good.write_bytes(picture(kind="JPEG"))
    bad.write_bytes(b"this is no picture")
    panel.locator("input[type=file]").set_input_files(bad)
    panel.get_by_role("alert").wait_for()
    assert "cannot be read as an image (no known image format)" in panel.get_by_role("alert").inner_text()
    panel.get_by_label("Clear").first.click()
    look(visit, "Image", good)
    text = panel.inner_text()
    assert len(pictures(panel)) == 6 and text.count("dB PSNR") == 3
    assert "bytes, of which" in text and "no compression" in text and "scaled from 300 x 220" in text

    panel = visit.tab("Directions")
    start = changed(panel, [])
    slide(panel, "Direction 1", 2)
    after = changed(panel, start)
    assert after[0] == start[0] and after[1] != start[1]  # the start stays
    panel.get_by_role("button", name="Back to the start").click()
    assert changed(panel, after) == start

    panel = visit.tab("Between")
    assert len(changed(panel, [])) == 2 * 8
    panel = visit.tab("Levels")
    assert len(changed(panel, [])) == 12
    assert panel.get_by_role("alert").count() == 2  # the two flat ones

    for width in (PHONE, DESK):
        visit.page.set_viewport_size({"width": width, "height": 900})
        for name in ("Samples", "Image", "Directions", "Between", "Levels"):
            visit.tab(name)
            assert visit.width() <= 0, f"{name} is wider than a screen of {width}"
    assert visit.errors == []
    elsewhere = [url for url in visit.requests if not url.startswith((server[1], "data:", "blob:"))]
    assert elsewhere == []
    panel = visit.tab("Image")
    panel.get_by_label("Clear").first.click()
    for name, data, words in [
        ("notes.txt", b"hello", "nvalid file type"),
        ("large.png", bytes(21 << 20), "exceed the maximum"),
    ]:
        (tmp_path / name).write_bytes(data)
        panel.locator("input[type=file]").set_input_files(tmp_path / name)
        visit.page.get_by_text(words).first.wait_for()
    assert not any("Traceback" in line for line in server[0].said), "".join(server[0].said)


def test_the_server_gives_nothing_but_its_page(server):
    def status(path, **headers):
        request = urllib.request.Request(server[1] + path, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert status("/") == 200
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/info", "/docs", "/openapi.json", "/monitoring"):
        assert status(path) == 404
    assert status("/", Host="evil.example") == 421


@pytest.mark.parametrize("path", ["{outside}", "http://127.0.0.1:9/x.png"])
@pytest.mark.parametrize("more", [{}, {"meta": {"_type": "gradio.FileData"}}])
def test_a_file_of_the_server_s_user_cannot_be_named(server, tmp_path, path, more):
    outside = tmp_path / "holiday.png"
    outside.write_bytes(picture())
    file = {"path": path.format(outside=outside), **more}
    body = json.dumps({"data": [file, False, "any class"], "fn_index": 2, "session_hash": "x", "trigger_id": 1})
    headers = {"content-type": "application/json"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{server[1]}/gradio_api/queue/join", body.encode(), headers))
    assert refused.value.code == 403
    assert str(tmp_path) not in refused.value.read().decode()


BEHIND = """
import os, sys
from gradio.context import LocalContext
from gradio.processing_utils import _check_allowed
from aegean.web.play import load_runs
from aegean.web.server import application

guard = application(load_runs([sys.argv[1]]), sys.argv[2], "127.0.0.1")
LocalContext.blocks.set(guard.app.routes[-1].app.get_blocks())
try:
    _check_allowed(sys.argv[1], True)
except ValueError as error:
    print("refused", flush=True)
os._exit(0)
"""


def test_behind_the_guard_the_page_itself_takes_no_other_file(trained, tmp_path):
    words = [sys.executable, "-c", BEHIND, trained / "vae.safetensors", tmp_path]
    assert subprocess.check_output(words, text=True, timeout=100).strip() == "refused"


def test_tabs_that_a_run_cannot_fill_are_absent_and_ctrl_c_takes_the_uploads_along(trained, tmp_path):
    (tmp_path / "own").mkdir()
    served = playground(trained / "drawer.safetensors", TMPDIR=str(tmp_path / "own"))
    with served as (process, address), chromium(tmp_path / "profile", PHONE) as visit:
        visit.open(address)
        tabs = visit.page.get_by_role("tab").filter(visible=True).all_inner_texts()
        assert tabs == ["Samples", "Directions", "Between"]
        visit.page.get_by_text("What is not here, and why").click()
        text = visit.page.inner_text("body")
        assert "Image: this model has no encoder" in text and "Levels: This model is flat" in text
        visit.tab("Between")
        assert not visit.page.get_by_text("What is not here").is_visible()
        send(address, "stroke.png", picture())
        assert list((tmp_path / "own").rglob("stroke.png"))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, process.said  # with a page that still listens
        until(lambda: "aegean: interrupted\n" in process.said)
        assert not any("Traceback" in line for line in process.said)
        assert not list((tmp_path / "own").rglob("stroke.png"))


def send(address, name, data):
    """Upload a file as the page does."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    body = head.encode() + data + b"\r\n--x--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=x"}
    with urllib.request.urlopen(urllib.request.Request(f"{address}/gradio_api/upload", body, headers)) as answer:
        assert answer.status == 200


def test_a_port_in_use_is_one_sentence(refused, trained):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = refused("play", trained / "vae.safetensors", "--port", other.getsockname()[1])
        assert "is in use" in said and "port" in said


def test_a_missing_run_is_one_sentence(refused, tmp_path):
    assert "does not exist" in refused("play", tmp_path / "none", "--port", 0)


def test_without_gradio_the_extra_is_named(refused, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "pip install 'aegean[web]'" in refused("play", trained / "vae.safetensors")
