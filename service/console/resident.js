// How a resident stands: the early-warning score with each of its inputs, bracelet beside bed mat, and what is usual.

import { element, write, writeOrHide } from "./element.js";
import { delayOf, text, textOrNull, timeOf } from "./language.js";
import { get } from "./requests.js";
import { evidenceName, unitOf, valueOf } from "./wording.js";

/** While it is open it is asked for again this often. */
const AGAIN_MS = 10_000;

const byId = (id) => document.getElementById(id);
let asked = 0;
let timer = 0;

/** Open the panel about a resident; `name` and `room` are as the page shows them. */
export function showResident(resident, { name, room }) {
  const dialog = byId("resident-dialog");
  write(byId("resident-title"), name);
  writeOrHide(dialog.querySelector(".about"), room);
  dialog.querySelector(".stands").replaceChildren();
  write(dialog.querySelector(".loading"), text("resident.loading"));
  dialog.querySelector(".leave").onclick = () => dialog.close();
  dialog.onclose = () => { asked += 1; clearTimeout(timer); };
  if (!dialog.open) dialog.showModal();
  load(dialog, `/api/v1/residents/${encodeURIComponent(resident)}`);
}

async function load(dialog, path) {
  clearTimeout(timer);
  const mine = ++asked;
  try {
    const [score, signs, baseline] = await Promise.all([get(`${path}/early-warning`), get(`${path}/signs`), get(`${path}/baseline`)]);
    if (mine !== asked) return;
    dialog.querySelector(".stands").replaceChildren(scoreOf(score), ...sourcesOf(signs), baselineOf(baseline));
    writeOrHide(dialog.querySelector(".loading"), "");
  } catch (problem) {
    if (mine !== asked) return;
    // What could not be asked for again is not shown as if it were so now.
    dialog.querySelector(".stands").replaceChildren();
    writeOrHide(dialog.querySelector(".loading"), text(problem.status === 404 ? "resident.unknown" : "resident.failed"));
  }
  timer = setTimeout(() => load(dialog, path), AGAIN_MS);
}

function table(headings, rows) {
  const head = element("thead", "", element("tr", "", ...headings.map(({ words, className = "" }) => element("th", className, words))));
  return element("table", "", head, element("tbody", "", ...rows));
}

function scoreOf({ score, lowest, highest, inputs_known: known, inputs }) {
  const rows = inputs.map((one) => {
    const span = one.points_lowest === one.points_highest ? one.points_lowest : `${one.points_lowest}–${one.points_highest}`;
    const measured = one.source === null ? "" : `${text(`value.${one.source}`)} · ${text("evidence.ago", { age: delayOf(one.age_s * 1000) })}`;
    return element("tr", one.known ? "" : "unknown",
      element("td", "", evidenceName(one.name)),
      element("td", "", ...inputWords(one), " ", element("small", "", measured)),
      element("td", one.known ? `points-${one.points_lowest}` : "", String(span)));
  });
  return element("section", "stand score",
    element("h3", "", evidenceName(score)),
    element("p", "total", text("evidence.score", { lowest, highest, known })),
    table([{ words: text("resident.input") }, { words: text("resident.measured") }, { words: text("resident.points") }], rows));
}

function inputWords(one) {
  if (one.name === "oxygen") return [one.known ? text(one.points_lowest ? "value.oxygen" : "value.air") : text("resident.not_told")];
  if (one.value === null) return [text(one.name === "consciousness" ? "resident.no_device" : "resident.never")];
  return [valueOf(one.name, one.value), one.known ? "" : ` · ${text("resident.expired")}`];
}

/** Where two devices measured the same: the better first, and beside it what the other says. */
function sourcesOf({ signs, disagree_since_ms: since }) {
  const twice = signs.filter((one) => one.others.length > 0);
  if (twice.length === 0 && since === null) return [];
  const section = element("section", "stand sources", element("h3", "", text("resident.sources")));
  if (since !== null) section.append(element("p", "unusual", `${text("cause.sources_disagree")} · ${text("card.since", { time: timeOf(since) })}`));
  if (twice.length === 0) return [section];
  section.append(table(
    [{ words: "" }, { words: text("resident.better") }, { words: text("resident.other") }],
    twice.map((one) => element("tr", one.apart ? "apart" : "",
      element("td", "", evidenceName(one.name)),
      ...[one.best, ...one.others].map((measured) => element("td", "",
        valueOf(one.name, measured.value), " ", element("small", "", sourceWords(measured))))))));
  return [section];
}

const sourceWords = ({ source, quality, age_s: age }) => [
  text(`value.${source}`),
  ...(quality === null ? [] : [`${text("evidence.quality")} ${valueOf("quality", quality)}`]),
  text("evidence.ago", { age: delayOf(age * 1000) }),
].join(" · ");

function baselineOf({ now_part: nowPart, needed_h: needed, signs, unusual }) {
  const learned = signs.filter((one) => one.learned_h > 0);
  const section = element("section", "stand baseline",
    element("h3", "", text("resident.usual")),
    element("p", "detail", text(learned.length ? "resident.usual_detail" : "resident.usual_none", { needed, days: days(signs) })));
  for (const one of unusual) {
    const what = textOrNull(`cause.${one.cause}`) ?? one.cause;
    section.append(element("p", "unusual", `${what} · ${text("card.since", { time: timeOf(one.onset_ms) })}`));
  }
  if (learned.length === 0) return section;
  const parts = learned[0].parts;
  const headings = parts.map(({ from_h, to_h }, at) => ({ words: `${from_h}–${to_h}`, className: at === nowPart ? "now" : "" }));
  section.append(table(headings, learned.flatMap((one) => rowsOf(one, nowPart, needed))));
  return section;
}

/** A sign's name over its parts of the day: side by side they would be too wide for a phone. */
function rowsOf(one, nowPart, needed) {
  const rest = [text(`value.${one.measured_by}`), one.needed_days ? text("resident.needs", { days: one.needed_days }) : text("resident.speaks")];
  const name = element("th", "", `${evidenceName(one.sign)} (${unitOf(one.sign)}) `, element("small", "", rest.join(" · ")));
  name.colSpan = one.parts.length;
  const cells = one.parts.map((part, at) => {
    const cell = element("td", [at === nowPart ? "now" : "", part.speaks ? "" : "learning"].filter(Boolean).join(" "),
      part.usual === null ? "–" : String(Number(part.usual.toFixed(1))));
    if (!part.speaks) cell.append(element("br"), element("small", "", text("resident.hours", { known: part.learned_h, needed })));
    return cell;
  });
  return [element("tr", "sign", name), element("tr", "parts", ...cells)];
}

const days = (signs) => Math.min(...signs.map((one) => one.needed_days));
