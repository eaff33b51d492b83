"""When a channel counts as reaching nobody: sentences about letters and minutes."""

from alerts.calling.channel_health import FAILING_MS, ChannelHealth, Turn
from alerts.findings import Change
from alerts.notify.contract import Delivered, FailedForGood, FailedForNow, Result, Sent

T = 1_700_000_000_000
AWAY = FailedForNow("answered 503")
REFUSED = FailedForGood("answered 403")


def turns(*told: tuple[int, Result], channel: str = "sms") -> list[Turn | None]:
    health = ChannelHealth()
    return [health.note(channel, result, T + at_ms) for at_ms, result in told]


def test_five_minutes_in_which_nothing_gets_through_are_told_once() -> None:
    assert turns((0, AWAY), (FAILING_MS - 1, AWAY), (FAILING_MS, AWAY), (2 * FAILING_MS, AWAY)) == [
        None,
        None,
        Turn("sms", Change.BEGAN, T, "answered 503"),
        None,
    ]


def test_one_that_gets_through_begins_the_count_anew() -> None:
    assert turns((0, AWAY), (FAILING_MS - 1, Sent()), (FAILING_MS, AWAY)) == [None, None, None]


def test_three_refused_for_good_in_a_row_are_told_at_once() -> None:
    assert turns((0, REFUSED), (1, REFUSED), (2, REFUSED))[-1] == Turn("sms", Change.BEGAN, T, "answered 403")
    assert turns((0, REFUSED), (1, AWAY), (2, REFUSED), (3, REFUSED)) == [None] * 4
    assert turns((0, REFUSED), (1, Sent()), (2, REFUSED), (3, REFUSED)) == [None] * 4


def test_it_ends_with_the_first_that_gets_through() -> None:
    *_, ended, after = turns((0, REFUSED), (1, REFUSED), (2, REFUSED), (3, AWAY), (4, Delivered()), (5, Sent()))
    assert (ended, after) == (Turn("sms", Change.ENDED, T), None)


def test_one_channel_says_nothing_of_another() -> None:
    health = ChannelHealth()
    for _ in range(2):
        health.note("sms", REFUSED, T)
    assert health.note("mail", REFUSED, T) is None
    assert health.note("sms", REFUSED, T) is not None
    assert (health.failed("sms"), health.failed("mail"), health.failed("other")) == (True, False, False)


def test_what_failed_before_a_restart_ends_after_it() -> None:
    health = ChannelHealth()
    health.resume("sms", T)
    assert health.failed("sms")
    assert health.note("sms", AWAY, T + 1) is None, "its alarm is open already"
    assert health.note("sms", Sent(), T + 2) == Turn("sms", Change.ENDED, T)
