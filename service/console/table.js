// A table that stays readable on a phone: there each row is a block, and each cell says what it is.

import { element } from "./element.js";

/**
 * @param {string[]} headings
 * @param {{words?: string, node?: Node, className?: string}[][]} rows the first cell of each names it
 */
export function tableOf(headings, rows) {
  const head = element("thead", "", element("tr", "", ...headings.map((words) => element("th", "", words))));
  for (const cell of head.querySelectorAll("th")) cell.scope = "col";
  const body = rows.map((cells) => element("tr", "", ...cells.map(({ words, node, className = "" }, at) => {
    const cell = element(at === 0 ? "th" : "td", className, node ?? words ?? "");
    if (at === 0) cell.scope = "row";
    cell.dataset.heading = headings[at];
    return cell;
  })));
  return element("table", "panel-table", head, element("tbody", "", ...body));
}
