"""The commands of the README do what it says, typed one after another into one shell."""

import json
import os
import re
import shlex
import subprocess
import sys

from ingestion.models import InboxRow
from tests.config.programs import ROOT
from tests.factories import profile_of
from tests.system.conftest import Launch
from tests.system.product import Product, is_drained, wait_until

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Return the blocks of the README that send something, in their order."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    return [block for block in blocks if "curl" in block]


def typed(product: Product, block: str) -> str:
    """Run a block as it stands, but for the port and the interpreter; return what it prints."""
    block = block.replace("localhost:8000", f"127.0.0.1:{product.port}")
    block = block.replace(".venv/bin/python", shlex.quote(sys.executable))
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT,
        env=os.environ | product.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_commands_of_the_readme_send_and_find_somebody(launch: Launch) -> None:
    product = launch("web", "worker")
    send, find = commands()
    assert "error" not in typed(product, send)
    assert InboxRow.objects.exists() or profile_of("user_id:u-1")
    wait_until(is_drained, seconds=60)
    (profile,) = json.loads(typed(product, find))["results"]
    assert profile["traits"]["city"] == "Lyon"
    assert profile["id"] == str(profile_of("email:ada@example.org").uuid)
