"""The system user that runs PostgreSQL, and the private directory of the servers' sockets."""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path


class StartError(Exception):
    """A server cannot be started or reached. The message is one line, shown at the console."""


@dataclass(frozen=True)
class Account:
    """The system user that runs PostgreSQL, which refuses to run as root."""

    uid: int
    gid: int
    is_other: bool

    def give(self, path: Path) -> None:
        """Make the account the owner of a path that this process made."""
        # Only root may change owners, and only root needs to.
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def postgres_account() -> Account:
    """Return the current user, or for root the first of `postgres` and `nobody` that exists."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, is_other=True)
    raise StartError("PostgreSQL cannot run as root and there is no user postgres or nobody.")


def is_reachable(directory: Path, account: Account) -> bool:
    """Return whether the account may enter the directory, and so each of its parents."""
    resolved = directory.resolve()
    return all(_may_enter(step.stat(), account) for step in (resolved, *resolved.parents))


def _may_enter(directory: os.stat_result, account: Account) -> bool:
    # Only the first class that fits counts: an owner without the bit may not enter as "others".
    if directory.st_uid == account.uid:
        return bool(directory.st_mode & stat.S_IXUSR)
    if directory.st_gid == account.gid:
        return bool(directory.st_mode & stat.S_IXGRP)
    return bool(directory.st_mode & stat.S_IXOTH)


def socket_directory(data_directory: Path) -> Path:
    """Return the directory of a data directory's sockets.

    Its path is short, since the name of a Unix socket may have 103 bytes at most, and the same for
    processes whose TMPDIR differs, since they meet there.
    """
    digest = hashlib.sha256(str(data_directory.resolve()).encode()).hexdigest()[:12]
    return Path(f"/tmp/tessera-{digest}")  # noqa: S108  (its owner and mode are checked before use)


def make_socket_directory(sockets: Path, account: Account) -> None:
    """Make the directory for the account alone.

    Raises StartError if something else is at its place.
    """
    try:
        sockets.mkdir(mode=0o700)
    except FileExistsError:
        # Anybody may write in /tmp, and may have put a directory or a link of their own here.
        existing = sockets.lstat()
        is_directory = stat.S_ISDIR(existing.st_mode)
        if not is_directory or existing.st_uid not in (os.geteuid(), account.uid):
            raise StartError(f"{sockets} belongs to somebody else.") from None
    account.give(sockets)
    sockets.chmod(0o700)


def remove_socket_directory(sockets: Path) -> None:
    """Remove the directory, once no server listens in it."""
    shutil.rmtree(sockets, ignore_errors=True)
