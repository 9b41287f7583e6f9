/**
 * How well a connection holds, from getStats: 3 good, 2 fair, 1 weak, 0 broken. No DOM in here.
 */

const LOSS = [0.02, 0.08, 0.25];
const ROUND_TRIP = [0.25, 0.5, 1.5];

const grade = (value, limits) => limits.filter((limit) => value <= limit).length;

/** The level for a share of packets lost and a round trip in seconds. */
export const level = (loss, roundTrip) =>
  Math.min(grade(loss, LOSS), grade(roundTrip, ROUND_TRIP));

/** Watches the connections of a call between two calls of `measure`. */
export class QualityMeter {
  #lost = 0;
  #received = 0;

  /** The level since the last call, over all of `connections`. */
  async measure(connections) {
    let lost = 0;
    let received = 0;
    let roundTrip = 0;
    let lossUp = 0;
    for (const connection of connections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === "inbound-rtp") {
          lost += report.packetsLost ?? 0;
          received += report.packetsReceived ?? 0;
        } else if (report.type === "remote-inbound-rtp") {
          lossUp = Math.max(lossUp, report.fractionLost ?? 0);
        } else if (report.type === "candidate-pair" && report.nominated) {
          roundTrip = Math.max(roundTrip, report.currentRoundTripTime ?? 0);
        }
      }
    }
    // Counters start again with every new connection.
    const newLost = Math.max(0, lost - this.#lost);
    const newReceived = Math.max(0, received - this.#received);
    this.#lost = lost;
    this.#received = received;
    const lossDown = newLost + newReceived > 0 ? newLost / (newLost + newReceived) : 0;
    return level(Math.max(lossDown, lossUp), roundTrip);
  }
}
