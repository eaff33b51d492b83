"""Technical alarms of the service itself: about what reaches nobody, at the sites it concerns."""

from collections.abc import Collection

from alerts.alarm import Alarm
from alerts.findings import Change, Condition, Evidence, Finding, Priority, ServiceItself
from alerts.journal.desk import Desk


async def begin(
    desk: Desk, cause: str, subject: str, evidence: Evidence, sites: Collection[str], onset_ms: int, now_ms: int
) -> None:
    """Raise it at each of these sites; `subject` tells two of a cause apart, `evidence` names what it is about."""
    findings = [
        Finding(
            row, Condition.DEVICE, cause, Change.BEGAN, Priority.MEDIUM, onset_ms, now_ms, evidence, subject=subject
        )
        for row in range(len(sites))
    ]
    await desk.record(findings, [ServiceItself(site) for site in sites], now_ms, now_ms)


async def end(desk: Desk, cause: str, subject: str, about: Evidence, now_ms: int) -> None:
    """End it wherever it is open: at other sites, it may be, than would be told now."""
    open_ones = [alarm for alarm in await desk.open_alarms() if is_about(alarm, cause, about)]
    findings = [
        Finding(
            row, Condition.DEVICE, cause, Change.ENDED, alarm.priority, alarm.onset_ms, now_ms, about, subject=subject
        )
        for row, alarm in enumerate(open_ones)
    ]
    await desk.record(findings, [ServiceItself(alarm.site) for alarm in open_ones], now_ms, now_ms)


def is_about(alarm: Alarm, cause: str, about: Evidence) -> bool:
    """Whether an alarm has this cause, and this among its evidence."""
    return alarm.cause == cause and dict(about).items() <= dict(alarm.evidence).items()
