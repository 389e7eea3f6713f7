// millrace reload: asks the running cluster to replace its server processes. It does not wait for the end of that.
import { askAdmin, unexpected } from './admin-client.js';
import { CommandError } from './failure.js';

/** @throws CommandError where nobody answers, or another reload is under way */
export async function reload(admin: URL): Promise<string> {
  const got = await askAdmin(admin, 'POST', '/reload');
  if (got.status === 202) return 'reload started; millrace status tells how it ends';
  if (got.status === 409) throw new CommandError('another reload is under way');
  throw unexpected(admin, got);
}
