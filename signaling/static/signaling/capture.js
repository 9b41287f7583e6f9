/**
 * Camera and microphone. No DOM in here.
 */

export const PICTURE = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: 24, max: 30 },
  facingMode: "user",
};
export const SOUND = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * A stream with picture and sound; with sound alone where there is no camera or it is refused.
 * Rejects when there is no microphone either, with the browser's reason.
 */
export async function capture({ picture = PICTURE, sound = SOUND } = {}) {
  if (picture) {
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: sound, video: picture });
    } catch (error) {
      if (error.name === "SecurityError") throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({ audio: sound });
}
