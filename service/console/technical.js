// The technical alarms of one site as one entry of a list: what is the matter with its devices is one errand, not seven.

import { PRIORITIES, waits } from "./alarms.js";
import { button, element, icon, write, writeOrHide } from "./element.js";
import { text } from "./language.js";
import { causeOf } from "./wording.js";

/** Fewer stand by themselves: a card that must be opened first saves nothing there. */
const TOGETHER_FROM = 3;

/** About a device, not a person: a press or a fall is never one, whatever found it. */
const isTechnical = (alarm) => alarm.condition === "device";

/**
 * The entries of a list of alarms: the technical ones of a site as `{ site, alarms }` where the most urgent of them
 * stands, every other alarm as it is. Their order is kept.
 *
 * @param {object[]} alarms
 * @param {(alarm: object) => boolean} staysAlone somebody works on its card, which must not go from under their hands
 * @param {(site: string) => boolean} staysTogether somebody works on the site's entry, however few are left
 */
export function gather(alarms, staysAlone, staysTogether) {
  const gathered = new Map();
  for (const alarm of alarms) {
    if (!isTechnical(alarm) || staysAlone(alarm)) continue;
    const known = gathered.get(alarm.site);
    if (known) known.alarms.push(alarm);
    else gathered.set(alarm.site, { site: alarm.site, alarms: [alarm], members: null });
  }
  for (const [site, entry] of gathered) {
    if (entry.alarms.length < TOGETHER_FROM && !staysTogether(site)) gathered.delete(site);
    else entry.members = new Set(entry.alarms);
  }
  if (gathered.size === 0) return alarms;
  return alarms.flatMap((alarm) => {
    const entry = isTechnical(alarm) ? gathered.get(alarm.site) : undefined;
    if (!entry?.members.has(alarm)) return [alarm];
    return entry.alarms[0] === alarm ? [entry] : [];
  });
}

/** How often each cause occurs, the most frequent first: "Battery low 4, Bracelet not worn 3". */
function causesOf(alarms) {
  const found = new Map();
  for (const alarm of alarms) {
    const known = found.get(alarm.cause);
    if (known) known.count += 1;
    else found.set(alarm.cause, { alarm, count: 1 });
  }
  return [...found.values()].sort((a, b) => b.count - a.count)
    .map(({ alarm, count }) => text("technical.cause", { cause: causeOf(alarm), n: count })).join(text("list.comma"));
}

export class TechnicalEntry {
  #people;
  #badge = "";
  /** How many of its cards are shown; the board says. */
  most = 0;

  /**
   * @param {import("./people.js").People} people
   * @param {() => void} onToggle it was opened or closed: its cards come or go
   * @param {() => void} onMore more of its cards are asked for
   */
  constructor(people, onToggle, onMore) {
    this.#people = people;
    this.badge = element("div", "badge");
    this.title = element("h3", "technical-title");
    this.causes = element("p", "technical-causes");
    this.note = element("p", "technical-note");
    this.drill = element("span", "mark drill");
    this.list = element("ol", "cards");
    this.more = button("more-cards", onMore);
    this.details = element("details", "",
      element("summary", "", this.badge, element("div", "", this.title, this.causes, this.note, this.drill)), this.list, this.more);
    this.details.addEventListener("toggle", onToggle);
    this.node = element("li", "technical", this.details);
    this.node.tabIndex = -1;
  }

  get open() {
    return this.details.open;
  }

  /** Whether somebody reads it or stands on it. */
  get inUse() {
    return this.open || this.node.contains(document.activeElement);
  }

  /** Say what is in it: `alarms` of a site, the most urgent first. */
  update({ site, alarms }, edition) {
    const waiting = alarms.filter(waits).length;
    // Those taken stand behind those that wait, so the first is not always the most urgent.
    const priority = PRIORITIES.find((one) => alarms.some((alarm) => alarm.priority === one));
    this.node.dataset.site = site;
    this.node.dataset.priority = priority;
    this.node.classList.toggle("needed", waiting > 0);
    this.node.classList.toggle("drilled", alarms[0].drill);
    if (this.#badge !== `${priority} ${edition}`) {
      this.#badge = `${priority} ${edition}`;
      this.badge.replaceChildren(icon(`priority-${priority}`), element("span", "", text(`priority.${priority}`)));
    }
    const words = text("technical.title", { n: alarms.length });
    write(this.title, `${words} · ${this.#people.siteName(site)}`);
    write(this.causes, causesOf(alarms));
    write(this.note, waiting ? text("group.waiting", { n: waiting }) : text("group.all_taken"));
    writeOrHide(this.drill, alarms[0].drill ? text("mark.drill") : "");
  }
}
