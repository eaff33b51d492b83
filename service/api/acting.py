"""What is asked of an alarm or done to it may be impossible: told apart as answers of the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from alerts.journal.archive import UnknownAlarm
from alerts.lifecycle import IllegalEvent
from service.api.errors import ApiError


@contextmanager
def acting_on(name: str) -> Iterator[None]:
    """ApiError 404 where there is no such alarm, 409 where that cannot happen to it now."""
    try:
        yield
    except UnknownAlarm:
        raise ApiError(404, "unknown_alarm", f"there is no alarm {name[:64]!r}") from None
    except IllegalEvent as error:
        raise ApiError(409, "illegal_transition", f"alarm {name}: {error}") from None
