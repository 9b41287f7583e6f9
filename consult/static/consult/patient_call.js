// The patient's call page: the call, and the way back to where they stand when it is over.
import { CallPage } from "./call_page.js";

const box = document.getElementById("call");
const leave = document.querySelector("[data-call=leave]");
const back = () => location.assign(leave.action);

const page = new CallPage(box, (reason) => {
  if (reason === "closed" || reason === "refused") back();
});
page.start();

// Whoever left on purpose is not fetched back into the same call by the waiting room.
leave.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("left", box.dataset.callId);
  page.leave();
  back();
});
