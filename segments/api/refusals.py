"""The exceptions of this app's services as problems of the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from profiles.api.kit.problems import Problem, problem, unavailable
from segments import services
from segments.language.operands import DefinitionError


@contextmanager
def problems_from_services(*, status: int = 400, prefix: str = "definition.") -> Iterator[None]:
    """Turn the exceptions of a service into problems. `status` is that of a SegmentError.

    `prefix` is what the paths of faults hang on.
    """
    try:
        yield
    except DefinitionError as error:
        raise Problem(
            [
                {"path": f"{prefix}{path}".rstrip("."), "code": code, "detail": detail}
                for path, code, detail in error.errors
            ]
        ) from None
    except services.MomentError as error:
        raise problem("at", "out_of_range", str(error)) from None
    except services.SegmentFailed as error:
        raise unavailable(
            "segment_failed",
            f"The segment could not be evaluated ({error.segment.failure}); it is tried again.",
            retry_seconds=error.retry_in.total_seconds(),
        ) from None
    except services.ExportGone:
        detail = "It was fetched already, has expired, or was withdrawn."
        raise problem("state", "refused", detail, 409) from None
    except services.SegmentError as error:
        raise problem(error.field, "refused", error.detail, status) from None
