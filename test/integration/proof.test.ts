import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { simulatedHost, type SimulatedHost } from '../support/host.js';
import { startStack, textOf, type Stack } from '../support/stack.js';
import { waitFor } from '../support/wait-for.js';

/* Bot and worker as processes of dist/, on a simulated cluster whose edge does not pass TLS through. The order matters. */

describe('a demo whose public names do not work for the worker', () => {
  let host: SimulatedHost;
  let stack: Stack;

  before(async () => {
    host = await simulatedHost('tls-terminated', 0.3);
    stack = await startStack(host.environment, { notice: host.notice });
    await stack.startWorker();
  });
  after(async () => {
    await stack?.close();
    await host?.close();
  });

  /** Workers reload the configuration for each job. */
  async function setProof(proof: 'required' | 'warn'): Promise<void> {
    const path = host.environment.VCDEMO_CONFIG!;
    const config = parse(await readFile(path, 'utf8')) as { exposure: object };
    await writeFile(path, stringify({ ...config, exposure: { ...config.exposure, proof } }));
  }
  const channelHas = (pattern: RegExp) => stack.message(pattern, 60_000);
  /** The comments of the files in a channel, oldest first. */
  async function deliveries(channel: string) {
    const messages = [...(await stack.slack.messages(channel)), ...(await stack.slack.replies(channel))];
    return messages.filter(({ files }) => files?.length).map(textOf);
  }
  async function nextDelivery(channel: string, before: number): Promise<string> {
    const texts = await waitFor(
      'a kubeconfig',
      async () => {
        const sent = await deliveries(channel);
        return sent.length > before && sent;
      },
      { withinMs: 60_000 },
    );
    return texts.at(-1)!;
  }

  it('fails if the proof is required, and says what to do', async () => {
    await stack.type(stack.slack.alice, 'create proof');
    const failure = textOf(await channelHas(/Creating demo \*proof\* failed/));
    assert.match(failure, /terminates TLS for proof-vc\d\.vcdemo\.localhost instead of passing it through/);
    assert.match(failure, /set `exposure\.proof` to warn/);
    assert.match(
      failure,
      /`\/vcdemo kubeconfig proof` gives the owner a kubeconfig for the virtual clusters as they are/,
    );
  });

  it('gives the existing kubeconfig to its owner, and to nobody else', async () => {
    await stack.type(stack.slack.alice, 'kubeconfig proof');
    const comment = await nextDelivery(await stack.slack.directMessages(stack.slack.alice.userId), 0);
    assert.match(comment, /was not fully created.*this kubeconfig covers only vc1 and vc2/);
    assert.match(
      comment,
      /could not test this kubeconfig, so it may or may not work for you: The ingress controller terminates TLS/,
    );
    await stack.type(stack.slack.bob, 'kubeconfig proof');
    assert.match(await stack.whisper(stack.slack.bob, /kubeconfig proof/), /was not fully created/);
    assert.deepEqual(await deliveries(await stack.slack.directMessages(stack.slack.bob.userId)), []);
  });

  it('is ready if a warning is enough, with the reason next to the kubeconfig', async () => {
    await setProof('warn');
    await stack.type(stack.slack.alice, 'create proof');
    const comment = await nextDelivery(stack.slack.channel, 0);
    assert.match(comment, /is ready/);
    assert.match(comment, /could not test this kubeconfig.*The ingress controller terminates TLS for proof-vc/);
  });

  it('passes verify with a warning, but fails it if the proof is required', async () => {
    await stack.type(stack.slack.alice, 'verify proof');
    const warned = textOf(await channelHas(/requests from sleep/));
    assert.match(warned, /the mesh works: both versions answer/);
    assert.match(warned, /:warning: The worker could not reach the public name.*terminates TLS/);
    await setProof('required');
    await stack.type(stack.slack.alice, 'verify proof');
    assert.match(
      textOf(await channelHas(/its public name does not work/)),
      /:x: The public name does not work: .*terminates TLS/,
    );
  });

  it('is proven by the next create once its names work', async () => {
    host.cluster.inject(undefined);
    await stack.type(stack.slack.alice, 'status proof');
    assert.match(await stack.whisper(stack.slack.alice, /Demo proof:/), /the kubeconfig has not been proven to work/);
    await stack.type(stack.slack.alice, 'create proof');
    // It replaces the previous one.
    await waitFor(
      'a kubeconfig without a warning',
      async () => {
        const [text] = await deliveries(stack.slack.channel);
        return text !== undefined && !/could not test this kubeconfig/.test(text);
      },
      { withinMs: 60_000 },
    );
    await stack.type(stack.slack.alice, 'status proof');
    assert.match(await stack.whisper(stack.slack.alice, /all parts are in place/), /Demo proof:/);
  });
});
