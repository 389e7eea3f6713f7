// What somebody at a terminal reads once the server listens: where everything is, in plain lines. A log's reader gets
// the line `listening` in their place.

export interface Places {
  readonly url: string;
  readonly adminUrl: string | null;
  /** Whether /docs is served. */
  readonly docs: boolean;
  /** In front of it. */
  readonly prefix?: string | undefined;
}

export function greeting({ url, adminUrl, docs, prefix = '' }: Places): string {
  const rows = [
    ['Server', url],
    ...(docs ? [['API', `${url}${prefix}/docs`]] : []),
    ...(adminUrl === null ? [] : [['Dashboard', adminUrl]]),
  ];
  return `\n${rows.map(([name = '', place]) => `  ${name.padEnd(11)}${place}\n`).join('')}\n`;
}
