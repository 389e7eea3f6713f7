// What a thread does to wake the event loop. Apart from lane/pool/wake.ts, which a thread need not load.
import { writeSync } from 'node:fs';

const oneByte = Uint8Array.of(1);

/** @param fd the control's `wakeFd` @returns whether the event loop will wake */
export function wakeLane(fd: number): boolean {
  try {
    writeSync(fd, oneByte);
    return true;
  } catch (error) {
    // Full: it has been woken more than enough.
    return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
  }
}
