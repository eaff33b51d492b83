"""Alarms and registers as the API shows them: JSON forms, apart from how they are kept."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from alerts.alarm import Alarm, Outcome, Transition
from alerts.findings import Condition, Priority
from alerts.lifecycle import Event, State
from service.api.fall_words import Words, words_of
from service.api.house import Health


class View(BaseModel):
    """A form of answer; times are Unix milliseconds."""

    model_config = ConfigDict(frozen=True)


class AlarmView(View):
    """One occurrence of one condition; people by identifier, their names are at /api/v1/residents and /caregivers."""

    alarm: str
    site: str
    device: str
    resident: str | None
    condition: Condition
    cause: str = Field(description="A stable word for what exactly, such as spo2_low")
    priority: Priority
    state: State
    onset_ms: int = Field(description="When it began, by the device's clock")
    received_ms: int = Field(description="When the deciding message was received")
    raised_ms: int = Field(description="When the alarm was journalled")
    changed_ms: int
    latest_onset_ms: int = Field(description="When its latest occurrence began")
    repeats: int
    cancelled: bool = Field(description="The wearer called it off; it stays open until a person closes it")
    drill: bool
    evidence: dict[str, float | int | str] = Field(description="Values and limits that caused it, units in the names")
    evidence_words: Words | None = Field(description="Of a fall: what is known of it, in a sentence")
    acknowledged_by: str | None
    acknowledged_ms: int | None
    resolved_by: str | None
    resolved_ms: int | None
    outcome: Outcome | None
    note: str
    unknown_since_ms: int | None = Field(description="Its device is silent since then: nobody knows if it still holds")
    step: int = Field(description="How many steps of calling were begun since it last began to ring")
    due_ms: int | None = Field(description="When the next step, a reminder or the end of the shelf is due")
    shelved_by: str | None
    shelved_until_ms: int | None
    shelved_reason: str

    @classmethod
    def of(cls, alarm: Alarm) -> Self:
        """The view of an alarm."""
        return cls(
            alarm=alarm.alarm,
            site=alarm.site,
            device=alarm.device,
            resident=alarm.resident,
            condition=alarm.condition,
            cause=alarm.cause,
            priority=alarm.priority,
            state=alarm.state,
            onset_ms=alarm.onset_ms,
            received_ms=alarm.received_ms,
            raised_ms=alarm.raised_ms,
            changed_ms=alarm.changed_ms,
            latest_onset_ms=alarm.latest_onset_ms,
            repeats=alarm.repeats,
            cancelled=alarm.cancelled,
            drill=alarm.drill,
            evidence=dict(alarm.evidence),
            evidence_words=words_of(alarm),
            acknowledged_by=alarm.acknowledged_by,
            acknowledged_ms=alarm.acknowledged_ms,
            resolved_by=alarm.resolved_by,
            resolved_ms=alarm.resolved_ms,
            outcome=alarm.outcome,
            note=alarm.note,
            unknown_since_ms=alarm.unknown_since_ms,
            step=alarm.step,
            due_ms=alarm.due_ms,
            shelved_by=alarm.shelved_by,
            shelved_until_ms=alarm.shelved_until_ms,
            shelved_reason=alarm.shelved_reason,
        )


class StepView(View):
    """One thing that happened to an alarm; `by` is None where a device did it."""

    sequence: int
    event: Event
    from_state: State | None
    to_state: State
    at_ms: int
    by: str | None

    @classmethod
    def of(cls, transition: Transition) -> Self:
        """The view of a transition without its alarm."""
        return cls(
            sequence=transition.sequence,
            event=transition.event,
            from_state=transition.from_state,
            to_state=transition.to_state,
            at_ms=transition.at_ms,
            by=transition.by,
        )


class TransitionView(StepView):
    """One thing that happened, and how the alarm stood afterwards."""

    alarm: AlarmView

    @classmethod
    def of(cls, transition: Transition) -> Self:
        """The view of a transition."""
        return cls(
            sequence=transition.sequence,
            event=transition.event,
            from_state=transition.from_state,
            to_state=transition.to_state,
            at_ms=transition.at_ms,
            by=transition.by,
            alarm=AlarmView.of(transition.alarm),
        )


class CheckView(View):
    """One thing the service needs and whether it has it."""

    name: str
    ok: bool
    detail: str


class HealthView(View):
    """Whether somebody may rely on the watching."""

    ready: bool
    checks: tuple[CheckView, ...]

    @classmethod
    def of(cls, health: Health) -> Self:
        """The view of the service's health."""
        return cls(
            ready=health.ready,
            checks=tuple(CheckView(name=check.name, ok=check.ok, detail=check.detail) for check in health.checks),
        )
