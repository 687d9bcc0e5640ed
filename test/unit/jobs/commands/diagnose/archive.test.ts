import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { test } from 'node:test';
import { unpackTar } from 'modern-tar';
import { mostBytes, packEvidence } from '../../../../../src/jobs/commands/diagnose/archive.js';

const now = new Date('2026-01-02T03:04:05Z');
const file = (path: string, text: string) => ({ path, says: `what ${path} is`, text });
const unpack = async (archive: Buffer) =>
  new Map(
    (await unpackTar(gunzipSync(archive))).map(({ header, data }) => [header.name, Buffer.from(data!).toString()]),
  );

test('the archive has the files in one folder, and a README.txt that says what each is', async () => {
  const files = [file('vc1/events.txt', 'one\n'), file('found.txt', 'ä\n')];
  const unpacked = await unpack(await packEvidence('diagnosis', 'Demo demo.', files, now));
  assert.deepEqual([...unpacked.keys()], ['diagnosis/README.txt', 'diagnosis/vc1/events.txt', 'diagnosis/found.txt']);
  assert.equal(unpacked.get('diagnosis/found.txt'), 'ä\n');
  const readme = unpacked.get('diagnosis/README.txt')!;
  for (const { path, says } of files) assert.match(readme, new RegExp(`^${path} +${says}$`, 'm'));
});

test('the archive stays below a megabyte, also of logs that cannot be compressed, and keeps the beginning of each file', async () => {
  const noise = () => `begin ${randomBytes(45_000).toString('base64')}`;
  const files = Array.from({ length: 150 }, (_, index) => file(`logs/${index}.log`, noise()));
  const archive = await packEvidence('diagnosis', 'Demo demo.', files, now);
  assert.ok(archive.length < mostBytes, String(archive.length));
  const unpacked = await unpack(archive);
  assert.equal(unpacked.size, 151);
  for (const { path } of files) assert.match(unpacked.get(`diagnosis/${path}`)!, /^begin [\s\S]*the rest was left out/);
});

test('no file of the archive leads out of its folder, whatever a virtual cluster calls its pods', async () => {
  const files = [file('vc1/logs/../../../.bashrc-a.log', 'x'), file('/etc/./passwd', 'x'), file('a\n\\b:c', 'x')];
  const unpacked = await unpack(await packEvidence('diagnosis', 'Demo demo.', files, now));
  const [, ...names] = unpacked.keys();
  assert.deepEqual(names, ['diagnosis/vc1/logs/_/_/_/.bashrc-a.log', 'diagnosis//etc/_/passwd', 'diagnosis/a__b_c']);
});
