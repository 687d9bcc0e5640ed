import { provideRedisServer } from '../test/support/redis-server.js';

/* Before `npm test`: installs a Redis once, so that the test files, which run in parallel, find it. */

try {
  await provideRedisServer();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
