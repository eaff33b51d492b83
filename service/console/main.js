// The caregivers' page: the live feed changes what is known, what is known is shown and heard, and people act on it.

import { Alarms, PRIORITIES } from "./alarms.js";
import { Banners } from "./banners.js";
import { Board } from "./board.js";
import { askDrill, askMissed, askOuting, askOutcome, askShelf, askSwap, askWho } from "./dialogs.js";
import { Drills } from "./drills.js";
import { Duty } from "./duty.js";
import { button, write } from "./element.js";
import { Feed } from "./feed.js";
import { Figures } from "./figures.js";
import { fillIn, language, spanOf, switchLanguage, text, timeOf } from "./language.js";
import { announce, complain, tell } from "./notices.js";
import { Outings } from "./outings.js";
import { People } from "./people.js";
import { get, post, remove } from "./requests.js";
import { Sound } from "./sound.js";
import { Views } from "./views.js";
import { causeOf } from "./wording.js";

const PAUSES_MIN = [2, 5, 10];
const CLOSED_ASKED = 200;
const ANNOUNCED_AT_MOST = 3;
const byId = (id) => document.getElementById(id);

const alarms = new Alarms();
const people = new People();
const board = new Board(people, { take, close, shelve, unshelve, accompany: (alarm) => beginOuting(alarm.resident) });
const outings = new Outings(people, endOuting);
const drills = new Drills(people, endDrill);
const banners = new Banners();
const sound = new Sound(() => showAround());
const feed = new Feed({ onSnapshot, onTransition, onWatch, onLink });
const duty = new Duty(people, { swap, endSwap }, () => feed.now_ms());
const figures = new Figures(people);
const views = new Views((shown) => {
  duty.look(shown === "duty");
  figures.look(shown === "figures");
  showAround();
});
let live = null;
let watch = null;
let drawing = false;

// ------------------------------------------------------------------ the service speaks

function onSnapshot(snapshot) {
  watch = snapshot.watch;
  const fresh = alarms.replaceOpen(snapshot.alarms);
  announceAlarms(fresh);
  changed(fresh);
  loadPeople();
  loadClosed();
  outings.load();
  drills.load();
}

function onTransition(transition) {
  const fresh = alarms.apply(transition.alarm) ? [transition.alarm] : [];
  announceAlarms(fresh);
  changed(fresh);
  if (people.isStaleFor(transition.alarm)) loadPeople();
  // A drill that another screen has begun.
  if (transition.event === "raise" && transition.alarm.drill && !drills.sites.includes(transition.alarm.site)) drills.load();
}

function onWatch(now) {
  if (watch && watch.ready !== now.ready) announce(text(now.ready ? "announce.watching" : "link.unready_title"), !now.ready);
  watch = now;
  drills.load();
  changed([]);
}

function onLink(nowLive) {
  if (live !== null || !nowLive) announce(text(nowLive ? "announce.live" : "announce.lost"), !nowLive);
  live = nowLive;
  changed([]);
}

async function loadPeople() {
  try {
    await people.load();
  } catch {
    return; // the line is lost or will be asked again with the next snapshot; identifiers are shown meanwhile
  }
  rewordParts();
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
    complain({ 0: text("problem.network"), 404: text("problem.gone"), 409: text("problem.conflict") }[problem.status]
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

async function shelve(alarm) {
  const by = await me();
  if (by === null) return;
  let most;
  try {
    most = await get("/api/v1/shelf");
  } catch (problem) {
    complain(wordsOf(problem));
    return;
  }
  const said = await askShelf(alarm, people, feed.now_ms(), most[`${alarm.priority}_s`]);
  if (said !== null) await act(alarm, "shelve", { by, ...said });
}

async function unshelve(alarm) {
  const by = await me();
  if (by !== null) await act(alarm, "unshelve", { by });
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
    complain(wordsOf(problem));
  }
}

async function beginOuting(resident = null) {
  const by = await me();
  if (by === null) return;
  const said = await askOuting(people, feed.now_ms(), resident);
  if (said === null) return;
  await note(() => outings.begin(said.resident, said.until_ms, by), text("outing.noted", { time: timeOf(said.until_ms) }));
}

async function endOuting(resident) {
  const by = await me();
  if (by !== null) await note(() => outings.end(resident, by), text("outing.ended"));
}

async function beginDrill() {
  const by = await me();
  if (by === null) return;
  const said = await askDrill(people, duty.site);
  if (said === null) return;
  await note(() => drills.begin(said.site, said.minutes, by), text("drill.begun", { site: people.siteName(said.site) }));
}

async function endDrill(site) {
  const by = await me();
  if (by !== null) await note(() => drills.end(site, by), text("drill.ended", { site: people.siteName(site) }));
}

async function swap(place, site) {
  const by = await me();
  if (by === null) return;
  const standIn = await askSwap(people, place, site);
  if (standIn === null) return;
  const { shift, date, caregiver: absent } = place;
  await note(() => post("/api/v1/swaps", { shift, date, absent, stand_in: standIn, by }), text("swap.noted"));
  duty.load();
}

async function endSwap({ shift, date, absent }) {
  const by = await me();
  if (by === null) return;
  await note(() => remove("/api/v1/swaps", { shift, date, absent, by }), text("swap.ended"));
  duty.load();
}

async function note(deed, words) {
  try {
    await deed();
    tell(words);
  } catch (problem) {
    complain(wordsOf(problem));
  }
}

const wordsOf = (problem) => problem.status ? text("problem.refused", { message: problem.message }) : text("problem.network");

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
  banners.show({
    live, heard_ms: feed.heard_ms, watch, sound, waiting: alarms.waiting, ringing: alarms.ringing, elsewhere: views.current !== "alarms",
  });
  byId("waiting-count").hidden = alarms.waiting === 0;
  byId("waiting-count").dataset.priority = alarms.ringing ?? "";
  write(byId("waiting-count"), String(alarms.waiting));
  for (const [name, count] of Object.entries(people.counts)) {
    write(byId(`count-${name}`), String(count));
    write(byId(`word-${name}`), text(`fleet.${name}`, { n: count }));
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
  // Where sound is off, the button opens nothing: it turns it on.
  if (sound.on) byId("sound").setAttribute("aria-expanded", String(!byId("sound-menu").hidden));
  else byId("sound").removeAttribute("aria-expanded");
}

/** The most urgent of those that ring anew, read aloud; only one of high priority interrupts. */
function announceAlarms(fresh) {
  if (fresh.length === 0) return;
  const urgent = [...fresh].sort((a, b) => PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority));
  const words = urgent.slice(0, ANNOUNCED_AT_MOST).map((alarm) => {
    const { name, room } = people.who(alarm);
    return text("announce.raised", { priority: text(`priority.${alarm.priority}`), what: causeOf(alarm), who: name, where: room || people.siteName(alarm.site) });
  });
  if (fresh.length > words.length) words.push(text("announce.more", { n: fresh.length - words.length }));
  announce(words.join(". "), urgent[0].priority === "high");
}

function reword() {
  fillIn(document);
  byId("language").lang = language() === "zh" ? "en" : "zh-CN"; // it names the other one
  byId("pauses").replaceChildren(...PAUSES_MIN.map((minutes) =>
    button("", () => { sound.pause(minutes); toggleSoundMenu(false); }, text("sound.pause_for", { n: minutes }))));
  rewordParts();
  changed([]);
}

/** Language or names changed: every part writes anew. */
function rewordParts() {
  board.reword();
  outings.show();
  drills.reword();
  duty.reword();
  figures.reword();
}

function toggleSoundMenu(open = byId("sound-menu").hidden) {
  const menu = byId("sound-menu");
  const leaves = !open && menu.contains(document.activeElement);
  menu.hidden = !open;
  showAround();
  if (open) menu.querySelector("button")?.focus();
  else if (leaves) byId("sound").focus();
}

// ------------------------------------------------------------------ the beginning

const turnOnDeed = button("", () => sound.turnOn({ test: true }));
turnOnDeed.dataset.text = "sound.turn_on";
banners.addDeed("mute", turnOnDeed);
const resumeDeed = button("", () => sound.resume());
resumeDeed.dataset.text = "sound.resume";
banners.addDeed("paused", resumeDeed);

const showDeed = button("", () => views.go("alarms"));
showDeed.dataset.text = "waiting.show";
banners.addDeed("waiting", showDeed);

byId("language").addEventListener("click", () => { switchLanguage(); reword(); });
byId("who").addEventListener("click", async () => {
  const chosen = await askWho(people);
  if (chosen !== null) people.me = chosen;
  showAround();
});
byId("missed").addEventListener("click", reportMissed);
byId("drill-open").addEventListener("click", beginDrill);
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
document.querySelector(".sound").addEventListener("focusout", (leave) => {
  const inside = leave.currentTarget.contains(leave.relatedTarget);
  if (leave.relatedTarget && !inside && !byId("sound-menu").hidden) toggleSoundMenu(false);
});
document.querySelector(".skip").addEventListener("click", (click) => { click.preventDefault(); views.go("alarms"); });
// What gets the focus is scrolled to below the banners, not behind them.
new ResizeObserver(() => document.documentElement.style.setProperty("--bands", `${byId("bands").offsetHeight}px`)).observe(byId("bands"));
document.addEventListener("visibilitychange", () => changed([]));
setInterval(() => { board.tick(feed.now_ms()); drills.tick(feed.now_ms()); showAround(); }, 1_000);

reword();
views.show();
loadPeople();
feed.start();
