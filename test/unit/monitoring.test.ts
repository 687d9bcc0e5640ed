import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Histogram } from 'prom-client';
import { parse } from 'yaml';
import { createBotMetrics, createWorkerMetrics } from '../../src/metrics.js';

/* The chart's dashboard and alert rules against the metrics of the processes, and the rules against promtool. */

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const text = (name: string) => readFileSync(path(name), 'utf8');

interface Alert {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
const { groups } = parse(text('helm/vcdemo/files/alerts.yaml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);

interface Panel {
  id: number;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: { expr: string; legendFormat: string }[];
}
const { panels } = JSON.parse(text('helm/vcdemo/files/dashboard.json')) as { panels: Panel[] };

const expressions = [
  ...alerts.map(({ alert, expr }) => ({ where: alert, expr, shown: '' })),
  ...panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({ where: title, expr, shown: legendFormat })),
  ),
];

/** The series of both processes, with their own labels. */
function seriesOfProcesses(): Map<string, string[]> {
  const bot = createBotMetrics();
  const worker = createWorkerMetrics();
  worker.noteDemos({ byState: { ready: 0 }, expired: 0, scheduled: { fail: 0 }, overdue: 0 });
  const series = new Map<string, string[]>();
  for (const { registry, collectProcess, watchQueues } of [bot, worker]) {
    collectProcess();
    watchQueues(() => Promise.resolve([]));
    for (const metric of registry.getMetricsAsArray()) {
      const { name, labelNames } = metric as typeof metric & { labelNames: string[] };
      if (metric instanceof Histogram) {
        series.set(`${name}_bucket`, [...labelNames, 'le']);
        for (const suffix of ['count', 'sum']) series.set(`${name}_${suffix}`, labelNames);
      } else series.set(name, labelNames);
    }
  }
  return series;
}

/** What Prometheus and the chart's monitors add to each series. */
const added = ['namespace', 'release', 'component', 'service', 'pod'];

describe('dashboard and alerts', () => {
  const series = seriesOfProcesses();
  for (const { where, expr, shown } of expressions)
    test(`use metrics and labels that exist: ${where}`, () => {
      const labels = new Set(added);
      for (const [, name, selector = ''] of expr.matchAll(/\b((?:vcdemo|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)) {
        assert.ok(series.has(name!), `there is no ${name}`);
        const own = [...added, ...series.get(name!)!];
        for (const [, label] of selector.matchAll(/(\w+)\s*(?:=|!)/g))
          assert.ok(own.includes(label!), `${name} has no label ${label}`);
        for (const label of own) labels.add(label);
      }
      const used = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/));
      const legend = [...shown.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      for (const label of [...used, ...legend]) assert.ok(labels.has(label), `nothing there has a label ${label}`);
    });

  test('each alert says what happens, to what extent, and what to do', () => {
    for (const { alert, labels, annotations } of alerts) {
      assert.deepEqual(Object.keys(annotations), ['summary', 'description', 'runbook'], alert);
      assert.match(labels.severity!, /^(critical|warning)$/, alert);
    }
  });

  test('no panel overlaps another', () => {
    for (const { id, title, gridPos: a } of panels)
      for (const { gridPos: b } of panels.filter((other) => other.id > id))
        assert.ok(a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y, title);
  });
});

const promtool = await execa('promtool', ['--version'], { reject: false });
const skip = promtool.exitCode === 0 ? false : 'there is no promtool (Debian and Ubuntu: apt-get install prometheus)';

test('each alert fires when it should, and only then', { skip }, async () => {
  const { exitCode, all } = await execa('promtool', ['test', 'rules', path('test/alerts/rules.yaml')], {
    all: true,
    reject: false,
  });
  assert.equal(exitCode, 0, all);
  const tried = text('test/alerts/rules.yaml');
  for (const { alert } of alerts) assert.ok(tried.includes(`"${alert}"`), `${alert} is not tried`);
});

test('Prometheus can read every query of the dashboard', { skip }, async () => {
  const rules = panels.flatMap(({ id, targets }) =>
    targets.map(({ expr }) => ({ record: `panel_${id}`, expr: expr.replace(/\$__(rate_interval|range)/g, '2m') })),
  );
  const directory = await mkdtemp(join(tmpdir(), 'vcdemo-rules-'));
  try {
    const file = join(directory, 'rules.yaml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    // Two queries of a panel become rules with the same name, which lint reports as an error.
    const { exitCode, all } = await execa('promtool', ['check', 'rules', '--lint=none', file], {
      all: true,
      reject: false,
    });
    assert.equal(exitCode, 0, all);
  } finally {
    await rm(directory, { recursive: true });
  }
});
