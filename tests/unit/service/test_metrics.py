"""What operators watch says what happened."""

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
