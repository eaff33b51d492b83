// The open alarms on the page, in groups by priority, and those closed below: kept in step with what is known.

import { GROUPS } from "./alarms.js";
import { arrange } from "./arrange.js";
import { Card } from "./card.js";
import { button, element, icon, write, writeOrHide } from "./element.js";
import { text, timeOf } from "./language.js";
import { ShelfRow } from "./shelf.js";
import { causeOf, conditionOf } from "./wording.js";

/** Cards of a group at first, and how many more each time somebody asks: a page of thousands could not be used. */
const CARDS_AT_ONCE = 50;

export class Board {
  #people;
  #deeds;
  /** @type {Map<string, Card|ShelfRow>} */
  #cards = new Map();
  #closedRows = new Map();
  #groups;
  #edition = 0;
  #showAgain = () => {};

  constructor(people, deeds) {
    this.#people = people;
    this.#deeds = deeds;
    this.#groups = new Map(GROUPS.map((name) => {
      const section = document.getElementById(`group-${name}`);
      const find = (selector) => section.querySelector(selector);
      const group = { section, list: find(".cards"), count: find(".count"), note: find(".group-note"), most: CARDS_AT_ONCE, name };
      group.more = button("more-cards", () => {
        group.most += CARDS_AT_ONCE;
        this.#showAgain();
      });
      section.append(group.more);
      return [name, group];
    }));
  }

  /** Language or names changed: everything is written anew at the next `show`. */
  reword() {
    this.#edition += 1;
  }

  /** Bring the page to what is known. */
  show(alarms, now_ms) {
    this.#showAgain = () => this.show(alarms, now_ms);
    const shown = new Set();
    for (const [name, group] of this.#groups) {
      for (const alarm of this.#showGroup(group, alarms.group(name), alarms.waitingIn(name), now_ms)) shown.add(alarm.alarm);
    }
    for (const [id, card] of this.#cards) {
      if (shown.has(id)) continue;
      card.leave();
      this.#cards.delete(id);
    }
    this.#showClosed(alarms.closed);
  }

  /** Let a second pass. */
  tick(now_ms) {
    for (const card of this.#cards.values()) card.tick(now_ms);
  }

  /** Show a group; returns those of its alarms that have a card. */
  #showGroup(group, alarms, waiting, now_ms) {
    const { section, list, count, note, more } = group;
    section.hidden = alarms.length === 0;
    if (alarms.length <= CARDS_AT_ONCE) group.most = CARDS_AT_ONCE;
    const shown = alarms.slice(0, group.most);
    // What somebody is reading or about to press stays, however many come before it.
    if (alarms.length > shown.length && list.querySelector("details[open], :focus") !== null) {
      shown.push(...alarms.slice(group.most).filter((alarm) => this.#cards.get(alarm.alarm)?.inUse));
    }
    const nodes = shown.map((alarm) => {
      const Form = group.name === "shelved" ? ShelfRow : Card;
      let card = this.#cards.get(alarm.alarm);
      if (!(card instanceof Form)) {
        card?.leave();
        card = new Form(this.#deeds, this.#people);
        this.#cards.set(alarm.alarm, card);
      }
      card.update(alarm, this.#edition);
      card.tick(now_ms);
      return card.node;
    });
    arrange(list, nodes);
    write(count, String(alarms.length));
    write(note, group.name === "shelved" ? text("group.shelved") : waiting ? text("group.waiting", { n: waiting }) : text("group.all_taken"));
    section.classList.toggle("all-taken", waiting === 0);
    const left = alarms.length - shown.length;
    writeOrHide(more, left ? text("group.more", { n: Math.min(left, CARDS_AT_ONCE), left }) : "");
    return shown;
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
