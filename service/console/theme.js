// Light or dark before anything is painted; a classic script, so that the page never flashes.
(() => {
  const key = "shouhu.theme";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    document.documentElement.dataset.theme = localStorage.getItem(key) ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", show);
  document.addEventListener("click", (click) => {
    if (!click.target.closest?.("[data-theme-switch]")) return;
    localStorage.setItem(key, document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    show();
  });
  show();
})();
