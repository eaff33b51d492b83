// The way somebody went, as a drawing without a map behind it: folded on the alarm's card, following as news comes.

import { button, element, write, writeOrHide } from "./element.js";
import { text } from "./language.js";
import { MapDrawing } from "./map_drawing.js";
import { get } from "./requests.js";
import { isPlaced } from "./whereabouts.js";

const COPIED_MS = 2_000;

export class MapView {
  #alarm = null;
  #edition = -1;
  #track = null;
  #asked = 0;
  #drawing = new MapDrawing();

  constructor() {
    this.coordinates = element("code");
    this.copy = button("", () => this.#copy());
    this.app = element("a");
    this.amap = element("a");
    this.amap.target = "_blank";
    this.amap.rel = "noreferrer";
    this.links = element("p", "map-links", this.coordinates, this.copy, this.app, this.amap);
    this.note = element("p", "clip-note");
    this.node = element("details", "map", element("summary"), this.#drawing.node, this.links, this.note);
    this.node.addEventListener("toggle", () => this.#load());
    this.node.hidden = true;
  }

  /** Be about `alarm`; nothing is shown where it knows no position. */
  update(alarm, edition) {
    const first = this.#alarm === null;
    const moved = alarm.changed_ms !== this.#alarm?.changed_ms;
    this.#alarm = alarm;
    this.node.hidden = !isPlaced(alarm);
    // Who looks for somebody wants to see where, before anything else.
    if (first && alarm.condition === "geofence" && !this.node.hidden) this.node.open = true;
    if (edition !== this.#edition) {
      this.#edition = edition;
      write(this.node.firstElementChild, text("map.show"));
      write(this.copy, text("map.copy"));
      write(this.app, text("map.app"));
      write(this.amap, text("map.amap"));
      this.amap.title = text("map.amap_about");
      if (this.#track) this.#show();
    }
    if (moved) this.#load();
  }

  async #load() {
    if (!this.node.open || this.node.hidden) return;
    const asked = ++this.#asked;
    try {
      const track = await get(`/api/v1/alarms/${encodeURIComponent(this.#alarm.alarm)}/track`);
      if (asked !== this.#asked) return;
      this.#track = track;
      this.#show();
      writeOrHide(this.note, "");
    } catch {
      // What is drawn already stays: an old place is better than none, and the words say how old it is.
      if (asked === this.#asked) writeOrHide(this.note, text("map.failed"));
    }
  }

  #show() {
    const last = this.#track.fixes.at(-1);
    this.links.hidden = this.#drawing.node.hidden = last === undefined;
    if (last === undefined) return;
    this.#drawing.show(this.#track);
    const place = `${last.lat_deg.toFixed(6)}, ${last.lon_deg.toFixed(6)}`;
    write(this.coordinates, place);
    this.coordinates.title = "WGS-84";
    this.app.href = `geo:${last.lat_deg.toFixed(6)},${last.lon_deg.toFixed(6)}${last.accuracy_m ? `;u=${Math.round(last.accuracy_m)}` : ""}`;
    const { lat_deg, lon_deg } = this.#track.last_gcj02;
    this.amap.href = `https://uri.amap.com/marker?position=${lon_deg},${lat_deg}`;
  }

  async #copy() {
    let done = "map.copied";
    try {
      await navigator.clipboard.writeText(this.coordinates.textContent);
    } catch {
      getSelection().selectAllChildren(this.coordinates);
      done = "map.selected";
    }
    write(this.copy, text(done));
    setTimeout(() => write(this.copy, text("map.copy")), COPIED_MS);
  }
}
