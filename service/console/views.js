// The three views of the page and which of them is shown: the address tells, so that back and reload keep it.

const NAMES = ["alarms", "duty", "figures"];

export class Views {
  #onShown;
  #takesFocus = false;

  /** @param {(view: string) => void} onShown told which view is shown, also at the beginning */
  constructor(onShown) {
    this.#onShown = onShown;
    window.addEventListener("hashchange", () => this.show());
  }

  get current() {
    const asked = location.hash.slice(1);
    return NAMES.includes(asked) ? asked : "alarms";
  }

  /** Go to a view and put the focus there: whoever asked for it by a button goes on in it. */
  go(view) {
    this.#takesFocus = true;
    if (this.current === view) this.show();
    else location.hash = view;
  }

  /** Show the view that the address names. */
  show() {
    const current = this.current;
    for (const name of NAMES) document.getElementById(name).hidden = name !== current;
    for (const link of document.querySelectorAll("[data-view]")) {
      if (link.dataset.view === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (this.#takesFocus) document.getElementById(current).focus();
    this.#takesFocus = false;
    this.#onShown(current);
  }
}
