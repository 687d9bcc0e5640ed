import { createServer } from 'node:http';
import { readWorkerSettings } from '../config.js';
import { seconds } from '../duration.js';
import { messageOf, UserError } from '../errors.js';
import { createLog } from '../log.js';
import { loadHostKubeConfig } from '../k8s/cluster.js';
import { assertTools } from '../k8s/tools.js';
import { startWorker } from './worker.js';

/* npm run start:worker */

try {
  const settings = readWorkerSettings();
  loadHostKubeConfig(settings);
  const log = createLog('vcdemo-worker', settings.LOG_LEVEL);
  await assertTools(settings.demoConfig);
  const worker = await startWorker(settings, log);
  const health = createServer((request, response) => {
    const answer = (status: number, text: string) =>
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${text}\n`);
    if (request.url === '/healthz') answer(200, 'ok');
    else if (request.url !== '/readyz') answer(404, 'not found');
    else
      Promise.race([
        worker.ping(),
        new Promise((_, reject) => setTimeout(() => reject(new Error('Redis does not answer')), 1000)),
      ]).then(
        () => answer(200, 'ok'),
        (error: unknown) => answer(503, messageOf(error)),
      );
  });
  health.listen(settings.WORKER_PORT, () => log.info({ port: settings.WORKER_PORT }, 'worker is up'));
  const stop = (signal: string) => {
    log.info({ signal }, 'worker stops');
    health.close();
    void worker.close(seconds(settings.WORKER_STOP_SECONDS)).finally(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint ?? ''}\n`);
  process.exitCode = 1;
}
