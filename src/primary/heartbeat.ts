// Notices that a server process's event loop has gone silent.
import { monotonicMs } from '../clock.js';

export class Heartbeat {
  readonly #timeoutMs: number;
  readonly #watchMs: number;
  readonly #onSilence: () => void;
  #lastBeatMs = 0;
  #lastWatchMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeoutMs longest silence
   * @param watchMs how often to look
   * @param onSilence called once
   */
  constructor(timeoutMs: number, watchMs: number, onSilence: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#watchMs = watchMs;
    this.#onSilence = onSilence;
  }

  start(): void {
    this.#lastBeatMs = this.#lastWatchMs = monotonicMs();
    this.#timer = setInterval(() => this.#watch(), this.#watchMs);
  }

  beat(): void {
    this.#lastBeatMs = monotonicMs();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #watch(): void {
    const nowMs = monotonicMs();
    const late = nowMs - this.#lastWatchMs > Math.max(3 * this.#watchMs, this.#timeoutMs / 4);
    this.#lastWatchMs = nowMs;
    // The primary itself was asleep (suspended, starved): beats may lie unread in the channel. Listen anew.
    if (late) this.#lastBeatMs = nowMs;
    if (nowMs - this.#lastBeatMs <= this.#timeoutMs) return;
    this.stop();
    this.#onSilence();
  }
}
