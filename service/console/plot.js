// Acceleration over time as a drawing: all in one above, its three axes below, the impact marked, gaps hatched.

import { draw, element, write } from "./element.js";
import { text } from "./language.js";

const LEFT = 34, RIGHT = 8, TOP = 18, BOTTOM = 22, BETWEEN = 14;
const SIZE_HEIGHT = 120, AXES_HEIGHT = 110;
const NARROWEST = 260;
const AXES = ["x", "y", "z"];
/** Lines further apart than this are not joined. */
const GAP_S = 0.5;

/** Round steps of a scale from `low` to `high`, five or so. */
function ticksOf(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) ticks.push(Math.round(tick * 1e6) / 1e6);
  return ticks;
}

export class Plot {
  #clip = null;
  #width = 0;

  constructor() {
    this.size = element("span", "swatch size");
    this.axes = element("span");
    this.legend = element("p", "legend", this.size, this.axes,
      ...AXES.map((axis) => element("span", `swatch axis-${axis}`, axis)));
    this.canvas = element("div", "canvas");
    this.node = element("figure", "plot", this.legend, this.canvas);
    // Drawn for the room there is, so that letters keep their size on a phone.
    new ResizeObserver(() => this.#draw()).observe(this.canvas);
  }

  show(clip) {
    this.#clip = clip;
    this.#width = 0;
    this.#draw();
  }

  #draw() {
    const width = Math.max(NARROWEST, Math.floor(this.canvas.clientWidth));
    if (this.#clip === null || this.canvas.clientWidth === 0 || width === this.#width) return;
    this.#width = width;
    const { time_s, acc_g, from_s, to_s, gaps_s } = this.#clip;
    const size_g = acc_g.map(([x, y, z]) => Math.hypot(x, y, z));
    const most_g = size_g.reduce((a, b) => Math.max(a, b), 0);
    const low_g = acc_g.reduce((a, one) => Math.min(a, ...one), -1);
    const high_g = acc_g.reduce((a, one) => Math.max(a, ...one), 1);
    const x = (t) => LEFT + ((t - from_s) / (to_s - from_s)) * (width - LEFT - RIGHT);
    const panels = [
      { top: TOP, height: SIZE_HEIGHT, low: 0, high: Math.max(2, most_g * 1.08) },
      { top: TOP + SIZE_HEIGHT + BETWEEN, height: AXES_HEIGHT, low: low_g * 1.05, high: high_g * 1.05 },
    ];
    for (const panel of panels) panel.y = (g) => panel.top + panel.height * (1 - (g - panel.low) / (panel.high - panel.low));
    const height = panels[1].top + AXES_HEIGHT + BOTTOM;
    const bottom = height - BOTTOM;

    const drawing = draw("svg", "motion", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
    drawing.setAttribute("aria-label", text("clip.told", { from: -from_s, to: to_s, most: most_g.toFixed(1) }));
    for (const [begin, end] of gaps_s) drawing.append(...this.#gap(x(begin), x(end), bottom));
    for (const panel of panels) drawing.append(...this.#scale(panel, width));
    drawing.append(...this.#times(x, from_s, to_s, bottom, width));
    const line = (panel, className, valueOf) => draw("path", className, { d: this.#path(time_s, valueOf, x, panel.y) });
    drawing.append(...AXES.map((axis, i) => line(panels[1], `line axis-${axis}`, (n) => acc_g[n][i])));
    drawing.append(line(panels[0], "line size", (n) => size_g[n]));
    drawing.append(
      draw("line", "impact", { x1: x(0), x2: x(0), y1: TOP, y2: bottom }),
      draw("text", "impact-word", { x: x(0), y: TOP - 6, "text-anchor": "middle" }, text("clip.impact")));
    this.canvas.replaceChildren(drawing);
    write(this.size, text("clip.size"));
    write(this.axes, text("clip.axes"));
  }

  #gap(left, right, bottom) {
    const parts = [draw("rect", "gap", { x: left, y: TOP, width: right - left, height: bottom - TOP })];
    if (right - left > 48) {
      parts.push(draw("text", "gap-word", { x: (left + right) / 2, y: TOP + SIZE_HEIGHT / 2, "text-anchor": "middle" }, text("clip.gap")));
    }
    return parts;
  }

  #scale(panel, width) {
    return ticksOf(panel.low, panel.high).flatMap((g) => [
      draw("line", "grid", { x1: LEFT, x2: width - RIGHT, y1: panel.y(g), y2: panel.y(g) }),
      draw("text", "tick", { x: LEFT - 5, y: panel.y(g) + 4, "text-anchor": "end" }, `${g} g`),
    ]);
  }

  #times(x, from_s, to_s, bottom, width) {
    const step_s = width < 420 ? 10 : 5;
    const marks = [];
    for (let t = Math.ceil(from_s / step_s) * step_s; t <= to_s; t += step_s) {
      const anchor = t === to_s ? "end" : t === from_s ? "start" : "middle";
      marks.push(
        draw("line", "grid", { x1: x(t), x2: x(t), y1: TOP, y2: bottom }),
        draw("text", "tick", { x: x(t), y: bottom + 15, "text-anchor": anchor }, text("unit.s", { n: t > 0 ? `+${t}` : String(t).replace("-", "−") })));
    }
    return marks;
  }

  #path(time_s, valueOf, x, y) {
    let path = "";
    for (let n = 0; n < time_s.length; n += 1) {
      const joined = n > 0 && time_s[n] - time_s[n - 1] <= GAP_S;
      path += `${joined ? "L" : "M"}${x(time_s[n]).toFixed(1)} ${y(valueOf(n)).toFixed(1)}`;
    }
    return path;
  }
}
