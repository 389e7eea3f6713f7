// Tells the machine's load to a balancer that asks for it with a request (ORCA, Open Request Cost Aggregation): in the
// form that it asks for, on its answer, and on no other.
import type { Request, Response } from 'express';
import type { MachineLoad } from '../../messages.js';

const asked = 'endpoint-load-metrics-format';
const told = 'endpoint-load-metrics';

/** @param machineLoad undefined: not known yet */
export function loadHeader(
  machineLoad: () => MachineLoad | undefined,
): (req: Request, res: Response) => void {
  return (req, res) => {
    const format = req.headers[asked];
    if (format === undefined) return;
    const load = machineLoad();
    const text = load && textOf(String(format), load);
    if (text !== undefined) res.setHeader(told, text);
  };
}

/** The fields of xds.data.orca.v3.OrcaLoadReport; undefined for a form that there is not. */
export function textOf(format: string, load: MachineLoad): string | undefined {
  const fields = {
    application_utilization: load.load,
    cpu_utilization: load.cpuUtilization,
    rps_fractional: load.answersPerSecond,
    eps: load.errorsPerSecond,
  };
  if (format === 'JSON') return `JSON ${JSON.stringify(fields)}`;
  if (format !== 'TEXT') return undefined;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  return `TEXT ${pairs.join(',')}`;
}
