// What stands across the top when something is wrong with the watching itself: never quiet, never hidden by alarms.

import { shownView } from "./arrange.js";
import { element, icon, write, writeOrHide } from "./element.js";
import { spanOf, text, textOrNull, timeOf } from "./language.js";

/** What is missing; `broker_urgent` is said as `broker` where it has no words of its own. */
const problemOf = (check) => textOrNull(`check.${check.name}`) ?? textOrNull(`check.${check.name.split("_")[0]}`)
  ?? [check.name, check.detail].filter(Boolean).join(": ");

export class Banners {
  #nodes = new Map();

  constructor() {
    const root = document.getElementById("banners");
    for (const [name, drawing] of [["lost", "broken"], ["unready", "broken"], ["degraded", "warning"], ["paused", "paused"], ["mute", "mute"], ["waiting", "warning"]]) {
      const title = element("strong");
      const detail = element("span", "detail");
      const deeds = element("span", "banner-deeds");
      const node = element("div", `banner banner-${name}`, icon(drawing), element("p", "", title, detail), deeds);
      node.hidden = true;
      root.append(node);
      this.#nodes.set(name, { node, title, detail, deeds });
    }
  }

  /** Put a button into a banner. */
  addDeed(name, deed) {
    this.#nodes.get(name).deeds.append(deed);
  }

  #show(name, shown, title = "", detail = "") {
    const banner = this.#nodes.get(name);
    const wasFocused = !shown && banner.node.contains(document.activeElement);
    banner.node.hidden = !shown;
    if (wasFocused) shownView()?.focus({ preventScroll: true });
    if (!shown) return;
    write(banner.title, title);
    writeOrHide(banner.detail, detail);
  }

  /** @param {{live: boolean|null, heard_ms: number, watch: object|null, sound: import("./sound.js").Sound,
   *   waiting: number, ringing: string|null, elsewhere: boolean}} how `elsewhere`: another view is shown than the alarms */
  show({ live, heard_ms, watch, sound, waiting, ringing, elsewhere }) {
    const since = { age: spanOf(Date.now() - heard_ms), time: timeOf(heard_ms) };
    this.#show("lost", live === false, text("link.lost_title"), text("link.lost_detail", since));
    const failed = [...new Set((watch?.checks ?? []).filter((check) => !check.ok).map(problemOf))].join("; ");
    this.#show("unready", live === true && watch !== null && !watch.ready, text("link.unready_title"), text("link.unready_detail", { problems: failed }));
    this.#show("degraded", live === true && watch !== null && watch.ready && failed !== "", text("link.degraded_title"), failed);
    const left = spanOf(sound.paused_until_ms - Date.now());
    this.#show("paused", sound.on && sound.paused, text("sound.paused_title", { left }), text("sound.paused_detail"));
    this.#show("waiting", elsewhere && waiting > 0, text("waiting.title", { n: waiting }), text("waiting.detail", { priority: ringing && text(`priority.${ringing}`) }));
    this.#nodes.get("waiting").node.dataset.priority = ringing ?? "";
    this.#show("mute", !sound.on, text("sound.off_title"), text("sound.off_detail"));
  }
}
