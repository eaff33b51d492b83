// The questions the page asks: who are you, what was it, for how long, who stands in, and what was missed.

import { button, element, icon, write } from "./element.js";
import { hourOf, lengthOf, text } from "./language.js";
import { causeOf } from "./wording.js";

const HALF_HOUR_MS = 1_800_000;
const DAY_MS = 86_400_000;
/** For how long an alarm may be laid aside, as far as its priority allows it. */
const SHELF_MIN = [15, 30, 60, 120, 240, 480, 1440, 4320, 10_080];
/** Of these nobody stands in for the staff. */
const NOT_STAFF = new Set(["family", "neighbour"]);

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
    // Escape ends the question at once, so that it can be asked again at once.
    dialog.addEventListener("cancel", () => end(null), { signal: leave.signal });
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
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
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
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
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
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
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
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
  });
}

/** Ask for how long to lay an alarm aside, and why; resolves with {until_ms, reason} or null. */
export function askShelf(alarm, people, now_ms, most_s) {
  const dialog = document.getElementById("shelf-dialog");
  return ask(dialog, (answer, signal) => {
    const form = dialog.querySelector("form");
    const { name, room } = people.who(alarm);
    write(dialog.querySelector(".about"), [causeOf(alarm), name, room].filter(Boolean).join(" · "));
    form.reset();
    const { until, reason } = form.elements;
    const usual = SHELF_MIN.filter((minutes) => minutes * 60 <= most_s).map((minutes) => minutes * 60_000);
    if (usual.length === 0) usual.push(most_s * 1000); // a house that allows less than the usual times
    form.querySelector(".spans").replaceChildren(...usual.map((span_ms, at) => {
      const choice = element("input");
      Object.assign(choice, { type: "radio", name: "span", value: String(span_ms), checked: at === Math.min(1, usual.length - 1) });
      return element("label", "span-choice", choice,
        element("span", "", lengthOf(span_ms)), element("small", "", text("shelf.until", { time: hourOf(now_ms + span_ms) })));
    }));
    until.value = "";
    until.min = localMinute(now_ms + 60_000);
    until.max = localMinute(now_ms + most_s * 1000);
    // An end of one's own takes the place of the choice.
    until.addEventListener("input", () => { for (const choice of form.elements.span) choice.checked = !until.value && choice.defaultChecked; }, { signal });
    form.querySelector(".spans").addEventListener("change", () => { until.value = ""; }, { signal });
    write(dialog.querySelector(".most"), text("shelf.most", { priority: text(`priority.${alarm.priority}`), most: lengthOf(most_s * 1000) }));
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      const chosen = form.querySelector("input[name=span]:checked");
      const until_ms = until.value ? new Date(until.value).getTime() : now_ms + Number(chosen.value);
      answer({ until_ms: Math.min(until_ms, now_ms + most_s * 1000), reason: reason.value.trim() });
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
  });
}

/** Ask where a drill is to be held, and for how long; resolves with {site, minutes} or null. */
export function askDrill(people, chosen) {
  const dialog = document.getElementById("drill-dialog");
  return ask(dialog, (answer, signal) => {
    const form = dialog.querySelector("form");
    const { site, minutes } = form.elements;
    form.reset();
    site.replaceChildren(...people.sites.map((one) => choiceOf(one.site, one.name || one.site)));
    if (chosen) site.value = chosen;
    minutes.replaceChildren(...[15, 30, 60, 120, 240].map((n) => choiceOf(n, lengthOf(n * 60_000))));
    minutes.value = "30";
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      answer({ site: site.value, minutes: Number(minutes.value) });
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
  });
}

/** Ask who takes somebody's place in a shift; `duty` as the API tells it. Resolves with a caregiver or null. */
export function askSwap(people, duty, site) {
  const dialog = document.getElementById("swap-dialog");
  return ask(dialog, (answer, signal) => {
    const form = dialog.querySelector("form");
    const { stand_in: standIn } = form.elements;
    form.reset();
    write(dialog.querySelector(".about"), text("swap.about", {
      name: people.caregiverName(duty.caregiver), from: hourOf(duty.from_ms), until: hourOf(duty.until_ms),
    }));
    const others = people.caregivers.filter((one) =>
      one.caregiver !== duty.caregiver && !NOT_STAFF.has(one.role) && (one.site === null || one.site === site));
    standIn.replaceChildren(choiceOf("", text("missed.choose")), ...others.map((one) =>
      choiceOf(one.caregiver, text("next.person", { name: one.name, role: text(`role.${one.role}`) }))));
    form.addEventListener("submit", (submit) => {
      submit.preventDefault();
      answer(standIn.value);
    }, { signal });
    dialog.querySelector(".leave").addEventListener("click", () => answer(null), { signal });
  });
}

function choiceOf(value, words) {
  const option = element("option", "", words);
  option.value = String(value);
  return option;
}

/** Everybody to choose from, and first nobody. */
function optionsOf(people) {
  return [choiceOf("", text("missed.choose")), ...people.residents.map((one) => {
    const room = one.room ? text("card.room", { room: one.room }) : "";
    return choiceOf(one.resident, [room, one.name].filter(Boolean).join(" · "));
  })];
}

/** Unix milliseconds as a `datetime-local` field has them: local time, to the minute. */
function localMinute(time_ms) {
  const offset_ms = new Date(time_ms).getTimezoneOffset() * 60_000;
  return new Date(time_ms - offset_ms).toISOString().slice(0, 16);
}
