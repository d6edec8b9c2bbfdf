"""The processor that the conformance tests are run against.

With `pytest tests/opendsr --base-url https://opendsr.example.org/opendsr/v2 --api-key KEY` it is
any processor; without, a server of this product in a thread.
"""

from collections.abc import Iterator
from threading import Thread

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from consent.models import Controller, StatusCallback
from consent.services import (
    act_on_requests,
    save_controller,
    send_callbacks,
    take_up_subject_requests,
)
from profiles.lib.database import database_now
from tests.factories import TESTER, make_api_key, make_profile
from tests.opendsr.target import Receiver, Target


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("opendsr", "the processor to be tested")
    group.addoption("--base-url", help="its address, up to and with the version")
    group.addoption("--api-key", default="", help="a key of a controller")
    group.addoption("--other-api-key", default="", help="a key of another controller")
    group.addoption("--callback-url", default="", help="what leads to --callback-port from there")
    group.addoption("--callback-port", default=8099, type=int)


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    base_url = request.config.getoption("--base-url", default=None)
    if base_url:
        yield from _target_elsewhere(request.config, base_url.rstrip("/"))
    else:
        request.getfixturevalue("committing_db_of_module")
        yield from _target_here()


def _target_elsewhere(config: pytest.Config, base_url: str) -> Iterator[Target]:
    target = Target(
        base_url, config.getoption("--api-key"), other_key=config.getoption("--other-api-key")
    )
    if url := config.getoption("--callback-url"):
        target.receiver = Receiver(url.rstrip("/"), config.getoption("--callback-port"))
        target.receiver.start()
    yield target


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        pass


def _target_here() -> Iterator[Target]:
    server = ThreadedWSGIServer(("localhost", 0), _QuietHandler)
    server.set_app(get_wsgi_application())
    receiver = Receiver()
    listener = receiver.start()
    receiver.url = f"http://localhost:{receiver.port}"
    site = f"http://localhost:{server.server_port}"
    for number in (1, 2):
        row = Controller(
            controller_id=f"controller-{number}",
            name=f"Company {number}",
            service=f"company-{number}",
            callback_hosts=["localhost"],
        )
        save_controller(row, actor=TESTER)
    target = Target(
        f"{site}/opendsr/v2",
        make_api_key("privacy:act", name="company-1"),
        other_key=make_api_key("privacy:act", name="company-2"),
        work=_work,
        make_retries_due=_make_retries_due,
        seed=_seed,
        receiver=receiver,
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with override_settings(OPENDSR_URL=site, OUTGOING_TRUSTED_HOSTS=[f"localhost:{receiver.port}"]):
        yield target
    server.shutdown()
    server.server_close()
    thread.join()
    listener.shutdown()
    listener.server_close()


def _work() -> None:
    with override_settings(OPENDSR_PENDING_SECONDS=0):
        take_up_subject_requests()
    send_callbacks()
    act_on_requests()
    send_callbacks()


def _make_retries_due() -> None:
    StatusCallback.objects.filter(delivered_at=None).update(retry_at=database_now())


def _seed(address: str) -> None:
    make_profile(f"email:{address}")
