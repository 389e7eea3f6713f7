// What BullMQ's sandboxed processors run.
import { primes } from '../peers/work.js';

/** @param {{ data: number }} job */
export default async function run({ data }) {
  return primes(data);
}
