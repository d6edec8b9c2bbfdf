"""Environment of the tests, set before anything reads the settings.

Invariant: tests use servers and secrets of their own, never those of a running product.
"""

import os
from pathlib import Path

os.environ.setdefault("DATA_DIR", str(Path(__file__).parent / "var" / "test"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Each test has a database of its own, which must not be behind another one's journal.
os.environ.setdefault("PRIVACY_JOURNAL", "none")
# Erasures by staff take effect at once; tests of the cooling-off time set it.
os.environ.setdefault("ERASURE_COOLING_HOURS", "0")
