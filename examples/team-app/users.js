// Stands for your database: a folder, shared by all server processes. What one process keeps in a variable, the others
// do not see.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export async function openUsers(folder) {
  await mkdir(folder, { recursive: true });
  const fileOf = (name, kind) => join(folder, `${Buffer.from(String(name)).toString('hex')}.${kind}`);
  return {
    /** False where the name is taken: `wx` decides that for all processes. */
    async add(name, hash) {
      try {
        await writeFile(fileOf(name, 'json'), JSON.stringify({ name, hash }), { flag: 'wx' });
        return true;
      } catch (error) {
        if (error.code === 'EEXIST') return false;
        throw error;
      }
    },
    async find(name) {
      const text = await readFile(fileOf(name, 'json'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : JSON.parse(text);
    },
    saveAvatar: (name, png) => writeFile(fileOf(name, 'png'), png),
  };
}
