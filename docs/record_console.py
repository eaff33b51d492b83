"""Record docs/console.png: the console of a running demo, as a browser shows it half a minute after a fall.

    .venv/bin/python docs/record_console.py [FILE]

Needs Chromium (apt-get install chromium fonts-noto-cjk) and the development tools.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SECONDS = 60
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


def main() -> None:
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("console.png")
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("needs chromium: apt-get install chromium")
    demo = subprocess.Popen(
        [sys.executable, "-c", "from service.cli.app import app; app()", "demo", "--seconds", str(SECONDS)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    url = next(found[0] for line in demo.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
            page = browser.new_page(locale="en-GB", viewport={"width": 1280, "height": 1240})
            page.goto(url)
            page.locator("#sound").click()  # browsers want a gesture before they let a page be heard
            fall = page.locator(".card", has_text="motion of the wrist").first
            fall.wait_for(timeout=SECONDS * 1000)
            page.locator(".card .what", has_text="oxygen").first.wait_for(timeout=SECONDS * 1000)
            fall.locator(".clip summary").click()
            fall.locator(".sentence", has_text="still for").wait_for(timeout=SECONDS * 1000)
            fall.locator(".clip-note", has_text="Not all").wait_for(state="detached", timeout=SECONDS * 1000)
            page.screenshot(path=str(file))
            browser.close()
    finally:
        demo.terminate()
        demo.wait(20)
    print(file)


if __name__ == "__main__":
    main()
