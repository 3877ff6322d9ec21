"""The status page in headless Chromium."""

import re
import shutil
import subprocess

import pytest

from bench import peers
from tests.demand import absent

pytestmark = pytest.mark.socket
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browse(folder, url):
    """The page's elements after its scripts have run for some seconds."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        absent("Chromium", "apt-get install chromium")
    done = subprocess.run(
        [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", f"--user-data-dir={folder}", "--enable-logging=stderr",
         "--virtual-time-budget=3000", "--dump-dom", url], capture_output=True, timeout=120, check=True)
    return done.stdout.decode(), done.stderr.decode()


def test_the_page_shows_charts_and_tables(start_server, tmp_path):
    port = peers.free_port()
    server = start_server("--http-port", str(port), "--slowlog-log-slower-than", "0")
    for _ in range(50):
        server.call("GET", "a")
    server.call("SET", "a", "<b id=injected>")
    page, log = browse(tmp_path, f"http://127.0.0.1:{port}/")
    assert "CONSOLE" not in log, log
    assert re.search(r'<span id="state" class="soft">live</span>', page)
    for chart in ("ops", "latency", "memory", "hits", "clients", "network"):
        section = re.search(rf'<section id="{chart}">.*?</section>', page, re.S)
        assert section and "<polyline" in section[0], chart
    assert re.search(r"<td>db0</td><td>1</td>", page)
    assert re.search(r"<td>get</td><td>5\d</td>", page)
    assert "id=injected&gt;" in page and "<b id" not in page
