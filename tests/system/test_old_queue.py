"""Messages that a former release left in the broker are still understood after an upgrade."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from config.celery import app

# As they lie in Valkey: Celery's protocol 2 in kombu's envelope.
MESSAGES = [
    json.loads(line)
    for line in Path(__file__).with_name("queue_of_0_1.jsonl").read_text().splitlines()
]


@pytest.mark.django_db
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["headers"]["task"])
def test_a_message_of_0_1_is_done(message: dict[str, Any]) -> None:
    app.loader.import_default_modules()
    args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
    task = app.tasks[message["headers"]["task"]]
    assert task.apply(args, kwargs).successful()
