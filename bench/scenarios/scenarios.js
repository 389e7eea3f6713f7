// All scenarios, the most telling first: --quick runs the first six.
import { app } from './app.js';
import { connections } from './connections.js';
import { fairness } from './fairness.js';
import { goodput } from './goodput.js';
import { growth } from './growth.js';
import { hop } from './hop.js';
import { inline } from './inline.js';
import { jobs } from './jobs.js';
import { larger } from './larger.js';
import { light } from './light.js';
import { memory } from './memory.js';
import { native } from './native.js';
import { nice } from './nice.js';
import { overload } from './overload.js';
import { reload } from './reload.js';
import { saturation } from './saturation.js';
import { scaling } from './scaling.js';
import { scrape } from './scrape.js';
import { sharing } from './sharing.js';
import { short } from './short.js';
import { simulation } from './simulation.js';
import { storm } from './storm.js';
import { supervision } from './supervision.js';
import { traces } from './traces.js';

/** @type {readonly import('./scenario.js').Scenario[]} */
export const scenarios = [
  saturation,
  light,
  goodput,
  overload,
  short,
  hop,
  fairness,
  storm,
  nice,
  native,
  app,
  jobs,
  sharing,
  traces,
  inline,
  memory,
  connections,
  reload,
  supervision,
  scaling,
  growth,
  scrape,
  simulation,
  larger,
];
