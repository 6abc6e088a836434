"""Opens a page that `export` wrote in a browser: python tests/benchmarks/browser.py g.html [--picture=FILE.png]

pip install playwright && playwright install chromium; or --chromium=PATH names one that is there.

Prints how many images a second it draws and how near they are to jaxgan's; exits with 1 where it does not draw, or
draws others.
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SECONDS = 120  # until the page has drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--chromium", help="the browser's program; by default Playwright's own")
    parser.add_argument("--picture", type=Path, help="also write what it looks like")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.context.set_offline(True)
        page.goto(options.page.resolve().as_uri())
        said = page.get_by_text("images a second here").or_(page.get_by_text("cannot draw"))
        said.wait_for(timeout=1000 * SECONDS)
        text = said.inner_text()
        if options.picture:
            page.screenshot(path=options.picture)
        browser.close()
    print(text)
    sys.exit(", as jaxgan does" not in text)


if __name__ == "__main__":
    main()
