"""The sentence of a fall as a part of the API's answers."""

from pydantic import BaseModel, ConfigDict

from alerts.alarm import Alarm
from alerts.falls.fall_words import fall_sentence
from alerts.findings import Condition


class Words(BaseModel):
    """One thing in both languages."""

    model_config = ConfigDict(frozen=True)

    en: str
    zh: str


def words_of(alarm: Alarm) -> Words | None:
    """The sentence of a fall; None for any other alarm."""
    if alarm.condition is not Condition.FALL:
        return None
    en, zh = fall_sentence(alarm.evidence, alarm.priority)
    return Words(en=en, zh=zh)
