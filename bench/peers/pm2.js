// PM2's cluster mode around peers/pm2-app.cjs: starts it in a PM2 of its own (PM2_HOME), reloads it on SIGHUP.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../free-port.js';

const app = fileURLToPath(new URL('./pm2-app.cjs', import.meta.url));
const port = await freePort();
const env = { ...process.env, PORT: String(port) };
const pm2 = (/** @type {(string | undefined)[]} */ ...args) =>
  promisify(execFile)(process.execPath, [process.env.PM2, ...args].map(String), { env });
const graceful = ['--wait-ready', '--kill-timeout', '5000'];

await pm2('start', app, '-i', process.env.PROCESSES, '--name', 'bench', ...graceful);
process.on('SIGHUP', async () => {
  await pm2('reload', 'bench');
  console.log(JSON.stringify({ reloaded: true }));
});
// PM2's daemon serves; this process only waits for signals.
setInterval(() => undefined, 60_000);
// Last: whoever reads it may send a signal at once.
console.log(JSON.stringify({ url: `http://127.0.0.1:${port}/` }));
