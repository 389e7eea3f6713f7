// What the bench uses of autocannon, which has no types of its own.
declare module 'autocannon' {
  export interface Options {
    readonly url: string;
    readonly method: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly connections: number;
    /** In seconds. */
    readonly duration: number;
    readonly verifyBody?: (body: unknown) => boolean;
  }
  export interface Result {
    readonly '2xx': number;
    readonly non2xx: number;
    readonly mismatches: number;
    readonly errors: number;
    readonly timeouts: number;
    /** In seconds. */
    readonly duration: number;
  }
  export default function autocannon(options: Options): Promise<Result>;
}
