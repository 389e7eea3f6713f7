// An event of a `text/event-stream` with fields beside its data, as a task may yield it. How it is written and read is
// tasks/chunks.ts.

export interface ServerEventFields {
  /** The event's type, for `addEventListener`. Default: `message`. */
  readonly event?: string;
  /** What the browser sends as `Last-Event-ID` when it connects again. */
  readonly id?: string;
  /** How long the browser waits before that, in ms. */
  readonly retry?: number;
}

/** Found by this, whichever copy of the package made it. */
const eventKey = Symbol.for('millrace.event');

export interface ServerEvent<Data = unknown> extends ServerEventFields {
  readonly [eventKey]: true;
  /** A string is sent as it is, anything else as JSON. */
  readonly data: Data;
}

export function serverEvent<Data>(data: Data, fields: ServerEventFields = {}): ServerEvent<Data> {
  return { [eventKey]: true, data, ...fields };
}

export function isServerEvent(value: unknown): value is ServerEvent {
  return typeof value === 'object' && value !== null && eventKey in value;
}
