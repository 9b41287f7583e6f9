// Hours and minutes where the institutions are, as in every time that the service draws.
const format = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  timeZone: document.documentElement.dataset.zone || undefined,
});

/** 14:03 at the institution, whatever the clock of this computer says. */
export const hours = (at = new Date()) => format.format(at);
