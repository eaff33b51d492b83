// The open alarms on the page, in groups by priority, and those closed below: kept in step with what is known.

import { PRIORITIES, waits } from "./alarms.js";
import { arrange } from "./arrange.js";
import { Card } from "./card.js";
import { element, icon, write, writeOrHide } from "./element.js";
import { text, timeOf } from "./language.js";
import { causeOf, conditionOf } from "./wording.js";

export class Board {
  #people;
  #deeds;
  /** @type {Map<string, Card>} */
  #cards = new Map();
  #closedRows = new Map();
  #groups;
  #edition = 0;

  constructor(people, deeds) {
    this.#people = people;
    this.#deeds = deeds;
    this.#groups = new Map(PRIORITIES.map((priority) => {
      const section = document.getElementById(`group-${priority}`);
      const find = (selector) => section.querySelector(selector);
      return [priority, { section, list: find(".cards"), count: find(".count"), note: find(".group-note") }];
    }));
  }

  /** Language or names changed: everything is written anew at the next `show`. */
  reword() {
    this.#edition += 1;
  }

  /** Bring the page to what is known. */
  show(alarms, now_ms) {
    const open = alarms.open;
    const wanted = new Set(open.map((alarm) => alarm.alarm));
    for (const id of this.#cards.keys()) if (!wanted.has(id)) this.#cards.delete(id);
    const byPriority = Object.fromEntries(PRIORITIES.map((priority) => [priority, []]));
    for (const alarm of open) byPriority[alarm.priority].push(alarm);
    for (const [priority, group] of this.#groups) this.#showGroup(group, byPriority[priority], now_ms);
    this.#showClosed(alarms.closed);
  }

  /** Let a second pass. */
  tick(now_ms) {
    for (const card of this.#cards.values()) card.tick(now_ms);
  }

  #showGroup({ section, list, count, note }, alarms, now_ms) {
    section.hidden = alarms.length === 0;
    const nodes = alarms.map((alarm) => {
      let card = this.#cards.get(alarm.alarm);
      if (card === undefined) {
        card = new Card(this.#deeds, this.#people);
        this.#cards.set(alarm.alarm, card);
      }
      card.update(alarm, this.#edition);
      card.tick(now_ms);
      return card.node;
    });
    arrange(list, nodes);
    const waiting = alarms.filter(waits).length;
    write(count, String(alarms.length));
    write(note, waiting ? text("group.waiting", { n: waiting }) : text("group.all_taken"));
    section.classList.toggle("all-taken", waiting === 0);
  }

  #showClosed(closed) {
    const rows = closed.map((alarm) => {
      const known = this.#closedRows.get(alarm.alarm);
      if (known?.alarm === alarm && known.edition === this.#edition) return known;
      return { alarm, edition: this.#edition, node: this.#closedRow(alarm) };
    });
    this.#closedRows = new Map(rows.map((row) => [row.alarm.alarm, row]));
    arrange(document.getElementById("closed"), rows.map((row) => row.node));
    writeOrHide(document.getElementById("closed-none"), rows.length ? "" : text("resolved.none"));
  }

  #closedRow(alarm) {
    const { name, room } = this.#people.who(alarm);
    const row = element("li", "closed-row",
      icon(`priority-${alarm.priority}`),
      element("span", "closed-who", name, room ? element("span", "closed-room", room) : ""),
      element("span", "closed-what", `${conditionOf(alarm)} · ${causeOf(alarm)}`,
        alarm.drill ? element("span", "mark drill", text("mark.drill")) : ""),
      element("span", `outcome outcome-${alarm.outcome}`, text(`outcome.${alarm.outcome}`)),
      element("span", "closed-by", text("resolved.by", {
        name: this.#people.caregiverName(alarm.resolved_by), time: timeOf(alarm.resolved_ms),
      })));
    row.dataset.alarm = alarm.alarm;
    row.dataset.priority = alarm.priority;
    if (alarm.note) row.append(element("span", "closed-note", alarm.note));
    return row;
  }
}
