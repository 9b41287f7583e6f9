// Clocks count from absolute instants in the page, so they stay true when the socket is gone.
import { hours } from "./hours.js";

const NEARLY_OVER = 0.85;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

const two = (n) => String(n).padStart(2, "0");

function wait(element) {
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(element.dataset.since)) / MINUTE));
  const limit = Number(element.dataset.limit);
  element.querySelector("b").textContent = minutes;
  if (!limit) return;
  element.querySelector(".gone").setAttribute("width", Math.min(100, (minutes / limit) * 100));
  if ("lost" in element.dataset) return;
  if (minutes > limit) {
    element.dataset.tone = "crit";
    element.querySelector("small").textContent = element.dataset.overWords.replace("{}", minutes - limit);
  } else {
    element.dataset.tone = minutes >= limit * NEARLY_OVER ? "warn" : "info";
  }
}

function running(element) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dataset.since)) / SECOND));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  element.textContent = `${hours ? `${hours}:` : ""}${two(minutes)}:${two(seconds % 60)}`;
}

function now(element) {
  element.textContent = hours();
}

const CLOCKS = { wait, running, now };

function tick() {
  for (const element of document.querySelectorAll("[data-clock]")) CLOCKS[element.dataset.clock](element);
}

/** Keep every [data-clock] of the page running: wait (against a promise), running (m:ss), now. */
export function startClocks() {
  tick();
  setInterval(tick, SECOND);
}
