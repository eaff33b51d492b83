// Making elements. Text goes in as text: nothing from data is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with a class and children (elements or text). */
export function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** A part of a drawing (SVG) with a class, attributes and children. */
export function draw(tag, className, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** A button that does not submit anything. */
export function button(className, onClick, ...children) {
  const node = element("button", className, ...children);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
}

/** A drawing from the page's sprite; decoration, so hidden from readers. */
export function icon(name, className = "icon") {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", className);
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  drawing.append(use);
  return drawing;
}

/** Write text only where it differs, so that a second's tick over hundreds of cards costs nothing. */
export function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** Write text and hide the element where there is none. */
export function writeOrHide(node, words) {
  node.hidden = !words;
  write(node, words ?? "");
}
