// Asks for `GET /` a hundred times a second, whether answers come or not, and keeps how long each took. Tells and
// forgets when it is asked.
import { Agent, get } from 'node:http';

const [, , url] = process.argv;
const everyMs = 10;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

let latencies = [];
let dueMs = performance.now();

setInterval(() => {
  for (; dueMs <= performance.now(); dueMs += everyMs) probe();
}, everyMs);

function probe() {
  const sentMs = performance.now();
  get(url, { agent }, (response) => {
    response.resume();
    response.on('end', () => latencies.push(performance.now() - sentMs));
  }).on('error', () => undefined);
}

process.on('message', () => {
  process.send({ latencies });
  latencies = [];
});
// Whoever started it has gone, or ends all by itself.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
