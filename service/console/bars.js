// Small charts: a share as a bar with its number, and how long things took on a scale from a hundredth of a second to a day.

import { draw, element } from "./element.js";
import { delayOf, text } from "./language.js";

/**
 * A bar with what it says beside it; `mark` is where a line is drawn through it (0 to 1), `bad` makes it stand out.
 */
export function barOf(share, words, { mark = null, bad = false, wide = false, title = "" } = {}) {
  const track = element("span", "bar-track", element("span", "bar-fill"));
  track.firstElementChild.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
  if (mark !== null) {
    const line = element("span", "bar-mark");
    line.style.setProperty("--share", String(mark));
    track.append(line);
  }
  track.setAttribute("aria-hidden", "true"); // the words say it
  const node = element("span", ["bar-chart", bad && "bad", wide && "wide"].filter(Boolean).join(" "), track, element("b", "", words));
  if (title) node.title = title;
  return node;
}

const LEFT = 190, RIGHT = 76, ROW = 34, TOP = 8, BOTTOM = 22;
const NARROW = 520;
const LEAST_MS = 10, MOST_MS = 86_400_000;
const TICKS_MS = [10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 86_400_000];

/**
 * Ranges on a logarithmic scale of time: from the median to 95 of 100, and on to 99 of 100.
 *
 * @param {{name: string, count: number, p50_ms: number, p95_ms: number, p99_ms: number}[]} ranges
 * @param {string} told what it is, for whoever cannot see it; the numbers stand there as text too
 */
export function rangesOf(ranges, told) {
  const canvas = element("div", "ranges");
  let drawn = 0;
  const show = () => {
    const width = Math.floor(canvas.clientWidth);
    if (width === 0 || width === drawn) return;
    drawn = width;
    canvas.replaceChildren(drawingOf(ranges, told, width));
  };
  // Drawn for the room there is, so that letters keep their size on a phone.
  new ResizeObserver(show).observe(canvas);
  return canvas;
}

function drawingOf(ranges, told, width) {
  const narrow = width < NARROW;
  const left = narrow ? 4 : LEFT;
  const row = narrow ? ROW + 18 : ROW;
  const height = TOP + ranges.length * row + BOTTOM;
  const x = (time_ms) => {
    const at = Math.log(Math.max(LEAST_MS, Math.min(MOST_MS, time_ms)) / LEAST_MS) / Math.log(MOST_MS / LEAST_MS);
    return left + at * (width - left - RIGHT);
  };
  const drawing = draw("svg", "ranges-drawing", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  drawing.setAttribute("aria-label", `${told}: ${ranges.map((one) => `${one.name} ${wordsOf(one)}`).join("; ")}`);
  const ticks = narrow ? TICKS_MS.filter((_, at) => at % 2 === 0 || at === TICKS_MS.length - 1).slice(0, 4) : TICKS_MS;
  for (const tick_ms of ticks) {
    drawing.append(
      draw("line", "grid", { x1: x(tick_ms), x2: x(tick_ms), y1: TOP, y2: height - BOTTOM }),
      draw("text", "tick", { x: x(tick_ms), y: height - 6, "text-anchor": tick_ms === LEAST_MS && narrow ? "start" : "middle" }, tickOf(tick_ms)));
  }
  ranges.forEach((one, at) => {
    const top = TOP + at * row;
    const y = top + row - ROW / 2;
    const [p50, p95, p99] = [x(one.p50_ms), x(one.p95_ms), x(one.p99_ms)];
    drawing.append(
      draw("text", "range-name", { x: narrow ? left : left - 12, y: narrow ? top + 15 : y + 4, "text-anchor": narrow ? "start" : "end" }, one.name),
      draw("line", "range-far", { x1: p50, x2: p99, y1: y, y2: y }),
      draw("line", "range-near", { x1: p50, x2: Math.max(p95, p50 + 1), y1: y, y2: y }),
      draw("circle", "range-middle", { cx: p50, cy: y, r: 5.5 }),
      draw("text", "range-words", { x: Math.max(p99, p50 + 6) + 8, y: y + 4 }, delayOf(one.p50_ms)));
    drawing.lastElementChild.append(draw("title", "", {}, wordsOf(one)));
  });
  return drawing;
}

const wordsOf = (one) => text("figures.range", {
  p50: delayOf(one.p50_ms), p95: delayOf(one.p95_ms), p99: delayOf(one.p99_ms), n: one.count,
});

const tickOf = (time_ms) => time_ms < 1000 ? text("unit.ms", { n: time_ms })
  : time_ms < 60_000 ? text("unit.s", { n: time_ms / 1000 })
  : time_ms < 3_600_000 ? text("unit.min", { n: time_ms / 60_000 })
  : text("unit.h", { n: time_ms / 3_600_000 });
