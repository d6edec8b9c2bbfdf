"""Chromium of the machine: where it is, and tests that need it."""

import shutil

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: no page was drawn in a browser."
)
