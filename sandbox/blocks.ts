import type { AnyBlock, Button, KnownBlock, Overflow, RichTextBlock, TaskCardBlock, TextObject } from '@slack/web-api';
import { shortDate, toHtml, type Names } from './mrkdwn.js';

/* Draws Slack's blocks for the page, as far as the product uses them. */

type ChartSeries = { name: string; data: { label: string; value: number }[] };

/** Not among the types of Slack's library yet. */
interface DataVisualization {
  type: 'data_visualization';
  title: string;
  chart:
    | { type: 'pie'; segments: { label: string; value: number }[] }
    | {
        type: 'bar' | 'line' | 'area';
        series: ChartSeries[];
        axis_config: { categories: string[]; x_label?: string; y_label?: string };
      };
}

export const escapeHtml = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

/** The blocks of a message, a modal or a Home as HTML. */
export function renderBlocks(blocks: readonly AnyBlock[], names: Names): string {
  return blocks.map((block) => renderBlock(block as KnownBlock | DataVisualization, names)).join('\n');
}

function renderBlock(block: KnownBlock | DataVisualization, names: Names): string {
  const show = (text: TextObject | undefined) => (text ? renderText(text, names) : '');
  switch (block.type) {
    case 'header':
      return `<h3>${show(block.text)}</h3>`;
    case 'section':
      return `<div class="section"><div>${show(block.text)}${renderFields(block.fields, names)}</div>${block.accessory ? renderElement(block.accessory, names) : ''}</div>`;
    case 'context':
      return `<div class="small">${block.elements.map((one) => ('text' in one ? show(one) : '')).join(' ')}</div>`;
    case 'divider':
      return '<hr>';
    case 'actions':
      return `<div class="actions">${block.elements.map((one) => renderElement(one, names)).join('')}</div>`;
    case 'rich_text':
      return renderRichText(block, names);
    case 'plan':
      return `<div class="plan"><b>${escapeHtml(block.title)}</b><ol>${(block.tasks ?? []).map((task) => renderTask(task as TaskCardBlock, names)).join('')}</ol></div>`;
    case 'task_card':
      return `<div class="plan"><ol>${renderTask(block, names)}</ol></div>`;
    case 'card':
      return `<div class="card">${block.title ? `<b>${show(block.title)}</b>` : ''}${block.subtitle ? `<div class="small">${show(block.subtitle)}</div>` : ''}${block.body ? `<div>${show(block.body)}</div>` : ''}${block.actions ? `<div class="actions">${block.actions.map((one) => renderElement(one, names)).join('')}</div>` : ''}</div>`;
    case 'container':
      return `<details class="card"${block.default_collapsed ? '' : ' open'}><summary>${block.title ? show(block.title) : ''}</summary>${renderBlocks(block.child_blocks, names)}</details>`;
    case 'alert':
      return `<div class="alert ${block.level ?? 'default'}">${show(block.text)}</div>`;
    case 'data_table':
      return renderTable(block.caption, block.rows as Cell[][], names);
    case 'table':
      return renderTable('', block.rows as Cell[][], names);
    case 'data_visualization':
      return renderChart(block);
    case 'input':
      return `<label class="input">${escapeHtml(block.label.text)}${block.optional ? ' <span class="optional">(optional)</span>' : ''}${renderElement(block.element, names, block.block_id)}${block.hint ? `<small>${escapeHtml(block.hint.text)}</small>` : ''}</label>`;
    default:
      return `<div class="small">[${escapeHtml(block.type)}]</div>`;
  }
}

const renderText = (text: TextObject, names: Names) =>
  text.type === 'plain_text' ? toHtml(escapeHtml(text.text), names) : toHtml(text.text, names);

const renderFields = (fields: readonly TextObject[] | undefined, names: Names) =>
  fields ? `<div class="fields">${fields.map((field) => `<div>${renderText(field, names)}</div>`).join('')}</div>` : '';

// ------------------------------------------------------------------ elements

interface Option {
  text: TextObject;
  value?: string;
}

/** The elements of modals and actions, by the fields that they have in common. */
interface AnyElement {
  type: string;
  action_id?: string;
  placeholder?: { text: string };
  initial_value?: unknown;
  options?: Option[];
  initial_option?: Option;
  initial_options?: Option[];
  initial_conversation?: string;
}

/** `name` is the id of its block, by which a modal reports what was filled in. */
function renderElement(element: AnyElement, names: Names, name = ''): string {
  switch (element.type) {
    case 'button':
      return renderButton(element as Button);
    case 'overflow':
      return renderMenu(element as Overflow);
    case 'plain_text_input':
    case 'number_input':
      return `<input name="${escapeHtml(name)}" value="${escapeHtml(String(element.initial_value ?? ''))}" placeholder="${escapeHtml(element.placeholder?.text ?? '')}">`;
    case 'static_select':
      return `<select name="${escapeHtml(name)}">${(element.options ?? []).map((option) => `<option value="${escapeHtml(option.value ?? '')}"${option.value === element.initial_option?.value ? ' selected' : ''}>${escapeHtml(option.text.text)}</option>`).join('')}</select>`;
    case 'conversations_select':
    case 'channels_select':
    case 'users_select':
      return `<select name="${escapeHtml(name)}"><option value="${escapeHtml(element.initial_conversation ?? '')}">${escapeHtml(element.placeholder?.text ?? 'Select')}</option>${placesFor(element.type, names).join('')}</select>`;
    case 'checkboxes':
    case 'radio_buttons':
      return (element.options ?? [])
        .map(
          (option) =>
            `<span class="choice"><input type="${element.type === 'checkboxes' ? 'checkbox' : 'radio'}" name="${escapeHtml(name)}" value="${escapeHtml(option.value ?? '')}"${[...(element.initial_options ?? []), element.initial_option].some((initial) => initial?.value === option.value) ? ' checked' : ''}> ${escapeHtml(option.text.text)}</span>`,
        )
        .join('');
    default:
      return `<span class="small">[${escapeHtml(element.type)}]</span>`;
  }
}

/** The people or the channels that somebody can pick. */
const placesFor = (type: string, names: Names): string[] =>
  [...names]
    .filter(([id]) => /^[UW]/.test(id) === (type === 'users_select'))
    .map(
      ([id, name]) =>
        `<option value="${escapeHtml(id)}">${type === 'users_select' ? '@' : '#'}${escapeHtml(name)}</option>`,
    );

const renderButton = ({ text, style, url, action_id = '', value = '' }: Button) =>
  url === undefined
    ? `<button class="${style ?? ''}" data-action="${escapeHtml(action_id)}" data-value="${escapeHtml(value)}">${escapeHtml(text.text)}</button>`
    : `<a class="button ${style ?? ''}" href="${escapeHtml(url)}">${escapeHtml(text.text)}</a>`;

const renderMenu = ({ options, action_id = '' }: Overflow) =>
  `<details class="menu"><summary>⋯</summary><ul>${options.map(({ text, value = '' }) => `<li><button data-kind="overflow" data-action="${escapeHtml(action_id)}" data-value="${escapeHtml(value)}">${escapeHtml(text.text)}</button></li>`).join('')}</ul></details>`;

// ------------------------------------------------------------------ plan

const taskIcons = { pending: '○', in_progress: '◐', complete: '✔', error: '✖' } as const;

function renderTask({ title, status, details, output }: TaskCardBlock, names: Names): string {
  const more = [details, output].filter((text) => text !== undefined).map((text) => renderRichText(text, names));
  return `<li class="${status}"><i>${taskIcons[status]}</i><span>${escapeHtml(title)}${more.length > 0 ? `<div class="small">${more.join('')}</div>` : ''}</span></li>`;
}

// ------------------------------------------------------------------ rich text

interface RichElement {
  type: string;
  text?: string;
  url?: string;
  user_id?: string;
  name?: string;
  fallback?: string;
  timestamp?: number;
  style?: { bold?: boolean; italic?: boolean; code?: boolean; strike?: boolean } | string;
  elements?: RichElement[];
}

function renderRichText({ elements }: RichTextBlock, names: Names): string {
  return (elements as RichElement[]).map((part) => renderRich(part, names)).join('');
}

function renderRich(part: RichElement, names: Names): string {
  const inner = () => (part.elements ?? []).map((child) => renderRich(child, names)).join('');
  switch (part.type) {
    case 'rich_text_section':
      return `<div>${inner()}</div>`;
    case 'rich_text_list':
      return `<ul>${(part.elements ?? []).map((child) => `<li>${renderRich(child, names)}</li>`).join('')}</ul>`;
    case 'rich_text_preformatted':
      return `<pre>${inner()}</pre>`;
    case 'rich_text_quote':
      return `<q>${inner()}</q>`;
    case 'user':
      return `<b class="mention">@${escapeHtml(names.get(part.user_id ?? '') ?? part.user_id ?? '')}</b>`;
    case 'emoji':
      return toHtml(`:${part.name ?? ''}:`, names);
    case 'date':
      return escapeHtml(part.timestamp === undefined ? (part.fallback ?? '') : shortDate(part.timestamp));
    case 'link':
      return `<a href="${escapeHtml(part.url ?? '')}">${escapeHtml(part.text ?? part.url ?? '')}</a>`;
    default:
      return styled(escapeHtml(part.text ?? '').replace(/\n/g, '<br>'), part.style);
  }
}

function styled(html: string, style: RichElement['style']): string {
  if (typeof style !== 'object') return html;
  const tags = [style.bold && 'b', style.italic && 'i', style.strike && 's', style.code && 'code'];
  return tags
    .filter((tag) => tag !== undefined && tag !== false)
    .reduce((shown, tag) => `<${tag}>${shown}</${tag}>`, html);
}

// ------------------------------------------------------------------ tables and charts

type Cell =
  | { type: 'raw_text'; text: string }
  | { type: 'raw_number'; value: number; text?: string }
  | RichTextBlock
  | { type: 'action'; element: Button };

function renderTable(caption: string, [head = [], ...rows]: Cell[][], names: Names): string {
  const row = (cells: Cell[], tag: 'td' | 'th') =>
    `<tr>${cells.map((cell) => `<${tag}>${renderCell(cell, names)}</${tag}>`).join('')}</tr>`;
  return `<div class="scroll"><table><caption>${escapeHtml(caption)}</caption><thead>${row(head, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table></div>`;
}

function renderCell(cell: Cell, names: Names): string {
  if (cell.type === 'rich_text') return renderRichText(cell, names);
  if ('element' in cell) return renderButton(cell.element);
  return escapeHtml(cell.type === 'raw_text' ? cell.text : (cell.text ?? String(cell.value)));
}

const colors = ['#3d7ea6', '#e8a33d', '#2eb67d', '#e01e5a', '#7c5cbf', '#616061'];
const colorOf = (index: number) => colors[index % colors.length]!;

function renderChart({ title, chart }: DataVisualization): string {
  const drawing =
    chart.type === 'pie' ? drawPie(chart.segments) : drawAxes(chart.type, chart.series, chart.axis_config.categories);
  const keys =
    chart.type === 'pie'
      ? chart.segments.map(({ label, value }) => `${label}: ${value}`)
      : chart.series.map(({ name }) => name);
  const legend = keys.map(
    (key, index) => `<span><i style="background:${colorOf(index)}"></i>${escapeHtml(key)}</span>`,
  );
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${drawing}<div class="legend">${legend.join('')}</div></figure>`;
}

const [width, height, left, bottom] = [480, 180, 40, 24];

function drawAxes(
  type: 'bar' | 'line' | 'area',
  series: readonly ChartSeries[],
  categories: readonly string[],
): string {
  const most = Math.max(1, ...series.flatMap(({ data }) => data.map(({ value }) => value)));
  const step = (width - left) / Math.max(1, categories.length);
  const y = (value: number) => height - bottom - (value / most) * (height - bottom - 10);
  const valueAt = ({ data }: ChartSeries, category: string) => data.find(({ label }) => label === category)?.value ?? 0;
  const marks = series.map((one, index) => {
    if (type === 'bar') {
      const wide = (step * 0.7) / series.length;
      return categories
        .map((category, at) => {
          const top = y(valueAt(one, category));
          return `<rect x="${left + at * step + step * 0.15 + index * wide}" y="${top}" width="${wide * 0.9}" height="${height - bottom - top}" fill="${colorOf(index)}"/>`;
        })
        .join('');
    }
    const points = categories
      .map((category, at) => `${left + (at + 0.5) * step},${y(valueAt(one, category))}`)
      .join(' ');
    const ground = `${left + (categories.length - 0.5) * step},${height - bottom} ${left + 0.5 * step},${height - bottom}`;
    return type === 'line'
      ? `<polyline points="${points}" fill="none" stroke="${colorOf(index)}" stroke-width="2"/>`
      : `<polygon points="${points} ${ground}" fill="${colorOf(index)}" opacity=".6"/>`;
  });
  const ticks = [0, most / 2, most].map(
    (value) =>
      `<line x1="${left}" x2="${width}" y1="${y(value)}" y2="${y(value)}"/><text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`,
  );
  const every = Math.ceil(categories.length / 8);
  const labels = categories.map((category, at) =>
    at % every === 0
      ? `<text x="${left + (at + 0.5) * step}" y="${height - 8}" text-anchor="middle">${escapeHtml(category)}</text>`
      : '',
  );
  return `<svg viewBox="0 0 ${width} ${height}">${ticks.join('')}${marks.join('')}${labels.join('')}</svg>`;
}

function drawPie(segments: readonly { value: number }[]): string {
  const total = segments.reduce((sum, { value }) => sum + value, 0) || 1;
  let from = 0;
  const stops = segments.map(({ value }, index) => {
    const to = from + (value / total) * 100;
    const stop = `${colorOf(index)} ${from}% ${to}%`;
    from = to;
    return stop;
  });
  return `<div class="pie" style="background:conic-gradient(${stops.join(',')})"></div>`;
}
