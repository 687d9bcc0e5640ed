import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasTooManyParts, mostParts, parseJson } from '../../src/json.js';

const many = (part: string) =>
  `[${Array(mostParts + 1)
    .fill(part)
    .join()}]`;

test('a text of very many small parts is not parsed, whatever they are', () => {
  for (const part of ['{}', '[]', '0', '""', '{"a":0}']) {
    assert.equal(hasTooManyParts(many(part)), true, part);
    assert.equal(parseJson(many(part)), undefined, part);
  }
});

test('what is in quotation marks is no part', () => {
  const text = JSON.stringify({ text: '{[,'.repeat(mostParts), quoted: '\\",{[ "'.repeat(1000) });
  assert.equal(hasTooManyParts(text), false);
  assert.deepEqual(parseJson(text), JSON.parse(text));
});

test('what is no JSON is undefined', () => assert.equal(parseJson('{'), undefined));
