// Tells systemd what the primary does (sd_notify). Node has no datagram sockets of the Unix kind, and the packages that
// have are built on the machine or unmaintained; systemd's own `systemd-notify` is there wherever systemd is. It is a
// process of its own for each message, so the unit says NotifyAccess=all. What cannot be told changes nothing else.
import { execFile } from 'node:child_process';
import type { Logger } from '../log.js';
import type { ServiceManager } from '../service-manager.js';
import type { ClusterEvent } from './cluster-event.js';

export interface Notifier {
  /** All server processes are ready for the first time. */
  listening(serverProcesses: number): void;
  onEvent(event: ClusterEvent): void;
  close(): void;
}

const command = 'systemd-notify';
/** systemd may be starting anew, and take nothing for a while. */
const patienceMs = 5_000;

/** @param path where programs are looked for (PATH) */
export function createNotifier(
  { notifySocket, watchdogMs }: ServiceManager,
  path: string | undefined,
  log: Logger,
): Notifier | undefined {
  if (notifySocket === undefined) return undefined;
  const env = { NOTIFY_SOCKET: notifySocket, PATH: path };
  let last: Promise<void> = Promise.resolve();
  let isTold = false;
  let serverProcesses = 0;

  /** In the order of the calls. */
  function tell(...lines: readonly string[]): void {
    last = last.then(() => send(lines));
  }

  function send(lines: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      execFile(command, lines, { env, timeout: patienceMs }, (error) => {
        if (error !== null && !isTold) {
          isTold = true;
          log.warn({ err: error }, `systemd cannot be told: ${command} failed`);
        }
        resolve();
      });
    });
  }

  const serving = () => `STATUS=Serving with ${serverProcesses} server processes`;
  // Twice as often as it must be. A loop that does not turn does not send it: that is what it is for.
  const watchdog =
    watchdogMs === undefined ? undefined : setInterval(() => tell('WATCHDOG=1'), watchdogMs / 2).unref();

  return {
    listening(count) {
      serverProcesses = count;
      tell('READY=1', serving());
    },
    onEvent(event) {
      switch (event.type) {
        case 'reload started':
          // Type=notify-reload asks for the time, of CLOCK_MONOTONIC, in the same message.
          return tell(
            'RELOADING=1',
            `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`,
            'STATUS=Reloading',
          );
        case 'reload completed':
          return tell('READY=1', serving());
        case 'reload aborted':
          return tell('READY=1', `${serving()}; the last reload was aborted: ${oneLine(event.reason)}`);
        case 'resized':
          serverProcesses = event.serverProcesses;
          return tell(serving());
        case 'stopping':
          return tell('STOPPING=1', `STATUS=Draining (${oneLine(event.reason)})`);
        default:
      }
    },
    close: () => clearInterval(watchdog),
  };
}

/** A line break would begin another variable. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
