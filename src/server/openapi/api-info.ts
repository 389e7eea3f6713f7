// What the API is called: by the settings, else by the package of the app, else by ours.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../../config.js';
import { millraceVersion } from '../../version.js';

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: { readonly name: string; readonly identifier: string };
}

type InfoSettings = Pick<Config, 'app' | 'apiTitle' | 'apiVersion' | 'apiDescription'>;

export function apiInfo({ app, apiTitle, apiVersion, apiDescription }: InfoSettings): ApiInfo {
  const { title, version, description, license } =
    app === undefined ? millrace() : packageInfo(dirname(resolve(app)));
  const told = apiDescription ?? description;
  return {
    title: apiTitle ?? title,
    version: apiVersion ?? version,
    ...(told !== undefined && { description: told }),
    // Somebody else's API has a license of its own.
    ...(license !== undefined && apiTitle === undefined && { license }),
  };
}

function millrace(): ApiInfo {
  return { title: 'millrace', version: millraceVersion(), license: { name: 'MIT', identifier: 'MIT' } };
}

/** Of the nearest package.json; one without a name is only for Node (`type`), and the next one counts. */
function packageInfo(folder: string): ApiInfo {
  const { name, version, description } = manifestIn(folder);
  if (typeof name === 'string')
    return {
      title: name,
      version: typeof version === 'string' ? version : '0.0.0',
      ...(typeof description === 'string' && description !== '' && { description }),
    };
  const parent = dirname(folder);
  return parent === folder ? { title: 'API', version: '0.0.0' } : packageInfo(parent);
}

function manifestIn(folder: string): { name?: unknown; version?: unknown; description?: unknown } {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof manifest === 'object' && manifest !== null ? manifest : {};
  } catch {
    return {};
  }
}
