// What the peers' piscina threads run.
export { primes as default } from './work.js';
