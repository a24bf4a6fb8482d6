"""The pages in a browser: they are used by clicks, and fit on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.api.cluster import api
from tests.api.conftest import Site

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PHONE = {"width": 390, "height": 844}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason="there is no chromium")]


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[Page]:
    with api("as it is", DATABASE_URL=site.url) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        opened = browser.new_page(viewport=PHONE, base_url=f"http://127.0.0.1:{port}")  # type: ignore[arg-type]
        yield opened
        browser.close()


def fits(page: Page) -> bool:
    """Whether nothing is wider than the phone, and the style is applied."""
    width = page.evaluate("document.documentElement.scrollWidth")
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    return bool(width <= PHONE["width"] and "system-ui" in family)


def test_a_wallet_is_searched_and_opened(page: Page) -> None:
    page.goto("/")
    assert fits(page)
    page.get_by_label("Wallet").fill("Ad")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Ada").first.click()
    expect(page).to_have_url("/wallets/0xa")
    expect(page.get_by_role("row", name="moments total 3")).to_be_visible()
    assert fits(page)
    page.get_by_role("link", name="moments").click()
    expect(page.get_by_role("cell", name="edition id ED1").first).to_be_visible()
    assert fits(page)


def test_a_leaderboard_is_opened_and_sorted_otherwise(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Lions").click()
    expect(page.get_by_role("heading")).to_contain_text("Lions")
    assert fits(page)
    page.goto("/leaderboards/value")
    page.get_by_label("by").select_option("asp")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url("/leaderboards/value?by=asp")
    assert fits(page)


def test_editions_are_filtered(page: Page) -> None:
    page.goto("/editions")
    page.get_by_label("team").fill("Lions")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Lions").first).to_be_visible()
    assert fits(page)


def test_the_status_fits_and_has_a_plot(page: Page) -> None:
    page.goto("/status")
    assert fits(page)
    plot = page.get_by_role("img", name="Seconds of the last fifty loads")
    box = plot.bounding_box()
    assert box
    assert box["width"] > PHONE["width"] / 2
    assert plot.locator("rect").count() > 0
