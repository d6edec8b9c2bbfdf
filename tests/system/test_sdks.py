"""SDKs of others against the running product: whatever they sent is stored exactly once."""

import contextlib
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import quote

import customerio.analytics.client
import pytest
import rudderstack.analytics.client
import segment.analytics.client

from ingestion.models import RejectedMessage
from profiles.models import Event
from tests.config.programs import ROOT
from tests.factories import make_source, make_write_key, profile_of
from tests.system.between import proxy, website
from tests.system.conftest import Launch
from tests.system.product import Product, is_drained, wait_until

SDKS = ROOT / "tests" / "sdks"
NODE = shutil.which("node") if (SDKS / "node_modules").is_dir() else None
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PYTHON_SDKS: dict[str, Any] = {
    "segment-python": segment.analytics.client.Client,
    "rudderstack-python": rudderstack.analytics.client.Client,
    "customerio-python": customerio.analytics.client.Client,
}
NODE_SDKS = ("segment-node", "rudderstack-node")
LIMIT = 40  # messages of one key in a minute
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def send_by_python(sdk: str, host: str, key: str) -> None:
    """Send one message of each type, and wait until all are acknowledged."""
    failures: list[object] = []
    client = PYTHON_SDKS[sdk](
        key, host=host, on_error=lambda error, _: failures.append(error), upload_interval=0.05
    )
    user = f"{sdk}-user"
    client.identify(user, {"city": "Lyon"})
    client.track(user, f"{sdk} Order", {"revenue": 19.99})
    client.page(user, name=f"{sdk} Page")
    client.screen(user, name=f"{sdk} Screen")
    client.group(user, "acme", {"size": 3})
    client.alias(f"{sdk}-before", user)
    client.flush()
    client.join()
    assert failures == []


def send_by_node(sdk: str, host: str, key: str) -> None:
    command = ["node", "send.mjs", sdk, host, key]
    result = subprocess.run(command, cwd=SDKS, capture_output=True, text=True, timeout=90)
    assert result.returncode == 0, result.stderr


def check_what_was_sent(sdk: str) -> None:
    """Assert that one message of each type took effect exactly once."""
    names = Event.objects.filter(source__key=sdk).values_list("name__kind", "name__name")
    assert Counter(names) == {
        ("track", f"{sdk} Order"): 1,
        ("page", f"{sdk} Page"): 1,
        ("screen", f"{sdk} Screen"): 1,
        ("group", "Group"): 1,
    }
    profile = profile_of(f"user_id:{sdk}-user")
    assert profile.traits["city"] == "Lyon"
    assert profile_of(f"anonymous_id:{sdk}-before") == profile


# A client of theirs asks for the time in a way that newer Pythons warn about.
@pytest.mark.filterwarnings("ignore:.*utcnow.*:DeprecationWarning")
@pytest.mark.parametrize("sdks", [tuple(PYTHON_SDKS), NODE_SDKS], ids=["Python", "Node"])
def test_what_sdks_of_servers_send_is_stored_once_though_the_first_answer_is_lost(
    launch: Launch, sdks: tuple[str, ...]
) -> None:
    if sdks == NODE_SDKS and NODE is None:
        pytest.skip("node is missing, or script/test could not install the SDKs for it.")
    product = launch("web", "worker")
    for sdk in sdks:
        key = make_write_key(make_source(key=sdk))
        with proxy(product.port, losses=1) as between:
            send = send_by_node if sdk in NODE_SDKS else send_by_python
            send(sdk, between.url, key)
            assert between.statuses.count(200) >= 2  # the lost answer, and that of the retry
    wait_until(is_drained)
    for sdk in sdks:
        check_what_was_sent(sdk)
    assert not RejectedMessage.objects.exists()


# How many events a page sends in each scenario. Whoever sends as the page goes cannot try again:
# the server is there for them, and is killed under the others.
ONCE = {"beacon": 1, "leaving": 3}
AGAIN = {
    "plain": 2,
    "batching": 10,
    "offline": 3,
    "restart": 12,
    "limited": 3,
    "slow": 3,
    "lost": 3,
}


@contextlib.contextmanager
def browser(url: str, home: Path) -> Iterator[None]:
    """Show a page in Chromium while the block runs."""
    # With a debugging port it stays open, and does not end with the page's load.
    flags = (*CHROMIUM_FLAGS, "--remote-debugging-port=0", f"--user-data-dir={home}")
    with (home.parent / "chromium.log").open("ab") as log:
        process = subprocess.Popen([str(CHROMIUM), *flags, url], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def numbers_of(scenario: str) -> Counter[str]:
    """Return how often each event of a page's scenario is stored."""
    names = Event.objects.filter(source__key=scenario).values_list("name__name", flat=True)
    return Counter(names)


def are_there(expected: Mapping[str, int]) -> bool:
    return all(len(numbers_of(scenario)) >= count for scenario, count in expected.items())


def restart_web(product: Product) -> None:
    """Kill the web server between two events of a page, and start it again."""
    wait_until(lambda: numbers_of("restart"), seconds=60)
    product.kill("web")
    time.sleep(1)
    product.start("web")


@pytest.mark.skipif(
    NODE is None or CHROMIUM is None,
    reason="Chromium or the SDKs for Node are missing: no page sent anything.",
)
def test_everything_that_a_page_sends_is_stored_once_whatever_happens(
    launch: Launch, tmp_path: Path
) -> None:
    product = launch("web", "worker", TRACKING_MESSAGES_PER_MINUTE=str(LIMIT))
    with (
        website(SDKS) as site,
        proxy(product.port) as plain,
        proxy(product.port, delay=2) as slow,
        proxy(product.port, losses=2) as lost,
    ):
        hosts = {"limited": plain.url, "slow": slow.url, "lost": lost.url}
        keys = {
            scenario: make_write_key(
                make_source(key=scenario, allowed_origins=[site]), kind="public"
            )
            for scenario in (*ONCE, *AGAIN)
        }

        def page(scenarios: Iterable[str]) -> AbstractContextManager[None]:
            direct = f"http://127.0.0.1:{product.port}"
            frames = [
                {"scenario": each, "key": keys[each], "host": hosts.get(each, direct)}
                for each in scenarios
            ]
            home = Path(mkdtemp(dir=tmp_path))
            return browser(f"{site}/page.html#{quote(json.dumps(frames))}", home)

        with page(ONCE):
            wait_until(lambda: are_there(ONCE), seconds=60)
        exhaust(product, keys["limited"])
        with page(AGAIN):
            while 429 not in plain.statuses:
                exhaust(product, keys["limited"])
                time.sleep(0.2)
            restart_web(product)
            wait_until(lambda: are_there(AGAIN), seconds=120)
        assert lost.losses == 0
    wait_until(is_drained)
    for scenario, count in (ONCE | AGAIN).items():
        expected = {f"{scenario} {number}": 1 for number in range(1, count + 1)}
        assert numbers_of(scenario) == expected, scenario
    assert profile_of("user_id:plain-user").traits["city"] == "Lyon"
    assert not RejectedMessage.objects.exists()


def exhaust(product: Product, key: str) -> None:
    """Send by the key as much as it may send in this minute."""
    messages = [{"type": "identify", "anonymousId": "limited"}] * LIMIT
    product.send(key, *messages)


@pytest.mark.skipif(NODE is None, reason="node is missing, or script/test could not install SDKs.")
def test_of_two_calls_of_the_node_sdk_in_one_millisecond_the_later_one_holds(
    launch: Launch,
) -> None:
    product = launch("web", "worker")
    key = make_write_key(make_source(key="storm"))
    command = ["node", "storm.mjs", f"http://127.0.0.1:{product.port}", key]
    result = subprocess.run(
        command, cwd=SDKS, capture_output=True, text=True, timeout=90, check=False
    )
    assert result.returncode == 0, result.stderr
    wait_until(is_drained, seconds=60)
    plans = [profile_of(f"user_id:storm-{number}").traits["plan"] for number in range(20)]
    assert plans == ["free"] * 20
