// Wrapped round the lane: a call is charged what it is estimated at before it is let in, and in the end what it took.
// What a client may use is the meter's affair.
import { monotonicMs } from '../clock.js';
import type { CallMeter } from './call.js';
import type { LaneWrapper } from './lane-call.js';

export function withMeter(meter: CallMeter): LaneWrapper {
  return (lane) => ({
    checkRoom(task, client) {
      meter.check(client, monotonicMs());
      lane.checkRoom(task, client);
    },
    run(call, listener) {
      const { kind, cost } = call.profile;
      const { client, job } = call.options;
      const charge =
        job === undefined
          ? meter.charge(client, kind.likelyUs(cost) / 1_000, monotonicMs())
          : meter.charge(job.chargedTo, 0, monotonicMs());
      let hasRun = false;
      try {
        return lane.run(call, {
          answered(record) {
            // Where it still runs, `ran` will tell more.
            if (!hasRun) charge.ran(record.runMs, monotonicMs());
            listener.answered(record);
          },
          ran(runMs) {
            hasRun = true;
            charge.ran(runMs, monotonicMs());
            listener.ran(runMs);
          },
        });
      } catch (error) {
        charge.ran(0, monotonicMs());
        throw error;
      }
    },
  });
}
