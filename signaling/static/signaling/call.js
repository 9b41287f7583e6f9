/**
 * A call: joins a room, publishes a stream, receives everybody else's, and comes back by itself
 * after anything short of being sent away. No DOM in here.
 *
 * Events (all CustomEvent, `detail` as given):
 *   state         {state, reason}       connecting | connected | reconnecting | closed
 *   participants  {you, others}         others is a Map from id to participant
 *   tracks        {id, stream}          what one participant sends now; an empty stream when gone
 *   chat          {id, text}
 *   quality       {level}               our own line: 3 good … 0 broken
 *   participant-quality {id, level}     somebody's line, as the room sees it
 *   error         {path, says}
 */

import { QualityMeter } from "./quality.js";
import * as protocol from "./protocol.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
const PING_EVERY = 5000;
const PONG_WITHIN = 12000;
const QUALITY_EVERY = 2000;
const RECOVERS_WITHIN = 3000;

export class Call extends EventTarget {
  #url = "";
  #ticketProvider = null;
  #state = "closed";
  #socket = null;
  #connections = new Map();
  #streams = new Map();
  #sources = {};
  #local = null;
  #sends = { audio: true, video: true };
  #relays = [];
  #attempt = 0;
  #timers = new Set();
  #work = Promise.resolve();
  #meter = new QualityMeter();
  #heardAt = 0;
  #level = -1;
  #closedBecause = null;

  /** Who we are in the room, once joined. */
  you = null;
  /** Everybody else, by id. */
  others = new Map();

  get state() {
    return this.#state;
  }

  /** What participant `id` sends, as a MediaStream; null when nothing. */
  streamOf(id) {
    return this.#streams.get(id) ?? null;
  }

  /**
   * Joins the room at the socket address `url`. `ticketProvider` is asked for a fresh ticket (a
   * promise of text) at every attempt; when it rejects with an error whose `final` is true, the
   * call ends. `stream` is what we send, and may come later (`publish`).
   */
  connect(url, ticketProvider, stream = null) {
    if (this.#state !== "closed") throw new Error("this call is on already");
    this.#url = url;
    this.#ticketProvider = ticketProvider;
    this.#local = stream;
    this.#attempt = 0;
    this.#setState("connecting");
    this.#every(PING_EVERY, () => this.#ping());
    this.#every(QUALITY_EVERY, () => this.#measure());
    this.#open();
  }

  /** Sends `stream` from now on; needs no new negotiation. */
  async publish(stream) {
    this.#local = stream;
    const connection = this.#connections.get("publish");
    if (connection) await this.#fill(connection);
  }

  /** Stops (true) or resumes (false) sending sound, picture or both. */
  mute({ audio, video }) {
    if (audio !== undefined) this.#sends.audio = !audio;
    if (video !== undefined) this.#sends.video = !video;
    this.#applyMute();
    this.#send(protocol.mute(this.#sends.audio, this.#sends.video));
  }

  /** A line of chat for everybody; it comes back as a `chat` event like all others. */
  say(text) {
    const line = text.trim().slice(0, protocol.LONGEST_CHAT);
    if (line) this.#send(protocol.say(line));
  }

  /** Leaves for good. May be called twice. */
  close() {
    if (this.#state === "closed") return;
    this.#send(protocol.leave());
    this.#end("left");
  }

  // ---- socket

  async #open() {
    let ticket;
    try {
      ticket = await this.#ticketProvider();
    } catch (error) {
      if (error?.final) this.#end("refused");
      else this.#again();
      return;
    }
    if (this.#state === "closed") return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.onopen = () => socket.send(JSON.stringify(protocol.join(ticket)));
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#heardAt = performance.now();
      const message = protocol.parse(event.data);
      if (message) this.#queue(() => (socket === this.#socket ? this.#handle(message) : null));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
  }

  #lost(code) {
    this.#drop();
    if (protocol.shouldRetry(code)) this.#again();
    else this.#end(this.#closedBecause ?? "refused");
  }

  #again() {
    if (this.#state === "closed") return;
    this.#setState("reconnecting");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempt);
    this.#attempt += 1;
    // Spread, so that a room full of people does not come back in the same instant.
    this.#after(wait * (0.5 + Math.random() / 2), () => this.#open());
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #ping() {
    if (!this.#socket) return;
    if (performance.now() - this.#heardAt > PONG_WITHIN) {
      // A socket on a network that is gone may stay "open" for minutes.
      this.#socket.close();
      this.#lost(1006);
    } else {
      this.#send(protocol.ping(Math.floor(performance.now())));
    }
  }

  /** One thing after the other: negotiation steps must not overlap. */
  #queue(step) {
    this.#work = this.#work.then(step).catch((error) => {
      this.#emit("error", { path: "", says: String(error) });
    });
  }

  // ---- messages

  async #handle(message) {
    switch (message.type) {
      case "joined":
        this.#joined(message);
        break;
      case "offer":
        await this.#answer(message);
        break;
      case "participant-joined":
      case "participant-changed":
        this.#know(message.participant);
        break;
      case "participant-left":
        this.others.delete(message.id);
        this.#showParticipants();
        break;
      case "said":
        this.#emit("chat", { id: message.id, text: message.text });
        break;
      case "quality":
        this.#emit("participant-quality", { id: message.id, level: message.level });
        break;
      case "error":
        this.#emit("error", { path: message.path, says: message.says });
        break;
      case "closed":
        this.#closedBecause = message.reason;
        break;
    }
  }

  #joined(message) {
    this.you = message.you;
    this.others = new Map(message.others.map((other) => [other.id, other]));
    this.#relays = message.relays;
    this.#attempt = 0;
    this.#send(protocol.mute(this.#sends.audio, this.#sends.video));
    this.#showParticipants();
  }

  #know(participant) {
    if (participant.id === this.you?.id) this.you = participant;
    else this.others.set(participant.id, participant);
    this.#showParticipants();
  }

  #showParticipants() {
    this.#emit("participants", { you: this.you, others: this.others });
  }

  // ---- media

  async #answer(offer) {
    const connection = offer.fresh ? this.#renew(offer.way) : this.#connections.get(offer.way);
    if (!connection) return;
    await connection.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    if (offer.way === "publish") await this.#fill(connection);
    await connection.setLocalDescription(await connection.createAnswer());
    this.#send(protocol.answer(offer.way, offer.revision, connection.localDescription.sdp));
    if (offer.way === "subscribe") {
      this.#sources = offer.sources;
      this.#showTracks(connection);
    }
  }

  #renew(way) {
    this.#connections.get(way)?.close();
    const servers = this.#relays.filter((relay) => relay.urls.length);
    const connection = new RTCPeerConnection({ iceServers: servers, bundlePolicy: "max-bundle" });
    this.#connections.set(way, connection);
    connection.onconnectionstatechange = () => this.#connectionChanged(way, connection);
    return connection;
  }

  /** Puts our tracks on the m-lines that the room offered; a missing one leaves its line silent. */
  async #fill(connection) {
    for (const transceiver of connection.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      const track = this.#local?.getTracks().find((each) => each.kind === kind) ?? null;
      transceiver.direction = "sendonly";
      await transceiver.sender.replaceTrack(track);
    }
    this.#applyMute();
  }

  #applyMute() {
    for (const track of this.#local?.getTracks() ?? []) track.enabled = this.#sends[track.kind];
  }

  #showTracks(connection) {
    const tracks = new Map();
    for (const transceiver of connection.getTransceivers()) {
      const owner = this.#sources[transceiver.mid];
      if (owner) tracks.set(owner, [...(tracks.get(owner) ?? []), transceiver.receiver.track]);
    }
    for (const id of new Set([...this.#streams.keys(), ...tracks.keys()])) {
      this.#showStream(id, tracks.get(id) ?? []);
    }
  }

  #showStream(id, tracks) {
    const stream = this.#streams.get(id) ?? new MediaStream();
    const before = stream.getTracks();
    const same = before.length === tracks.length && tracks.every((track) => before.includes(track));
    if (same && this.#streams.has(id)) return;
    for (const track of before) if (!tracks.includes(track)) stream.removeTrack(track);
    for (const track of tracks) if (!before.includes(track)) stream.addTrack(track);
    if (tracks.length) this.#streams.set(id, stream);
    else this.#streams.delete(id);
    this.#emit("tracks", { id, stream });
  }

  #connectionChanged(way, connection) {
    if (connection !== this.#connections.get(way)) return;
    const state = connection.connectionState;
    if (state === "connected" && way === "publish") this.#setState("connected");
    if (state === "failed") this.#restart();
    if (state === "disconnected") {
      this.#after(RECOVERS_WITHIN, () => {
        const broken = ["disconnected", "failed"].includes(connection.connectionState);
        if (broken && connection === this.#connections.get(way)) this.#restart();
      });
    }
  }

  #restart() {
    if (this.#state === "closed") return;
    this.#setState("reconnecting");
    this.#send(protocol.restart());
  }

  async #measure() {
    const live = [...this.#connections.values()].filter((c) => c.connectionState === "connected");
    const level = live.length ? await this.#meter.measure(live) : 0;
    if (level !== this.#level) {
      this.#level = level;
      this.#emit("quality", { level });
    }
  }

  // ---- ends

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket && socket.readyState < WebSocket.CLOSING) socket.close();
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#sources = {};
    // A step that waits on a closed connection waits for ever: what comes next must not queue
    // behind it.
    this.#work = Promise.resolve();
    for (const id of [...this.#streams.keys()]) this.#showStream(id, []);
  }

  #end(reason) {
    this.#setState("closed", reason);
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    this.#drop();
  }

  #setState(state, reason = null) {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit("state", { state, reason });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  #every(milliseconds, work) {
    this.#timers.add(setInterval(work, milliseconds));
  }

  #after(milliseconds, work) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
