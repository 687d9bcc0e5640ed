import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommand } from '../../../src/commands/parse.js';
import { hours, minutes } from '../../../src/duration.js';
import { UserError } from '../../../src/errors.js';

const parse = (text: string, clusters: string[] = []) => parseCommand(text, { maxTtlMs: hours(72), clusters });
const parseInThread = (text: string) => parseCommand(text, { maxTtlMs: hours(72), clusters: [], isInThread: true });

function refusal(text: string, clusters?: string[]): UserError {
  try {
    parse(text, clusters);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail(`"${text}" was accepted`);
}

describe('a command line', () => {
  test('that is empty asks for help', () => assert.deepEqual(parse('  '), { name: 'help', flags: {} }));
  test('may ask for help about one command', () =>
    assert.deepEqual(parse('help create'), { name: 'help', flags: {}, topic: 'create' }));
  test('without a name means the demo named demo', () =>
    assert.deepEqual(parse('verify'), { name: 'verify', demo: 'demo', flags: {} }));
  test('to create one without a name means that a free one is found', () =>
    assert.deepEqual(parse('create'), { name: 'create', demo: 'demo', isUnnamed: true, flags: {} }));
  test('may switch maintenance on with a reason, or off', () => {
    const maintenance = (flags: object) => ({ name: 'maintenance', flags });
    const reason = 'upgrading until 14:00';
    assert.deepEqual(parse(`maintenance on "${reason}"`), maintenance({ state: 'on', reason }));
    assert.deepEqual(parse(`maintenance on ${reason}`), maintenance({ state: 'on', reason }));
    assert.deepEqual(parse('maintenance off'), maintenance({ state: 'off' }));
    assert.deepEqual(parse('maintenance'), maintenance({}));
  });
  test('may give a lifetime, before or after the name', () => {
    const expected = { name: 'create', demo: 'team-a', flags: { ttlMs: hours(4) } };
    assert.deepEqual(parse('create team-a --ttl 4h'), expected);
    assert.deepEqual(parse('create --ttl=4h team-a'), expected);
  });
  test('may contain the dash that a phone substitutes for two hyphens', () =>
    assert.deepEqual(parse('create —ttl 90m').flags, { ttlMs: minutes(90) }));
  for (const [what, text] of [
    ['as an entry of a list', '• create team-a --ttl 8h'],
    ['as an entry of a numbered list', '1. create team-a --ttl 8h'],
    ['with a hyphen in front', '- create team-a --ttl 8h'],
    ['as a quotation', '&gt; create team-a --ttl 8h'],
    ['after the colon of a mention', ': create team-a --ttl 8h'],
    ['as a slash command', '/vcdemo create team-a --ttl 8h'],
    ['as a slash command in a list', '– /vcdemo create team-a --ttl 8h'],
    ['with the full stop that two spaces become', 'create team-a. —ttl 8h. '],
    ['with punctuation', 'create team-a, --ttl 8h!'],
    ['with the punctuation of other keyboards', 'create team-a、 --ttl 8h。'],
    ['entirely in quotes', '“create team-a --ttl 8h”'],
    ['with spaces inside of French quotes', 'create «\u00a0team-a\u00a0» --ttl «\u202f8h\u202f»'],
    ['with the quotes of other keyboards', 'create 「team-a」 --ttl ❝8h❞'],
    ['with other apostrophes', 'create ʼteam-aʼ --ttl ❛8h❜'],
    ['with Arabic digits', 'create team-a --ttl ٨h'],
    ['with Persian digits', 'create team-a --ttl ۸h'],
    ['with a space before the unit', 'create team-a --ttl="8 h"'],
    ['with Slack’s marks of bold and italic text', '*create* _team-a_ ~--ttl~ *8h*'],
  ] as const)
    test(`may be written ${what}`, () =>
      assert.deepEqual(parse(text), { name: 'create', demo: 'team-a', flags: { ttlMs: hours(8) } }));
  test('keeps the punctuation of a reason', () =>
    assert.equal(parse('maintenance on *upgrading*, back at ٨!').flags.reason, '*upgrading*, back at ٨!'));
  test('may ask for help with a question mark', () =>
    assert.deepEqual(parse('help create?'), { name: 'help', topic: 'create', flags: {} }));
  test('names somebody before a full stop', () => assert.equal(parse('transfer team-a <@U0ALICE>.').person, 'U0ALICE'));
  test('may be written in upper case, but not the name', () => {
    assert.deepEqual(parse('CREATE team-a'), { name: 'create', demo: 'team-a', flags: {} });
    assert.deepEqual(parse('CREATE team-a --TTL 4H').flags, { ttlMs: hours(4) });
    assert.deepEqual(parse('extend team-a 4H').flags, { byMs: hours(4) });
    assert.equal(refusal('create Team-A').code, 'bad-name');
  });
  test('may have dashes in a reason', () => {
    const reason = 'upgrading - back soon';
    for (const text of [
      `maintenance on "${reason}"`,
      `maintenance on ${reason}`,
      'maintenance on upgrading – back soon',
    ])
      assert.deepEqual(parse(text).flags, { state: 'on', reason });
  });
  test('verifies with twelve requests by default', () => {
    assert.deepEqual(parse('verify'), { name: 'verify', demo: 'demo', flags: {} });
    assert.deepEqual(parse('verify team-a --requests 50'), { name: 'verify', demo: 'team-a', flags: { requests: 50 } });
  });
  test('verifies against the given shares', () => {
    const expected = (text: string) => parse(`verify --expect ${text}`).flags.expect;
    assert.deepEqual(expected('v1=90,v2=10'), { v1: 90, v2: 10 });
    assert.deepEqual(expected('v2=30%,v1=70%'), { v1: 70, v2: 30 });
    assert.deepEqual(expected('v1=100'), { v1: 100, v2: 0 });
  });
  for (const command of ['kubeconfig', 'status', 'dashboard', 'delete'] as const)
    test(`may be ${command}`, () => assert.deepEqual(parse(`${command} x1`), { name: command, demo: 'x1', flags: {} }));
  test('may list all demos', () => assert.deepEqual(parse('list'), { name: 'list', flags: {} }));
});

describe('a wrong command line', () => {
  test('is answered with the command that was probably meant', () => {
    const { code, message, hint } = refusal('crate team-a');
    assert.equal(code, 'unknown-command');
    assert.match(message, /Did you mean `create`\?/);
    assert.match(hint ?? '', /`kubeconfig`/);
  });
  test('is not answered with a far-fetched suggestion', () =>
    assert.doesNotMatch(refusal('frobnicate').message, /Did you/));
  test('does not mistake properties of objects for commands', () =>
    assert.equal(refusal('constructor').code, 'unknown-command'));
  test('is answered with the flag that was probably meant, and the usage', () => {
    const { code, message, hint } = refusal('create --tll 8h');
    assert.equal(code, 'unknown-flag');
    assert.match(message, /Did you mean `--ttl`\?/);
    assert.match(hint ?? '', /\/vcdemo create \[name\] \[--ttl 8h\]/);
  });
  test('is refused with another command’s flag', () => assert.equal(refusal('status --ttl 8h').code, 'unknown-flag'));
  test('is refused with a repeated flag or one without a value', () => {
    assert.equal(refusal('create --ttl 8h --ttl 9h').code, 'flag-twice');
    assert.equal(refusal('create --ttl').code, 'flag-value-missing');
    assert.equal(refusal('create --ttl=').code, 'flag-value-missing');
  });
  test('is refused with one word too many', () => {
    assert.match(refusal('status one two').message, /"two"/);
    assert.equal(refusal('list all').code, 'unexpected-argument');
    assert.equal(refusal('help create now').code, 'unexpected-argument');
  });
  for (const name of ['-a', 'a-', '1a', 'a_b', 'a.b', 'Ä', 'a'.repeat(21), '<@U123>', '$(reboot)'])
    test(`does not accept ${name} as the name of a demo`, () =>
      assert.ok(['bad-name', 'unknown-flag'].includes(refusal(`status ${name}`).code)));
  for (const ttl of ['8', '0h', '5m', '10m', '14m', '73h', '8 h', '-8h', '99999999999999999999d'])
    test(`does not accept ${ttl} as a lifetime`, () => {
      const { code, hint } = refusal(`create --ttl ${ttl}`);
      assert.ok(code === 'bad-ttl' || ttl === '8 h');
      assert.match(hint ?? '', /Usage/);
    });
  for (const split of ['v1', 'v1=', 'v1=0,v2=0', 'v1=1,v1=2', 'v3=1', 'v1=1;v2=1', 'v1=1001', 'v1=-1', ',', '90:10'])
    test(`does not accept ${split} as shares`, () =>
      assert.equal(refusal(`verify --expect ${split}`).code, 'bad-expect'));
  for (const requests of ['0', '1001', '1.5', 'many', '-1', '1e2'])
    test(`does not send ${requests} requests`, () =>
      assert.equal(refusal(`verify --requests ${requests}`).code, 'bad-requests'));
  test('deletes nothing without a name', () => assert.equal(refusal('delete').code, 'name-missing'));
  test('is shortened when it is quoted', () => assert.ok(refusal('x'.repeat(5000)).message.length < 200));
});

describe('words after the name of a demo', () => {
  test('say by how much it is extended', () => {
    assert.deepEqual(parse('extend team-a 4h'), { name: 'extend', demo: 'team-a', flags: { byMs: hours(4) } });
    assert.equal(refusal('extend team-a').code, 'word-missing');
    assert.match(refusal('extend team-a').hint ?? '', /`\/vcdemo extend <name> 4h`/);
    assert.equal(refusal('extend team-a 4h 5h').code, 'unexpected-argument');
    for (const time of ['soon', '0h', '4', '73h']) assert.equal(refusal(`extend team-a ${time}`).code, 'bad-value');
  });
  test('are no name in a thread, where the name may be left out', () => {
    const ofThread = (name: string, flags: object) => ({ name, demo: 'demo', ofThread: true, flags });
    assert.deepEqual(parseInThread('extend 4h'), ofThread('extend', { byMs: hours(4) }));
    assert.deepEqual(parseInThread('logs istiod vc1'), ofThread('logs', { part: 'istiod', cluster: 'vc1' }));
    assert.deepEqual(parseInThread('logs VC1'), ofThread('logs', { cluster: 'vc1' }));
    assert.throws(() => parseInThread('extend 400d'), /The longest time allowed here is 3d/);
    assert.deepEqual(parseInThread('extend team-a 4h'), { name: 'extend', demo: 'team-a', flags: { byMs: hours(4) } });
    assert.deepEqual(parseInThread('logs team-a'), { name: 'logs', demo: 'team-a', flags: {} });
    assert.throws(() => parseInThread('verify Team-A'), /cannot be the name of a demo/);
    assert.equal(parse('logs istiod').demo, 'istiod');
  });
});

describe('a share', () => {
  test('names a person, a user group or a channel, anywhere', () => {
    for (const [mention, audience] of [
      ['<@U123|bob>', 'U123'],
      ['<!subteam^S123|@ops>', 'S123'],
      ['<#C123|demos>', 'C123'],
    ] as const)
      for (const text of [`share team-a ${mention}`, `share ${mention} team-a`])
        assert.deepEqual(parse(text), { name: 'share', demo: 'team-a', audience, flags: {} });
    assert.deepEqual(parse('share team-a <@U123> --stop').flags, { stop: true });
  });
  test('is refused without somebody, with several, or with a name that Slack did not recognise', () => {
    assert.equal(refusal('share team-a').code, 'person-missing');
    assert.equal(refusal('share team-a <@U1> <@U2>').code, 'several-people');
    assert.match(refusal('share team-a #demos').message, /pick it from the list that opens when you type #/);
    assert.equal(refusal('share team-a <@U1> --stop=no').code, 'flag-value-unexpected');
    assert.match(refusal(`share team-a <@U${'A'.repeat(40)}>`).message, /did not recognise/);
  });
  test('differs from a transfer, which takes a person only', () => {
    assert.deepEqual(parse('transfer team-a <@U1>'), { name: 'transfer', demo: 'team-a', person: 'U1', flags: {} });
    assert.equal(refusal('transfer team-a').code, 'person-missing');
    assert.equal(refusal('transfer team-a <!subteam^S1>').code, 'person-missing');
  });
});

describe('the logs', () => {
  test('can be limited to a part, a virtual cluster or both', () => {
    assert.deepEqual(parse('logs team-a').flags, {});
    assert.deepEqual(parse('logs team-a istiod').flags, { part: 'istiod' });
    assert.deepEqual(parse('logs team-a VC1').flags, { cluster: 'vc1' });
    assert.deepEqual(parse('logs team-a gateway vc2').flags, { part: 'gateway', cluster: 'vc2' });
    assert.deepEqual(parse('logs team-a vc2 gateway').flags, { part: 'gateway', cluster: 'vc2' });
  });
  test('of something else are refused with what was probably meant', () =>
    assert.match(refusal('logs team-a istio').message, /does not take "istio"\. Did you mean `istiod`/));
});

describe('a host cluster', () => {
  const clusters = ['eu', 'us'];
  test('can be named in any command if there are several', () => {
    assert.deepEqual(parse('create team-a --on us', clusters), { name: 'create', demo: 'team-a', on: 'us', flags: {} });
    assert.deepEqual(parse('list --on=eu', clusters), { name: 'list', on: 'eu', flags: {} });
    assert.deepEqual(parse('delete team-a --on us', clusters), { name: 'delete', demo: 'team-a', on: 'us', flags: {} });
  });
  test('is refused with a list of the existing ones if it does not exist', () => {
    const { message, hint } = refusal('create --on eux', clusters);
    assert.match(message, /no host cluster "eux", only eu, us\. Did you mean `eu`/);
    assert.match(hint ?? '', /--on eu\|us/);
  });
  test('cannot be chosen if there is only one', () =>
    assert.match(refusal('create --on eu').message, /only one host cluster/));
});
