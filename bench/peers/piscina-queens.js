// What the hop scenario's piscina threads run: about 100 µs.
export { nqueens as default } from './work.js';
