import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * A bar chart as a PNG, for workspaces without Slack's own charts. It has its own background, so that it can be read on a
 * light and on a dark one; the colours are told apart by people who cannot see red or green, and every bar has its number.
 */

interface Bars {
  title: string;
  /** One group of bars each, such as `from vc1`. */
  categories: readonly string[];
  /** A bar in each group; as many values as there are categories. */
  series: readonly { name: string; values: readonly number[] }[];
}

export const chartColours = {
  background: '#ffffff',
  border: '#868686',
  grid: '#dddddd',
  text: '#1d1c1d',
  bars: ['#1264a3', '#b5541c', '#5b3a8c', '#3a6b35'],
} as const;

/** Draws the chart, twice as large as it is shown. It loads the renderer at its first call, which takes about a second. */
export async function drawChart(bars: Bars): Promise<Buffer> {
  const { Resvg, font } = await (renderer ??= loadRenderer());
  const picture = new Resvg(chartSvg(bars), {
    font: { fontBuffers: [font], defaultFontFamily: 'Lato' },
    fitTo: { mode: 'zoom', value: 2 },
  });
  try {
    const rendered = picture.render();
    const png = Buffer.from(rendered.asPng());
    rendered.free();
    return png;
  } finally {
    picture.free();
  }
}

let renderer: ReturnType<typeof loadRenderer> | undefined;

async function loadRenderer() {
  const { initWasm, Resvg } = await import('@resvg/resvg-wasm');
  const [program, font] = await Promise.all([
    readPart('@resvg/resvg-wasm/index_bg.wasm'),
    readPart('@expo-google-fonts/lato/400Regular/Lato_400Regular.ttf'),
  ]);
  await initWasm(program);
  return { Resvg, font };
}

/** A file of a library: next to the bundle, where scripts/build.ts puts it, or in node_modules. */
function readPart(name: string): Promise<Buffer> {
  const bundled = new URL(`../parts/${basename(name)}`, import.meta.url);
  return readFile(existsSync(bundled) ? bundled : fileURLToPath(import.meta.resolve(name)));
}

const size = { width: 640, height: 320 };
const plot = { left: 60, right: 620, top: 80, bottom: 270 };

export function chartSvg({ title, categories, series }: Bars): string {
  const { background, border, grid, text, bars } = chartColours;
  const colourOf = (index: number) => bars[index % bars.length] ?? text;
  const steps = axisSteps(Math.max(1, ...series.flatMap(({ values }) => values)));
  const top = Math.max(...steps);
  const yOf = (value: number) => plot.bottom - ((plot.bottom - plot.top) * value) / top;
  const groupWidth = (plot.right - plot.left) / categories.length;
  const barWidth = Math.min(70, (groupWidth * 0.7) / series.length);
  const centreOf = (group: number) => plot.left + groupWidth * (group + 0.5);
  // Its outline keeps it apart from a line of the grid behind it.
  const label = (x: number, y: number, said: string | number, anchor = 'middle', fontSize = 14) =>
    `<text x="${x}" y="${y}" font-size="${fontSize}" text-anchor="${anchor}" fill="${text}" stroke="${background}" stroke-width="4" paint-order="stroke">${escapeXml(String(said))}</text>`;
  const box = (x: number, y: number, width: number, height: number, fill: string, more = '') =>
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"${more}/>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" font-family="Lato">`,
    box(0, 0, size.width, size.height, background),
    box(0.5, 0.5, size.width - 1, size.height - 1, 'none', ` stroke="${border}"`),
    label(20, 32, title, 'start', 18),
    ...series.flatMap(({ name }, index) => [
      box(20 + index * 110, 48, 14, 14, colourOf(index)),
      label(40 + index * 110, 60, name, 'start'),
    ]),
    ...steps.flatMap((value) => [
      box(plot.left, yOf(value) - 0.5, plot.right - plot.left, 1, value === 0 ? text : grid),
      label(plot.left - 8, yOf(value) + 5, value, 'end'),
    ]),
    ...categories.flatMap((category, group) => [
      label(centreOf(group), plot.bottom + 26, category, 'middle', 16),
      ...series.flatMap(({ values }, index) => {
        const value = values[group] ?? 0;
        const x = centreOf(group) + (index - series.length / 2) * barWidth;
        return [
          box(x + 3, yOf(value), barWidth - 6, plot.bottom - yOf(value), colourOf(index)),
          label(x + barWidth / 2, yOf(value) - 6, value),
        ];
      }),
    ]),
    '</svg>',
  ].join('\n');
}

/** Round numbers from 0 to the first that is not below `most`: steps of 1, 2 or 5 times a power of ten. */
function axisSteps(most: number): number[] {
  const magnitude = 10 ** Math.max(0, Math.floor(Math.log10(most / 4)));
  const step = [1, 2, 5].map((factor) => factor * magnitude).find((one) => one * 4 >= most) ?? 10 * magnitude;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
