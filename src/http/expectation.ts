// Which expectations can be met.
import type { IncomingMessage } from 'node:http';
import { AppError } from '../errors.js';

/**
 * Refuses anything but the one expectation that HTTP defines. https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
 * @throws AppError EXPECTATION_FAILED
 */
export function expectation({ headers: { expect } }: IncomingMessage): void {
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new AppError('EXPECTATION_FAILED', 'The only expectation that can be met is 100-continue.');
  }
}
