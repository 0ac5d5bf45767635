// Sets the colour theme before the first paint; the switch goes system -> light -> dark.
(() => {
  "use strict";
  const KEY = "evalplatform.theme";
  const ORDER = ["auto", "light", "dark"];
  const root = document.documentElement;
  const stored = () => {
    try {
      const theme = localStorage.getItem(KEY);
      return ORDER.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage is refused in some private windows
    }
  };
  const apply = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      const words = { auto: "as the system", light: "light", dark: "dark" };
      button.hidden = false;
      button.title = `Theme: ${words[theme]}. Change to ${words[next]}`;
      button.setAttribute("aria-label", button.title);
    }
  };
  apply(stored());
  addEventListener("DOMContentLoaded", () => apply(stored()));
  addEventListener("storage", (event) => event.key === KEY && apply(stored()));
  addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-switch]")) return;
    const next = ORDER[(ORDER.indexOf(stored()) + 1) % ORDER.length];
    try {
      localStorage.setItem(KEY, next);
    } catch {
      /* the choice then lasts for this page only */
    }
    apply(next);
  });
})();
