// One open alarm on the page: built once, then only what changed is written.

import { waits } from "./alarms.js";
import { CallingView } from "./calling.js";
import { ClipView } from "./clip.js";
import { CourseView } from "./course.js";
import { button, element, icon, write, writeOrHide } from "./element.js";
import { spanOf, text, timeOf } from "./language.js";
import { MapView } from "./map.js";
import { showResident } from "./resident.js";
import { isPlaced, TOLD, whereOf } from "./whereabouts.js";
import { alarmDelayOf, causeOf, conditionOf, evidenceOf, figuresOf, sentenceOf } from "./wording.js";

/**
 * @typedef {object} Deeds
 * @property {(alarm: object) => Promise<void>} take
 * @property {(alarm: object) => void} close
 * @property {(alarm: object) => void} shelve lay it aside for a time
 * @property {(alarm: object) => void} unshelve
 * @property {(alarm: object) => void} accompany the person is out in company
 */

/** Where its person is, is told in a sentence that follows them. */
const follows = (alarm) => alarm.condition === "geofence" && isPlaced(alarm);

/** An alarm without the evidence that the sentence says. */
const untold = (alarm) => ({ ...alarm, evidence: Object.fromEntries(Object.entries(alarm.evidence).filter(([key]) => !TOLD.includes(key))) });

/** What a person may lay aside: not somebody who called or fell. */
const mayBeShelved = (alarm) => alarm.condition !== "sos" && alarm.condition !== "fall";

/** Called off not by its wearer's word but by walking on. */
const walked = (alarm) => alarm.evidence.cancelled_by === "walking";

export class Card {
  #people;
  #shown = null;
  #edition = -1;
  #taking = false;

  /**
   * @param {Deeds} deeds what the buttons do
   * @param {import("./people.js").People} people
   */
  constructor(deeds, people) {
    this.#people = people;
    this.node = element("li", "card");
    this.node.tabIndex = -1;
    this.badge = element("div", "badge");
    this.condition = element("span", "condition");
    this.marks = element("span", "marks");
    this.cause = element("span", "cause");
    this.nameButton = button("name-button", () => showResident(this.#shown.resident, people.who(this.#shown)));
    this.name = element("span", "name");
    this.room = element("span", "room");
    this.place = element("span", "place");
    this.sentence = element("p", "sentence");
    this.evidence = element("dl", "evidence");
    this.clip = new ClipView();
    this.map = new MapView();
    this.chart = element("div", "chart", this.map.node);
    this.companyButton = button("company", () => deeds.accompany(this.#shown));
    this.age = element("p", "age");
    this.since = element("p", "since");
    this.delay = element("p", "delay");
    this.state = element("p", "state");
    this.stateWords = element("span");
    this.state.append(icon("person"), this.stateWords);
    this.takeButton = button("take", () => this.#take(deeds));
    this.closeButton = button("close", () => deeds.close(this.#shown));
    this.shelveButton = button("shelve", () => deeds.shelve(this.#shown));
    this.calling = new CallingView(this.node, people);
    this.course = new CourseView(people);
    this.details = this.course.node;
    this.node.append(
      this.badge,
      element("div", "body",
        element("p", "what", this.condition, this.cause, this.marks),
        element("h3", "who", this.name, this.room),
        element("div", "where", this.place, this.details),
        this.sentence,
        this.calling.node,
        this.clip.node,
        this.evidence),
      element("div", "times", this.age, this.since, this.delay),
      element("div", "deeds", this.state, this.calling.next, this.takeButton, this.closeButton, this.shelveButton, this.companyButton),
      this.chart);
  }

  /** Show `alarm`; `edition` grows when language or names changed, so that everything is written anew. */
  update(alarm, edition) {
    if (alarm === this.#shown && edition === this.#edition) return;
    this.#shown = alarm;
    this.#edition = edition;
    const { name, room, place } = this.#people.who(alarm);

    this.node.dataset.alarm = alarm.alarm;
    this.node.dataset.priority = alarm.priority;
    this.node.dataset.state = alarm.state;
    this.node.classList.toggle("waiting", waits(alarm));
    this.node.classList.toggle("drilled", alarm.drill);
    this.badge.replaceChildren(icon(`priority-${alarm.priority}`), element("span", "", text(`priority.${alarm.priority}`)));
    write(this.condition, conditionOf(alarm));
    write(this.cause, causeOf(alarm));
    // Whoever is nobody in the register's eyes has nothing to open.
    if (alarm.resident) {
      write(this.nameButton, name);
      this.nameButton.title = text("resident.open");
      if (this.nameButton.parentNode !== this.name) this.name.replaceChildren(this.nameButton);
    } else write(this.name, name);
    writeOrHide(this.room, room);
    write(this.place, [this.#people.siteName(alarm.site), place].join(" · "));
    this.marks.replaceChildren(...this.#marksOf(alarm));
    const shown = sentenceOf(alarm) ? figuresOf(alarm) : evidenceOf(follows(alarm) ? untold(alarm) : alarm);
    this.evidence.replaceChildren(...shown.map(([term, words]) =>
      element("div", "", element("dt", "", term), element("dd", "", words))));
    this.evidence.hidden = this.evidence.childElementCount === 0;
    if (!follows(alarm)) writeOrHide(this.sentence, sentenceOf(alarm));
    this.clip.update(alarm, edition);
    this.map.update(alarm, edition);
    this.chart.hidden = !isPlaced(alarm);
    writeOrHide(this.companyButton, alarm.cause === "left_safe_zone" && alarm.resident ? text("outing.accompany") : "");
    write(this.since, text("card.since", { time: timeOf(alarm.onset_ms) }));
    write(this.delay, alarmDelayOf(alarm));
    write(this.stateWords, this.#stateOf(alarm));
    write(this.takeButton, text("card.take"));
    const wasFocused = document.activeElement === this.takeButton;
    this.takeButton.hidden = !waits(alarm);
    if (wasFocused && this.takeButton.hidden) this.closeButton.focus({ preventScroll: true });
    write(this.closeButton, text("card.close"));
    writeOrHide(this.shelveButton, mayBeShelved(alarm) ? text("card.shelve") : "");
    for (const deed of [this.takeButton, this.closeButton, this.shelveButton]) deed.setAttribute("aria-label", `${deed.textContent} ${name} ${causeOf(alarm)}`);
    this.calling.update(alarm, edition);
    this.course.update(alarm, edition);
  }

  /** Whether somebody reads its details or stands on one of its buttons. */
  get inUse() {
    return this.details.open || this.node.contains(document.activeElement);
  }

  /** Write how long ago it began; cheap, called for every card each second. */
  tick(now_ms) {
    write(this.age, spanOf(now_ms - this.#shown.onset_ms));
    this.calling.tick(now_ms);
    if (follows(this.#shown)) writeOrHide(this.sentence, whereOf(this.#shown, now_ms));
  }

  /** It goes off the page. */
  leave() {
    this.calling.leave();
  }

  #marksOf(alarm) {
    const marks = [];
    if (alarm.drill) marks.push(element("span", "mark drill", text("mark.drill")));
    if (alarm.state === "returned" && !alarm.cancelled) marks.push(element("span", "mark returned", text("state.returned")));
    if (alarm.unknown_since_ms) marks.push(element("span", "mark unknown", text("mark.unknown", { time: timeOf(alarm.unknown_since_ms) })));
    if (alarm.cancelled) marks.push(element("span", "mark cancelled", text(walked(alarm) ? "mark.walked" : "mark.cancelled")));
    if (alarm.repeats > 0) marks.push(element("span", "mark repeats", text("mark.repeats", { n: alarm.repeats })));
    return marks;
  }

  #stateOf(alarm) {
    if (!alarm.acknowledged_by || waits(alarm)) return text("state.unacknowledged");
    const taken = text("card.taken_by", { name: this.#people.caregiverName(alarm.acknowledged_by), time: timeOf(alarm.acknowledged_ms) });
    return alarm.state === "cleared" ? `${taken} · ${text("state.cleared")}` : taken;
  }

  async #take(deeds) {
    // Not `disabled`: a disabled button loses the focus, and a dialog could not give it back.
    if (this.#taking) return;
    this.#taking = true;
    this.takeButton.setAttribute("aria-busy", "true");
    try {
      await deeds.take(this.#shown);
    } finally {
      this.#taking = false;
      this.takeButton.removeAttribute("aria-busy");
    }
  }
}
