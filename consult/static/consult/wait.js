// The waiting room: when the place says "your turn", ring and go in; follow the visit's state.
const RINGS = 3;
const BEFORE_GOING_MS = 3000;
let going = false;

function ring() {
  navigator.vibrate?.([300, 200, 300]);
  const context = new AudioContext();
  for (let n = 0; n < RINGS; n += 1) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = n % 2 ? 660 : 880;
    gain.gain.value = 0.2;
    tone.connect(gain).connect(context.destination);
    tone.start(context.currentTime + n * 0.5);
    tone.stop(context.currentTime + n * 0.5 + 0.35);
  }
}

function look() {
  const { go: url, callId } = document.getElementById("place")?.dataset ?? {};
  if (!url || going || sessionStorage.getItem("left") === callId) return;
  going = true;
  ring();
  setTimeout(() => window.location.assign(url), BEFORE_GOING_MS);
}

// Somebody else has moved the visit on (cancelled, ended): the service knows what to show now.
function follow() {
  if (going || document.getElementById("stage").dataset.state === state) return;
  going = true;
  window.location.reload();
}

const { state } = document.getElementById("stage").dataset;
document.addEventListener("htmx:oobAfterSwap", () => {
  look();
  follow();
});
look();
