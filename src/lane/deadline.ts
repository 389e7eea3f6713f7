// Wrapped round the lane: a call whose deadline has passed is not let in, and one whose deadline passes is answered then.
// How long a call may run at most, and what it is told while it runs, is the affair of the lane that runs it.
import { monotonicMs } from '../clock.js';
import { deadlineExceeded } from '../errors.js';
import { type Alarm, setAlarm } from './alarm.js';
import type { CallListener, LaneWrapper } from './lane-call.js';

export const withDeadlines: LaneWrapper = (lane) => ({
  checkRoom: lane.checkRoom,
  run(call, listener) {
    const { deadlineMs } = call.options;
    if (deadlineMs === undefined) return lane.run(call, listener);
    if (deadlineMs <= monotonicMs()) throw deadlineExceeded();
    let alarm: Alarm | undefined;
    let isAnswered = false;
    const listening: CallListener = {
      answered(record) {
        isAnswered = true;
        alarm?.clear();
        listener.answered(record);
      },
      ran: (runMs) => listener.ran(runMs),
    };
    const open = lane.run(call, listening);
    if (!isAnswered) alarm = setAlarm(deadlineMs, () => open.stop('expired', deadlineExceeded()));
    return open;
  },
});
