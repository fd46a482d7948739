"""A person in front of a browser: ``python person.py CHROMIUM ADDRESS NAME``. It runs in an environment of its own.

The person opens the address that a host showed, signs in to the identity provider with a name and any password, reads
what is asked for, and consents. The texts of two pages are written as one JSON object: ``asked``, what the consent is
for, and ``last``, where the host says that it is done.
"""

from __future__ import annotations

import json
import sys

from playwright.sync_api import Browser, sync_playwright

PATIENCE_MS = 60_000  # against hanging only


def sign_in(browser: Browser, address: str, name: str) -> dict[str, str]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    consent = page.get_by_role("button", name="Continue")
    consent.wait_for()
    asked = page.locator("body").inner_text()
    consent.click()
    page.wait_for_url("http://127.0.0.1:*/callback?**")
    return {"asked": asked, "last": page.locator("body").inner_text()}


def main(chromium: str, address: str, name: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        print(json.dumps(sign_in(browser, address, name)))  # noqa: T201 - this is how it answers
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
