"""The command line of Tessera: run a management command, with the embedded servers it needs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Tessera: Django is not installed here; script/setup makes .venv, which has it.")

    # Imported here: without Django, the import would end in a traceback and not in the line above.
    from config.runtime import embedded

    with embedded.report_start_errors():
        embedded.join_for_command(sys.argv[1:])
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
