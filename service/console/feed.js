// The live line to the service, and knowing when it is dead.
//
// The service speaks at least every ten seconds (a heartbeat); after two and a half of them without a word, or
// when the browser reports the stream broken, the line counts as lost. A lost line is opened anew with a growing
// pause; each new one begins with a snapshot, so nothing that happened in between can be missed.

const ADDRESS = "/api/v1/events";
const SILENT_MS = 25_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * @typedef {object} Listener
 * @property {(snapshot: object) => void} onSnapshot
 * @property {(transition: object) => void} onTransition
 * @property {(watch: object) => void} onWatch how the service itself is
 * @property {(live: boolean) => void} onLink called when the line comes up or goes down, not in between
 */

export class Feed {
  #listener;
  #source = null;
  #live = null;
  #pause_ms = FIRST_PAUSE_MS;
  #offset_ms = 0;
  #opened_ms = 0;
  /** When the service was last heard, by this computer's clock. */
  heard_ms = Date.now();

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  start() {
    this.#open();
    setInterval(() => {
      if (this.#source && Date.now() - Math.max(this.heard_ms, this.#opened_ms) > SILENT_MS) this.#fail();
    }, 1_000);
    window.addEventListener("online", () => this.#open());
    window.addEventListener("offline", () => this.#fail());
  }

  /** The service's time now, by what it last said; this computer's own clock may be wrong. */
  now_ms() {
    return Date.now() + this.#offset_ms;
  }

  #open() {
    this.#source?.close();
    const source = new EventSource(ADDRESS);
    this.#source = source;
    this.#opened_ms = Date.now();
    const on = (name, take) => source.addEventListener(name, (message) => {
      if (source !== this.#source) return;
      this.heard_ms = Date.now();
      take(JSON.parse(message.data));
    });
    on("snapshot", (snapshot) => {
      this.#pause_ms = FIRST_PAUSE_MS;
      this.#setTime(snapshot.at_ms);
      this.#listener.onSnapshot(snapshot);
      this.#setLive(true);
    });
    on("transition", (transition) => this.#listener.onTransition(transition));
    on("heartbeat", (heartbeat) => {
      this.#setTime(heartbeat.at_ms);
      this.#listener.onWatch(heartbeat.watch);
    });
    source.addEventListener("error", () => {
      if (source === this.#source) this.#fail();
    });
  }

  #fail() {
    this.#source?.close();
    this.#source = null;
    this.#setLive(false);
    setTimeout(() => { if (this.#source === null) this.#open(); }, this.#pause_ms);
    this.#pause_ms = Math.min(this.#pause_ms * 2, LONGEST_PAUSE_MS);
  }

  #setTime(at_ms) {
    this.#offset_ms = at_ms - Date.now();
  }

  #setLive(live) {
    if (live === this.#live) return;
    this.#live = live;
    this.#listener.onLink(live);
  }
}
