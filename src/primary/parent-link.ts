// The primary's end of the line to the program that started it, if one did: it is told where the server listens, may
// reload and close it, and takes it along when it goes.
import { setTimeout as sleep } from 'node:timers/promises';
import { isFromParent, type Listening, type ToParent } from '../parent-messages.js';
import type { Primary } from './primary.js';

export interface ParentLink {
  listening(where: Listening): void;
}

const lookEveryMs = 50;

/** @param primaryNow undefined until there is one */
export function linkParent(
  primaryNow: () => Primary | undefined,
  close: (reason: string) => void,
): ParentLink {
  let known = false;
  let where: Listening | undefined;

  process.on('message', (message: unknown) => {
    if (!isFromParent(message)) return;
    if (message.millrace === 'hello') hello();
    else if (message.millrace === 'close') close('the program that started it closes it');
    else void reload(message.id);
  });
  process.on('disconnect', () => {
    if (known) close('the program that started it is gone');
  });
  // It may say something at any time, and need not keep this process alive.
  process.channel?.unref();

  function hello(): void {
    known = true;
    if (where !== undefined) send({ millrace: 'listening', ...where });
  }

  async function reload(id: number): Promise<void> {
    const begun = primaryNow()?.reload();
    const reason = begun === undefined ? 'there can be no reload now' : await outcome(begun);
    send({ millrace: 'reloaded', id, reason });
  }

  async function outcome(begun: string): Promise<string | null> {
    for (;;) {
      const reload = primaryNow()
        ?.snapshot()
        .primary.reloads.find(({ id }) => id === begun);
      if (reload === undefined) return 'the primary was stopped';
      if (reload.outcome !== null) return reload.reason;
      await sleep(lookEveryMs);
    }
  }

  return {
    listening(now) {
      where = now;
      if (known) send({ millrace: 'listening', ...now });
    },
  };
}

function send(message: ToParent): void {
  if (process.connected) process.send?.(message, () => undefined);
}
