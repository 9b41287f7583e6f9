// The visit's page at the console: the call while one is on, and a fresh page when that changes.
import { CallPage } from "./call_page.js";

const SAVING_MS = 400;
const stage = document.getElementById("call");
let leaving = false;

// A form that leads elsewhere was sent: what follows is drawn by its answer.
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented && !event.target.matches("[hx-post]")) leaving = true;
});

// What is being typed is saved before the page is drawn anew.
function drawAnew() {
  if (leaving) return;
  document.getElementById("note-form")?.dispatchEvent(new Event("save"));
  setTimeout(() => location.reload(), SAVING_MS);
}

if (stage.dataset.phase === "live") {
  const page = new CallPage(stage, (reason) => {
    if (reason === "closed") drawAnew();
  });
  page.start();
  document.querySelector("[data-call=end]").addEventListener("click", () => {
    document.querySelector("#call-actions [data-act=end_call], #call-actions [data-act=take_back]")?.click();
  });
}

document.addEventListener("htmx:oobAfterSwap", () => {
  const phase = document.getElementById("call-actions")?.dataset.phase;
  if (phase && phase !== stage.dataset.phase) {
    stage.dataset.phase = phase;
    drawAnew();
  }
});

// The dialog was drawn before the note was typed: until the doctor writes a summary, the note is it.
let summarised = false;
document.addEventListener("input", (event) => {
  summarised ||= event.target.id === "refer-summary";
});
document.querySelector("[data-open=refer]")?.addEventListener("click", () => {
  const summary = document.getElementById("refer-summary");
  if (!summary || summarised) return;
  const parts = [...document.querySelectorAll("#note-form textarea")].map((area) => area.value.trim());
  summary.value = parts.filter(Boolean).join("\n");
});

document.addEventListener("referred", () => document.getElementById("refer")?.close());
