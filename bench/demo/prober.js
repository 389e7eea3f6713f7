// Asks for `GET /` a hundred times a second, whether answers come or not. How long one took counts from when it was due,
// and one without the right answer is a failure. Tells and forgets when it is asked.
import { Agent, get } from 'node:http';

const [, , url = ''] = process.argv;
const everyMs = 10;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** @type {number[]} */
let latencies = [];
let failed = 0;
let dueMs = performance.now();

keepTime();

/** Not by setInterval: its ticks would all be late by the same few milliseconds. */
function keepTime() {
  for (; dueMs <= performance.now(); dueMs += everyMs) probe(dueMs);
  setTimeout(keepTime, dueMs - performance.now());
}

/** @param {number} fromMs */
function probe(fromMs) {
  get(url, { agent }, (response) => {
    response.resume().on('close', () => {
      if (response.complete && response.statusCode === 200) latencies.push(performance.now() - fromMs);
      else failed++;
    });
  }).on('error', () => failed++);
}

process.on('message', () => {
  process.send?.({ latencies, failed });
  latencies = [];
  failed = 0;
});
// Whoever started it has gone, or ends all by itself.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
