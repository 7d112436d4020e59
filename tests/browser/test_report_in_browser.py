"""The report in a real browser: it draws, and asks the network for nothing."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading

import pytest

from lumbago.report.build import build_report
from run_folders import whole

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine"),
]


def browse(page, profile, *switches):
    return subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", f"--user-data-dir={profile}", *switches, page],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


@pytest.fixture
def server(tmp_path):
    """Serve the report's folder on this machine, and note what is asked for."""
    asked = []

    class Noted(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, directory=str(tmp_path / "run"), **options)

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noted) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def test_the_browser_asks_for_the_page_and_nothing_else(tmp_path, server):
    build_report(whole(tmp_path / "run"))
    address, asked = server
    # Every other name is mapped to nowhere: a request would fail, and show as an error.
    found = browse(
        f"{address}/report.html", tmp_path / "profile", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom",
    )  # fmt: skip
    assert [path for path in asked if path != "/favicon.ico"] == ["/report.html"]
    assert "Content Security Policy" not in found.stderr
    assert 'id="finding"' in found.stdout


def test_every_figure_is_drawn(tmp_path):
    page = build_report(whole(tmp_path / "run"))
    # A script of the test, not of the report, in a copy without the policy that forbids it.
    probe = (
        "<script>addEventListener('load', () => { document.title = "
        "[...document.images].filter(i => i.naturalWidth > 200).length + '/' + "
        "document.images.length + ' overflow ' + (document.documentElement.scrollWidth > "
        "innerWidth) })</script></head>"
    )
    html = page.read_text(encoding="utf-8").replace('http-equiv="Content-Security-Policy"', "")
    copy = tmp_path / "probe.html"
    copy.write_text(html.replace("</head>", probe), encoding="utf-8")
    found = browse(
        copy.as_uri(), tmp_path / "profile", "--window-size=500,900", "--virtual-time-budget=5000",
        "--dump-dom",
    )  # fmt: skip
    told = re.search(r"<title>(\d+)/(\d+) overflow (\w+)</title>", found.stdout)
    assert told is not None
    drawn, images, overflow = told.groups()
    assert int(images) == html.count("<img ") >= 8
    assert (drawn, overflow) == (images, "false")
