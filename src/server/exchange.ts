// What the server knows about one request while it is answered, as `req.exchange`.
// One plain object a request: no closure, no timer.

export interface Exchange {
  /** The answer's X-Request-Id. */
  readonly requestId: string;
  /** performance.now() when the headers had been read. */
  readonly arrivedMs: number;
  /** The path of the resource, where that is a fixed one. Express knows the others' patterns. */
  route: string | undefined;
  /** The client was told to send its body (100 Continue). */
  continued: boolean;
  /** Its failure has its line in the log already. */
  told: boolean;
  /** The answer is of a route of the server's, or a problem: an app's own code does not have the request (now). */
  isOurs: boolean;
  /** The status of what broke its answer after that had begun. */
  brokenStatus: number | undefined;
  /** The name of the API key that was shown, once it was found good. */
  keyName: string | undefined;
  /** The client by its address, once it was asked for. */
  address: string | undefined;
}

/** @param requestId the answer's */
export function createExchange(requestId: string): Exchange {
  return {
    requestId,
    arrivedMs: performance.now(),
    route: undefined,
    continued: false,
    told: false,
    isOurs: false,
    brokenStatus: undefined,
    keyName: undefined,
    address: undefined,
  };
}

declare global {
  namespace Express {
    interface Request {
      exchange: Exchange;
    }
  }
}
