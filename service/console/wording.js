// Alarms in plain words: what it is, what shows it, how long ago.

import { delayOf, language, text, textOrNull, timeOf } from "./language.js";

/** What follows a number, by the last words of its name: as it is, or the key of its words. */
const UNITS = [
  ["_per_min", "unit.per_min"], ["_bpm", "unit.per_min"], ["_pct", "%"], ["_c", "°C"], ["_mmhg", "mmHg"],
  ["_m_s", "m/s"], ["_m", "m"], ["_g", "g"], ["_deg", "°"], ["_h", "h"],
];
/** What exactly happened; a cause nobody has translated yet is shown as it is called. */
export const causeOf = (alarm) => textOrNull(`cause.${alarm.cause}`) ?? alarm.cause.replaceAll("_", " ");

/** What the sentence about a fall says already. */
const SAID = new Set(["peak_g", "lay_still_s", "bed", "device_said", "pulse_before_bpm", "pulse_after_bpm",
  "cancelled_by", "walked_after_s", "steps_per_min", "decided_by"]);

/** What is known of a fall, as the service words it; empty for any other alarm. */
export const sentenceOf = (alarm) => {
  const words = alarm.evidence_words?.[language()] ?? "";
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** A fall's other figures, as pairs of words. */
export const figuresOf = (alarm) => Object.entries(alarm.evidence).filter(([key]) => !SAID.has(key)).map(
  ([key, value]) => [key === "score" ? text("clip.score") : evidenceName(key), valueOf(key, value)]);

export const conditionOf = (alarm) => textOrNull(`condition.${alarm.condition}`) ?? alarm.condition;

/** What follows a number of this name; undefined where nothing does. */
export function unitOf(name) {
  const unit = UNITS.find(([end]) => name.endsWith(end))?.[1];
  return unit && (textOrNull(unit) ?? unit);
}

const stemOf = (name) => {
  const unit = [...UNITS.map(([end]) => end), "_s", "_ms"].find((end) => name.endsWith(end));
  return unit ? name.slice(0, -unit.length) : name;
};

/** A value with its unit, which its name tells. */
export function valueOf(name, value) {
  if (typeof value !== "number") return textOrNull(`value.${value}`) ?? textOrNull(`role.${value}`) ?? String(value);
  if (name.endsWith("_ms")) return value > 1e11 ? timeOf(value) : delayOf(value);
  if (name === "confidence" || name === "quality") return `${Math.round(value * 100)} %`;
  if (name.endsWith("_s") && !name.endsWith("_m_s")) return delayOf(value * 1000);
  const unit = unitOf(name);
  const number = String(Number.isInteger(value) ? value : Number(value.toPrecision(3)));
  return unit ? `${number} ${unit}` : number;
}

export const evidenceName = (name) => textOrNull(`evidence.${name}`) ?? stemOf(name).replaceAll("_", " ");

/** A position to about a metre, which is more than any locator knows, and how far it may be off. */
function positionOf(lat_deg, lon_deg, accuracy_m) {
  const where = `${Number(lat_deg).toFixed(5)}, ${Number(lon_deg).toFixed(5)}`;
  return Number.isFinite(accuracy_m) ? `${where} ± ${Math.round(accuracy_m)} m` : where;
}

/** The value a limit is for: `limit_impact_g` is for `impact_g`, `limit_pct` for the value before it. */
const limited = (said, name) => said.find((one) => `limit_${one.key}` === name) ?? said.at(-1);

/** A score of which not all inputs are known: "≥ 5, 4 of 7 inputs". */
const scoreOf = ({ score_lowest: lowest, score_highest: highest, inputs_known: known }) =>
  text("evidence.score", { lowest, highest, known });

const pointsOf = (n) => text("evidence.points", { n });

/** For programs: which alarm a step could not be called of, and its number. */
const UNSAID = new Set(["alarm", "step"]);

/**
 * What shows it, as pairs of words: [["SpO₂", "84 % (limit 91 %)"], …].
 */
export function evidenceOf(alarm) {
  const { lat_deg, lon_deg, accuracy_m, ...others } = alarm.evidence;
  const said = [];
  for (const [key, value] of Object.entries(others)) {
    if (UNSAID.has(key)) continue;
    if (key === "score") said.push({ key: value, words: scoreOf(others) });
    if (key === "score" || key.startsWith("score_") || key === "inputs_known") continue;
    const measured = said.find((one) => [`points_${one.key}`, `age_${one.key}_s`, `usual_${one.key}`, `measured_by_${one.key}`, `other_${one.key}`].includes(key));
    if (measured) {
      if (key.startsWith("usual_")) measured.words = text("evidence.usual", { value: measured.words, usual: valueOf(key, value) });
      if (key.startsWith("points_")) measured.words += ` · ${pointsOf(value)}`;
      if (key.startsWith("age_") && value > 0) measured.words += ` · ${text("evidence.ago", { age: delayOf(value * 1000) })}`;
      if (key.startsWith("measured_by_")) measured.words += ` · ${valueOf(key, value)}`;
      if (key.startsWith("other_")) measured.words += ` · ${text("evidence.other", { value: valueOf(key, value) })}`;
      continue;
    }
    const words = valueOf(key, value);
    const known = key.startsWith("limit_") ? limited(said, key) : undefined;
    if (known) known.words = text("evidence.value_limit", { value: known.words, limit: words });
    else said.push({ key, words });
  }
  if (lat_deg !== undefined && lon_deg !== undefined) said.push({ key: "position", words: positionOf(lat_deg, lon_deg, accuracy_m) });
  return said.map(({ key, words }) => [evidenceName(key), words]);
}

/** How long the alarm took from its onset; a device whose clock runs ahead cannot tell. */
export function alarmDelayOf(alarm) {
  const delay_ms = alarm.raised_ms - alarm.onset_ms;
  return delay_ms < 0 ? text("card.delay_unknown") : text("card.delay", { delay: delayOf(delay_ms) });
}
