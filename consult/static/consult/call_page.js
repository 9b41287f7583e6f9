// The page's half of a call: buttons, pictures, words. The wire is the Call's (signaling/call.js).
import { Call } from "../signaling/call.js";
import { capture } from "../signaling/capture.js";
import { hours } from "./hours.js";

const part = (name) => document.querySelector(`[data-call=${name}]`);

/** A fresh ticket for every attempt; a refusal ends the call, a lost line does not. */
function ticketProvider(url) {
  return async () => {
    const headers = { Accept: "application/json", "X-CSRFToken": document.body.dataset.csrf };
    const answer = await fetch(url, { method: "POST", headers, redirect: "manual" });
    if (answer.ok) return (await answer.json()).ticket;
    const refused = answer.type === "opaqueredirect" || (answer.status >= 400 && answer.status < 500);
    throw Object.assign(new Error(`no ticket: ${answer.status}`), { final: refused });
  };
}

const socketUrl = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

/** One call on one page. `box` carries its addresses and words as data-*. */
export class CallPage {
  #call = new Call();
  #box;
  #stream = null;
  #muted = { audio: false, video: false };
  #denied = false;
  #onClosed;

  /** `onClosed(reason)` is told when the call is over for good. */
  constructor(box, onClosed) {
    this.#box = box;
    this.#onClosed = onClosed;
    this.#listen();
    this.#wireButtons();
  }

  /** Join at once, so that the other is seen while the browser still asks for the camera. */
  start() {
    this.#say("connecting");
    this.#call.connect(socketUrl(this.#box.dataset.socket), ticketProvider(this.#box.dataset.ticket));
    this.#capture();
    addEventListener("pagehide", () => this.leave());
  }

  /** Leave for good. */
  leave() {
    this.#call.close();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
  }

  async #capture() {
    this.#show(part("retry"), false);
    try {
      this.#stream = await capture();
      this.#denied = false;
      part("own-video").srcObject = this.#stream;
      await this.#call.publish(this.#stream);
    } catch {
      this.#denied = true;
      this.#show(part("retry"), true);
    }
    this.#drawRemote();
  }

  // -- what the call tells

  #listen() {
    const on = (name, act) => this.#call.addEventListener(name, (event) => act(event.detail));
    on("state", ({ state, reason }) => this.#stateChanged(state, reason));
    on("participants", () => this.#drawRemote());
    on("tracks", () => this.#drawRemote());
    on("chat", ({ id, text }) => this.#chatted(id, text));
    on("quality", ({ level }) => this.#drawQuality(level));
  }

  #stateChanged(state, reason) {
    document.body.dataset.callState = state;
    this.#drawRemote();
    if (state === "closed") this.#onClosed(reason);
  }

  #other() {
    return [...this.#call.others.values()].find((other) => other.role !== this.#call.you?.role) ?? null;
  }

  #drawRemote() {
    const other = this.#other();
    const stream = other && this.#call.streamOf(other.id);
    const video = part("remote-video");
    if (video.srcObject !== stream) video.srcObject = stream;
    const seen = Boolean(stream?.getVideoTracks().length && other.video);
    this.#show(video, seen);
    this.#show(part("veil"), !seen || this.#denied);
    this.#sayWhy(other, stream);
    if (stream) this.#startClock();
  }

  #sayWhy(other, stream) {
    const state = this.#call.state;
    if (state === "closed") this.#say("over");
    else if (this.#denied) this.#say("denied");
    else if (state === "reconnecting") this.#say("reconnecting");
    else if (state === "connecting") this.#say("connecting");
    else if (!other || !stream) this.#say("waiting");
    else this.#say("sound-only");
  }

  #startClock() {
    const clock = part("clock");
    if (!clock || clock.dataset.clock) return;
    clock.dataset.since = new Date().toISOString();
    clock.dataset.clock = "running";
  }

  #drawQuality(level) {
    const box = part("quality");
    this.#show(box, true);
    box.querySelector(".bars").dataset.l = String(level + 1);
    part("quality-words").textContent = this.#words("quality").split(",")[level] ?? "";
  }

  // -- what people do

  #wireButtons() {
    const click = (name, act) => part(name)?.addEventListener("click", act);
    click("mic", () => this.#toggle("audio", part("mic")));
    click("camera", () => this.#toggle("video", part("camera")));
    click("retry", () => this.#capture());
    click("chat", () => this.#openChat(part("chat").getAttribute("aria-expanded") !== "true"));
    click("chat-close", () => this.#openChat(false));
    click("send", () => this.#send());
    part("say")?.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.#send();
    });
  }

  #toggle(kind, button) {
    const off = (this.#muted[kind] = !this.#muted[kind]);
    this.#call.mute({ [kind]: off });
    // A button shows its state once: pressed with a fixed label, or by a label that changes.
    const words = button.querySelector("[data-call=words]");
    if (words) words.textContent = off ? button.dataset.wordsOff : button.dataset.wordsOn;
    else button.setAttribute("aria-pressed", String(off));
  }

  #openChat(on) {
    document.getElementById("chat").hidden = !on;
    part("chat").setAttribute("aria-expanded", String(on));
    part("chat-news").textContent = "";
    if (on) part("say").focus();
  }

  #send() {
    this.#call.say(part("say").value);
    part("say").value = "";
  }

  #chatted(id, text) {
    const mine = id === this.#call.you?.id;
    const line = document.getElementById("chat-line").content.cloneNode(true).firstElementChild;
    line.classList.toggle("mine", mine);
    const at = hours();
    line.querySelector("small").textContent = `${(mine ? this.#call.you : this.#other())?.name ?? ""} ${at}`;
    line.querySelector("span").textContent = text;
    document.getElementById("chat-lines").append(line);
    line.scrollIntoView({ block: "nearest" });
    if (document.getElementById("chat").hidden && !mine) part("chat-news").textContent = text;
  }

  // -- small things

  #words(name) {
    return this.#box.dataset[`words${name.replace(/(^|-)(\w)/g, (_, _dash, letter) => letter.toUpperCase())}`] ?? "";
  }

  #say(name) {
    part("says").textContent = this.#words(name);
  }

  #show(element, on) {
    if (element) element.hidden = !on;
  }
}
