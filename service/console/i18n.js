// Every word a caregiver reads, in both languages: one file a subject, `words_*.js`, English and Chinese side by side.
// `{name}` in a text is filled in by `text()` of language.js. Tests hold that both languages say the same things.

import { ALARMS } from "./words_alarms.js";
import { DUTY } from "./words_duty.js";
import { EVIDENCE } from "./words_evidence.js";
import { FIGURES } from "./words_figures.js";
import { PAGE } from "./words_page.js";
import { RESIDENTS } from "./words_residents.js";

const WORDS = Object.entries({ ...PAGE, ...ALARMS, ...EVIDENCE, ...RESIDENTS, ...DUTY, ...FIGURES });

/** Key to text, by language. */
export const TEXTS = {
  en: Object.fromEntries(WORDS.map(([key, [english]]) => [key, english])),
  zh: Object.fromEntries(WORDS.map(([key, [, chinese]]) => [key, chinese])),
};
