// What every page does by itself: clocks, choices, dialogs, forms in pushed parts, keys.
import { startClocks } from "./clocks.js";
import { hours } from "./hours.js";
import { startKeys } from "./keys.js";

const TOAST_MS = 6000;
const root = document.documentElement;

function showChoices() {
  for (const b of document.querySelectorAll("[data-theme-set]")) {
    b.setAttribute("aria-pressed", String((root.dataset.theme ?? "") === b.dataset.themeSet));
  }
  for (const b of document.querySelectorAll("[data-size-toggle]")) {
    b.setAttribute("aria-pressed", String(root.dataset.size === "xl"));
  }
}

function chooseTheme(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  theme ? localStorage.setItem("theme", theme) : localStorage.removeItem("theme");
  showChoices();
}

function toggleSize() {
  const large = root.dataset.size !== "xl";
  if (large) root.dataset.size = "xl";
  else delete root.dataset.size;
  localStorage.setItem("size", large ? "xl" : "");
  showChoices();
}

// A part that came over the socket was drawn without a request and so without a token.
function addToken(form) {
  if (form.method !== "post" || form.elements.namedItem("csrfmiddlewaretoken")) return;
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = "csrfmiddlewaretoken";
  field.value = document.body.dataset.csrf ?? "";
  form.append(field);
}

function ask(form, submitter) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = form.dataset.confirm;
  const yes = dialog.querySelector("[data-confirm-yes]");
  yes.textContent = (submitter ?? form.querySelector("button")).textContent.trim();
  yes.onclick = () => {
    dialog.close();
    form.dataset.confirmed = "";
    form.requestSubmit(submitter ?? undefined);
  };
  dialog.showModal();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm && !("confirmed" in form.dataset)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(form, event.submitter);
    return;
  }
  delete form.dataset.confirmed;
  addToken(form);
}, true);

document.addEventListener("click", (event) => {
  const hit = (selector) => event.target.closest(selector);
  const theme = hit("[data-theme-set]");
  if (theme) chooseTheme(theme.dataset.themeSet);
  if (hit("[data-size-toggle]")) toggleSize();
  const opener = hit("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  hit("[data-toast-close]")?.closest(".toast").remove();
  if (hit("[data-close], [data-confirm-no]")) hit("dialog")?.close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

function fadeToasts() {
  for (const toast of document.querySelectorAll("#toasts .toast:not([data-tone=crit])")) {
    setTimeout(() => toast.remove(), TOAST_MS);
  }
}

// While the page's socket is gone, say since when the page may be old.
function showLost() {
  const line = document.getElementById("lost");
  if (!line?.hidden) return;
  const words = line.querySelector("[data-words]");
  const at = hours();
  words.textContent = words.dataset.words.replace("{}", at);
  line.hidden = false;
}

function hideLost() {
  const line = document.getElementById("lost");
  if (line) line.hidden = true;
}

document.addEventListener("htmx:wsClose", showLost);
document.addEventListener("htmx:wsError", showLost);
document.addEventListener("htmx:wsOpen", hideLost);
document.addEventListener("htmx:oobAfterSwap", fadeToasts);

showChoices();
fadeToasts();
startClocks();
startKeys();
