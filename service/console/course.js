// The course of an alarm, folded away: how long each part of its way took as a picture, and all that happened, in words.

import { element, write } from "./element.js";
import { delayOf, text, timeOf } from "./language.js";
import { get } from "./requests.js";
import { resultOf } from "./calling.js";

/** Where an alarm passes, in the order in which it does. */
const STATIONS = ["onset", "received", "detected", "journalled", "sent", "delivered", "acknowledged", "resolved"];

export class CourseView {
  #people;
  #alarm = null;
  #edition = -1;
  #asked = 0;

  /** @param {import("./people.js").People} people */
  constructor(people) {
    this.#people = people;
    this.stations = element("ol", "stations");
    this.list = element("ol", "course");
    this.node = element("details", "more", element("summary"), this.stations, this.list);
    this.node.addEventListener("toggle", () => this.#load());
  }

  /** Be about `alarm`. */
  update(alarm, edition) {
    if (edition !== this.#edition) write(this.node.firstElementChild, text("card.course"));
    const changed = alarm !== this.#alarm || edition !== this.#edition;
    this.#alarm = alarm;
    this.#edition = edition;
    if (changed) this.#load();
  }

  async #load() {
    if (!this.node.open) return;
    const asked = ++this.#asked;
    const path = `/api/v1/alarms/${encodeURIComponent(this.#alarm.alarm)}`;
    try {
      const [{ alarm, transitions }, { calls }] = await Promise.all([get(path), get(`${path}/calls`)]);
      // Kept for alarms since there is a ledger; without it the words are all there is.
      const ledger = await get(`${path}/ledger`).catch(() => null);
      if (asked !== this.#asked) return;
      this.stations.hidden = ledger === null;
      if (ledger !== null) this.stations.replaceChildren(...stationsOf(ledger));
      this.stations.setAttribute("aria-label", text("course.stations"));
      this.list.replaceChildren(...this.#rowsOf(alarm, transitions, calls));
    } catch {
      if (asked !== this.#asked) return;
      this.stations.hidden = true;
      this.list.replaceChildren(element("li", "", text("card.course_failed")));
    }
  }

  /** What happened and who was called, in the order of time; what is called follows what calls. */
  #rowsOf(alarm, transitions, calls) {
    const wordOf = (one) => text(one.event === "cancel" && alarm.evidence.cancelled_by === "walking" ? "event.walked" : `event.${one.event}`);
    const happened = transitions.map((one) => ({
      at_ms: one.at_ms,
      words: one.by ? text("event.by", { event: wordOf(one), name: this.#people.caregiverName(one.by) }) : wordOf(one),
    }));
    const called = calls.map((one) => ({
      at_ms: one.called_ms,
      words: text("course.called", {
        name: this.#people.caregiverName(one.caregiver), channel: one.channel, result: resultOf(one).words,
      }),
    })).reverse();
    return [...happened, ...called].sort((a, b) => a.at_ms - b.at_ms).map(({ at_ms, words }) =>
      element("li", "", element("time", "", timeOf(at_ms)), words));
  }
}

/** The ledger as stations of a way: each with its time, and between two of them how long it took. */
function stationsOf(ledger) {
  let before_ms = null;
  return STATIONS.map((name) => {
    const at_ms = ledger[`${name}_ms`];
    const station = element("li", at_ms === null ? "station to-come" : "station", element("b", "", text(`station.${name}`)));
    if (at_ms === null) {
      station.append(element("span", "station-time", text("station.none")));
      return station;
    }
    station.append(element("time", "station-time", timeOf(at_ms)));
    if (before_ms !== null) {
      const took_ms = at_ms - before_ms;
      // A device whose clock runs ahead told of it before it was, by ours.
      const leg = element("span", "leg", took_ms < 0 ? text("station.clock") : `+ ${delayOf(took_ms)}`);
      if (took_ms > 60_000) leg.classList.add("long");
      station.append(leg);
    }
    before_ms = at_ms;
    return station;
  });
}
