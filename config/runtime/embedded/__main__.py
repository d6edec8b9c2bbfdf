"""`python -m config.runtime.embedded`: the watcher, which keeps both servers up until it is told to stop."""

import os

from config.runtime import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
with embedded.explained():
    embedded.watch()
