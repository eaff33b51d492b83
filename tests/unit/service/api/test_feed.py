"""The live feed."""

import pytest

from alerts.findings import Condition
from service.api.house import Health
from tests.unit.service.api.rig import NOW_MS, Rig, Stream


async def test_the_feed_begins_with_how_things_stand_and_goes_on_with_what_happens(rig: Rig) -> None:
    before = await rig.happens()
    async with rig.client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        feed = Stream(answer)
        name, snapshot = await feed.next()
        assert name == "snapshot"
        assert snapshot["at_ms"] == NOW_MS + 5000
        assert snapshot["watch"]["ready"] is True
        assert [alarm["alarm"] for alarm in snapshot["alarms"]] == [before]

        later = await rig.happens(row=2, condition=Condition.SOS, cause="press")
        name, transition = await feed.next()
        assert (name, transition["event"], transition["alarm"]["alarm"]) == ("transition", "raise", later)
        await rig.post(f"/api/v1/alarms/{before}/acknowledge", {"by": "lin"})
        name, transition = await feed.next()
        assert (transition["event"], transition["by"]) == ("acknowledge", "lin")
    async with rig.client.get("/api/v1/events") as answer:
        name, snapshot = await Stream(answer).next()
        assert [alarm["state"] for alarm in snapshot["alarms"]] == ["acknowledged", "unacknowledged"]


async def test_two_readers_are_told_the_same(rig: Rig) -> None:
    async with rig.client.get("/api/v1/events") as one, rig.client.get("/api/v1/events") as two:
        feeds = [Stream(one), Stream(two)]
        for feed in feeds:
            assert (await feed.next())[0] == "snapshot"
        await rig.happens()
        told = [await feed.next() for feed in feeds]
        assert told[0] == told[1]
        assert told[0][0] == "transition"


async def test_a_silent_feed_shows_that_it_is_alive(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.events.HEARTBEAT_S", 0.01)
    async with rig.client.get("/api/v1/events") as answer:
        feed = Stream(answer)
        assert (await feed.next())[0] == "snapshot"
        rig.watch.health = Health(ready=False)
        name, beat = await feed.next()
        while beat["watch"]["ready"]:
            name, beat = await feed.next()
        assert (name, beat["at_ms"]) == ("heartbeat", NOW_MS + 5000)


async def test_what_people_write_cannot_break_out_of_the_feed(rig: Rig) -> None:
    name = await rig.happens()
    async with rig.client.get("/api/v1/events") as answer:
        feed = Stream(answer)
        await feed.next()
        note = "one\n\nevent: snapshot\ndata: {}\r\n\u2028"
        await rig.post(f"/api/v1/alarms/{name}/resolve", {"by": "lin", "outcome": "true", "note": note})
        event, transition = await feed.next()
        assert event == "transition"
        assert transition["alarm"]["note"] == note


async def test_a_reader_that_has_gone_is_forgotten(rig: Rig) -> None:
    async with rig.client.get("/api/v1/events") as answer:
        await Stream(answer).next()
        assert rig.desk.hub.listeners == 1
        rig.desk.hub.close()
        with pytest.raises(EOFError):
            await Stream(answer).next()
    assert rig.desk.hub.listeners == 0


async def test_no_more_readers_than_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.events._READERS_MOST", 1)
    async with rig.client.get("/api/v1/events") as answer:
        await Stream(answer).next()
        assert (await rig.get("/api/v1/events", 503))["error"]["code"] == "too_many_readers"
