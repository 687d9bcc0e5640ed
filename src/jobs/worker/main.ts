import { readWorkerSettings } from '../../config.js';
import { seconds } from '../../duration.js';
import { exitWith, onStopRequest } from '../../exit.js';
import { createLog } from '../../log.js';
import { useProxies } from '../../proxy.js';
import { hostAccess } from '../../k8s/client/host-access.js';
import { assertTools } from '../../k8s/tools.js';
import { startTracing } from '../../tracing.js';
import { healthServer } from './health.js';
import { startWorker } from './worker.js';

/* npm run start:worker */

/** As long as nothing has begun, there is nothing to hand back. Without it, the first process of a container ignores SIGTERM. */
let stop = (_signal: NodeJS.Signals): unknown => process.exit(0);
onStopRequest((signal) => stop(signal));

try {
  const settings = readWorkerSettings();
  await useProxies();
  hostAccess(settings);
  const log = createLog('vcdemo-worker', settings.LOG_LEVEL);
  await assertTools(settings.demoConfig);
  const tracing = await startTracing('vcdemo-worker', settings);
  const worker = await startWorker(settings, log, tracing.telemetry);
  const health = healthServer(worker);
  health.once('error', (error) => {
    process.stderr.write(
      `The worker cannot listen on port ${settings.WORKER_PORT}: ${error.message}\nSet WORKER_PORT to a free port.\n`,
    );
    void worker.close(seconds(1)).finally(() => process.exit(1));
  });
  health.listen(settings.WORKER_PORT, () => log.info({ port: settings.WORKER_PORT }, 'worker is ready'));
  stop = (signal) => {
    log.info({ signal }, 'worker is stopping');
    health.close();
    void worker
      .close(seconds(settings.WORKER_STOP_SECONDS))
      .finally(tracing.stop)
      .finally(() => process.exit(0));
  };
} catch (error) {
  exitWith(error);
}
