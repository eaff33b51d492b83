// Where somebody is, in words: of an alarm that knows a position, told anew each second, since it ages.

import { spanOf, text, textOrNull } from "./language.js";

/** Slower than this is standing about, faster is no longer on foot. */
const WALKING_M_S = 0.3;
const RIDING_M_S = 3;

/** Whether an alarm knows a position. */
export const isPlaced = (alarm) => alarm.evidence.lat_deg !== undefined && alarm.evidence.lon_deg !== undefined;

/** What the words of `whereOf` say, which need not stand beside them again. */
export const TOLD = ["lat_deg", "lon_deg", "accuracy_m", "speed_m_s", "battery_pct", "zone", "distance_m", "direction", "fix_ms"];

/** Metres as one says them: whole ones, kilometres from a thousand on. */
export function metresOf(distance_m) {
  const whole_m = Math.round(Math.abs(distance_m));
  return whole_m < 1000 ? text("unit.m", { n: whole_m }) : text("unit.km", { n: (whole_m / 1000).toFixed(1) });
}

function paceOf(speed_m_s) {
  if (speed_m_s < WALKING_M_S) return text("where.still");
  return text(speed_m_s < RIDING_M_S ? "where.walking" : "where.riding", { speed: speed_m_s.toFixed(1) });
}

/** How far from which zone; only that they were last seen where no zone is named. */
function relationOf({ cause, state, evidence: { zone, distance_m, direction } }) {
  if (zone === undefined) return text("where.last_seen");
  const values = { zone, distance: metresOf(distance_m), direction: textOrNull(`direction.${direction}`) ?? "" };
  if (distance_m < 0) {
    const back = cause === "left_safe_zone" && ["returned", "cleared"].includes(state);
    return text(back ? "where.back" : "where.inside", values);
  }
  return text("where.outside", values);
}

/** "240 m north-east of the zone garden, accuracy 15 m, 40 s ago, walking 1.1 m/s, battery 40 %". */
export function whereOf(alarm, now_ms) {
  const { accuracy_m, speed_m_s, battery_pct, fix_ms } = alarm.evidence;
  return [
    relationOf(alarm),
    Number.isFinite(accuracy_m) ? text("where.accuracy", { distance: metresOf(accuracy_m) }) : "",
    fix_ms ? text("where.ago", { age: spanOf(now_ms - fix_ms) }) : "",
    Number.isFinite(speed_m_s) ? paceOf(speed_m_s) : "",
    Number.isFinite(battery_pct) ? text("where.battery", { n: Math.round(battery_pct) }) : "",
  ].filter(Boolean).join(text("where.comma"));
}
