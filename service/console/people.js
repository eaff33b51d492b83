// Names: whose an alarm is, where, and who has taken it. Everything else in the page knows identifiers only.

import { text } from "./language.js";
import { get } from "./requests.js";

const REMEMBERED = "shouhu.caregiver";
const DESK = "desk";
/** The device of what is wrong with the service itself. */
const SERVICE = "shouhu";
/** Ask again at most this often for a name that was not found. */
const RETRY_MS = 30_000;

export class People {
  #residents = new Map();
  #sites = new Map();
  #caregivers = new Map();
  #asked_ms = 0;
  counts = { sites: 0, residents: 0, devices: 0 };

  /** Fetch the register of names. */
  async load() {
    this.#asked_ms = Date.now();
    const [residents, sites, caregivers] = await Promise.all([
      get("/api/v1/residents"), get("/api/v1/sites"), get("/api/v1/caregivers"),
    ]);
    this.#residents = new Map(residents.residents.map((one) => [one.resident, one]));
    this.#sites = new Map(sites.sites.map((one) => [one.site, one]));
    this.#caregivers = new Map(caregivers.caregivers.map((one) => [one.caregiver, one]));
    this.counts = {
      sites: sites.sites.length,
      residents: residents.residents.length,
      devices: sites.sites.reduce((sum, site) => sum + site.devices, 0),
    };
  }

  /** Whether an alarm names somebody the register, as loaded, does not hold, and asking again is due. */
  isStaleFor(alarm) {
    const unknown = (alarm.resident && !this.#residents.has(alarm.resident)) || !this.#sites.has(alarm.site);
    return unknown && Date.now() - this.#asked_ms > RETRY_MS;
  }

  /** Name and room of whom an alarm is about, and by which device; a device nobody wears stands for itself. */
  who(alarm) {
    if (!alarm.resident && alarm.device === SERVICE) return { name: text("card.service"), room: "", place: text("card.service_place") };
    if (!alarm.resident) return { name: alarm.device, room: "", place: text("card.nobody") };
    const place = text("card.device", { id: alarm.device });
    const resident = this.#residents.get(alarm.resident);
    if (!resident) return { name: text("card.unknown_resident", { id: alarm.resident }), room: "", place };
    return { name: resident.name, room: resident.room ? text("card.room", { room: resident.room }) : "", place };
  }

  siteName(site) {
    return this.#sites.get(site)?.name || site;
  }

  caregiverName(caregiver) {
    if (caregiver === DESK && !this.#caregivers.has(DESK)) return text("who.desk");
    return this.#caregivers.get(caregiver)?.name || caregiver;
  }

  /** Everybody, by room and name: as they are looked for. */
  get residents() {
    const order = new Intl.Collator(undefined, { numeric: true });
    return [...this.#residents.values()].sort((a, b) => order.compare(a.room ?? "", b.room ?? "") || order.compare(a.name, b.name));
  }

  /** All sites, by name. */
  get sites() {
    const order = new Intl.Collator(undefined, { numeric: true });
    return [...this.#sites.values()].sort((a, b) => order.compare(a.name || a.site, b.name || b.site));
  }

  caregiver(name) {
    return this.#caregivers.get(name);
  }

  get caregivers() {
    return [...this.#caregivers.values()];
  }

  /** Who is at this screen, or null where it must be asked; without a register of caregivers it is the desk. */
  get me() {
    if (this.#caregivers.size === 0) return DESK;
    const remembered = localStorage.getItem(REMEMBERED);
    return this.#caregivers.has(remembered) ? remembered : null;
  }

  set me(caregiver) {
    localStorage.setItem(REMEMBERED, caregiver);
  }
}
