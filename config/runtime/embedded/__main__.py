"""`python -m config.runtime.embedded`: keep both servers running until a stop signal."""

import os

from config.runtime import embedded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
with embedded.report_start_errors():
    embedded.watch()
