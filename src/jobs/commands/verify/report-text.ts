import { errorsOf } from '../../../k8s/mesh/traffic.js';
import { plain } from '../../../mrkdwn.js';
import { latencyText } from './details.js';
import { latencyOf } from './latency.js';
import type { MeshReport } from './mesh.js';
import { isUnexplained } from './outcome.js';

const marks = { pass: 'PASS', inconclusive: 'OPEN', fail: 'FAIL' } as const;

/** The report for a terminal: the verdict, a line for each direction, the checks that did not pass, and the causes. */
export function reportText({ verdict, directions, findings, causes, tookMs }: MeshReport): string {
  const passed = findings.filter(({ state }) => state === 'pass').length;
  const lines = [
    `${marks[verdict.kind]}  ${verdict.reason}`,
    '',
    ...verdict.directions.flatMap(({ from, kind, reason, shares, remarks }) => {
      const traffic = directions.find((direction) => direction.from === from)?.traffic;
      if (!traffic) return [`${marks[kind]}  from ${from}: ${reason}`];
      const { parallel, sequential, retries } = traffic;
      const counts = Object.entries(sequential.versions).toSorted();
      return [
        `${marks[kind]}  from ${from}: ${reason}`,
        `      sequential: ${counts.map(([version, count]) => `${version} ${count}`).join(', ') || 'no answer'} of ${sequential.requests}${shares ? ` (p = ${Number(shares.pValue.toPrecision(2))})` : ''}; ${latencyText(latencyOf(sequential.times))}`,
        `      ${parallel.requests} in parallel: ${errorsOf(parallel)} errors; ${latencyText(latencyOf(parallel.times))}; ${retries ?? 'an unknown number of'} retries`,
        ...remarks.map((remark) => `      ${remark}`),
      ];
    }),
    '',
    `${passed} of ${findings.length} checks passed`,
    ...findings
      .filter(({ state }) => state !== 'pass')
      .map(
        ({ state, cluster, check, evidence }) =>
          `${state === 'fail' ? 'FAIL' : '?   '}  ${cluster} ${check}: ${evidence}`,
      ),
    ...causes.flatMap(({ name, evidence, remedy }, index) => [
      '',
      `${index === 0 ? 'Cause' : 'Also'}: ${name}`,
      ...evidence.map((seen) => `  ${seen}`),
      `  What to do: ${plain(remedy)}`,
    ]),
    ...(isUnexplained({ verdict, causes }) ? ['', 'No cause was found; --json has everything.'] : []),
    '',
    `${(tookMs / 1000).toFixed(1)} s`,
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

/** What pods answer may hold anything, and terminals obey some of it. */
const printable = (line: string): string => line.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
