// Zones, a way and a person on a plane: metres east and north of where they were last, north above.

import { draw, element } from "./element.js";
import { text, timeOf } from "./language.js";
import { metresOf } from "./whereabouts.js";

/** The least that is shown, and how large a zone may be to be shown whole. */
const LEAST_M = 120;
const WHOLE_M = 2_500;
/** An accuracy circle larger than this does not make the map smaller. */
const ACCURACY_MOST_M = 400;
const METRES_PER_DEGREE = 111_195;
const NARROWEST = 240;
const BAR_WIDTH = 110;
/** Kept free below for the scale. */
const FOOT = 36;

export class MapDrawing {
  #track = null;
  #width = 0;

  constructor() {
    this.node = element("div", "canvas");
    new ResizeObserver(() => this.#draw()).observe(this.node);
  }

  /** Draw a track; the last fix is where the person is. */
  show(track) {
    this.#track = track;
    this.#width = 0;
    this.#draw();
  }

  #draw() {
    const width = Math.max(NARROWEST, Math.floor(this.node.clientWidth));
    if (this.#track === null || this.node.clientWidth === 0 || width === this.#width) return;
    this.#width = width;
    const height = Math.round(Math.min(380, Math.max(260, width * 0.62)));
    const { fixes, zones } = this.#track;
    const last = fixes.at(-1);
    const planeOf = planeAround(last);
    const way = fixes.map(planeOf);
    const shapes = zones.map((zone) => shapeOf(zone, planeOf));
    const view = viewOf(way, last, shapes, width, height);

    const drawing = draw("svg", "terrain", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
    drawing.setAttribute("aria-label", text("map.told", { n: fixes.length, since: timeOf(fixes[0].time_ms) }));
    drawing.append(draw("rect", "ground", { width, height }));
    for (const shape of shapes) drawing.append(zoneOf(shape, view));
    if (Number.isFinite(last.accuracy_m)) {
      const [cx, cy] = view.at(way.at(-1));
      drawing.append(draw("circle", "accuracy", { cx, cy, r: Math.max(7, last.accuracy_m * view.scale) }));
    }
    drawing.append(draw("polyline", "way", { points: way.map((at) => view.at(at).join(",")).join(" ") }));
    for (const at of way.slice(0, -1)) {
      const [cx, cy] = view.at(at);
      drawing.append(draw("circle", "fix", { cx, cy, r: 2.5 }));
    }
    drawing.append(...this.#ends(way, fixes, view, width));
    for (const shape of shapes) drawing.append(...nameOf(shape, view, view.at(way[0])[1], width, height));
    drawing.append(northArrow(width), scaleBar(view.scale, height));
    this.node.replaceChildren(drawing);
  }

  /** Where they were when the alarm began, with the time, and where they are. */
  #ends(way, fixes, view, width) {
    const marks = [];
    if (way.length > 1) {
      const [cx, cy] = view.at(way[0]);
      const right = cx > width / 2;
      marks.push(
        draw("circle", "begin", { cx, cy, r: 5 }),
        draw("text", "when", { x: cx + (right ? -9 : 9), y: cy + 4, "text-anchor": right ? "end" : "start" }, timeOf(fixes[0].time_ms)));
    }
    const [cx, cy] = view.at(way.at(-1));
    marks.push(draw("circle", "person", { cx, cy, r: 7 }));
    return marks;
  }
}

/** What turns degrees into metres east and north of `middle`; flat, which a few kilometres are. */
function planeAround(middle) {
  const east_m = METRES_PER_DEGREE * Math.cos((middle.lat_deg * Math.PI) / 180);
  return ({ lat_deg, lon_deg }) => [(lon_deg - middle.lon_deg) * east_m, (lat_deg - middle.lat_deg) * METRES_PER_DEGREE];
}

/** A zone on the plane: its rings or its circle, and what it spans: west, south, east, north. */
function shapeOf(zone, planeOf) {
  const areas = zone.areas.map((area) => area.map((ring) => ring.map(([lat_deg, lon_deg]) => planeOf({ lat_deg, lon_deg }))));
  const middle = zone.middle && planeOf(zone.middle);
  const points = middle
    ? [[middle[0] - zone.radius_m, middle[1] - zone.radius_m], [middle[0] + zone.radius_m, middle[1] + zone.radius_m]]
    : areas.flat(2);
  return { zone, areas, middle, span: spanOf(points) };
}

function spanOf(points) {
  const span = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    span[0] = Math.min(span[0], x);
    span[1] = Math.min(span[1], y);
    span[2] = Math.max(span[2], x);
    span[3] = Math.max(span[3], y);
  }
  return span;
}

/** The point of a zone's edge nearest to where the person is: the middle of the plane. */
function nearestEdge({ zone, areas, middle }) {
  if (middle) {
    const far = Math.hypot(...middle) || 1;
    return middle.map((part) => part * (1 - zone.radius_m / far));
  }
  let nearest = [Infinity, Infinity];
  for (const ring of areas.flat()) {
    ring.forEach(([x, y], i) => {
      const [nextX, nextY] = ring[(i + 1) % ring.length];
      const [dx, dy] = [nextX - x, nextY - y];
      const along = Math.min(1, Math.max(0, -(x * dx + y * dy) / (dx * dx + dy * dy || 1)));
      const at = [x + along * dx, y + along * dy];
      if (Math.hypot(...at) < Math.hypot(...nearest)) nearest = at;
    });
  }
  return nearest;
}

/** What is shown: the way, the accuracy, small zones near whole and of large ones the nearest edge. */
function viewOf(way, last, shapes, width, height) {
  const around = Math.max(LEAST_M / 2, Math.min(last.accuracy_m ?? 0, ACCURACY_MOST_M));
  const points = [...way, [-around, -around], [around, around]];
  for (const shape of shapes) {
    const [west, south, east, north] = shape.span;
    const large = Math.hypot(east - west, north - south) > WHOLE_M;
    const edge = nearestEdge(shape);
    if (Math.hypot(...edge) > WHOLE_M) continue;
    if (large) points.push(edge);
    else points.push([west, south], [east, north]);
  }
  const [west, south, east, north] = spanOf(points);
  const scale = 0.84 * Math.min(width / (east - west), (height - FOOT) / (north - south));
  const [x0, y0] = [(west + east) / 2, (south + north) / 2];
  return { scale, at: ([x, y]) => [round(width / 2 + (x - x0) * scale), round((height - FOOT) / 2 + 8 - (y - y0) * scale)] };
}

const round = (pixels) => Math.round(pixels * 10) / 10;

function zoneOf({ zone, areas, middle }, view) {
  const name = `zone ${zone.rule}`;
  if (middle) {
    const [cx, cy] = view.at(middle);
    return draw("circle", name, { cx, cy, r: round(zone.radius_m * view.scale) });
  }
  const d = areas.flat().map((ring) => `M${ring.map((at) => view.at(at).join(" ")).join("L")}Z`).join("");
  return draw("path", name, { d, "fill-rule": "evenodd" });
}

/** A zone's name above or below it, on the side where the way does not begin, if the zone is in sight. */
function nameOf({ zone, span: [west, south, east, north] }, view, begin, width, height) {
  const [left, top] = view.at([west, north]);
  const [right, bottom] = view.at([east, south]);
  const x = Math.min(width - 60, Math.max(60, (left + right) / 2));
  const y = Math.abs(begin - top) < Math.abs(begin - bottom) ? Math.min(height - FOOT, bottom + 16) : Math.max(16, top - 6);
  if (right < 0 || left > width || top > height || bottom < 0) return [];
  return [draw("text", `zone-name ${zone.rule}`, { x, y, "text-anchor": "middle" }, text(`map.${zone.rule}`, { zone: zone.zone }))];
}

function northArrow(width) {
  return draw("g", "north", { transform: `translate(${width - 22} 14)` },
    draw("path", "", { d: "M0 0 7 20 0 15.5-7 20Z" }),
    draw("text", "", { x: 0, y: 34, "text-anchor": "middle" }, text("map.north")));
}

function scaleBar(scale, height) {
  const most_m = BAR_WIDTH / scale;
  const power = 10 ** Math.floor(Math.log10(most_m));
  const length_m = [5, 2, 1].map((n) => n * power).find((n) => n <= most_m);
  const length = round(length_m * scale);
  return draw("g", "scale", { transform: `translate(12 ${height - 12})` },
    draw("path", "", { d: `M0-6V0H${length}V-6` }),
    draw("text", "", { x: length + 8, y: 0 }, metresOf(length_m)));
}
