// What is known of the alarms: open ones by id, and those closed most recently.

/**
 * @typedef {object} Alarm As the API describes it: alarm, site, device, resident, condition, cause, priority,
 *   state, onset_ms, raised_ms, changed_ms, repeats, cancelled, drill, evidence, acknowledged_by, …
 */

const RANK = { high: 0, medium: 1, low: 2 };
const WAITING = new Set(["unacknowledged", "returned"]);
const CLOSED_SHOWN = 30;

export const PRIORITIES = Object.keys(RANK);

/** Nobody has taken it yet: it rings. */
export const waits = (alarm) => WAITING.has(alarm.state);

/** Most urgent first; within a priority those nobody has taken, then the newest. */
function byUrgency(a, b) {
  return RANK[a.priority] - RANK[b.priority]
    || waits(b) - waits(a)
    || b.raised_ms - a.raised_ms
    || (a.alarm < b.alarm ? -1 : 1);
}

export class Alarms {
  /** @type {Map<string, Alarm>} */
  #open = new Map();
  /** @type {Map<string, Alarm>} */
  #closed = new Map();

  /** Replace everything open; returns the alarms that were not known and wait for somebody. */
  replaceOpen(alarms) {
    const fresh = alarms.filter((alarm) => waits(alarm) && !this.#open.has(alarm.alarm));
    this.#open = new Map(alarms.map((alarm) => [alarm.alarm, alarm]));
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
    if (alarm.state === "resolved") {
      this.#open.delete(alarm.alarm);
      this.#closed.set(alarm.alarm, alarm);
      return false;
    }
    this.#open.set(alarm.alarm, alarm);
    return waits(alarm) && !(known && waits(known));
  }

  get open() {
    return [...this.#open.values()].sort(byUrgency);
  }

  get closed() {
    return [...this.#closed.values()].sort((a, b) => b.resolved_ms - a.resolved_ms).slice(0, CLOSED_SHOWN);
  }

  get openCount() {
    return this.#open.size;
  }

  /** The highest priority nobody has taken, or null: what the sound follows. */
  get ringing() {
    let best = null;
    for (const alarm of this.#open.values()) {
      if (waits(alarm) && (best === null || RANK[alarm.priority] < RANK[best])) best = alarm.priority;
    }
    return best;
  }
}
