import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { parseForeignYaml } from '../../src/foreign-yaml.js';

describe('YAML that somebody else has written', () => {
  it('is read as it is, in block and in flow style', () => {
    const kubeconfig = {
      clusters: [
        { name: 'vc1', cluster: { server: 'https://a:443', 'certificate-authority-data': 'QUJD'.repeat(500) } },
      ],
      users: [{ name: 'a', user: { token: 'x-y_z.1' } }],
    };
    assert.deepEqual(parseForeignYaml(stringify(kubeconfig)), kubeconfig);
    assert.deepEqual(parseForeignYaml(JSON.stringify(kubeconfig)), kubeconfig);
  });

  const levels = 8_000;
  const nested: Record<string, string> = {
    'open lists': '['.repeat(levels),
    'open maps': '{a: '.repeat(levels),
    'lists in one line': '- '.repeat(levels),
    'keys of keys': '? '.repeat(levels),
    'lists in lines': Array.from({ length: 200 }, (_, level) => `${' '.repeat(level)}-`).join('\n'),
    'maps in lines': Array.from({ length: 500 }, (_, level) => `${' '.repeat(level)}a:`).join('\n'),
  };
  for (const [how, text] of Object.entries(nested))
    it(`is refused before it is parsed if it is nested deeply, in ${how}`, () =>
      assert.throws(() => parseForeignYaml(text), /nested too deeply/));
});
