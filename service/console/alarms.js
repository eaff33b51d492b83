// What is known of the alarms: open ones by id, and those closed most recently.

/**
 * @typedef {object} Alarm As the API describes it: alarm, site, device, resident, condition, cause, priority,
 *   state, onset_ms, raised_ms, changed_ms, repeats, cancelled, drill, evidence, acknowledged_by, due_ms, …
 */

const SHELVED = new Set(["shelved", "shelved_returned"]);
const WAITING = new Set(["unacknowledged", "returned"]);
const CLOSED_SHOWN = 30;

export const PRIORITIES = ["high", "medium", "low"];

/** Nobody has taken it yet: it rings. */
export const waits = (alarm) => WAITING.has(alarm.state);

/** A person has laid it aside for a time. */
export const isShelved = (alarm) => SHELVED.has(alarm.state);

/** Real alarms by priority; drills apart from them, and what is laid aside apart from both. */
export const GROUPS = [...PRIORITIES, "drill", "shelved"];
const groupOf = (alarm) => isShelved(alarm) ? "shelved" : alarm.drill ? "drill" : alarm.priority;

/** Somebody called or fell: stands before what was measured of as high a priority. */
const CALLS = new Set(["sos", "fall"]);

/**
 * Within a group: those nobody has taken, then the higher priority, presses and falls, and the newest; of those laid
 * aside whichever comes back first. No two are equal.
 */
function byUrgency(a, b) {
  return waits(b) - waits(a)
    || (a.shelved_until_ms ?? 0) - (b.shelved_until_ms ?? 0)
    || PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority)
    || CALLS.has(b.condition) - CALLS.has(a.condition)
    || b.raised_ms - a.raised_ms
    || (a.alarm < b.alarm ? -1 : a.alarm > b.alarm ? 1 : 0);
}

/** Where in a sorted list the first entry stands for which `isPast` holds; its length where there is none. */
function placeOf(list, isPast) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isPast(list[middle])) high = middle; else low = middle + 1;
  }
  return low;
}

export class Alarms {
  /** @type {Map<string, Alarm>} */
  #open = new Map();
  /** The open ones by group, most urgent first: kept in order, since sorting thousands anew with each news is slow. */
  #groups = new Map(GROUPS.map((group) => [group, []]));
  /** @type {Map<string, Alarm>} */
  #closed = new Map();

  /** Replace everything open; returns the alarms that were not known and wait for somebody. */
  replaceOpen(alarms) {
    const fresh = alarms.filter((alarm) => waits(alarm) && !this.#open.has(alarm.alarm));
    this.#open = new Map(alarms.map((alarm) => [alarm.alarm, alarm]));
    for (const group of GROUPS) {
      this.#groups.set(group, alarms.filter((alarm) => groupOf(alarm) === group).sort(byUrgency));
    }
    return fresh;
  }

  /** Replace those closed recently. */
  replaceClosed(alarms) {
    this.#closed = new Map(alarms.map((alarm) => [alarm.alarm, alarm]));
  }

  /** Take in one alarm as it now is; older news than what is known changes nothing. True where it rings anew. */
  apply(alarm) {
    const known = this.#open.get(alarm.alarm) ?? this.#closed.get(alarm.alarm);
    if (known && known.changed_ms > alarm.changed_ms) return false;
    this.#take(alarm.alarm);
    if (alarm.state === "resolved") {
      this.#closed.set(alarm.alarm, alarm);
      return false;
    }
    this.#open.set(alarm.alarm, alarm);
    const group = this.#groups.get(groupOf(alarm));
    group.splice(placeOf(group, (other) => byUrgency(other, alarm) > 0), 0, alarm);
    return waits(alarm) && !(known && waits(known));
  }

  /** Take an open alarm out. */
  #take(name) {
    const alarm = this.#open.get(name);
    if (alarm === undefined) return;
    this.#open.delete(name);
    const group = this.#groups.get(groupOf(alarm));
    group.splice(placeOf(group, (other) => byUrgency(other, alarm) >= 0), 1);
  }

  /** The open alarms of a group, most urgent first; not to be changed. */
  group(name) {
    return this.#groups.get(name);
  }

  /** How many of a group nobody has taken: they stand first. */
  waitingIn(name) {
    return placeOf(this.#groups.get(name), (alarm) => !waits(alarm));
  }

  get closed() {
    return [...this.#closed.values()].sort((a, b) => b.resolved_ms - a.resolved_ms).slice(0, CLOSED_SHOWN);
  }

  get openCount() {
    return this.#open.size;
  }

  /** How many nobody has taken. */
  get waiting() {
    return GROUPS.reduce((sum, group) => sum + this.waitingIn(group), 0);
  }

  /** The highest priority nobody has taken, or null: what the sound follows. A drill is heard like what it practises. */
  get ringing() {
    const drilled = this.waitingIn("drill") > 0 ? this.group("drill")[0].priority : null;
    return PRIORITIES.find((priority) => this.waitingIn(priority) > 0 || priority === drilled) ?? null;
  }
}
