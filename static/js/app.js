// What every page needs and HTML does not have: toasts, questions before acts, dialogs, focus after swaps.
(() => {
  "use strict";

  // Toasts. Text only, never HTML: an answer may quote a case.
  const toast = (text, tone = "info") => {
    const box = document.getElementById("toasts");
    if (!box || !text) return;
    for (const old of [...box.children].filter((item) => item.dataset.text === text)) old.remove();
    const item = document.createElement("div");
    item.className = `toast ${["ok", "info", "warn", "bad"].includes(tone) ? tone : "info"}`;
    item.dataset.text = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.setAttribute("aria-label", "Dismiss");
    close.addEventListener("click", () => item.remove());
    item.append(Object.assign(document.createElement("p"), { textContent: text }), close);
    box.append(item);
    // A failure stays until it is dismissed; good news goes by itself.
    if (tone === "ok" || tone === "info") setTimeout(() => item.remove(), 6000);
  };
  window.evalplatform = { toast };
  addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));

  const SAY = {
    400: "The server could not read that request. Reload the page and try again.",
    401: "You are signed out. Sign in again in a new tab, then repeat this step here.",
    403: "You may not do that here, or the form is too old. Reload the page; if it stays, ask the project's lead.",
    404: "That is no longer here. Reload the page to see what changed.",
    409: "Somebody else changed this meanwhile. Nothing of yours was lost; reload the page and check before you repeat it.",
    422: "The server could not take that input. Check what you typed and send it again.",
    413: "That is too large to send. Send a smaller file or shorter text.",
    429: "Too many requests. Wait a minute and try again.",
    503: "The server is busy or restarting. Wait a few seconds and try again.",
  };
  // The server's own words: a short plain text, or what its error page says. Parsed, never put into this page as HTML.
  const errorPage = (xhr) => {
    if (!(xhr.getResponseHeader("Content-Type") || "").startsWith("text/html")) return null;
    return new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector("[data-error-page]");
  };
  const said = (xhr) => {
    const isPlain = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    const own = (isPlain ? xhr.responseText : errorPage(xhr)?.querySelector("[data-said]")?.textContent || "").trim();
    return own.length < 500 ? own : "";
  };
  // A form with its errors (422) is swapped in; a whole error page never is.
  addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status !== 422 || !errorPage(event.detail.xhr)) return;
    event.detail.shouldSwap = false;
    event.detail.isError = true;
  });
  addEventListener("htmx:responseError", (event) => {
    const xhr = event.detail.xhr;
    const own = said(xhr);
    const other = `The server failed (${xhr.status}) and nothing was saved by this step. Try again; if it stays, tell whoever runs this install.`;
    toast(own || SAY[xhr.status] || other, xhr.status === 409 ? "warn" : "bad");
  });
  addEventListener("htmx:sendError", (event) => {
    // A poll repeats by itself: say it once and quietly.
    const isPoll = (event.detail.elt?.getAttribute("hx-trigger") || "").includes("every");
    toast(
      isPoll ? "No connection to the server; progress shown here is old." : "No connection to the server. Check the network and try again; what you typed is still on this page.",
      isPoll ? "warn" : "bad",
    );
  });
  addEventListener("htmx:timeout", () => toast("The server took too long. Reload the page to see whether it was done.", "warn"));

  // data-confirm: ask before a form is sent, a link followed or an htmx request made.
  let agreed = null;
  const ask = (text, go) => {
    const dialog = document.createElement("dialog");
    dialog.className = "confirm";
    const form = Object.assign(document.createElement("form"), { method: "dialog" });
    const question = Object.assign(document.createElement("p"), { textContent: text, id: "confirm-text" });
    dialog.setAttribute("aria-labelledby", "confirm-text");
    const actions = Object.assign(document.createElement("div"), { className: "form-actions" });
    const no = Object.assign(document.createElement("button"), { value: "", className: "secondary", textContent: "Cancel" });
    const yes = Object.assign(document.createElement("button"), { value: "yes", textContent: "Yes, go on" });
    actions.append(no, yes);
    form.append(question, actions);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue === "yes") go();
    });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  };
  const question = (element) => element?.closest?.("[data-confirm]")?.dataset.confirm;
  addEventListener(
    "submit",
    (event) => {
      const button = event.submitter;
      const text = question(button) ?? question(event.target);
      if (!text || agreed === event.target) return void (agreed = null);
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(text, () => {
        agreed = event.target;
        event.target.requestSubmit(button);
      });
    },
    true,
  );
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href][data-confirm]:not([hx-get], [hx-post])");
    if (!link) return;
    event.preventDefault();
    ask(link.dataset.confirm, () => location.assign(link.href));
  });
  addEventListener("htmx:confirm", (event) => {
    const element = event.detail.elt;
    if (element.tagName === "FORM") return; // asked at submit
    const text = element.dataset.confirm;
    if (!text) return;
    event.preventDefault();
    ask(text, () => event.detail.issueRequest(true));
  });

  // Dialogs and drawers by data-open="id", data-close; a click outside closes a menu.
  addEventListener("click", (event) => {
    const target = event.target;
    const opener = target.closest?.("[data-open]");
    if (opener) document.getElementById(opener.dataset.open)?.showModal();
    if (target.closest?.("[data-close]") || (target.tagName === "DIALOG" && target.matches(".drawer, [data-light]")))
      target.closest("dialog")?.close();
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
    const card = target.closest?.("[data-fill-username]");
    if (card) {
      document.querySelector("[name='username']").value = card.dataset.fillUsername;
      document.querySelector("[name='password']").value = card.dataset.fillPassword;
      document.querySelector("[data-fill-target]")?.focus();
    }
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // After a swap: focus where the new content asks for it; else where the same id was before (htmx does that).
  addEventListener("htmx:afterSettle", (event) => {
    const wanted = event.detail.elt?.querySelector?.("[data-focus], [autofocus], [aria-invalid='true']");
    if (wanted) {
      if (!wanted.matches("a, button, input, select, textarea, summary, [tabindex]")) wanted.tabIndex = -1;
      wanted.focus({ preventScroll: false });
    }
  });
  // One send only: a second click while the first is on its way does nothing. The buttons come back by themselves,
  // since an answer may be a download, and with a page that comes back from the browser's cache.
  const free = () => {
    for (const button of document.querySelectorAll("button[data-sent]")) {
      button.disabled = false;
      delete button.dataset.sent;
      button.removeAttribute("aria-busy");
    }
  };
  addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    event.submitter?.setAttribute("aria-busy", "true");
    const buttons = event.target.querySelectorAll("button:not([type='button'], [disabled])");
    setTimeout(() => {
      for (const button of buttons) {
        button.disabled = true;
        button.dataset.sent = "";
      }
    });
    setTimeout(free, 5000);
  });
  addEventListener("pageshow", (event) => event.persisted && free());
  addEventListener("DOMContentLoaded", () => {
    const current = document.querySelector(".side [aria-current='page']");
    const strip = current?.closest("ul");
    if (strip && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = current.offsetLeft - strip.clientWidth / 2;
    document.querySelector(".errorlist")?.closest("form")?.querySelector("[aria-invalid='true']")?.focus();
  });
})();
