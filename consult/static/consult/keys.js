// Keyboard of the console. Single letters are off inside fields and can be switched off.
const OFF = "keys-off";

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
const press = (selector) => document.querySelector(selector)?.click();

function move(step) {
  const people = [...document.querySelectorAll("#waiting .who, #today .who")];
  if (!people.length) return;
  const at = people.indexOf(document.activeElement);
  people[Math.min(people.length - 1, Math.max(0, at + step))].focus();
}

function callIn() {
  const row = document.activeElement?.closest("#waiting li") ?? document.querySelector("#waiting li");
  row?.querySelector("[data-act=call_in]")?.click();
}

const LETTERS = {
  j: () => move(1),
  k: () => move(-1),
  c: callIn,
  m: () => press("[data-call=mic]"),
  v: () => press("[data-call=camera]"),
  "?": () => document.getElementById("keys")?.showModal(),
};

function withControl(event) {
  if (event.key === "s" && document.getElementById("note-form")) {
    event.preventDefault();
    document.getElementById("note-form").dispatchEvent(new Event("save"));
  }
  if (event.key === "Enter") press("#finish .primary");
}

function onKey(event) {
  if (event.altKey || document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey) {
    withControl(event);
    return;
  }
  if (typing(event.target) || localStorage.getItem(OFF)) return;
  LETTERS[event.key]?.();
}

/** Listen for the keys that `console/_keys.html` lists. */
export function startKeys() {
  if (document.documentElement.dataset.surface !== "console") return;
  document.addEventListener("keydown", onKey);
  const box = document.querySelector("[data-keys-off]");
  if (!box) return;
  box.checked = Boolean(localStorage.getItem(OFF));
  box.addEventListener("change", () => {
    box.checked ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF);
  });
}
