"""Command line of Tessera; starts or joins the embedded servers that a command needs."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Tessera: Django is not installed here; script/setup makes .venv, which has it.")

    from config.runtime import embedded

    with embedded.explained():
        embedded.join_for_command(sys.argv[1:])
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
