"""Embedded PostgreSQL and Valkey: entry points join them here, and the last one out stops them.

Invariant: importing this, or the settings, never starts anything.
"""

from config.runtime.embedded.account import StartError, socket_directory
from config.runtime.embedded.entry import (
    end_by_exit,
    explained,
    join,
    join_for_command,
    leave,
    servers,
    watch,
)
from config.runtime.embedded.lifecycle import Embedded

__all__ = [
    "Embedded",
    "StartError",
    "end_by_exit",
    "explained",
    "join",
    "join_for_command",
    "leave",
    "servers",
    "socket_directory",
    "watch",
]
