// The view of figures: how fast alarms were answered, how many they were, and what they asked of whom.

import { barOf, rangesOf } from "./bars.js";
import { offer } from "./choices.js";
import { element, write, writeOrHide } from "./element.js";
import { delayOf, lengthOf, shareOf, text, textOrNull } from "./language.js";
import { get } from "./requests.js";
import { tableOf } from "./table.js";

const AGAIN_MS = 60_000;
const PERIODS_H = [1, 24, 168];
/** More alarms than these in ten minutes are a flood (ANSI/ISA-18.2). */
const FLOOD_MORE_THAN = 10;
/** The legs of an alarm's way that are drawn, in order. */
const LEGS = ["onset_to_received", "received_to_detected", "detected_to_journalled", "journalled_to_sent", "sent_to_delivered",
  "raised_to_acknowledged", "raised_to_resolved"];

const byId = (id) => document.getElementById(id);

export class Figures {
  #people;
  #hours = 24;
  #site = "";
  #shown = false;
  #timer = 0;
  #asked = 0;
  #told = null;

  constructor(people) {
    this.#people = people;
    byId("figures-site").addEventListener("change", (change) => { this.#site = change.target.value; this.load(); });
  }

  /** Be looked at, or not. */
  look(isShown) {
    this.#shown = isShown;
    clearTimeout(this.#timer);
    if (isShown) {
      this.reword();
      this.load();
    }
  }

  /** Language or names changed. */
  reword() {
    if (!this.#shown) return;
    const periods = PERIODS_H.map((hours) => ({ value: hours, words: text(`figures.period.${hours}`) }));
    offer(byId("figures-period"), periods, this.#hours, (hours) => { this.#hours = hours; this.reword(); this.load(); });
    const { sites } = this.#people;
    const choice = byId("figures-site");
    choice.parentElement.hidden = sites.length < 2;
    choice.replaceChildren(...[{ site: "", name: text("figures.all_sites") }, ...sites].map((one) =>
      Object.assign(element("option", "", one.name || one.site), { value: one.site })));
    choice.value = this.#site;
    this.#show();
  }

  async load() {
    clearTimeout(this.#timer);
    if (!this.#shown) return;
    const asked = ++this.#asked;
    const site = this.#site ? `&site=${encodeURIComponent(this.#site)}` : "";
    const [load, report] = await Promise.all([
      `/api/v1/figures?hours=${this.#hours}${site}`, `/api/v1/report?days=${Math.ceil(this.#hours / 24)}${site}`,
    ].map((address) => get(address).catch(() => null)));
    if (asked !== this.#asked) return;
    this.#told = { load, report };
    this.#show();
    if (this.#shown) this.#timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  #show() {
    if (this.#told === null) return;
    const { load, report } = this.#told;
    writeOrHide(byId("figures-failed"), load === null && report === null ? text("panel.failed") : "");
    write(byId("answered-period"), text(this.#hours === 168 ? "figures.period.168" : "figures.period.24"));
    byId("answered").replaceChildren(...(report ? answeredOf(report.people) : []));
    byId("legs").replaceChildren(...(report && report.people.alarms ? [rangesOf(
      LEGS.map((leg) => ({ name: text(`leg.${leg}`), ...report.people.legs[leg] })).filter((leg) => leg.count > 0),
      text("figures.legs_told"))] : [none()]));
    const drills = report?.drills.alarms ?? 0;
    writeOrHide(byId("figures-drills"), drills ? text("figures.drills", { n: drills }) : "");
    byId("site-load").replaceChildren(...(load?.sites.length ? [this.#sitesOf(load.sites)] : [none()]));
    byId("caregiver-load").replaceChildren(...(load?.caregivers.length ? [this.#caregiversOf(load.caregivers)] : [none()]));
    byId("causes").replaceChildren(...(load?.sites.some((one) => one.alarms > 0) ? causesOf(load.sites) : [none()]));
  }

  #sitesOf(sites) {
    const busiest = Math.max(...sites.map((one) => one.alarms_per_hour), 1);
    const most = Math.max(...sites.map((one) => one.most_in_ten_minutes), 2 * FLOOD_MORE_THAN);
    return tableOf(
      ["figures.site", "figures.alarms_per_hour", "figures.most_in_ten", "figures.flood_share", "figures.chattering",
        "figures.stale", "figures.false_share"].map((key) => text(key)),
      sites.map((one) => [
        { words: this.#people.siteName(one.site), className: "strong" },
        { node: barOf(one.alarms_per_hour / busiest, String(Number(one.alarms_per_hour.toFixed(1)))) },
        mostOf(one.most_in_ten_minutes, most),
        floodOf(one.flood_share),
        { words: String(one.chattering) },
        { words: text("figures.stale_of", { n: one.stale, open: one.open }) },
        falseOf(one),
      ]));
  }

  #caregiversOf(caregivers) {
    const most = (key) => Math.max(...caregivers.map((one) => one[key]), 1);
    const [taken, calls, busiest] = [most("taken"), most("calls"), Math.max(most("most_in_ten_minutes"), 2 * FLOOD_MORE_THAN)];
    return tableOf(
      ["figures.caregiver", "figures.taken", "figures.median", "figures.calls", "figures.night_calls", "figures.most_in_ten",
        "figures.flood_share", "figures.chattering", "figures.false_share", "figures.holds"].map((key) => text(key)),
      caregivers.map((one) => [
        { words: this.#people.caregiverName(one.caregiver), className: "strong" },
        { node: barOf(one.taken / taken, String(one.taken)) },
        { words: one.take_median_s === null ? "–" : delayOf(one.take_median_s * 1000) },
        { node: barOf(one.calls / calls, String(one.calls)) },
        { words: String(one.night_calls) },
        mostOf(one.most_in_ten_minutes, busiest),
        floodOf(one.flood_share),
        { words: String(one.chattering) },
        falseOf(one),
        { words: one.stale ? text("figures.holds_of", { n: one.holds, stale: one.stale }) : String(one.holds) },
      ]));
  }
}

/** The most in ten minutes, beside where a flood begins; the bar is full at `full`. */
const mostOf = (most, full) => ({ node: barOf(most / full, String(most),
  { mark: FLOOD_MORE_THAN / full, bad: most > FLOOD_MORE_THAN, title: text("figures.flood_mark") }) });

const floodOf = (share) => ({ node: barOf(share, shareOf(share), { bad: share > 0 }) });

const falseOf = (one) => ({ node: barOf(one.false_share ?? 0, one.false_share === null ? "–"
  : text("figures.false_of", { share: shareOf(one.false_share), n: one.judged_true + one.judged_false })) });

const none = () => element("p", "none", text("figures.none"));

/** The share answered within 60 and 180 s, each beside what telecare centres aim at. */
function answeredOf({ answered }) {
  return answered.map((one) => {
    const misses = one.share !== null && one.share < one.practice;
    const words = one.share === null ? text("figures.none_due")
      : text("figures.answered_of", { share: shareOf(one.share), n: one.answered, total: one.total });
    return element("li", "answered",
      element("span", "answered-name", text("figures.within", { span: lengthOf(one.within_s * 1000) })),
      barOf(one.share ?? 0, words, { mark: one.practice, bad: misses, wide: true }),
      element("small", "", text("figures.practice", { share: shareOf(one.practice) })));
  });
}

/** The causes that rang most, of all sites shown. */
function causesOf(sites) {
  const sums = new Map();
  for (const { causes } of sites) for (const [cause, n] of Object.entries(causes)) sums.set(cause, (sums.get(cause) ?? 0) + n);
  const sorted = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 10);
  return sorted.map(([cause, n]) => element("li", "cause-row",
    element("span", "", textOrNull(`cause.${cause}`) ?? cause.replaceAll("_", " ")), barOf(n / sorted[0][1], String(n), { wide: true })));
}
