// The motion around a fall, folded away on its card: fetched when somebody opens it, and again while more comes.

import { offer } from "./choices.js";
import { element, write, writeOrHide } from "./element.js";
import { text } from "./language.js";
import { Plot } from "./plot.js";
import { get } from "./requests.js";

/** While a clip is not whole it is asked for again this often, and no longer than this after the fall. */
const AGAIN_MS = 3_000;
const COMING_MS = 120_000;

export class ClipView {
  #alarm = null;
  #edition = -1;
  #number = null;
  #clip = null;
  #timer = 0;
  #asked = 0;
  #plot = new Plot();

  constructor() {
    this.numbers = element("div", "clip-numbers");
    this.note = element("p", "clip-note");
    this.node = element("details", "clip", element("summary"), this.numbers, this.#plot.node, this.note);
    this.node.addEventListener("toggle", () => this.#load());
  }

  /** Be about `alarm`; nothing is shown where it is not a fall. */
  update(alarm, edition) {
    const changed = alarm.alarm !== this.#alarm?.alarm || alarm.repeats !== this.#alarm?.repeats;
    this.#alarm = alarm;
    this.node.hidden = alarm.condition !== "fall";
    if (edition !== this.#edition) {
      this.#edition = edition;
      write(this.node.firstElementChild, text("clip.show"));
      if (this.#clip) this.#show();
    }
    if (changed) {
      this.#number = null;
      this.#load();
    }
  }

  async #load() {
    clearTimeout(this.#timer);
    if (!this.node.open || this.node.hidden) return;
    const asked = ++this.#asked;
    try {
      const path = `/api/v1/alarms/${encodeURIComponent(this.#alarm.alarm)}/clip`;
      let clip = await get(`${path}?number=${this.#number ?? 1}`);
      // Of several falls the latest, unless one was chosen.
      if (this.#number === null && clip.numbers > 1) clip = await get(`${path}?number=${clip.numbers}`);
      if (asked !== this.#asked) return;
      this.#clip = clip;
      this.#show();
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.#clip = null;
      this.#plot.node.hidden = true;
      this.numbers.hidden = true;
      writeOrHide(this.note, text(problem.status === 404 ? "clip.none" : "clip.failed"));
    }
    if (this.#isComing() && this.node.isConnected) this.#timer = setTimeout(() => this.#load(), AGAIN_MS);
  }

  /** Whether more of it may come; by the alarm's own clock, since the device's may differ from ours. */
  #isComing() {
    return !this.#clip?.complete && Date.now() - this.#alarm.changed_ms < COMING_MS;
  }

  #show() {
    const clip = this.#clip;
    this.numbers.hidden = clip.numbers < 2;
    const numbers = Array.from({ length: clip.numbers }, (_, i) => ({ value: i + 1, words: text("clip.number", { n: i + 1 }) }));
    offer(this.numbers, numbers, clip.number, (number) => { this.#number = number; this.#load(); });
    const empty = clip.time_s.length === 0;
    this.#plot.node.hidden = empty;
    if (!empty) this.#plot.show(clip);
    const rest = clip.complete ? "" : text(this.#isComing() ? "clip.coming" : "clip.cut_short");
    writeOrHide(this.note, empty ? text("clip.none") : [text("clip.time", { rate: Math.round(clip.rate_hz) }), rest].filter(Boolean).join(" "));
  }
}
