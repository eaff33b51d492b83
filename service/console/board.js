// The open alarms on the page, in groups by priority, and those closed below: kept in step with what is known.

import { GROUPS } from "./alarms.js";
import { arrange } from "./arrange.js";
import { Card } from "./card.js";
import { button, element, icon, write, writeOrHide } from "./element.js";
import { text, timeOf } from "./language.js";
import { ShelfRow } from "./shelf.js";
import { gather, TechnicalEntry } from "./technical.js";
import { causeOf, conditionOf } from "./wording.js";

/** Cards of a group at first, and how many more each time somebody asks: a page of thousands could not be used. */
const CARDS_AT_ONCE = 50;

export class Board {
  #people;
  #deeds;
  /** @type {Map<string, Card|ShelfRow>} */
  #cards = new Map();
  /** The technical alarms of a site as one, by group and site. @type {Map<string, TechnicalEntry>} */
  #technical = new Map();
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
      group.more = button("more-cards", () => this.#showMore(group));
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
    const seen = new Set();
    for (const [name, group] of this.#groups) this.#showGroup(group, alarms.group(name), alarms.waitingIn(name), now_ms, seen);
    for (const [id, card] of this.#cards) {
      if (seen.has(card)) continue;
      card.leave();
      this.#cards.delete(id);
    }
    for (const [key, entry] of this.#technical) if (!seen.has(entry)) this.#technical.delete(key);
    this.#showClosed(alarms.closed);
  }

  /** Let a second pass. */
  tick(now_ms) {
    for (const card of this.#cards.values()) card.tick(now_ms);
  }

  /** Show a group; what of it is on the page goes into `seen`. */
  #showGroup(group, alarms, waiting, now_ms, seen) {
    const { section, list, count, note, name } = group;
    section.hidden = alarms.length === 0;
    const entries = name === "shelved" ? alarms : gather(alarms,
      (alarm) => this.#cards.get(alarm.alarm)?.node.parentNode === list && this.#cards.get(alarm.alarm).inUse,
      (site) => this.#technical.get(`${name} ${site}`)?.inUse);
    this.#lay(group, entries, name, now_ms, seen);
    write(count, String(alarms.length));
    write(note, name === "shelved" ? text("group.shelved") : waiting ? text("group.waiting", { n: waiting }) : text("group.all_taken"));
    section.classList.toggle("all-taken", waiting === 0);
  }

  /** Lay out the entries of a group, or of what is gathered in it: as many as were asked for. */
  #lay(pile, entries, name, now_ms, seen) {
    const { list, more } = pile;
    if (entries.length <= CARDS_AT_ONCE) pile.most = CARDS_AT_ONCE;
    const shown = entries.slice(0, pile.most);
    // What somebody is reading or about to press stays, however many come before it.
    if (entries.length > shown.length && list.querySelector("details[open], :focus") !== null) {
      shown.push(...entries.slice(pile.most).filter((entry) => this.#known(entry, name)?.inUse));
    }
    arrange(list, shown.map((entry) => {
      const form = entry.alarms ? this.#together(entry, name, now_ms, seen) : this.#cardOf(entry, name, now_ms);
      seen.add(form);
      return form.node;
    }));
    const left = entries.length - shown.length;
    writeOrHide(more, left ? text("group.more", { n: Math.min(left, CARDS_AT_ONCE), left }) : "");
  }

  #showMore(pile) {
    pile.most += CARDS_AT_ONCE;
    this.#showAgain();
  }

  #known(entry, name) {
    return entry.alarms ? this.#technical.get(`${name} ${entry.site}`) : this.#cards.get(entry.alarm);
  }

  /** The technical alarms of a site as one; their cards are made when somebody opens it. */
  #together(entry, name, now_ms, seen) {
    let form = this.#known(entry, name);
    if (form === undefined) {
      form = new TechnicalEntry(this.#people, () => this.#showAgain(), () => this.#showMore(form));
      this.#technical.set(`${name} ${entry.site}`, form);
    }
    form.update(entry, this.#edition);
    this.#lay(form, form.open ? entry.alarms : [], name, now_ms, seen);
    return form;
  }

  #cardOf(alarm, name, now_ms) {
    const Form = name === "shelved" ? ShelfRow : Card;
    let card = this.#cards.get(alarm.alarm);
    if (!(card instanceof Form)) {
      card?.leave();
      card = new Form(this.#deeds, this.#people);
      this.#cards.set(alarm.alarm, card);
    }
    card.update(alarm, this.#edition);
    card.tick(now_ms);
    return card;
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
