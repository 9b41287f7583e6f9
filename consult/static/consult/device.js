// The device check: ask for camera and microphone, show the picture, let the voice move a bar.
const box = document.querySelector("[data-device]");
const part = (name) => box.querySelector(`[data-device=${name}]`);
const SILENCE = 128;
const LOUD = 64;
const CONSTRAINTS = { video: { facingMode: "user" }, audio: true };

function say(words, tone) {
  part("says").textContent = box.dataset[words];
  part("says").dataset.tone = tone;
  part("says").classList.toggle("tone", Boolean(tone));
}

function showLevel(stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const draw = () => {
    analyser.getByteTimeDomainData(samples);
    const loudest = Math.max(...samples.map((s) => Math.abs(s - SILENCE)));
    part("level").setAttribute("width", `${Math.min(100, (loudest / LOUD) * 100)}%`);
    requestAnimationFrame(draw);
  };
  draw();
}

function accept(stream) {
  const has = (kind) => stream.getTracks().some((track) => track.kind === kind);
  const form = part("form");
  form.elements.namedItem("camera").value = has("video") ? "yes" : "no";
  form.elements.namedItem("microphone").value = has("audio") ? "yes" : "no";
  part("video").srcObject = stream;
  if (has("audio")) showLevel(stream);
  form.hidden = false;
  part("try").hidden = true;
  say("wordsOk", "ok");
}

async function attempt() {
  say("wordsAsking", "info");
  try {
    accept(await navigator.mediaDevices.getUserMedia(CONSTRAINTS));
  } catch (error) {
    if (error.name === "NotFoundError" && CONSTRAINTS.video) {
      CONSTRAINTS.video = false;
      await attempt();
    } else {
      say(error.name === "NotAllowedError" ? "wordsDenied" : "wordsNone", "warn");
    }
  }
}

part("try").addEventListener("click", attempt);
