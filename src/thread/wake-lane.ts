// What a thread does to wake the event loop. Apart from wake.ts, which a thread need not load.
import { writeSync } from 'node:fs';

const oneByte = Uint8Array.of(1);

/** @param fd that of a Wake. Whether the event loop will wake */
export function ring(fd: number): boolean {
  try {
    writeSync(fd, oneByte);
    return true;
  } catch (error) {
    // Full: it has been woken more than enough.
    return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
  }
}
