import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseYaml, variablesIn } from '../../../src/config/substitution.js';

test('replaces variables in values and keys, quoted or not, in lists and maps in brackets', () => {
  const text = 'a: x-${A}\n"${A}": "${A}"\nb: [ ${A}, { c: ${A} } ]\n';
  assert.deepEqual(parseYaml(text, { A: 'v' }), { a: 'x-v', v: 'v', b: ['v', { c: 'v' }] });
});

test('keeps the structure of the file whatever a value contains', () => {
  const value = 'it\'s: [ { # "\n- x: y';
  assert.deepEqual(parseYaml('a: ${A}\nb: "${A}"\n# ${A}\nc: ${A} # ${A}\n', { A: value }), {
    a: value,
    b: value,
    c: value,
  });
});

test('reads an unquoted variable as a number, a boolean or a list if it is one', () => {
  const env = { N: '2', B: 'true', L: '[U1, U2]', V: '1.2.3' };
  assert.deepEqual(parseYaml('n: ${N}\nb: ${B}\nl: ${L}\nv: ${V}\nquoted: "${N}"\npart: ${N}x\n', env), {
    n: 2,
    b: true,
    l: ['U1', 'U2'],
    v: '1.2.3',
    quoted: '2',
    part: '2x',
  });
});

test('reads $${NAME} as a literal ${NAME}, whether it is set or not', () => {
  const text = 'a: $${A}\nb: "x $${A} ${A} $${B}"\nc: [ $${A} ]\nd: $A $$A\n';
  const content = parseYaml(text, { A: 'v' });
  assert.deepEqual(content, { a: '${A}', b: 'x ${A} v ${B}', c: ['${A}'], d: '$A $$A' });
  assert.deepEqual(variablesIn(content), []);
});

test('finds each unset variable once', () => {
  const content = parseYaml('a: ${A}\nb: "${A} ${B}"\n${C}: ${D}\n', { D: '' });
  assert.deepEqual(variablesIn(content), ['A', 'B', 'C']);
});

test('keeps the anchor of a variable, and the tag that makes it a text', () => {
  const env = { DOMAIN: 'd.example.com', TAG: '1.30' };
  assert.deepEqual(parseYaml('a: &domain ${DOMAIN}\nb: *domain\nc: !!str ${TAG}\n', env), {
    a: 'd.example.com',
    b: 'd.example.com',
    c: '1.30',
  });
});
