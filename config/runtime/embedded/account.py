"""Who runs the servers and where they meet: the system user, its reach, and the private socket directory."""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path


class StartError(Exception):
    """A server cannot be started or reached; the message is one line for the person at the console."""


@dataclass(frozen=True)
class Account:
    """The system user that runs PostgreSQL, which refuses to run as root."""

    uid: int
    gid: int
    is_other: bool

    def give(self, path: Path) -> None:
        """Make the account the owner of a path that this process made."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def postgres_account() -> Account:
    """This user, or as root the first of `postgres` and `nobody` that exists."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, is_other=True)
    raise StartError("PostgreSQL cannot run as root and there is no user postgres or nobody.")


def is_reachable(directory: Path, account: Account) -> bool:
    """Whether the account may walk into the directory: every ancestor lets it through."""
    resolved = directory.resolve()
    return all(_lets_through(step.stat(), account) for step in (resolved, *resolved.parents))


def _lets_through(found: os.stat_result, account: Account) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def socket_directory(data_directory: Path) -> Path:
    """A short private path: a Unix socket's name may have 103 bytes at most."""
    digest = hashlib.sha256(str(data_directory.resolve()).encode()).hexdigest()[:12]
    return Path(f"/tmp/tessera-{digest}")  # noqa: S108  (its owner and mode are checked before use)


def make_socket_directory(sockets: Path, account: Account) -> None:
    """Made private, or refused: anybody may write in the directory above it."""
    try:
        sockets.mkdir(mode=0o700)
    except FileExistsError:
        found = sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.uid):
            raise StartError(f"{sockets} belongs to somebody else.") from None
    account.give(sockets)
    sockets.chmod(0o700)


def remove_socket_directory(sockets: Path) -> None:
    """Once no server listens there any more."""
    shutil.rmtree(sockets, ignore_errors=True)
