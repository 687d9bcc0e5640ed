import type { JobName } from '../../commands/job-payloads.js';
import type { Handler, JobRun } from '../job-run.js';
import { audit } from './audit.js';
import { cancel } from './cancel.js';
import { create } from './create/create.js';
import { dashboard } from './dashboard.js';
import { deleteDemo } from './delete/delete.js';
import { diagnose } from './diagnose/diagnose.js';
import { preflight } from './create/preflight.js';
import { expire } from './delete/expire.js';
import { extend } from './extend.js';
import { kubeconfig } from './kubeconfig.js';
import { home } from './home.js';
import { list } from './list.js';
import { logs } from './logs.js';
import { maintenance } from './maintenance.js';
import { drain } from './pool/drain.js';
import { autopause } from './pause/autopause.js';
import { look } from './pause/look.js';
import { pause } from './pause/pause.js';
import { resume } from './pause/resume.js';
import { pool } from './pool/pool.js';
import { warm } from './pool/warm.js';
import { question } from './question.js';
import { remind } from './remind.js';
import { renew } from './renew.js';
import { revoke } from './revoke/revoke.js';
import { share } from './share.js';
import { status } from './status.js';
import { reverify } from './verify/reverify.js';
import { transfer } from './transfer.js';
import { verify } from './verify/verify.js';
import { whoami } from './whoami.js';

/** The handler for each job. */
export const handlers: { [Name in JobName]: Handler<Name> } = {
  create,
  kubeconfig,
  verify,
  diagnose,
  status,
  list,
  home,
  question,
  preflight,
  dashboard,
  delete: deleteDemo,
  expire,
  renew,
  remind,
  reverify,
  revoke,
  extend,
  logs,
  share,
  transfer,
  audit,
  whoami,
  maintenance,
  pause,
  autopause,
  look,
  resume,
  pool,
  warm,
  drain,
  cancel,
};

/** Runs the handler of a job. */
export const handle = <Name extends JobName>(run: JobRun<Name>): Promise<void> => handlers[run.name](run);
