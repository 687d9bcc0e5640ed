/*
 * Slack's limits on messages and views, as far as they are documented, and what it would refuse. Written for whatever a test
 * finds: it trusts no types.
 * @see https://docs.slack.dev/reference/block-kit
 */

type Json = Record<string, unknown>;

const messageKinds = [
  ...['actions', 'card', 'container', 'context', 'data_table', 'data_visualization', 'divider', 'header', 'markdown'],
  ...['plan', 'rich_text', 'section', 'table'],
];
const viewKinds = [
  ...[
    'actions',
    'alert',
    'card',
    'context',
    'data_table',
    'divider',
    'header',
    'input',
    'rich_text',
    'section',
    'table',
  ],
];

interface Checked {
  text?: string | undefined;
  blocks?: readonly unknown[] | undefined;
}

/** What Slack would refuse in a message, or what people would miss; empty if it is fine. */
export function problemsOfMessage({ text = '', blocks = [] }: Checked): string[] {
  return [
    ...(text.trim() === '' ? ['it has no text for notifications and screen readers'] : []),
    ...(text.length > 4000 ? [`its text has ${text.length} characters, and Slack suggests at most 4,000`] : []),
    ...problemsOfBlocks(blocks, { most: 50, kinds: messageKinds }),
  ];
}

/** The same for a modal or for Home. */
export function problemsOfView({ title, submit, close, callback_id, private_metadata, blocks }: Json): string[] {
  return [
    ...textProblems('the title', (title as Json | undefined)?.text, 24, title !== undefined),
    ...textProblems('the submit button', (submit as Json | undefined)?.text, 24, submit !== undefined),
    ...textProblems('the close button', (close as Json | undefined)?.text, 24, close !== undefined),
    ...textProblems('callback_id', callback_id, 255),
    ...textProblems('private_metadata', private_metadata, 3000),
    ...problemsOfBlocks(listOf(blocks), { most: 100, kinds: viewKinds }),
  ];
}

function problemsOfBlocks(
  blocks: readonly unknown[],
  { most, kinds }: { most: number; kinds: readonly string[] },
): string[] {
  const all = blocks as readonly Json[];
  const count = (type: string) => all.filter((block) => block.type === type).length;
  return [
    ...(all.length > most ? [`it has ${all.length} blocks, and ${most} are allowed`] : []),
    ...(count('data_visualization') > 2 ? ['it has more than two charts'] : []),
    ...(count('plan') > 1 ? ['it has more than one plan'] : []),
    ...twice(all.map(({ block_id }) => block_id)).map((id) => `block_id ${id} is used twice`),
    ...all.flatMap((block, index) => {
      const type = String(block.type);
      const problems = kinds.includes(type) ? problemsOfBlock(block) : ['it cannot be used here'];
      return problems.map((problem) => `block ${index + 1} (${type}): ${problem}`);
    }),
  ];
}

function problemsOfBlock(block: Json): string[] {
  return [...textProblems('block_id', block.block_id, 255), ...problemsOfContent(block)];
}

function problemsOfContent(block: Json): string[] {
  switch (block.type) {
    case 'section':
      return [
        ...textObject('its text', block.text, 3000, block.text !== undefined || block.fields === undefined),
        ...(listOf(block.fields).length > 10 ? ['it has more than 10 fields'] : []),
        ...listOf(block.fields).flatMap((field) => textObject('a field', field, 2000, true)),
        ...(block.accessory === undefined ? [] : problemsOfElement(block.accessory as Json)),
      ];
    case 'header':
      return textObject('its text', block.text, 150, true);
    case 'context':
      return [
        ...sizeProblems('elements', block.elements, 1, 10),
        ...listOf(block.elements).flatMap((element) => textObject('an element', element, 3000, true)),
      ];
    case 'actions':
      return [
        ...sizeProblems('elements', block.elements, 1, 25),
        ...twice(listOf(block.elements).map(({ action_id }) => action_id)).map((id) => `action_id ${id} is used twice`),
        ...listOf(block.elements).flatMap(problemsOfElement),
      ];
    case 'input':
      return [...textObject('its label', block.label, 2000, true), ...problemsOfElement(block.element as Json)];
    case 'rich_text':
      return problemsOfRichText(block);
    case 'plan':
      return problemsOfPlan(block);
    case 'data_visualization':
      return problemsOfChart(block);
    case 'data_table':
      return problemsOfTable(block, { mostRows: 101, leastRows: 2 });
    case 'table':
      return problemsOfTable(block, { mostRows: 100, leastRows: 1 });
    case 'card':
      return [
        ...textObject('its title', block.title, 150, false),
        ...textObject('its subtitle', block.subtitle, 150, false),
        ...textObject('its body', block.body, 200, false),
        ...listOf(block.actions).flatMap(problemsOfElement),
        ...sizeProblems('actions', block.actions ?? [], 0, 3),
      ];
    case 'container':
      return [
        ...textObject('its title', block.title, 150, block.rich_text_title === undefined),
        ...textObject('its subtitle', block.subtitle, 150, false),
        ...sizeProblems('child_blocks', block.child_blocks, 1, 10),
        ...listOf(block.child_blocks).flatMap(problemsOfBlock),
      ];
    default:
      return [];
  }
}

function problemsOfElement(element: Json): string[] {
  const own = textProblems('action_id', element.action_id, 255);
  switch (element.type) {
    case 'button':
      return [
        ...own,
        ...textObject('the label of a button', element.text, 75, true),
        ...textProblems('the value of a button', element.value, 2000),
        ...([undefined, 'primary', 'danger'].includes(element.style as string)
          ? []
          : [`a button has the style ${String(element.style)}`]),
      ];
    case 'overflow':
      return [
        ...own,
        ...sizeProblems('options of an overflow menu', element.options, 1, 5),
        ...optionProblems(element),
      ];
    case 'static_select':
    case 'radio_buttons':
    case 'checkboxes':
      return [
        ...own,
        ...sizeProblems('options', element.options, 1, element.type === 'static_select' ? 100 : 10),
        ...optionProblems(element),
      ];
    default:
      return own;
  }
}

const optionProblems = (element: Json): string[] =>
  listOf(element.options).flatMap((option) => [
    ...textObject('an option', option.text, 75, true),
    ...textProblems('the value of an option', option.value, 150, true),
    ...textObject('the description of an option', option.description, 75, false),
  ]);

function problemsOfPlan({ title, tasks }: Json): string[] {
  return [
    ...textProblems('its title', title, 150, true),
    // Not documented; a message has at most 50 blocks, and each task is one.
    ...sizeProblems('tasks', tasks, 0, 50),
    ...twice(listOf(tasks).map(({ task_id }) => task_id)).map((id) => `task ${id} occurs twice`),
    ...listOf(tasks).flatMap(({ task_id, title: name, status, details, output }) => [
      ...textProblems('a task_id', task_id, 255, true),
      ...textProblems('the title of a task', name, 150, true),
      ...(['pending', 'in_progress', 'complete', 'error'].includes(String(status))
        ? []
        : [`a task has the status ${String(status)}`]),
      ...[details, output].flatMap((more) => (more === undefined ? [] : problemsOfRichText(more as Json))),
    ]),
  ];
}

function problemsOfChart({ title, chart }: Json): string[] {
  const { type, series, segments, axis_config } = chart as Json;
  const { categories, x_label, y_label } = (axis_config ?? {}) as Json;
  const names = type === 'pie' ? [] : listOf(categories).map(String);
  return [
    ...textProblems('its title', title, 50, true),
    ...textProblems('the label of an axis', x_label, 50),
    ...textProblems('the label of an axis', y_label, 50),
    ...(type === 'pie' ? sizeProblems('segments', segments, 1, 12) : sizeProblems('series', series, 1, 12)),
    ...(type === 'pie' ? [] : sizeProblems('categories', categories, 1, 20)),
    ...names.flatMap((name) => textProblems('a category', name, 20, true)),
    ...twice(listOf(series).map(({ name }) => name)).map((name) => `series ${name} occurs twice`),
    ...listOf(series).flatMap(({ name, data }) => [
      ...textProblems('the name of a series', name, 20, true),
      ...(listOf(data)
        .map(({ label }) => label)
        .join() === names.join()
        ? []
        : [`series ${String(name)} does not have one value for each category`]),
    ]),
    ...[...listOf(segments), ...listOf(series).flatMap(({ data }) => listOf(data))].flatMap(({ label, value }) => [
      ...textProblems('a label', label, 20, true),
      ...(Number.isFinite(value) ? [] : [`the value of ${String(label)} is not a number`]),
    ]),
  ];
}

function problemsOfTable(
  { rows, caption, page_size, type }: Json,
  { mostRows, leastRows }: { mostRows: number; leastRows: number },
): string[] {
  const lines = listOf(rows) as unknown as Json[][];
  const [head = []] = lines;
  return [
    ...(type === 'data_table' ? textProblems('its caption', caption, 150, true) : []),
    ...sizeProblems('rows', rows, leastRows, mostRows),
    ...(head.length > 20 ? [`it has ${head.length} columns`] : []),
    ...(lines.some((row) => row.length !== head.length) ? ['its rows differ in length'] : []),
    ...(page_size === undefined || (Number(page_size) >= 1 && Number(page_size) <= 100)
      ? []
      : ['its page_size is wrong']),
    ...lines.flat().flatMap((cell) => {
      if (cell.type === 'raw_text') return textProblems('a cell', cell.text, 2000, true);
      return cell.type === 'rich_text' ? problemsOfRichText(cell) : [];
    }),
  ];
}

function problemsOfRichText({ type, elements }: Json): string[] {
  const texts = (node: Json): unknown[] => (node.elements ? listOf(node.elements).flatMap(texts) : [node.text]);
  return [
    ...(type === 'rich_text' ? [] : ['it is not rich text']),
    ...sizeProblems('elements of a rich text', elements, 1, 1000),
    ...listOf(elements)
      .flatMap(texts)
      .filter((text) => text === '')
      .map(() => 'a rich text has an empty element'),
  ];
}

// ------------------------------------------------------------------ small parts

const listOf = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

function sizeProblems(what: string, value: unknown, least: number, most: number): string[] {
  const { length } = listOf(value);
  return length >= least && length <= most ? [] : [`it has ${length} ${what}, and ${least} to ${most} are allowed`];
}

function textObject(what: string, value: unknown, most: number, isRequired: boolean): string[] {
  if (value === undefined) return isRequired ? [`${what} is missing`] : [];
  const { type, text } = value as Json;
  if (type !== 'plain_text' && type !== 'mrkdwn') return [];
  return textProblems(what, text, most, true);
}

function textProblems(what: string, value: unknown, most: number, isRequired = false): string[] {
  if (value === undefined && !isRequired) return [];
  if (typeof value !== 'string' || (isRequired && value === '')) return [`${what} is empty`];
  return value.length > most ? [`${what} has ${value.length} characters, and ${most} are allowed`] : [];
}

const twice = (values: readonly unknown[]): string[] => [
  ...new Set(values.filter((value, index) => value !== undefined && values.indexOf(value) !== index).map(String)),
];
