"""Embedded PostgreSQL and Valkey. Entry points join them, and the last one to leave stops them.

Invariant: importing this package, or the settings, never starts a server.
"""

from config.runtime.embedded.account import StartError, socket_directory
from config.runtime.embedded.entry import (
    exit_on_signals,
    join,
    join_for_command,
    leave,
    report_start_errors,
    servers,
    watch,
)
from config.runtime.embedded.lifecycle import Embedded

__all__ = [
    "Embedded",
    "StartError",
    "exit_on_signals",
    "join",
    "join_for_command",
    "leave",
    "report_start_errors",
    "servers",
    "socket_directory",
    "watch",
]
