/**
 * The wire of a room, the browser's half (docs/protocol.md). No DOM in here.
 */

export const join = (ticket) => ({ type: "join", ticket });
export const answer = (way, revision, sdp) => ({ type: "answer", way, revision, sdp });
export const mute = (audio, video) => ({ type: "mute", audio, video });
export const say = (text) => ({ type: "say", text });
export const restart = () => ({ type: "restart" });
export const leave = () => ({ type: "leave" });
export const ping = (number) => ({ type: "ping", number });

export const LONGEST_CHAT = 2000;

/** Close codes after which trying again is right; the others are final. */
const RETRY = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4401, 4408, 4429, 4503]);

/** True when a socket that closed with `code` should be opened again with a fresh ticket. */
export const shouldRetry = (code) => RETRY.has(code);

/** The message in `text`, or null for anything that is none. */
export function parse(text) {
  try {
    const message = JSON.parse(text);
    return message && typeof message.type === "string" ? message : null;
  } catch {
    return null;
  }
}
