// The view of a site's people and devices: who is on duty and who is next, whether they can be reached, and what is silent.

import { arrange } from "./arrange.js";
import { button, element, icon, write, writeOrHide } from "./element.js";
import { hourOf, spanOf, text, textOrNull } from "./language.js";
import { get } from "./requests.js";
import { tableOf } from "./table.js";

/** While it is looked at it is asked for again this often. */
const AGAIN_MS = 10_000;
const SILENT_SHOWN = 200;

const byId = (id) => document.getElementById(id);

export class Duty {
  #people;
  #deeds;
  #now_ms;
  #site = null;
  #shown = false;
  #timer = 0;
  #asked = 0;
  #told = null;
  /** What each part says, as it was written last. */
  #written = new Map();

  /**
   * @param {{swap: (duty: object, site: string) => void, endSwap: (duty: object) => void}} deeds
   * @param {() => number} now_ms the service's time
   */
  constructor(people, deeds, now_ms) {
    this.#people = people;
    this.#deeds = deeds;
    this.#now_ms = now_ms;
    byId("duty-site").addEventListener("change", (change) => {
      this.#site = change.target.value;
      this.#told = null;
      this.load();
    });
  }

  /** The site looked at; null where there is none. */
  get site() {
    const { sites } = this.#people;
    return sites.some((one) => one.site === this.#site) ? this.#site : sites[0]?.site ?? null;
  }

  /** Be looked at, or not. */
  look(isShown) {
    this.#shown = isShown;
    clearTimeout(this.#timer);
    if (isShown) this.load();
  }

  /** Language or names changed. */
  reword() {
    this.#written.clear();
    if (this.#shown) this.load();
  }

  async load() {
    clearTimeout(this.#timer);
    const { site } = this;
    if (!this.#shown || site === null) return;
    this.#showSites(site);
    const asked = ++this.#asked;
    const path = encodeURIComponent(site);
    // Each part by itself: where one cannot be had the others are still true. A house without a part says so by 501.
    const [duty, swaps, proof, silent] = await Promise.all([
      `/api/v1/duty?site=${path}`, "/api/v1/swaps", "/api/v1/contacts/proof", `/api/v1/sites/${path}/silent-devices`,
    ].map((address) => get(address).catch(() => null)));
    if (asked !== this.#asked) return;
    this.#told = { site, duty, swaps, proof, silent };
    this.#show();
    if (this.#shown) this.#timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  #showSites(site) {
    const choice = byId("duty-site");
    const { sites } = this.#people;
    choice.parentElement.hidden = sites.length < 2;
    const names = sites.map((one) => `${one.site} ${one.name}`).join("\n");
    if (choice.dataset.names !== names) {
      choice.dataset.names = names;
      choice.replaceChildren(...sites.map((one) => Object.assign(element("option", "", one.name || one.site), { value: one.site })));
    }
    choice.value = site;
  }

  #show() {
    const { site, duty, swaps, proof, silent } = this.#told;
    const [day, minute] = [new Date().toDateString(), Math.floor(this.#now_ms() / 60_000)];
    this.#write("duty", [site, duty, swaps, day], () => this.#showDuty(this.#told));
    this.#write("contacts", [site, proof, day], () => this.#showContacts(this.#told));
    this.#write("silent", [silent, minute], () => this.#showSilent(this.#told));
  }

  /** What did not change is not written anew: whoever stands on a button there stays. */
  #write(part, told, show) {
    const words = JSON.stringify(told);
    if (this.#written.get(part) === words) return;
    this.#written.set(part, words);
    show();
  }

  #showDuty({ site, duty, swaps }) {
    writeOrHide(byId("duty-alone"), duty?.heard === false ? text("duty.alone") : "");
    writeOrHide(byId("duty-failed"), duty === null ? text("panel.failed") : "");
    const noted = (swaps?.swaps ?? []).filter((one) => one.by !== null);
    const rowOf = (one, isNext) => {
      const deeds = element("span", "duty-deeds");
      const swap = noted.find((other) => other.shift === one.shift && other.date === one.date && other.stand_in === one.caregiver);
      if (swap) deeds.append(button("", () => this.#deeds.endSwap(swap), text("swap.end")));
      if (one.shift !== null) deeds.append(button("", () => this.#deeds.swap(one, site), text("swap.open")));
      for (const deed of deeds.children) deed.setAttribute("aria-label", `${deed.textContent} ${one.name}`);
      const marks = [];
      if (one.in_place_of) marks.push(element("span", "mark", text("duty.in_place_of", { name: this.#people.caregiverName(one.in_place_of) })));
      if (!one.reached) marks.push(element("span", "mark unreached", icon("warning"), text("duty.unreached")));
      const when = one.until_ms === null ? text("duty.always")
        : text(isNext ? "duty.from_until" : "duty.until", { from: hourOf(one.from_ms), until: hourOf(one.until_ms) });
      const row = element("li", "duty-row", icon("person"),
        element("span", "duty-who", element("b", "", one.name), element("small", "", text(`role.${one.role}`))),
        element("span", "duty-marks", ...marks), element("span", "duty-when", when), deeds);
      row.dataset.caregiver = one.caregiver;
      row.tabIndex = -1;
      return row;
    };
    arrange(byId("on-duty"), (duty?.on_duty ?? []).map((one) => rowOf(one, false)));
    arrange(byId("next-duty"), (duty?.next ?? []).map((one) => rowOf(one, true)));
    writeOrHide(byId("on-duty-none"), duty && duty.on_duty.length === 0 ? text("duty.nobody") : "");
    writeOrHide(byId("next-duty-none"), duty && duty.next.length === 0 ? text("duty.no_next") : "");
  }

  #showContacts({ site, proof }) {
    const answers = (one) => {
      const carer = this.#people.caregiver(one.caregiver);
      return carer === undefined || carer.site === null || carer.site === site;
    };
    const contacts = (proof?.contacts ?? []).filter(answers);
    const order = { never_proven: 0, unproven: 1, proven: 2 };
    contacts.sort((a, b) => order[a.status] - order[b.status]);
    const rows = contacts.map((one) => [
      { words: this.#people.caregiverName(one.caregiver), className: "strong" },
      { words: one.channel },
      { node: element("span", `proof proof-${one.status}`, icon({ proven: "check", unproven: "warning", never_proven: "cross" }[one.status]), text(`proof.${one.status}`)) },
      { words: one.proven_ms === null ? text("proof.never") : hourOf(one.proven_ms) },
      { words: one.last_sent_ms === null ? text("proof.not_yet")
        : [hourOf(one.last_sent_ms), textOrNull(`proof.result.${one.last_result}`) ?? "", one.reason].filter(Boolean).join(" · ") },
    ]);
    byId("contacts").replaceChildren(...(rows.length ? [tableOf(
      ["proof.who", "proof.channel", "proof.status", "proof.last_proven", "proof.last_test"].map((key) => text(key)), rows)] : []));
    writeOrHide(byId("contacts-none"), rows.length ? "" : text(proof === null ? "panel.failed" : "proof.none"));
  }

  #showSilent({ silent }) {
    const devices = silent?.devices ?? [];
    const now_ms = this.#now_ms();
    const rows = devices.slice(0, SILENT_SHOWN).map((one) => {
      const { name, room } = one.resident ? this.#people.who(one) : { name: "–", room: "" };
      return [
        { words: one.device, className: "strong" },
        { words: textOrNull(`type.${one.type}`) ?? one.type },
        { words: [name, room].filter(Boolean).join(" · ") },
        { words: one.heard_ms === null ? text("silent.never") : text("silent.since", { time: hourOf(one.heard_ms), span: spanOf(now_ms - one.heard_ms) }) },
        { words: text(`silent.${one.told_as}`) },
      ];
    });
    byId("silent").replaceChildren(...(rows.length ? [tableOf(
      ["silent.device", "silent.type", "silent.resident", "silent.heard", "silent.told"].map((key) => text(key)), rows)] : []));
    write(byId("silent-count"), String(devices.length));
    const more = devices.length - rows.length;
    writeOrHide(byId("silent-none"), silent === null ? text("panel.failed") : more > 0 ? text("silent.more", { n: more }) : devices.length ? "" : text("silent.none"));
  }
}
