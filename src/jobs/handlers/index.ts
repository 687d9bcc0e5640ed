import type { JobName } from '../definitions.js';
import type { Handler } from '../job.js';
import { create } from './create.js';
import { deleteDemo, expire } from './delete.js';
import { dashboard, kubeconfig, list, status, verify } from './questions.js';

/** Who does which job. */
export const handlers: { [Name in JobName]: Handler<Name> } = {
  create,
  delete: deleteDemo,
  expire,
  kubeconfig,
  verify,
  status,
  dashboard,
  list,
};
