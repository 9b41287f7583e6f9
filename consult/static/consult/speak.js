// Reads the summary aloud where the phone can.
const text = document.querySelector("[data-speak]");
const button = document.querySelector("[data-speak-button]");

function speak() {
  speechSynthesis.cancel();
  const says = new SpeechSynthesisUtterance([...text.children].map((item) => item.innerText).join("\n"));
  says.lang = document.documentElement.lang === "en" ? "en-GB" : "zh-CN";
  says.rate = 0.85;
  speechSynthesis.speak(says);
}

if (text && button && "speechSynthesis" in window) {
  button.hidden = false;
  button.addEventListener("click", speak);
}
