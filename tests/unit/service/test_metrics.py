"""What operators watch says what happened."""

from ingest.rejected import Reason, Rejected
from ingest.stores.writer import Lag
from service.metrics import Metrics


def test_how_long_the_oldest_reading_of_a_write_was_under_way_is_shown() -> None:
    metrics = Metrics()
    metrics.stored(Lag(0.2, 0.15))
    metrics.stored(Lag(600.0, None))
    lines = metrics.exposition().decode().splitlines()
    assert 'shouhu_receive_to_stored_seconds_bucket{le="0.1"} 0.0' in lines
    assert 'shouhu_receive_to_stored_seconds_bucket{le="0.25"} 1.0' in lines
    assert 'shouhu_receive_to_stored_seconds_bucket{le="3600.0"} 2.0' in lines
    assert "shouhu_receive_to_stored_seconds_sum 600.2" in lines
    assert "shouhu_durable_to_stored_seconds_sum 0.15" in lines
    assert "shouhu_durable_to_stored_seconds_count 1.0" in lines


def test_what_was_refused_is_counted_by_reason() -> None:
    metrics = Metrics()
    reasons = (Reason.REFUSED_BY_STORE, Reason.TOO_OLD, Reason.REFUSED_BY_STORE)
    metrics.rejected([Rejected("care/v1/s/d/vitals", b"{}", reason, "why", 1) for reason in reasons])
    lines = metrics.exposition().decode().splitlines()
    assert 'shouhu_rejected_total{reason="refused_by_store"} 2.0' in lines
    assert 'shouhu_rejected_total{reason="too_old"} 1.0' in lines
