// Buttons of which one is pressed.

import { button, write } from "./element.js";

/**
 * Make the children of `container` one button for each option; those that are there stay, and with them the focus.
 *
 * @param {{value: number, words: string}[]} options
 * @param {number|null} pressed the value of the one that is pressed
 * @param {(value: number) => void} onChoose
 */
export function offer(container, options, pressed, onChoose) {
  while (container.childElementCount > options.length) container.lastElementChild.remove();
  while (container.childElementCount < options.length) {
    const choice = button("", () => onChoose(Number(choice.value)));
    container.append(choice);
  }
  options.forEach(({ value, words }, at) => {
    const choice = container.children[at];
    choice.value = String(value);
    write(choice, words);
    choice.setAttribute("aria-pressed", String(value === pressed));
  });
}
