// What the page says of itself: read aloud to whoever does not see it, and as notes at its foot.

import { button, element } from "./element.js";
import { text } from "./language.js";

/** A note of what was done goes away by itself; one of what failed stays until somebody has read it. */
const NOTED_MS = 12_000;
/** What comes within this time is said together: the later would cut the earlier short. */
const TOGETHER_MS = 100;

/** What each live region is about to say. @type {Map<Element, string[]>} */
const waiting = new Map();

/** Have words read aloud: at once where they are urgent, else when the reader has finished its sentence. */
export function announce(words, urgent = true) {
  const region = document.getElementById(urgent ? "announcer" : "news");
  if (waiting.has(region)) {
    waiting.get(region).push(words);
    return;
  }
  waiting.set(region, [words]);
  setTimeout(() => {
    // New elements: the same words are read again where the same happens again.
    region.replaceChildren(...waiting.get(region).map((one) => element("p", "", one)));
    waiting.delete(region);
  }, TOGETHER_MS);
}

/** Note that something was done. */
export function tell(words) {
  announce(words, false);
  const note = noteOf(words);
  setTimeout(() => note.remove(), NOTED_MS);
}

/** Note that something was not done. */
export function complain(words) {
  announce(words);
  noteOf(words).classList.add("problem");
}

function noteOf(words) {
  const before = document.activeElement;
  const note = element("div", "toast", element("span", "", words), button("", () => {
    note.remove();
    if (before.isConnected) before.focus({ preventScroll: true });
  }, text("problem.dismiss")));
  const notes = document.getElementById("toasts");
  // Said once is enough.
  for (const other of [...notes.children]) if (other.firstElementChild.textContent === words) other.remove();
  notes.append(note);
  return note;
}
