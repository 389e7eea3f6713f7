// PM2 for one row of the reload scenario. It is no dependency of this project: npm fetches it into a folder that is
// gone when the bench ends. So is PM2's daemon, which belongs to no process tree.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atEnd, keepTrack, killAll } from './children.js';
import { processTree } from './process-tree.js';

const version = '7.0.4';
const patienceMs = 180_000;

/**
 * @returns {Promise<{ version: string, env: Record<string, string>, end(): void }>} what peers/pm2.js needs, and how
 *   to end what it left running
 * @throws where npm cannot get it
 */
export async function installPm2() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-pm2-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  function end() {
    killAll(daemonTree(home));
  }
  atEnd(() => {
    end();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  const install = promisify(execFile)('npm', ['install', ...quiet, '--prefix', folder, `pm2@${version}`], {
    timeout: patienceMs,
  });
  keepTrack(install.child);
  await install;
  return { version, env: { PM2: join(folder, 'node_modules/pm2/bin/pm2'), PM2_HOME: home }, end };
}

/** None where it does not run. @param {string} home its PM2_HOME */
function daemonTree(home) {
  try {
    return processTree(Number(readFileSync(join(home, 'pm2.pid'), 'utf8')));
  } catch {
    return [];
  }
}
