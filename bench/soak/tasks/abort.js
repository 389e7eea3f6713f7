// Takes its server process along. (`process.abort` is not for threads.)
import { z } from 'zod';

export default {
  input: z.strictObject({}),
  run() {
    process.kill(process.pid, 'SIGABRT');
    return {};
  },
};
