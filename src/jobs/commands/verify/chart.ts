import type { ChartBlock } from '../../../slack-message.js';
import { firstCharacters } from '../../../text.js';
import type { Direction } from './measure.js';

/** Answers to sequential requests by version, a group of bars for each direction. */
export interface AnswerCounts {
  directions: string[];
  versions: { name: string; counts: number[] }[];
}

/** Slack's limits: a pod may call its version anything. */
const longestName = 20;
const mostVersions = 6;

/** Undefined where no request was answered: there is nothing to draw. */
export function answerCounts(directions: readonly Direction[]): AnswerCounts | undefined {
  const answers = directions.map(({ traffic }) => new Map(Object.entries(traffic?.sequential.versions ?? {})));
  if (answers.every((counts) => counts.size === 0)) return undefined;
  const strangers = [...new Set(answers.flatMap((counts) => [...counts.keys()]))]
    .filter((version) => version !== '' && !expected.includes(version))
    .filter((version) => version.length <= longestName)
    .slice(0, mostVersions - expected.length);
  return {
    directions: directions.map(({ from }) => clip(`from ${from}`)),
    versions: [...expected, ...strangers].map((name) => ({ name, counts: answers.map((one) => one.get(name) ?? 0) })),
  };
}

const expected = ['v1', 'v2'];

const clip = (text: string) => firstCharacters(text, longestName);

export const chartTitle = (demo: string) => `${demo}: answers to sequential requests`;

/** @see https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block */
export function answersChart(demo: string, { directions, versions }: AnswerCounts): ChartBlock {
  return {
    type: 'data_visualization',
    title: chartTitle(demo).slice(0, 50),
    chart: {
      type: 'bar',
      series: versions.map(({ name, counts }) => ({
        name,
        data: directions.map((label, index) => ({ label, value: counts[index] ?? 0 })),
      })),
      axis_config: { categories: directions, y_label: 'answers' },
    },
  };
}
