// What is heard, and when.
//
// Patterned after IEC 60601-1-8: a burst of ten pulses for high, three for medium, one for low, repeated until somebody
// takes the alarm. The rhythm within a burst and the harmonics follow the standard's table; loudness does not: it depends on
// the computer and was not measured, and a browser tab is not an alarm system.

const REMEMBERED = "shouhu.sound";
const FUNDAMENTAL_HZ = 523;
const RISE_S = 0.02;
const LOUDNESS = 0.5;

/** Pulses as [start in s, pitch], length of a pulse, and seconds from one burst to the next. */
const BURSTS = {
  high: {
    pulses: [0, 0.25, 0.5, 1.0, 1.25, 2.05, 2.3, 2.55, 3.05, 3.3].map((start_s, i) => [start_s, [1, 1, 1, 1.335, 1.335][i % 5]]),
    pulse_s: 0.15,
    every_s: 8,
  },
  medium: { pulses: [[0, 1], [0.4, 1], [0.8, 1]], pulse_s: 0.2, every_s: 15 },
  low: { pulses: [[0, 0.75]], pulse_s: 0.25, every_s: 30 },
  /** The line to the service is down: two falling pulses. */
  lost: { pulses: [[0, 1], [0.4, 0.667]], pulse_s: 0.3, every_s: 12 },
};
const URGENCY = ["lost", "low", "medium", "high"];

export class Sound {
  #context = null;
  #wave = null;
  #onChange;
  #wanted = null;
  #playing = null;
  #next_ms = 0;
  paused_until_ms = 0;

  /** @param {() => void} onChange called when the state that is shown changed */
  constructor(onChange) {
    this.#onChange = onChange;
    setInterval(() => this.#tick(), 250);
    // A page that was reloaded may sound again only after a gesture; any will do.
    const allow = () => { if (this.remembered && !this.on) this.turnOn({ test: false }); };
    for (const gesture of ["pointerdown", "keydown"]) document.addEventListener(gesture, allow, { capture: true });
  }

  get remembered() {
    return localStorage.getItem(REMEMBERED) === "on";
  }

  get on() {
    return this.#context?.state === "running";
  }

  get paused() {
    return Date.now() < this.paused_until_ms;
  }

  async turnOn({ test }) {
    localStorage.setItem(REMEMBERED, "on");
    if (this.#context === null) {
      this.#context = new AudioContext();
      this.#context.addEventListener("statechange", this.#onChange);
      const partials = new Float32Array([0, 1, 0.6, 0.5, 0.4, 0.3]);
      this.#wave = this.#context.createPeriodicWave(new Float32Array(partials.length), partials);
    }
    await this.#context.resume();
    if (test) this.#burst("low");
    this.#tick();
    this.#onChange();
  }

  async turnOff() {
    localStorage.setItem(REMEMBERED, "off");
    this.paused_until_ms = 0;
    await this.#context?.suspend();
    this.#onChange();
  }

  pause(minutes) {
    this.paused_until_ms = Date.now() + minutes * 60_000;
    this.#onChange();
  }

  resume() {
    this.paused_until_ms = 0;
    this.#next_ms = 0;
    this.#tick();
    this.#onChange();
  }

  /** Let all three be heard, one after the other. */
  demonstrate() {
    this.#burst("low", 0);
    this.#burst("medium", 1.2);
    this.#burst("high", 3.2);
    this.#next_ms = Date.now() + 9_000;
  }

  /**
   * Ring for `pattern` (high, medium, low, lost or null) from now on.
   * Something more urgent sounds at once; `fresh`: a new alarm of this priority arrived, which sounds at once too.
   */
  follow(pattern, fresh = false) {
    const more = URGENCY.indexOf(pattern) > URGENCY.indexOf(this.#wanted);
    this.#wanted = pattern;
    if (fresh && pattern === "high" && this.paused) {
      this.paused_until_ms = 0;
      this.#onChange();
    }
    if ((more || fresh) && !this.#sounding) this.#next_ms = 0;
    if (more && this.#sounding && this.#playing !== pattern) this.#next_ms = Math.min(this.#next_ms, this.#ends_ms + 500);
    this.#tick();
  }

  #ends_ms = 0;

  get #sounding() {
    return Date.now() < this.#ends_ms;
  }

  #tick() {
    if (this.paused_until_ms && !this.paused) this.resume();
    if (this.#wanted === null || !this.on || this.paused || Date.now() < this.#next_ms) return;
    this.#burst(this.#wanted);
    this.#next_ms = Date.now() + BURSTS[this.#wanted].every_s * 1000;
  }

  #burst(name, after_s = 0.05) {
    if (!this.on) return;
    const { pulses, pulse_s } = BURSTS[name];
    const begin_s = this.#context.currentTime + after_s;
    for (const [start_s, pitch] of pulses) this.#pulse(begin_s + start_s, pulse_s, FUNDAMENTAL_HZ * pitch);
    this.#playing = name;
    this.#ends_ms = Date.now() + (after_s + pulses.at(-1)[0] + pulse_s) * 1000;
    document.documentElement.dataset.lastBurst = name;
  }

  #pulse(start_s, pulse_s, pitch_hz) {
    const tone = this.#context.createOscillator();
    const gain = this.#context.createGain();
    tone.setPeriodicWave(this.#wave);
    tone.frequency.value = pitch_hz;
    gain.gain.setValueAtTime(0, start_s);
    gain.gain.linearRampToValueAtTime(LOUDNESS, start_s + RISE_S);
    gain.gain.setValueAtTime(LOUDNESS, start_s + pulse_s - RISE_S);
    gain.gain.linearRampToValueAtTime(0, start_s + pulse_s);
    tone.connect(gain).connect(this.#context.destination);
    tone.start(start_s);
    tone.stop(start_s + pulse_s + 0.05);
  }
}
