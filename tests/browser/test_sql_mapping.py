"""A table is connected in a browser: columns are proposed, chosen and tried, without JSON."""

from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from ingestion.models import SqlSource
from tests.browser.chromium import needs_chromium
from tests.factories import make_source, profile_of
from tests.ingestion.sql_sources import QUERY, make_orders, order, run

pytestmark = needs_chromium


@pytest.fixture
def table(tmp_path: Path, settings: Any) -> None:
    settings.SQL_SQLITE_FOLDER = str(tmp_path)
    make_orders(tmp_path, [order(n, f"2026-01-0{n} 10:00:00", f"c{n}") for n in (1, 2)])


def test_a_table_is_connected_by_choosing(tab: Page, table: None) -> None:
    make_source(key="shop", name="Shop")
    tab.goto(reverse("admin:ingestion_sqlsource_add"))
    tab.locator("#id_name").fill("Orders")
    tab.locator("#id_source").select_option(label="Shop")
    tab.locator("#id_url").fill("sqlite:///shop.db")
    tab.locator("#id_query").fill(QUERY)
    tab.locator("#id_cursor_column").fill("updated_at")
    tab.get_by_role("button", name="Connect and preview").click()
    expect(tab.get_by_label("What customer becomes")).to_have_value("user_id")
    expect(tab.get_by_label("What amount becomes")).to_have_value("properties.revenue")
    outcome = tab.locator("[aria-live=polite]")
    # By keyboard alone: the rows follow what is typed, and a fault is said with its column.
    number = tab.get_by_label("What number becomes")
    number.focus()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("user_id")
    tab.keyboard.press("Tab")
    expect(outcome).to_contain_text("one column for user_id alone")
    number.focus()
    tab.keyboard.press("Control+A")
    tab.keyboard.type("properties.orderId")
    tab.keyboard.press("Tab")
    expect(outcome.get_by_text("track").first).to_be_visible()
    outcome.get_by_text("track").first.click()
    expect(outcome).to_contain_text('"orderId": "A1"')
    tab.set_viewport_size({"width": 390, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.get_by_role("button", name="Save").press("Enter")
    expect(tab.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
    sql_source = SqlSource.objects.get()
    assert sql_source.mapping["columns"]["number"] == "properties.orderId"
    assert run(sql_source).file_import.stored == 2
    assert profile_of("user_id:c2")
