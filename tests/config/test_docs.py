"""The documentation names files that exist, and its links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
FOLDERS = (
    "profiles",
    "consent",
    "ingestion",
    "segments",
    "config",
    "tests",
    "benchmarks",
    "script",
)
PATH = re.compile(rf"(?<![\w/.:-])(?:{'|'.join(FOLDERS)})/[\w/.]*\w")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def named_paths(page: Path) -> Iterator[Path]:
    text = page.read_text()
    yield from (ROOT / name for name in PATH.findall(text))
    yield from (page.parent / target for target in LINK.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_only_what_exists(page: Path) -> None:
    assert [path for path in named_paths(page) if not path.exists()] == []


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
