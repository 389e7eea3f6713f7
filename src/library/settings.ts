// Settings as a program gives them: in camel case, checked by the same rules as the environment's variables.
import { fileURLToPath } from 'node:url';
import { type Config, readConfig, settings, type Values } from '../config.js';

type Given<T> = T extends readonly string[] ? readonly string[] : T extends undefined ? never : T | URL;

/** Any of the settings; what is left out has the README's default. Never the environment's. */
export type SettingsOptions = { readonly [K in keyof Config]?: Given<Config[K]> | undefined };

/**
 * The variables that say the same.
 * @throws TypeError for a name that is no setting
 */
export function variablesOf(given: Readonly<Record<string, unknown>>): Values {
  const variables: Record<string, string> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!isSetting(key)) throw new TypeError(`there is no setting ${JSON.stringify(key)}`);
    if (value !== undefined) variables[settings[key].variable] = [value].flat().map(textOf).join(',');
  }
  return variables;
}

/** @throws ConfigError for the first value that does not fit; TypeError for a name that is no setting */
export function configOf(given: Readonly<Record<string, unknown>>): Config {
  return readConfig(variablesOf(given));
}

function isSetting(key: string): key is keyof Config {
  return Object.hasOwn(settings, key);
}

function textOf(value: unknown): string {
  return value instanceof URL ? pathOf(value) : String(value);
}

/** Files are named by a path or a URL: `new URL('./tasks', import.meta.url)`. */
export function pathOf(file: string | URL): string {
  return file instanceof URL ? fileURLToPath(file) : file;
}
