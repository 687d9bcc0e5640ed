import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chartColours, chartSvg, drawChart } from '../../../../src/jobs/slack/chart-picture.js';

const bars = {
  title: 'demo: <answers>',
  categories: ['from vc1', 'from vc2'],
  series: [
    { name: 'v1', values: [13, 0] },
    { name: 'v2', values: [11, 24] },
  ],
};

test('a chart is drawn as a PNG of twice its size, and again without loading the renderer anew', async () => {
  for (const _ of [1, 2]) {
    const png = await drawChart(bars);
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1280, 640]);
  }
});

test('a chart shows the number of every bar, also of one without height, and escapes its texts', () => {
  const svg = chartSvg(bars);
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);
  for (const text of ['demo: &lt;answers&gt;', 'v1', 'v2', 'from vc1', 'from vc2', '13', '11', '24', '0'])
    assert.ok(texts.includes(text), text);
});

/** @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [light, dark] = [one, other]
    .map((colour) => {
      const [r, g, b] = [1, 3, 5]
        .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    })
    .toSorted((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

test('a chart can be read on a light and on a dark page, because it has a background of its own', () => {
  const { background, border, text, bars: fills } = chartColours;
  assert.match(chartSvg(bars), /<rect x="0" y="0" width="640" height="320" fill="#ffffff"\/>/);
  assert.ok(contrast(text, background) >= 4.5);
  for (const fill of fills) assert.ok(contrast(fill, background) >= 4.5, fill);
  for (const page of ['#ffffff', '#1a1d21']) assert.ok(contrast(border, page) >= 3, `its border on ${page}`);
});
