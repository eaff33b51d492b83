// Drills that go on: a band across the top of every view while one does, and what begins and ends one.

import { arrange } from "./arrange.js";
import { button, element, icon, write } from "./element.js";
import { countdownOf, hourOf, text } from "./language.js";
import { announce } from "./notices.js";
import { get, post, remove } from "./requests.js";

export class Drills {
  #people;
  #onEnd;
  #drills = [];
  #edition = -1;
  #bands = new Map();

  /** @param {(site: string) => void} onEnd somebody says that the drill at a site is over */
  constructor(people, onEnd) {
    this.#people = people;
    this.#onEnd = onEnd;
    this.root = document.getElementById("drills");
  }

  /** Where drills go on, as last heard. */
  get sites() {
    return this.#drills.map((one) => one.site);
  }

  /** Ask which drills go on: another screen may have begun one, and they end by themselves. */
  async load() {
    const before = new Set(this.sites);
    try {
      this.#drills = (await get("/api/v1/drills")).drills;
    } catch {
      return; // asked again soon; the band stays meanwhile
    }
    const begun = this.sites.filter((site) => !before.has(site)).map((site) => text("drill.title", { site: this.#people.siteName(site) }));
    if (begun.length) announce(begun.join(text("list.comma")));
    this.show();
  }

  /** Begin a drill, or set its end anew; RequestProblem. */
  async begin(site, minutes, by) {
    await post("/api/v1/drills", { site, minutes, by });
    await this.load();
  }

  /** End a drill before its time; RequestProblem. */
  async end(site, by) {
    await remove(`/api/v1/drills/${encodeURIComponent(site)}`, { by });
    await this.load();
  }

  /** Language or names changed. */
  reword() {
    this.#edition += 1;
    this.show();
  }

  show() {
    document.body.classList.toggle("drilling", this.#drills.length > 0);
    const bands = this.#drills.map((drill) => {
      const known = this.#bands.get(drill.site);
      if (known && known.edition === this.#edition) {
        known.drill = drill;
        return known;
      }
      return this.#band(drill);
    });
    this.#bands = new Map(bands.map((band) => [band.drill.site, band]));
    arrange(this.root, bands.map((band) => band.node));
  }

  /** Write how long each still goes on. */
  tick(now_ms) {
    for (const { drill, detail } of this.#bands.values()) {
      write(detail, text("drill.detail", {
        left: countdownOf(drill.until_ms - now_ms), time: hourOf(drill.until_ms), name: this.#people.caregiverName(drill.by),
      }));
    }
    if (this.#drills.some((drill) => drill.until_ms <= now_ms)) {
      this.#drills = this.#drills.filter((drill) => drill.until_ms > now_ms);
      this.show();
    }
  }

  #band(drill) {
    const title = element("strong", "", text("drill.title", { site: this.#people.siteName(drill.site) }));
    const detail = element("span", "detail");
    const end = button("", () => this.#onEnd(drill.site), text("drill.end"));
    const warning = element("span", "detail warning", text("drill.warning"));
    const node = element("div", "banner banner-drill", icon("drill"), element("p", "", title, detail, warning), element("span", "banner-deeds", end));
    node.dataset.site = drill.site;
    return { drill, detail, node, edition: this.#edition };
  }
}
