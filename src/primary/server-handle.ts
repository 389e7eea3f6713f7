// A server process as the primary sees it: named states, what it last said, and the ways to end it. It decides
// nothing about the cluster: whether and when a process is replaced is slot-table.ts and rolling-reload.ts.
import type { Worker } from 'node:cluster';
import { monotonicMs } from '../clock.js';
import type { ServerConfig } from '../config.js';
import { endedWhileLoading, type LoadFault, type Loading, neverLoaded } from '../load-fault.js';
import type { Logger } from '../log.js';
import {
  type CloseMode,
  type ClusterReadiness,
  type Fault,
  type LoadReport,
  type MachineLoad,
  protocolVersion,
  type QuotaAnswer,
  type QuotaReport,
  type ServerStatus,
  type ToPrimary,
  type ToServer,
} from '../messages.js';
import type { MetricsReport, RuntimeMetrics } from '../metrics/families.js';
import type { Release } from '../release.js';
import { type SocketHandle, sendHandle } from '../socket-handle.js';
import { Heartbeat } from './heartbeat.js';
import { Receipt } from './receipt.js';
import { ReportRequests } from './report-requests.js';
import type { BootFailure, Exit, ExitReason } from './server-exit.js';
import { longestTimerMs, type Timings } from './timings.js';

/** `draining`: it was asked to leave, or leaves after a fault, and still answers what it accepted. */
export type ServerState = 'starting' | 'ready' | 'draining' | 'dead';

export interface ServerHandleOptions {
  readonly slot: number;
  readonly config: ServerConfig;
  readonly timings: Timings;
  readonly log: Logger;
  readonly readiness: () => ClusterReadiness;
  /** The socket that it is to listen at; undefined: it is given connections. */
  readonly sharedSocket: SocketHandle | undefined;
  /** Whether it may load task files and app now; else `boot` says when. */
  mayBoot(): boolean;
  /** What it has loaded can be served: so it can by others. @returns whether it is given connections from now on */
  onLoaded(): boolean;
  /** Its first thread has loaded the tasks. */
  onReady(): void;
  /** It takes no connections any more: it was asked to leave, or is dead. */
  onLeaving(): void;
  /** It left its place without being asked to, dead or about to be. Once, and never after `close`. */
  onLost(): void;
  onExit(exit: Exit): void;
  /** What its clients used, and what they may use on. */
  onQuota(reports: readonly QuotaReport[]): QuotaAnswer;
  /** A proxy seems to stand in front of it, and none is trusted. */
  onProxied(): void;
}

export class ServerHandle {
  readonly slot: number;
  readonly pid: number;
  readonly forkedMs = monotonicMs();
  readonly config: ServerConfig;
  /** Resolves once it is ready, or will never be. */
  readonly booted: Promise<BootFailure | undefined>;
  readonly exited: Promise<Exit>;
  state: ServerState = 'starting';
  status: ServerStatus | undefined;
  /** What it has to do, as it told last. */
  load: LoadReport | undefined;
  bootFailure: BootFailure | undefined;
  /** The code that it runs, once it is ready. */
  release: Release | undefined;
  /** The file that it is importing. */
  loading: Loading | undefined;
  /** What it has counted, as it told last. */
  metrics: MetricsReport | undefined;
  runtime: RuntimeMetrics | undefined;

  readonly #worker: Worker;
  readonly #options: ServerHandleOptions;
  readonly #log: Logger;
  #bootTimer: NodeJS.Timeout;
  readonly #heartbeat: Heartbeat;
  #killTimer: NodeJS.Timeout | undefined;
  #leaveTimer: NodeJS.Timeout | undefined;
  /** What a file did to it that it was importing. */
  #fault: LoadFault | undefined;
  #reason: ExitReason | undefined;
  #line: string | undefined;
  /** Whether it was ever ready. */
  wasReady = false;
  /** Whether it was given connections, be it before it was ready. */
  isServing = false;
  /** Whether it was the primary that ended it. */
  #wasKilled = false;
  #cut: number | undefined;
  #wasToldToBoot = false;
  /** It has said hello, and waits. */
  #isHeld = false;
  #settleBoot: (failure: BootFailure | undefined) => void = () => {};
  readonly #reports = new ReportRequests();
  readonly #receipt: Receipt;
  #settleExit: (exit: Exit) => void = () => {};

  constructor(worker: Worker, options: ServerHandleOptions) {
    this.slot = options.slot;
    this.pid = worker.process.pid ?? 0;
    this.config = options.config;
    this.#worker = worker;
    this.#options = options;
    this.#log = options.log.child({ server: options.slot, serverPid: this.pid });
    const send = (message: ToServer, handle?: SocketHandle) => this.#send(message, handle);
    this.#receipt = new Receipt(send, options.timings.receiptMs);
    this.booted = new Promise((resolve) => {
      this.#settleBoot = resolve;
    });
    this.exited = new Promise((resolve) => {
      this.#settleExit = resolve;
    });
    const { heartbeatTimeoutMs } = options.config;
    this.#bootTimer = this.#limitBoot();
    this.#heartbeat = new Heartbeat(heartbeatTimeoutMs, options.timings.watchMs, () => {
      this.#kill(
        'heartbeat timeout',
        `event loop silent for ${heartbeatTimeoutMs} ms (HEARTBEAT_TIMEOUT_MS)`,
      );
    });
    worker.on('message', (message: ToPrimary) => this.#receive(message));
    worker.once('exit', (code: number | null, signal: string | null) => this.#exitOnceRead(code, signal));
    // A failed send is followed by the exit.
    worker.on('error', () => {});
    this.#log.info('server process forked');
  }

  /** Whether it answered all it had accepted, so far as it could say so. */
  get answeredAll(): boolean {
    return !this.isServing || this.#cut === 0;
  }

  /** To be called once it may: see `mayBoot`. Does nothing where it has begun to load, or has not said hello yet. */
  boot(): void {
    if (!this.#isHeld || this.state !== 'starting') return;
    this.#isHeld = false;
    this.#bootTimer = this.#limitBoot();
    this.#tellToBoot();
  }

  tellReadiness(readiness: ClusterReadiness): void {
    if (this.#wasToldToBoot) this.#send({ type: 'readiness', readiness });
  }

  /** The whole machine's, for those who ask a server process. */
  tellLoad(load: MachineLoad): void {
    this.#send({ type: 'load', load });
  }

  /**
   * Asks it to drain and leave, and sees to it that it does. A later call with `stop` hastens an earlier `reload`.
   * A process that takes no connections yet serves nobody and is ended at once.
   */
  close(mode: CloseMode, timeoutMs: number, reason: ExitReason): Promise<Exit> {
    if (this.state === 'dead') return this.exited;
    this.#reason ??= reason;
    if (!this.isServing) {
      this.state = 'draining';
      this.#end();
      return this.exited;
    }
    this.state = 'draining';
    clearTimeout(this.#bootTimer);
    this.#options.onLeaving();
    this.#send({ type: 'close', mode, timeoutMs });
    clearTimeout(this.#killTimer);
    const { killGraceMs } = this.#options.timings;
    this.#killTimer = setTimeout(
      () => {
        if (this.#cut !== undefined) this.kill();
        else this.#kill('drain timeout', `still there ${timeoutMs} ms after it was asked to leave`);
      },
      Math.min(timeoutMs + killGraceMs, longestTimerMs),
    );
    return this.exited;
  }

  /** As Taker in handover.ts. */
  give(connection: SocketHandle, settle: (taken: boolean) => void): void {
    this.#receipt.give(connection, settle);
  }

  /** Asks a failing process to go, without haste. */
  relieve(timeoutMs: number): void {
    void this.close('reload', timeoutMs, 'uncaught exception');
  }

  /** Asks for its figures. Resolves when they are there, after `timeoutMs`, or when the process is gone. */
  report(runtime: boolean, timeoutMs: number): Promise<void> {
    if (!this.isServing || this.state === 'dead') return Promise.resolve();
    return this.#reports.ask((id) => this.#send({ type: 'report', id, runtime }), timeoutMs);
  }

  /** Why it was lost, or left. */
  get reason(): ExitReason {
    return this.#reason ?? 'died';
  }

  /** Ends it without asking. */
  kill(): void {
    if (this.state === 'dead') return;
    // It serves nobody yet: that is no loss.
    if (!this.isServing) this.#reason ??= 'stop';
    this.#end();
  }

  #receive(message: ToPrimary): void {
    this.#heartbeat.beat();
    switch (message.type) {
      case 'hello':
        this.#greeted(message.protocol);
        break;
      case 'loaded':
        if (this.state === 'starting') this.isServing = this.#options.onLoaded();
        break;
      case 'unloaded':
        this.#options.onLeaving();
        break;
      case 'ready':
        this.#ready(message.release);
        break;
      case 'beat':
        this.load = message.load;
        break;
      case 'loading':
        this.loading =
          message.file === null ? undefined : { file: message.file, step: message.step ?? 'import' };
        break;
      case 'report':
        this.status = message.status;
        this.load = message.load;
        this.metrics = message.metrics;
        this.runtime = message.runtime ?? this.runtime;
        if (message.id !== null) this.#reports.settle(message.id);
        break;
      case 'received':
        this.#receipt.answered(message.seq, message.ok);
        break;
      case 'quota':
        this.#send({ type: 'quota', ...this.#options.onQuota(message.reports) });
        break;
      case 'proxied':
        this.#options.onProxied();
        break;
      case 'unbootable':
        if (message.final) this.#reason ??= 'unbootable';
        this.#line = message.line;
        break;
      case 'failing':
        this.#failing(message.reason);
        break;
      case 'closed':
        this.#closed(message.cut);
        break;
      default:
        this.#log.warn({ received: message satisfies never }, 'unknown message from a server process');
    }
  }

  #limitBoot(): NodeJS.Timeout {
    const { bootTimeoutMs } = this.config;
    return setTimeout(() => {
      if (this.loading !== undefined) this.#fault = neverLoaded(this.loading, bootTimeoutMs);
      this.#kill(
        'boot timeout',
        this.#fault?.line ?? `not ready within ${bootTimeoutMs} ms (BOOT_TIMEOUT_MS)`,
      );
    }, bootTimeoutMs);
  }

  #greeted(protocol: number): void {
    if (this.state !== 'starting') return;
    if (protocol !== protocolVersion) {
      const line = `restart needed: the code on disk speaks version ${protocol}, the primary ${protocolVersion}`;
      this.#kill('other version', line);
      return;
    }
    if (this.#options.mayBoot()) {
      this.#tellToBoot();
      return;
    }
    this.#isHeld = true;
    // How long it waits is not its fault.
    clearTimeout(this.#bootTimer);
  }

  #tellToBoot(): void {
    const { slot, config, readiness, sharedSocket } = this.#options;
    this.#wasToldToBoot = true;
    const boot = { type: 'boot', protocol: protocolVersion, slot, config, readiness: readiness() } as const;
    this.#send(boot, sharedSocket);
  }

  #ready(release: Release): void {
    if (this.state !== 'starting') return;
    this.release = release;
    clearTimeout(this.#bootTimer);
    this.state = 'ready';
    this.wasReady = true;
    this.isServing = true;
    this.#heartbeat.start();
    this.#log.info({ afterMs: Math.round(monotonicMs() - this.forkedMs) }, 'server process ready');
    this.#settleBoot(undefined);
    this.#options.onReady();
  }

  /** It met a fault of its own: its place is free, and it is to leave once somebody else takes connections. */
  #failing(fault: Fault): void {
    const wasReady = this.state === 'ready';
    this.#reason ??= fault;
    if (!wasReady) return;
    this.state = 'draining';
    this.#options.onLost();
  }

  /** That was its last word. A thread in native code may still keep it; nothing is lost with that one. */
  #closed(cut: number): void {
    this.#cut = cut;
    this.#leaveTimer = setTimeout(() => this.kill(), this.#options.timings.leaveMs);
  }

  #kill(reason: ExitReason, line: string): void {
    if (this.state === 'dead') return;
    this.#reason = reason;
    this.#line = line;
    this.#log.error({ reason }, `killing a server process: ${line}`);
    this.#end();
  }

  #end(): void {
    this.#wasKilled = true;
    this.#worker.process.kill('SIGKILL');
  }

  /**
   * Its last messages may still lie in the channel. The event 'disconnect', which follows them, does not come where a
   * connection was on its way to the process when it died (Node 20.20).
   */
  #exitOnceRead(code: number | null, signal: string | null): void {
    if (this.#worker.isConnected()) setTimeout(() => this.#exitOnceRead(code, signal), 1);
    else this.#exit(code, signal);
  }

  #exit(code: number | null, signal: string | null): void {
    if (this.state === 'dead') return;
    const before = this.state;
    this.state = 'dead';
    clearTimeout(this.#bootTimer);
    clearTimeout(this.#killTimer);
    clearTimeout(this.#leaveTimer);
    this.#heartbeat.stop();
    this.#reports.settleAll();
    this.#options.onLeaving();
    this.#receipt.lost();
    // It was asked to leave, but that is not what it died of.
    if (this.#isAsked && this.#cut === undefined && !this.#wasKilled) this.#reason = 'died';
    const { reason, pid, slot } = this;
    const cut = this.#cut ?? null;
    const exit: Exit = { pid, slot, code, signal, reason, cut, at: new Date().toISOString() };
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    const lost = cut === null || cut === 0 ? '' : `, ${cut} accepted requests were cut`;
    const level = this.#isAsked && lost === '' ? 'info' : 'error';
    this.#log[level]({ code, signal, reason, cut }, `server process exited ${how} (${reason})${lost}`);
    if (this.loading !== undefined && reason === 'died')
      this.#fault = endedWhileLoading(this.loading, code, signal);
    const line = this.#line ?? `a server process ended ${how} before it was ready`;
    if (!this.wasReady) this.bootFailure = this.#fault ?? { line, final: reason === 'unbootable' };
    this.#settleBoot(this.bootFailure);
    this.#options.onExit(exit);
    this.#settleExit(exit);
    if (before !== 'draining') this.#options.onLost();
  }

  get #isAsked(): boolean {
    const { reason } = this;
    return reason === 'reload' || reason === 'stop' || reason === 'fewer processes';
  }

  #send(message: ToServer, handle?: SocketHandle): void {
    // A channel that breaks is followed by the exit; the callback keeps it from being an 'error' event.
    if (this.#worker.isConnected()) sendHandle(this.#worker.process, message, handle, () => {});
  }
}
