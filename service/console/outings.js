// Who is out in company: the list on the page, and what begins and ends an outing.

import { arrange } from "./arrange.js";
import { button, element, write, writeOrHide } from "./element.js";
import { text, timeOf } from "./language.js";
import { get, post, remove } from "./requests.js";

const ASK_AGAIN_MS = 20_000;

export class Outings {
  #people;
  #onBack;
  #outings = [];
  #written = "";

  /**
   * @param {import("./people.js").People} people
   * @param {(resident: string) => void} onBack somebody says that a resident is back
   */
  constructor(people, onBack) {
    this.#people = people;
    this.#onBack = onBack;
    this.list = document.getElementById("outings");
    this.none = document.getElementById("outings-none");
    // Another screen may have said something, and outings end by themselves.
    setInterval(() => this.load(), ASK_AGAIN_MS);
  }

  /** Fetch and show who is out. */
  async load() {
    try {
      this.#outings = (await get("/api/v1/outings")).outings;
    } catch {
      return; // asked again soon; what stands there stays meanwhile
    }
    this.show();
  }

  /** Note that somebody is out until a time; RequestProblem. */
  async begin(resident, until_ms, by) {
    await post(`/api/v1/residents/${encodeURIComponent(resident)}/outing`, { until: until_ms, by });
    await this.load();
  }

  /** Note that somebody is back; RequestProblem. */
  async end(resident, by) {
    await remove(`/api/v1/residents/${encodeURIComponent(resident)}/outing?by=${encodeURIComponent(by)}`);
    await this.load();
  }

  /** Write what is known, in the language spoken now. */
  show() {
    const rows = this.#outings.map((one) => {
      const { name, room } = this.#people.who({ resident: one.resident });
      const back = button("", () => this.#onBack(one.resident), text("outing.back"));
      back.setAttribute("aria-label", `${back.textContent} ${name}`);
      const row = element("li", "outing",
        element("b", "", [name, room].filter(Boolean).join(" · ")),
        element("span", "until", text("outing.until", { time: timeOf(one.until_ms) })),
        element("span", "said", text("outing.said", { name: this.#people.caregiverName(one.by) })),
        back);
      row.dataset.resident = one.resident;
      row.tabIndex = -1;
      return row;
    });
    // What did not change is not written anew: whoever stands on a button there stays.
    const written = JSON.stringify(rows.map((row) => [row.dataset.resident, row.textContent]));
    if (written !== this.#written) arrange(this.list, rows);
    this.#written = written;
    writeOrHide(this.none, this.#outings.length ? "" : text("outing.none"));
    write(document.getElementById("outing-open"), text("outing.open"));
  }
}
