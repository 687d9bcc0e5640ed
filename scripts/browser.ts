import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { WebSocket } from 'ws';

/** Headless Chromium (Debian: chromium and fonts-noto-color-emoji), driven through its DevTools protocol. */
interface Browser {
  /** Saves a picture of all of a page, this many pixels wide. */
  picture(url: string, file: string, width: number): Promise<void>;
  /** Opens a page, and leaves it open. */
  open(url: string, width: number): Promise<OpenPage>;
  close(): Promise<void>;
}

interface OpenPage {
  /** Clicks, with the mouse, in the middle of the first element that the expression yields. */
  click(expression: string): Promise<void>;
  /** The value of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  picture(file: string): Promise<void>;
}

type Call = (method: string, parameters?: object) => Promise<Record<string, unknown>>;

export async function startBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'vcdemo-chromium-'));
  const chromium = execa(
    'chromium',
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--hide-scrollbars'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...[`--user-data-dir=${profile}`, '--remote-debugging-port=0'],
    ],
    { reject: false, buffer: false },
  );
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: chromium.stderr }).on('line', (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void chromium.then(() => reject(new Error('Chromium ended')));
  });
  const { host } = new URL(address);

  async function open(url: string, width: number): Promise<OpenPage & { end(): void }> {
    const target = (await (await fetch(`http://${host}/json/new?about:blank`, { method: 'PUT' })).json()) as {
      webSocketDebuggerUrl: string;
    };
    const { call, end } = await connect(target.webSocketDebuggerUrl);
    await call('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1.5, mobile: false });
    await call('Page.enable');
    await call('Page.navigate', { url });
    const evaluate = async (expression: string) => {
      const answer = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      return (answer.result as { value?: unknown }).value;
    };
    while ((await evaluate('document.readyState')) !== 'complete');
    return {
      evaluate,
      async click(expression) {
        const at = (await evaluate(
          `(() => { const found = ${expression}; found.scrollIntoView({ block: 'center' }); const box = found.getBoundingClientRect(); return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()`,
        )) as { x: number; y: number } | undefined;
        if (!at) throw new Error(`The page has nothing like ${expression}`);
        for (const type of ['mousePressed', 'mouseReleased'])
          await call('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
      },
      async picture(file) {
        const height = Number(
          await evaluate(
            'Math.ceil(Math.max(...[...document.querySelectorAll("main, #modal")].map((part) => part.getBoundingClientRect().bottom)) + scrollY + 12)',
          ),
        );
        const { data } = await call('Page.captureScreenshot', {
          format: 'png',
          captureBeyondViewport: true,
          clip: { x: 0, y: 0, width, height, scale: 1 },
        });
        await writeFile(file, Buffer.from(String(data), 'base64'));
      },
      end,
    };
  }

  return {
    open,
    async picture(url, file, width) {
      const page = await open(url, width);
      await page.picture(file);
      page.end();
    },
    async close() {
      chromium.kill();
      await chromium;
      await rm(profile, { recursive: true, force: true });
    },
  };
}

async function connect(address: string): Promise<{ call: Call; end(): void }> {
  const socket = new WebSocket(address);
  const waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  socket.on('message', (data: Buffer) => {
    const { id, result = {} } = JSON.parse(data.toString('utf8')) as { id?: number; result?: Record<string, unknown> };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let last = 0;
  return {
    call: (method, params = {}) =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        socket.send(JSON.stringify({ id: last, method, params }));
      }),
    end: () => socket.close(),
  };
}
