// What happens to the cluster, for those who watch it live.
import type { ExitReason } from './server-exit.js';

export type ClusterEvent =
  | { readonly type: 'forked' | 'ready'; readonly slot: number; readonly pid: number }
  | {
      readonly type: 'exited';
      readonly slot: number;
      readonly pid: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly reason: ExitReason;
    }
  | { readonly type: 'reload started' | 'reload completed' }
  | { readonly type: 'reload aborted'; readonly reason: string }
  | { readonly type: 'resized'; readonly serverProcesses: number }
  | { readonly type: 'stopping'; readonly reason: string };
