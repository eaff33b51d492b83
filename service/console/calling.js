// Who is being called of an alarm and with what result, and what happens next by itself; asked for while the card is in view.

import { waits } from "./alarms.js";
import { element, icon, write, writeOrHide } from "./element.js";
import { countdownOf, text, timeOf } from "./language.js";
import { get } from "./requests.js";

/** While somebody is called, asked for again this often, and while a call is on its way. */
const AGAIN_MS = 3_000;
const SOON_MS = 1_000;
/** Where nobody of a site can be called, that is asked for again after this long. */
const UNHEARD_MS = 60_000;
const CHIPS_MOST = 8;
const NAMES_MOST = 3;

/** Sites of which nobody can be called, and when that was told. */
const unheard = new Map();

/** Cards in view ask; thousands that are not do not. */
const watched = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) watched.get(target)?.inView(isIntersecting);
});

/** What became of a call: a stable word for its looks, and the words. */
export function resultOf(call) {
  if (call.status === "failed") return { look: "failed", words: text("call.failed", { reason: call.reason }) };
  if (call.status === "pending" && call.reason) return { look: "again", words: text("call.again", { reason: call.reason }) };
  const at_ms = { sent: call.sent_ms, delivered: call.delivered_ms, read: call.read_ms }[call.status];
  const words = text(`call.${call.status}`);
  return { look: call.status, words: at_ms ? `${words} ${timeOf(at_ms)}` : words };
}

const MARKS = { pending: "paused", again: "warning", sent: "check", delivered: "checks", read: "eye", failed: "cross", cancelled: "minus" };

/** The calls since it last began to ring, the latest of each person and channel: `calls` are latest first. */
function latestOf(calls) {
  const found = new Map();
  let step = Infinity;
  for (const call of calls) {
    if (call.step > step) break; // steps count from 0 each time it begins to ring
    step = call.step;
    const key = `${call.caregiver} ${call.channel}`;
    if (!found.has(key)) found.set(key, call);
  }
  return [...found.values()];
}

export class CallingView {
  #people;
  #card;
  #alarm = null;
  #edition = -1;
  #plan = null;
  #calls = [];
  #inView = false;
  #timer = 0;
  #asked = 0;

  /** @param {HTMLElement} card whose being in view counts */
  constructor(card, people) {
    this.#people = people;
    this.#card = card;
    this.title = element("span", "calling-title");
    this.chips = element("ul", "chips");
    this.node = element("div", "calling", this.title, this.chips);
    this.node.hidden = true;
    this.nextText = element("span");
    this.nextTime = element("b", "countdown");
    this.next = element("p", "next", icon("paused"), element("span", "", this.nextText, " ", this.nextTime));
    this.next.hidden = true;
    watched.set(card, this);
    observer.observe(card);
  }

  /** Be about `alarm`. */
  update(alarm, edition) {
    const changed = alarm.changed_ms !== this.#alarm?.changed_ms || alarm.step !== this.#alarm?.step;
    this.#alarm = alarm;
    this.#edition = edition;
    if (!waits(alarm)) {
      this.#plan = null;
      this.#calls = [];
    } else if (changed) this.#load();
    this.#show();
  }

  /** The card came into view, or went out of it. */
  inView(isInView) {
    this.#inView = isInView;
    if (isInView) this.#load();
    else clearTimeout(this.#timer);
  }

  /** Its card leaves the page. */
  leave() {
    observer.unobserve(this.#card);
    clearTimeout(this.#timer);
    this.#inView = false;
  }

  /** Let a second pass. */
  tick(now_ms) {
    if (this.next.hidden || !this.#alarm.due_ms) return;
    write(this.nextTime, countdownOf(this.#alarm.due_ms - now_ms));
  }

  async #load() {
    clearTimeout(this.#timer);
    const alarm = this.#alarm;
    if (!this.#inView || alarm === null || !waits(alarm)) return;
    if (Date.now() - (unheard.get(alarm.site) ?? -Infinity) < UNHEARD_MS) {
      this.#plan = { heard: false };
      this.#show();
      return;
    }
    const asked = ++this.#asked;
    const path = `/api/v1/alarms/${encodeURIComponent(alarm.alarm)}`;
    try {
      const [plan, { calls }] = await Promise.all([get(`${path}/plan`), get(`${path}/calls`)]);
      if (asked !== this.#asked) return;
      if (!plan.heard) unheard.set(alarm.site, Date.now());
      else unheard.delete(alarm.site);
      this.#plan = plan;
      this.#calls = latestOf(calls);
    } catch {
      if (asked !== this.#asked) return;
      // Not known now is not shown as if it were; what time brings is known from the alarm itself.
      this.#plan = null;
    }
    this.#show();
    const soon = this.#calls.some((call) => call.status === "pending" && !call.reason);
    if (this.#inView && waits(this.#alarm)) this.#timer = setTimeout(() => this.#load(), soon ? SOON_MS : AGAIN_MS);
  }

  #show() {
    const waiting = waits(this.#alarm);
    this.node.hidden = !waiting || this.#calls.length === 0;
    if (!this.node.hidden) {
      write(this.title, text("call.title"));
      const shown = this.#calls.slice(0, CHIPS_MOST).map((call) => this.#chip(call));
      const left = this.#calls.length - shown.length;
      if (left > 0) shown.push(element("li", "chip", text("call.more", { n: left })));
      this.chips.replaceChildren(...shown);
    }
    const words = this.#nextWords();
    this.next.hidden = words === "";
    write(this.nextText, words);
    this.next.classList.toggle("alone", waiting && this.#plan?.heard === false);
    if (!this.#alarm.due_ms) write(this.nextTime, "");
  }

  #chip(call) {
    const { look, words } = resultOf(call);
    return element("li", `chip chip-${look}`, icon(MARKS[look]),
      element("b", "", this.#people.caregiverName(call.caregiver)),
      element("span", "chip-channel", call.channel),
      element("span", "", words));
  }

  /** What happens next by itself; empty where nothing does. */
  #nextWords() {
    const alarm = this.#alarm;
    if (!waits(alarm)) return alarm.due_ms ? text("next.remind") : "";
    if (this.#plan?.heard === false) return text("next.alone");
    if (!alarm.due_ms) return "";
    const turns = this.#plan?.turns ?? [];
    // After the last of them the plan begins anew with the first that reaches somebody.
    const due = turns.find((turn) => turn.state === "due") ?? turns.find((turn) => turn.calls.length > 0);
    if (!due) return text("next.step");
    const names = due.calls.slice(0, NAMES_MOST).map((one) =>
      text("next.person", { name: this.#people.caregiverName(one.caregiver), role: text(`role.${one.role}`) }));
    const more = due.calls.length - names.length;
    return text(due.state === "due" ? "next.call" : "next.again", { names: names.join(text("list.comma")) + (more > 0 ? text("next.more", { n: more }) : "") });
  }
}
