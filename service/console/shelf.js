// An alarm that somebody has laid aside: one row with who, until when and why, and the way back.

import { button, element, icon, write, writeOrHide } from "./element.js";
import { hourOf, spanOf, text } from "./language.js";
import { causeOf, conditionOf } from "./wording.js";

export class ShelfRow {
  #people;
  #shown = null;
  #edition = -1;

  /** @param {import("./card.js").Deeds} deeds */
  constructor(deeds, people) {
    this.#people = people;
    this.mark = element("span", "shelf-mark");
    this.who = element("span", "closed-who");
    this.what = element("span", "closed-what");
    this.until = element("b");
    this.left = element("span", "shelf-left");
    this.by = element("span", "shelf-by");
    this.reason = element("span", "closed-note");
    this.backButton = button("back", () => deeds.unshelve(this.#shown));
    this.closeButton = button("close", () => deeds.close(this.#shown));
    this.node = element("li", "shelf-row", this.mark, this.who, this.what,
      element("span", "shelf-until", this.until, this.left), this.by,
      element("span", "shelf-deeds", this.backButton, this.closeButton), this.reason);
    this.node.tabIndex = -1;
  }

  /** Show `alarm`; see `Card.update`. */
  update(alarm, edition) {
    if (alarm === this.#shown && edition === this.#edition) return;
    this.#shown = alarm;
    this.#edition = edition;
    const { name, room } = this.#people.who(alarm);
    this.node.dataset.alarm = alarm.alarm;
    this.node.dataset.priority = alarm.priority;
    this.node.dataset.state = alarm.state;
    this.mark.replaceChildren(icon(`priority-${alarm.priority}`), element("span", "unseen", text(`priority.${alarm.priority}`)));
    this.who.replaceChildren(name, room ? element("span", "closed-room", room) : "");
    this.what.replaceChildren(`${conditionOf(alarm)} · ${causeOf(alarm)}`,
      ...[alarm.drill && "mark.drill", alarm.state === "shelved_returned" && "state.shelved_returned"].filter(Boolean)
        .map((key) => element("span", key === "mark.drill" ? "mark drill" : "mark", text(key))));
    write(this.until, text("shelf.until", { time: hourOf(alarm.shelved_until_ms) }));
    write(this.by, text("shelf.by", { name: this.#people.caregiverName(alarm.shelved_by) }));
    writeOrHide(this.reason, alarm.shelved_reason);
    write(this.backButton, text("shelf.back"));
    write(this.closeButton, text("card.close"));
    for (const deed of [this.backButton, this.closeButton]) deed.setAttribute("aria-label", `${deed.textContent} ${name} ${causeOf(alarm)}`);
  }

  /** Whether somebody stands on one of its buttons. */
  get inUse() {
    return this.node.contains(document.activeElement);
  }

  /** Write how long it still lies there. */
  tick(now_ms) {
    write(this.left, text("shelf.left", { left: spanOf(this.#shown.shelved_until_ms - now_ms) }));
  }

  /** It goes off the page. */
  leave() {}
}
