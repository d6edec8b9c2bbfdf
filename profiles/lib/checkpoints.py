"""Named places in long operations.

In production reaching one does nothing; tests pause, fail or kill a worker there.

Each app lists its own names beside the operation. A test that names a checkpoint survives every
move of the code around it, where one that patches a private function does not.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Handler = Callable[[Any], object]
_handlers: dict[str, Handler] = {}


def reach(checkpoint: str, subject: object = None) -> None:
    """Say that an operation has come to this place, and with what."""
    if _handlers and (handler := _handlers.get(checkpoint)) is not None:
        handler(subject)


@contextmanager
def handled(checkpoint: str, handler: Handler) -> Iterator[None]:
    """Call the handler with the subject at this checkpoint, while the block runs."""
    former = _handlers.get(checkpoint)
    _handlers[checkpoint] = handler
    try:
        yield
    finally:
        if former is None:
            del _handlers[checkpoint]
        else:
            _handlers[checkpoint] = former
