// The caregivers' page: the live feed changes what is known, what is known is shown and heard, and people act on it.

import { Alarms } from "./alarms.js";
import { Banners } from "./banners.js";
import { Board } from "./board.js";
import { askMissed, askOuting, askOutcome, askWho } from "./dialogs.js";
import { button, element, write } from "./element.js";
import { Feed } from "./feed.js";
import { fillIn, spanOf, switchLanguage, text, timeOf } from "./language.js";
import { Outings } from "./outings.js";
import { People } from "./people.js";
import { get, post } from "./requests.js";
import { Sound } from "./sound.js";
import { causeOf } from "./wording.js";

const PAUSES_MIN = [2, 5, 10];
const CLOSED_ASKED = 200;
const ANNOUNCED_AT_MOST = 3;
const byId = (id) => document.getElementById(id);

const alarms = new Alarms();
const people = new People();
const board = new Board(people, { take, close, accompany: (alarm) => beginOuting(alarm.resident) });
const outings = new Outings(people, endOuting);
const banners = new Banners();
const sound = new Sound(() => showAround());
const feed = new Feed({ onSnapshot, onTransition, onWatch, onLink });
let live = null;
let watch = null;
let drawing = false;

// ------------------------------------------------------------------ the service speaks

function onSnapshot(snapshot) {
  watch = snapshot.watch;
  const fresh = alarms.replaceOpen(snapshot.alarms);
  announce(fresh);
  changed(fresh);
  loadPeople();
  loadClosed();
  outings.load();
}

function onTransition(transition) {
  const fresh = alarms.apply(transition.alarm) ? [transition.alarm] : [];
  announce(fresh);
  changed(fresh);
  if (people.isStaleFor(transition.alarm)) loadPeople();
}

function onWatch(now) {
  watch = now;
  changed([]);
}

function onLink(nowLive) {
  if (live !== null) write(byId("announcer"), text(nowLive ? "announce.live" : "announce.lost"));
  live = nowLive;
  changed([]);
}

async function loadPeople() {
  try {
    await people.load();
  } catch {
    return; // the line is lost or will be asked again with the next snapshot; identifiers are shown meanwhile
  }
  board.reword();
  outings.show();
  changed([]);
}

async function loadClosed() {
  try {
    const { alarms: past } = await get(`/api/v1/alarms/history?limit=${CLOSED_ASKED}`);
    alarms.replaceClosed(past.filter((alarm) => alarm.state === "resolved"));
  } catch {
    return; // as above
  }
  changed([]);
}

// ------------------------------------------------------------------ people act

async function me() {
  if (people.me !== null) return people.me;
  const chosen = await askWho(people);
  if (chosen !== null) people.me = chosen;
  showAround();
  return chosen;
}

async function act(alarm, deed, body) {
  try {
    const { alarm: after } = await post(`/api/v1/alarms/${encodeURIComponent(alarm.alarm)}/${deed}`, body);
    alarms.apply(after);
    changed([]);
  } catch (problem) {
    tell({ 0: text("problem.network"), 404: text("problem.gone"), 409: text("problem.conflict") }[problem.status]
      ?? text("problem.refused", { message: problem.message }));
  }
}

async function take(alarm) {
  const by = await me();
  if (by !== null) await act(alarm, "acknowledge", { by });
}

async function close(alarm) {
  const by = await me();
  if (by === null) return;
  const said = await askOutcome(alarm, people);
  if (said !== null) await act(alarm, "resolve", { by, ...said });
}

async function reportMissed() {
  const by = await me();
  if (by === null) return;
  const said = await askMissed(people, feed.now_ms());
  if (said === null) return;
  try {
    const { motion_s, reason } = await post("/api/v1/missed-falls", { by, ...said });
    tell(reason ? text(`missed.kept_${reason}`) : text("missed.kept", { span: spanOf(motion_s * 1000) }));
  } catch (problem) {
    tell(problem.status ? text("problem.refused", { message: problem.message }) : text("problem.network"));
  }
}

async function beginOuting(resident = null) {
  const by = await me();
  if (by === null) return;
  const said = await askOuting(people, feed.now_ms(), resident);
  if (said === null) return;
  await noteOuting(() => outings.begin(said.resident, said.until_ms, by), text("outing.noted", { time: timeOf(said.until_ms) }));
}

async function endOuting(resident) {
  const by = await me();
  if (by !== null) await noteOuting(() => outings.end(resident, by), text("outing.ended"));
}

async function noteOuting(deed, words) {
  try {
    await deed();
    tell(words);
  } catch (problem) {
    tell(problem.status ? text("problem.refused", { message: problem.message }) : text("problem.network"));
  }
}

// ------------------------------------------------------------------ showing

/** Something changed: sound and title at once, the page with the next frame (or now, where no frames are drawn). */
function changed(fresh) {
  sound.follow(live === false ? (alarms.ringing === "high" ? "high" : "lost") : alarms.ringing, fresh.length > 0);
  showTitle();
  if (drawing) return;
  drawing = true;
  const draw = () => {
    drawing = false;
    board.show(alarms, feed.now_ms());
    showAround();
  };
  if (document.hidden) setTimeout(draw, 100);
  else requestAnimationFrame(draw);
}

function showTitle() {
  document.title = live === false ? text("title.lost")
    : alarms.openCount ? text("title.count", { n: alarms.openCount }) : text("title.quiet");
}

/** Everything but the alarms themselves. */
function showAround() {
  document.body.dataset.link = live === null ? "connecting" : !live ? "lost" : watch && !watch.ready ? "unready" : "live";
  write(byId("link-words"), text({ connecting: "link.connecting", lost: "link.lost", unready: "link.unready", live: "link.live" }[document.body.dataset.link]));
  banners.show({ live, heard_ms: feed.heard_ms, watch, sound });
  for (const [name, count] of Object.entries(people.counts)) {
    write(byId(`count-${name}`), String(count));
    write(byId(`word-${name}`), text(count === 1 ? `fleet.${name}.one` : `fleet.${name}`));
  }

  byId("quiet").hidden = live === null || alarms.openCount > 0;
  const known = document.body.dataset.link === "live";
  byId("quiet").classList.toggle("unknown", !known);
  write(byId("quiet-title"), text(known ? "quiet.title" : "quiet.unknown"));
  write(byId("quiet-detail"), known
    ? text(people.counts.devices ? "quiet.detail" : "quiet.empty_fleet", people.counts)
    : document.body.dataset.link === "lost" ? text("quiet.unknown_detail") : text("link.unready_title"));

  const mine = people.me;
  write(byId("who-words"), mine === null ? text("who.choose") : people.caregiverName(mine));
  byId("who").setAttribute("aria-label", mine === null ? text("who.choose") : text("who.change", { name: people.caregiverName(mine) }));
  byId("sound").dataset.sound = !sound.on ? "off" : sound.paused ? "paused" : "on";
  const soundWords = text(!sound.on ? "sound.turn_on" : sound.paused ? "sound.paused" : "sound.on");
  write(byId("sound-words"), soundWords);
  byId("sound").setAttribute("aria-label", soundWords);
  byId("sound").setAttribute("aria-expanded", String(!byId("sound-menu").hidden));
}

function announce(fresh) {
  if (fresh.length === 0) return;
  write(byId("announcer"), fresh.slice(0, ANNOUNCED_AT_MOST).map((alarm) => {
    const { name, room } = people.who(alarm);
    return text("announce.raised", { priority: text(`priority.${alarm.priority}`), what: causeOf(alarm), who: name, where: room || people.siteName(alarm.site) });
  }).join(". "));
}

function tell(words) {
  const note = element("div", "toast", element("span", "", words), button("", () => note.remove(), text("problem.dismiss")));
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 12_000);
}

function reword() {
  fillIn(document);
  byId("pauses").replaceChildren(...PAUSES_MIN.map((minutes) =>
    button("", () => { sound.pause(minutes); toggleSoundMenu(false); }, text("sound.pause_for", { n: minutes }))));
  board.reword();
  outings.show();
  changed([]);
}

function toggleSoundMenu(open = byId("sound-menu").hidden) {
  byId("sound-menu").hidden = !open;
  showAround();
  if (open) byId("sound-menu").querySelector("button")?.focus();
}

// ------------------------------------------------------------------ the beginning

const turnOnDeed = button("", () => sound.turnOn({ test: true }));
turnOnDeed.dataset.text = "sound.turn_on";
banners.addDeed("mute", turnOnDeed);
const resumeDeed = button("", () => sound.resume());
resumeDeed.dataset.text = "sound.resume";
banners.addDeed("paused", resumeDeed);

byId("language").addEventListener("click", () => { switchLanguage(); reword(); });
byId("who").addEventListener("click", async () => {
  const chosen = await askWho(people);
  if (chosen !== null) people.me = chosen;
  showAround();
});
byId("missed").addEventListener("click", reportMissed);
byId("outing-open").addEventListener("click", () => beginOuting());
byId("sound").addEventListener("click", () => { if (sound.on) toggleSoundMenu(); else sound.turnOn({ test: true }); });
byId("sound-test").addEventListener("click", () => sound.demonstrate());
byId("sound-turn-off").addEventListener("click", () => { sound.turnOff(); toggleSoundMenu(false); });
document.addEventListener("click", (click) => {
  if (!byId("sound-menu").hidden && !click.target.closest("#sound-menu, #sound")) toggleSoundMenu(false);
});
document.addEventListener("keydown", (key) => {
  if (key.key === "Escape" && !byId("sound-menu").hidden) { toggleSoundMenu(false); byId("sound").focus(); }
});
document.addEventListener("visibilitychange", () => changed([]));
setInterval(() => { board.tick(feed.now_ms()); showAround(); }, 1_000);

reword();
loadPeople();
feed.start();
