/* Loaded into a worker (`node --import`): writes its event-loop delay and memory to VCDEMO_BENCH_FILE when it exits. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
process.on('exit', () =>
  writeFileSync(
    `${process.env.VCDEMO_BENCH_FILE}.${process.pid}`,
    JSON.stringify({ delayP99Ms: delay.percentile(99) / 1e6, peakMb: process.resourceUsage().maxRSS / 1024 }),
  ),
);
