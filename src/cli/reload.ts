// millrace reload: asks the running cluster to replace its server processes. It does not wait for the end of that.
import { askAdmin, detailOf, unexpected } from './admin-client.js';
import { CommandError } from './failure.js';

/** @throws CommandError where nobody answers, or the cluster cannot reload now */
export async function reload(admin: URL): Promise<string> {
  const got = await askAdmin(admin, 'POST', '/reload');
  if (got.status === 202) return 'reload started; millrace status tells how it ends';
  const why = detailOf(got);
  if (got.status === 409 && why !== undefined) throw new CommandError(`not reloaded: ${why}`);
  throw unexpected(admin, got);
}
