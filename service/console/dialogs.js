// The questions the page asks: who are you, what was it, and what was missed.

import { button, element, icon, write } from "./element.js";
import { text } from "./language.js";
import { causeOf } from "./wording.js";

const HALF_HOUR_MS = 1_800_000;
const DAY_MS = 86_400_000;

/** Dialog to what ends the question it asks now. */
const asked = new WeakMap();

/** Show a dialog until it is answered or left; resolves with the answer or null. A new question ends an older one. */
function ask(dialog, prepare) {
  asked.get(dialog)?.(null);
  return new Promise((answered) => {
    const leave = new AbortController();
    const end = (answer) => {
      if (asked.get(dialog) !== end) return;
      asked.delete(dialog);
      leave.abort();
      if (dialog.open) dialog.close();
      answered(answer);
    };
    asked.set(dialog, end);
    prepare(end, leave.signal);
    // The event comes a moment after the closing: it may be that of the question before.
    dialog.addEventListener("close", () => { if (!dialog.open) end(null); }, { signal: leave.signal });
    dialog.showModal();
  });
}

/** Ask who is at this screen; resolves with a caregiver's identifier or null. */
export function askWho(people) {
  const dialog = document.getElementById("who-dialog");
  return ask(dialog, (answer, signal) => {
    const me = people.me;
    const choices = people.caregivers.map((one) => {
      const choice = button("choice", () => answer(one.caregiver), icon("person"), element("span", "", one.name));
      if (one.caregiver === me) choice.setAttribute("aria-current", "true");
      if (one.site) choice.append(element("small", "", people.siteName(one.site)));
      return choice;
    });
    dialog.querySelector(".choices").replaceChildren(...choices);
    write(dialog.querySelector(".detail"), text(choices.length ? "who.detail" : "who.none"));
    dialog.querySelector(".leave").addEventListener("click", () => dialog.close(), { signal });
  });
}

/** Ask what an alarm was; resolves with {outcome, note} or null. */
export function askOutcome(alarm, people) {
  const dialog = document.getElementById("outcome-dialog");
  return ask(dialog, (answer, signal) => {
    const { name, room } = people.who(alarm);
    const note = dialog.querySelector("textarea");
    const form = dialog.querySelector("form");
    write(dialog.querySelector(".about"), [causeOf(alarm), name, room].filter(Boolean).join(" · "));
    form.reset();
    if (alarm.drill) form.elements.outcome.value = "test";
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      answer({ outcome: form.elements.outcome.value, note: note.value.trim() });
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => dialog.close(), { signal });
  });
}

/** Ask about a fall that raised no alarm; resolves with {resident, at_ms, note} or null. */
export function askMissed(people, now_ms) {
  const dialog = document.getElementById("missed-dialog");
  return ask(dialog, (answer, signal) => {
    const form = dialog.querySelector("form");
    const note = dialog.querySelector("textarea");
    const { resident, when } = form.elements;
    form.reset();
    resident.replaceChildren(...optionsOf(people));
    const now = localMinute(now_ms);
    when.value = when.max = now;
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      // "Now" is this very moment, not the beginning of its minute.
      const at_ms = when.value === now ? now_ms : new Date(when.value).getTime();
      answer({ resident: resident.value, at_ms: Math.round(at_ms), note: note.value.trim() });
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => dialog.close(), { signal });
  });
}

/** Ask who is out in company and until when; resolves with {resident, until_ms} or null. */
export function askOuting(people, now_ms, chosen) {
  const dialog = document.getElementById("outing-dialog");
  return ask(dialog, (answer, signal) => {
    const form = dialog.querySelector("form");
    const { resident, until } = form.elements;
    form.reset();
    resident.replaceChildren(...optionsOf(people));
    resident.value = chosen ?? "";
    // Outings end in the afternoon; after that, in two hours.
    const four_ms = new Date(now_ms).setHours(16, 0, 0, 0);
    until.value = localMinute(four_ms - now_ms > HALF_HOUR_MS ? four_ms : now_ms + 4 * HALF_HOUR_MS);
    until.min = localMinute(now_ms);
    until.max = localMinute(now_ms + DAY_MS);
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      answer({ resident: resident.value, until_ms: new Date(until.value).getTime() });
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => dialog.close(), { signal });
  });
}

/** Everybody to choose from, and first nobody. */
function optionsOf(people) {
  const nobody = element("option", "", text("missed.choose"));
  nobody.value = "";
  return [nobody, ...people.residents.map((one) => {
    const room = one.room ? text("card.room", { room: one.room }) : "";
    const option = element("option", "", [room, one.name].filter(Boolean).join(" · "));
    option.value = one.resident;
    return option;
  })];
}

/** Unix milliseconds as a `datetime-local` field has them: local time, to the minute. */
function localMinute(time_ms) {
  const offset_ms = new Date(time_ms).getTimezoneOffset() * 60_000;
  return new Date(time_ms - offset_ms).toISOString().slice(0, 16);
}
