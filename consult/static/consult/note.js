// The note's panel: tabs, the diagnosis search, and words about saving.
import { hours } from "./hours.js";

const form = document.getElementById("note-form");
const field = document.getElementById("dx");

// -- tabs: arrow keys inside, Tab leaves

function choose(tab) {
  for (const other of tab.parentElement.querySelectorAll("[role=tab]")) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !on;
  }
}

for (const tabs of document.querySelectorAll("[role=tablist]")) {
  const all = [...tabs.querySelectorAll("[role=tab]")];
  tabs.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    choose(next);
    next.focus();
  });
}

// -- saving: each answer brings #saved with the version that the next save must name

const saved = () => document.getElementById("saved");

function say(words, tone) {
  saved().textContent = words;
  saved().dataset.tone = tone;
}

function keep() {
  const at = hours();
  sessionStorage.setItem(form.dataset.keep, JSON.stringify(Object.fromEntries(new FormData(form))));
  say(form.dataset.wordsOffline.replace("{}", at), "warn");
}

// What could not be sent before a reload comes back, unless the service has a newer version.
function restore() {
  const kept = JSON.parse(sessionStorage.getItem(form.dataset.keep) ?? "null");
  if (!kept || kept.version !== form.elements.namedItem("version").value) return;
  for (const area of form.querySelectorAll("textarea")) area.value = kept[area.name] ?? area.value;
  form.dispatchEvent(new Event("save"));
}

if (form) {
  restore();
  form.addEventListener("htmx:beforeRequest", () => say(form.dataset.wordsSaving, "info"));
  form.addEventListener("htmx:sendError", keep);
  form.addEventListener("htmx:responseError", keep);
  form.addEventListener("htmx:afterRequest", (event) => {
    // After a conflict (409) the old version stays, so that the other page's words are not overwritten.
    if (event.detail.xhr.status !== 200) return;
    sessionStorage.removeItem(form.dataset.keep);
    form.elements.namedItem("version").value = saved().dataset.version;
  });
}

// -- diagnoses: a combobox; focus stays in the field, the list is walked by aria-selected

const list = () => document.getElementById("dx-hits");
const options = () => [...list().querySelectorAll("[role=option]")];
const selected = () => list().querySelector("[aria-selected=true]");

function open(on) {
  list().hidden = !on;
  field.setAttribute("aria-expanded", String(on));
  const at = on ? selected() : null;
  at ? field.setAttribute("aria-activedescendant", at.id) : field.removeAttribute("aria-activedescendant");
}

function select(option) {
  for (const o of options()) o.setAttribute("aria-selected", String(o === option));
  open(true);
}

function add(option) {
  if (!option) return;
  window.htmx.ajax("POST", field.dataset.add, { source: field, values: { code: option.dataset.code }, swap: "none" });
  field.value = "";
  open(false);
}

function step(by) {
  const all = options();
  if (all.length) select(all[(all.indexOf(selected()) + by + all.length) % all.length]);
}

const DX_KEYS = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => add(selected()),
  Escape: () => open(false),
};

// A refusal or the sign-in page must not take the list's place.
function onlyHits(event) {
  const { target, xhr, requestConfig } = event.detail;
  if (target.id !== "dx-hits" || requestConfig.verb !== "get") return;
  const good = xhr.status === 200 && xhr.responseText.includes('id="dx-hits"');
  event.detail.shouldSwap = good;
  if (!good) failed();
}

function failed() {
  const line = document.createElement("li");
  line.className = "sub none-found";
  line.textContent = field.dataset.wordsFailed;
  list().replaceChildren(line);
  open(true);
}

if (field) {
  field.parentElement.addEventListener("htmx:beforeSwap", onlyHits);
  field.addEventListener("htmx:sendError", failed);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || list().hidden || !DX_KEYS[event.key]) return;
    event.preventDefault();
    DX_KEYS[event.key]();
  });
  field.addEventListener("htmx:afterSwap", () => open(!list().hidden));
  field.addEventListener("blur", () => setTimeout(() => open(false), 150));
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest("#dx-hits [role=option]");
    if (!option) return;
    event.preventDefault();
    add(option);
  });
}
