// What is known of the alarms: open ones by id, and those closed most recently.

/**
 * @typedef {object} Alarm As the API describes it: alarm, site, device, resident, condition, cause, priority,
 *   state, onset_ms, raised_ms, changed_ms, repeats, cancelled, drill, evidence, acknowledged_by, …
 */

const WAITING = new Set(["unacknowledged", "returned"]);
const CLOSED_SHOWN = 30;

export const PRIORITIES = ["high", "medium", "low"];

/** Nobody has taken it yet: it rings. */
export const waits = (alarm) => WAITING.has(alarm.state);

/** Somebody called or fell: stands before what was measured of as high a priority. */
const CALLS = new Set(["sos", "fall"]);

/** Within a priority: those nobody has taken, then presses and falls, then the newest. No two are equal. */
function byUrgency(a, b) {
  return waits(b) - waits(a)
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
  /** The open ones by priority, most urgent first: kept in order, since sorting thousands anew with each news is slow. */
  #groups = new Map(PRIORITIES.map((priority) => [priority, []]));
  /** @type {Map<string, Alarm>} */
  #closed = new Map();

  /** Replace everything open; returns the alarms that were not known and wait for somebody. */
  replaceOpen(alarms) {
    const fresh = alarms.filter((alarm) => waits(alarm) && !this.#open.has(alarm.alarm));
    this.#open = new Map(alarms.map((alarm) => [alarm.alarm, alarm]));
    for (const priority of PRIORITIES) {
      this.#groups.set(priority, alarms.filter((alarm) => alarm.priority === priority).sort(byUrgency));
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
    const group = this.#groups.get(alarm.priority);
    group.splice(placeOf(group, (other) => byUrgency(other, alarm) > 0), 0, alarm);
    return waits(alarm) && !(known && waits(known));
  }

  /** Take an open alarm out. */
  #take(name) {
    const alarm = this.#open.get(name);
    if (alarm === undefined) return;
    this.#open.delete(name);
    const group = this.#groups.get(alarm.priority);
    group.splice(placeOf(group, (other) => byUrgency(other, alarm) >= 0), 1);
  }

  /** The open alarms of a priority, most urgent first; not to be changed. */
  group(priority) {
    return this.#groups.get(priority);
  }

  /** How many of a priority nobody has taken: they stand first. */
  waitingIn(priority) {
    return placeOf(this.#groups.get(priority), (alarm) => !waits(alarm));
  }

  get closed() {
    return [...this.#closed.values()].sort((a, b) => b.resolved_ms - a.resolved_ms).slice(0, CLOSED_SHOWN);
  }

  get openCount() {
    return this.#open.size;
  }

  /** The highest priority nobody has taken, or null: what the sound follows. */
  get ringing() {
    return PRIORITIES.find((priority) => this.waitingIn(priority) > 0) ?? null;
  }
}
