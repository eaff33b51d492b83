// Which language is spoken, and how numbers, times and spans are said in it.

import { TEXTS } from "./i18n.js";

const REMEMBERED = "shouhu.language";

function preferred() {
  const remembered = localStorage.getItem(REMEMBERED);
  if (remembered in TEXTS) return remembered;
  return (navigator.languages ?? [navigator.language]).some((tag) => tag.toLowerCase().startsWith("zh")) ? "zh" : "en";
}

let current = preferred();
let clock, dayClock, hourClock;

function prepare() {
  const tag = current === "zh" ? "zh-CN" : "en-GB";
  document.documentElement.lang = current === "zh" ? "zh-CN" : "en";
  clock = new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  hourClock = new Intl.DateTimeFormat(tag, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  dayClock = new Intl.DateTimeFormat(tag, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
prepare();

/** The words of `key`, or `key.one` where `n` is 1 and there is such, its `{name}`s filled in; null where there is no such key. */
export function textOrNull(key, values = {}) {
  const words = (values.n === 1 ? TEXTS[current][`${key}.one`] : undefined) ?? TEXTS[current][key];
  return words === undefined ? null : words.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The words of `key`; the key itself where it is missing, so that a gap is seen and nothing breaks. */
export const text = (key, values) => textOrNull(key, values) ?? key;

export const language = () => current;

/** Speak the other language from now on, and remember it. */
export function switchLanguage() {
  current = current === "zh" ? "en" : "zh";
  localStorage.setItem(REMEMBERED, current);
  prepare();
}

/** Fill every element that names its words: `data-text` its text, `data-name` its accessible name, `data-label` also its tooltip. */
export function fillIn(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const node of root.querySelectorAll("[data-hint]")) node.placeholder = text(node.dataset.hint);
  for (const node of root.querySelectorAll("[data-name]")) node.setAttribute("aria-label", text(node.dataset.name));
  for (const node of root.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text(node.dataset.label));
    node.title = text(node.dataset.label);
  }
}

/** Clock time of Unix milliseconds; with the day where it is not today. */
export function timeOf(time_ms) {
  const when = new Date(time_ms);
  return (when.toDateString() === new Date().toDateString() ? clock : dayClock).format(when);
}

/** The same to the minute, for what people agree upon: the end of a shift, of a drill. */
export function hourOf(time_ms) {
  const when = new Date(time_ms);
  return (when.toDateString() === new Date().toDateString() ? hourClock : dayClock).format(when);
}

/** A length that people choose: whole minutes, hours or days. */
export function lengthOf(span_ms) {
  const minutes = Math.round(span_ms / 60_000);
  if (minutes % 1440 === 0) return text("unit.d", { n: minutes / 1440 });
  return minutes % 60 === 0 ? text("unit.h", { n: minutes / 60 }) : text("unit.min", { n: minutes });
}

/** How long something has lasted, from seconds to days, whole units. */
export function spanOf(span_ms) {
  const span_s = Math.max(0, Math.floor(span_ms / 1000));
  if (span_s < 60) return text("unit.s", { n: span_s });
  const span_min = Math.floor(span_s / 60);
  if (span_min < 60) return text("unit.min_s", { m: span_min, s: String(span_s % 60).padStart(2, "0") });
  const span_h = Math.floor(span_min / 60);
  if (span_h < 24) return text("unit.h_min", { h: span_h, m: span_min % 60 });
  return text("unit.d_h", { d: Math.floor(span_h / 24), h: span_h % 24 });
}

/** What is left until something happens, as a clock that runs down: "0:42", "12:05", "2:10:00". */
export function countdownOf(left_ms) {
  const left_s = Math.max(0, Math.ceil(left_ms / 1000));
  const parts = [Math.floor(left_s / 60) % 60, left_s % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(left_s / 3600);
  return hours ? [hours, ...parts].join(":") : [Number(parts[0]), parts[1]].join(":");
}

/** A part of a whole as a percentage; null where there is nothing to divide. */
export const shareOf = (share) => share === null ? "–" : `${Number((share * 100).toFixed(1))} %`;

/** A delay: tenths below ten seconds, else a span; no seconds where there are none. */
export function delayOf(delay_ms) {
  if (delay_ms < 100) return text("unit.s", { n: "< 0.1" });
  if (delay_ms < 10_000) return text("unit.s", { n: Number((delay_ms / 1000).toFixed(1)) });
  const delay_min = Math.floor(delay_ms / 60_000);
  const whole = delay_min > 0 && delay_min < 60 && delay_ms % 60_000 < 1000;
  return whole ? text("unit.min", { n: delay_min }) : spanOf(delay_ms);
}
