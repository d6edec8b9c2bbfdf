"""`python -m config.embedded`: the watcher, which keeps both servers up until it is told to stop."""

import os

from config import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
with embedded.explained():
    embedded.watch()
