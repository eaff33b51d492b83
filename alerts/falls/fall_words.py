"""What is known of a fall, in one sentence a nurse can read, in both languages; pure.

On the console stands every other word (console/words_*.js); these are here because webhooks', messages' and other
programs' readers need them as well.
"""

from collections.abc import Iterator
from typing import Final

from alerts.alarm import CANCELLED_BY
from alerts.findings import Evidence, Priority

_BED: Final = {
    "in_bed": ("bed mat: in bed throughout", "床垫：一直在床上"),
    "not_in_bed": ("bed mat: not in bed", "床垫：不在床上"),
    "left_bed": ("bed mat: left the bed at that moment", "床垫：当时正离开床"),
}
_DEVICE: Final = {
    "suspected": ("the device itself suspects a fall", "设备自身怀疑跌倒"),
    "confirmed": ("the device itself confirms a fall", "设备自身确认跌倒"),
}
_REASON: Final = {
    "bed": ("what the bed mat says", "床垫信息"),
    "lay_still_s": ("lying still", "持续静止"),
    "device_said": ("what the device itself says", "设备自身判断"),
    "motion_said": ("the motion of the wrist", "手腕运动"),
    "pulse_after_bpm": ("the pulse", "心率"),
}


def fall_sentence(evidence: Evidence, priority: Priority) -> tuple[str, str]:
    """The sentence of a fall by its evidence, in English and in Chinese."""
    parts = list(_parts(dict(evidence), priority))
    if not parts:
        return "no more is known yet", "暂无更多信息"
    return "; ".join(en for en, _ in parts), "；".join(zh for _, zh in parts)


def _parts(evidence: dict[str, float | int | str], priority: Priority) -> Iterator[tuple[str, str]]:
    peak_g, still_s = evidence.get("peak_g"), evidence.get("lay_still_s")
    impact = (f"impact of {peak_g:.1f} g", f"撞击 {peak_g:.1f} g") if isinstance(peak_g, float | int) else None
    if isinstance(still_s, float | int):
        long = ("a minute or more", "一分钟以上") if still_s >= 60 else (f"{still_s:.0f} s", f" {still_s:.0f} 秒")
        en, zh = f"still for {long[0]}", f"之后静止{long[1]}"
        yield (f"{impact[0]}, then {en}", f"{impact[1]}，{zh}") if impact else (f"lay {en} afterwards", zh)
    elif impact:
        yield impact
    for name, words in (("bed", _BED), ("device_said", _DEVICE)):
        if (said := words.get(str(evidence.get(name)))) is not None:
            yield said
    before_bpm, after_bpm = evidence.get("pulse_before_bpm"), evidence.get("pulse_after_bpm")
    if after_bpm is not None:
        if before_bpm is not None:
            yield f"pulse {before_bpm} /min before, {after_bpm} after", f"心率由 {before_bpm} 变为 {after_bpm} 次/分"
        else:
            yield f"pulse {after_bpm} /min afterwards", f"之后心率 {after_bpm} 次/分"
    if (reason := _REASON.get(str(evidence.get("decided_by")))) is not None:
        if priority is Priority.LOW:
            yield f"made less urgent by {reason[0]}", f"因{reason[1]}而降级"
        else:
            yield f"made more urgent by {reason[0]}", f"因{reason[1]}而升级"
    by = evidence.get(CANCELLED_BY)
    if by == "wearer":
        yield "called off by the wearer", "佩戴者已取消"
    elif by == "walking":
        after_s, pace = evidence.get("walked_after_s", "?"), evidence.get("steps_per_min", "?")
        yield f"walking again {after_s} s later ({pace} steps/min)", f"{after_s} 秒后恢复行走（每分钟 {pace} 步）"
