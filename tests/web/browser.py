"""A playground as a process of its own, and a headless Chromium that looks at it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@contextlib.contextmanager
def playground(*runs, **environment):
    """(process, address) of `aegean play RUN...`, once it is open."""
    command = [sys.executable, "-m", "aegean", "play", *map(str, runs), "--port", "0"]
    # A shell that starts the tests in the background makes them, and what they start, ignore Ctrl-C.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    everything = {**os.environ, **environment}
    process = subprocess.Popen(command, env=everything, text=True, stderr=subprocess.PIPE, preexec_fn=heard)
    said, reader = [], None
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"open at (http://\S+)", line):
                break
        else:
            raise AssertionError("".join(said))
        process.said = said
        reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)  # a full pipe would stop it
        reader.start()
        yield process, found[1]
    finally:
        process.send_signal(signal.SIGINT)  # so that it takes its uploads along
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if reader:
            reader.join()
        process.stderr.close()


class Visit:
    """A page that has been opened, with everything it asked for and complained about."""

    def __init__(self, page):
        self.page, self.requests, self.errors = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(60_000)

    def open(self, address):
        self.page.goto(address)
        self.page.wait_for_selector(".play-tiles img, .play-hint")

    def tab(self, name):
        """Open a tab and return what is shown in it."""
        self.page.get_by_role("tab", name=name, exact=True).click()
        return self.page.get_by_role("tabpanel").filter(visible=True)

    def width(self):
        """How much wider the page is than the screen."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@contextlib.contextmanager
def chromium(folder: Path, width: int, height: int = 900, **more):
    """A fresh browser whose only page has this size, as a `Visit`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=FLAGS, viewport={"width": width, "height": height}, **more
        )
        try:
            yield Visit(browser.pages[0])
        finally:
            browser.close()
