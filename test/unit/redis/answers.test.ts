import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReplyError } from 'ioredis';
import { isOutage, isStaleServer, refusalOf } from '../../../src/redis/answers.js';

const answer = (text: string): Error => new ReplyError(text) as Error;

describe('an answer of Redis', () => {
  for (const text of [
    'LOADING Redis is loading the dataset in memory',
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "READONLY You can't write against a read only replica.",
    "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica.",
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'NOREPLICAS Not enough good replicas to write.',
  ])
    it(`"${text}" is an outage that a new connection may end`, () => {
      assert.ok(isOutage(answer(text)) && isStaleServer(answer(text)));
      assert.equal(refusalOf(answer(text)), undefined);
    });

  it('that says it is busy is an outage of this connection', () => {
    const busy = answer('BUSY Redis is busy running a script.');
    assert.deepEqual([isOutage(busy), isStaleServer(busy)], [true, false]);
  });

  for (const [text, remedy] of [
    ['NOAUTH Authentication required.', /password in REDIS_URL/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /password in REDIS_URL/],
    ["NOPERM User x has no permissions to run the 'info' command", /Permissions in Redis/],
    ["ERR The user executing the script can't run this command or subcommand", /Permissions in Redis/],
    ["OOM command not allowed when used memory > 'maxmemory'.", /maxmemory/],
    ['MISCONF Redis is configured to save RDB snapshots, but it is unable to persist on disk.', /disk/],
    ['MOVED 3999 127.0.0.1:6381', /cluster mode/],
    ['ASK 3999 127.0.0.1:6381', /cluster mode/],
    ['ERR DB index is out of range', /database at the end of REDIS_URL/],
    ["CROSSSLOT Keys in request don't hash to the same slot", /cluster mode/],
    ['ERR max number of clients reached', /maxclients/],
    ['ERR max number of clients + cluster connections reached', /maxclients/],
    ['DENIED Redis is running in protected mode', /Set a password/],
    ["ERR unknown command 'HELLO'", /Redis 5 or later/],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', /something else has written.*bull:/i],
    ['CLUSTERDOWN The cluster is down', /not in cluster mode/],
    ['ERR something else', /Check the Redis server/],
  ] as const)
    it(`"${text}" is a refusal with a remedy`, () => {
      const refusal = refusalOf(answer(text));
      assert.ok(refusal?.message.includes(text));
      assert.match(refusal?.hint ?? '', remedy);
      assert.ok(!isOutage(answer(text)));
    });
});

describe('an error of the connection', () => {
  it('is an outage', () => {
    for (const error of [
      Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' }),
      new Error('Connection is closed.'),
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    ])
      assert.ok(isOutage(error), error.message);
  });

  for (const [code, remedy] of [
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /Set REDIS_CA/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /Set REDIS_CA/],
    ['CERT_HAS_EXPIRED', /Renew the certificate of Redis/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /name in REDIS_URL that is in the certificate/],
  ] as const)
    it(`caused by a certificate is a refusal with a remedy (${code})`, () => {
      const error = Object.assign(new Error('it is not accepted'), { code });
      assert.match(refusalOf(error)?.message ?? '', /certificate of the job queue \(Redis\) is not accepted/);
      assert.match(refusalOf(error)?.hint ?? '', remedy);
    });
});

describe('something that answers but cannot be used is a refusal with a remedy:', () => {
  const openssl = (reason: string) =>
    `80DC6A58:error:0A00045C:SSL routines:ssl3_read_bytes:${reason}:rec_layer_s3.c:1601:\n`;
  for (const [what, code, message, says, remedy] of [
    [
      'a Redis that requires client certificates',
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      openssl('tlsv13 alert certificate required'),
      /requires a client certificate\.$/,
      /tls-auth-clients no/,
    ],
    [
      'a Redis with other versions of TLS',
      'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
      openssl('sslv3 alert handshake failure'),
      /accepts no TLS version or cipher/,
      /tls-protocols/,
    ],
    ['a server without TLS', 'ERR_SSL_WRONG_VERSION_NUMBER', 'x', /does not speak TLS\.$/, /Use redis:/],
    ['a web server', '', 'Unknown RESP type 72 "H". Please report this.', /other than Redis/, /host and port/],
    [
      'a web server in place of a sentinel',
      '',
      'failed to connect to sentinel 127.0.0.1:1 because Unknown RESP type 72 "H". Please report this.',
      /other than Redis/,
      /host and port/,
    ],
    [
      'a server in place of a sentinel',
      '',
      "failed to connect to sentinel 127.0.0.1:1 because ERR unknown command 'sentinel', with args",
      /unknown command 'sentinel'/,
      /names a server as a sentinel/,
    ],
    [
      'a sentinel with the certificate of another CA',
      '',
      'failed to connect to sentinel 127.0.0.1:1 because self-signed certificate in certificate chain',
      /certificate of the job queue/,
      /Set REDIS_CA/,
    ],
    [
      'a sentinel with another name',
      '',
      "failed to connect to sentinel s:1 because Hostname/IP does not match certificate's altnames: Host: s.",
      /certificate of the job queue/,
      /Use a name in REDIS_URL/,
    ],
  ] as const)
    it(what, () => {
      const error = Object.assign(new Error(message), code && { code });
      assert.match(refusalOf(error)?.message ?? '', says);
      assert.match(refusalOf(error)?.hint ?? '', remedy);
      assert.ok(!isOutage(error));
    });
});

it('a defect in the code is neither an outage nor a refusal', () => {
  const mistake = new TypeError('x is not a function');
  assert.deepEqual([isOutage(mistake), refusalOf(mistake)], [false, undefined]);
});

it('what BullMQ says of a job, such as that its lock is lost, is neither an outage nor a refusal', () => {
  const lost = Object.assign(new Error('Missing lock for job one. moveToFinished'), { code: -2 });
  assert.deepEqual([isOutage(lost), refusalOf(lost)], [false, undefined]);
});
