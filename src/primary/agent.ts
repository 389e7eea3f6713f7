// What HAProxy's agent-check asks: one line a connection, how much of this machine is free, and then the end
// (https://docs.haproxy.org/2.6/configuration.html, "agent-check"). Anybody may ask; nothing is read.
import { createServer, type Socket } from 'node:net';
import type { ClusterReadiness, MachineLoad } from '../messages.js';
import { listenAt } from './address.js';
import type { PrimaryState } from './cluster-status.js';

/** Whose word it is. */
export interface Agented {
  readonly state: PrimaryState;
  readonly readiness: ClusterReadiness;
  machineLoad(): MachineLoad;
}

export interface Agent {
  readonly port: number;
  /** Until then it says `down`: nobody can be served. */
  attach(machine: Agented): void;
  close(): void;
}

/** Askers are a few balancers, each with one connection at a time. */
const mostConnections = 64;
const lifetimeMs = 2_000;

/** @throws ConfigError where the address cannot be used */
export async function listenAgent(host: string, wanted: number): Promise<Agent> {
  let machine: Agented | undefined;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(lifetimeMs, () => socket.destroy());
    socket.end(machine === undefined ? 'down\n' : agentLine(machine));
    socket.resume();
  });
  server.maxConnections = mostConnections;
  const port = await listenAt(server, host, wanted, { host: 'HOST', port: 'AGENT_PORT' });
  // It keeps nothing running.
  server.unref();
  return {
    port,
    attach(made) {
      machine = made;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * The weight is what is free of the threads' time, in percent of what the balancer's configuration gives this machine;
 * at least 1, for 0 would take it out. `up ready` takes back an earlier `drain` or `down`.
 */
export function agentLine({ state, readiness, machineLoad }: Agented): string {
  if (state === 'stopping') return 'drain\n';
  if (readiness !== 'ok') return 'down\n';
  const free = Math.round(100 * (1 - machineLoad().load));
  return `up ready ${Math.max(1, free)}%\n`;
}
