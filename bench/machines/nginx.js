// nginx as a process of whoever starts it: in the foreground, with all that it writes in one folder.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @param {string} folder where its configuration is written
 * @param {string} http what stands in its `http` block
 * @param {{ errors: 'warn' | 'crit', connections: number }} options which errors it tells on its standard error
 * @returns {string[]} its arguments
 */
export function nginxIn(folder, http, { errors, connections }) {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr ${errors};
events { worker_connections ${connections}; }
http { access_log off; ${paths.join(' ')}
${http}
}`,
  );
  return ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'];
}
