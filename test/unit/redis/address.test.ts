import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { redisOptions, redisUrlProblem } from '../../../src/redis/address.js';

describe('the address of a Redis', () => {
  it('can name a server, with user, password and database', () => {
    assert.deepEqual(redisOptions({ REDIS_URL: 'redis://u%40x:p%2Fw@[::1]:6380/2' }), {
      host: '::1',
      port: 6380,
      username: 'u@x',
      password: 'p/w',
      db: 2,
    });
  });

  it('can name sentinels and the group that they watch', () => {
    const REDIS_URL = 'redis+sentinel://u:p@s1.example.com:26380,s2,[fd00::1]:26379/demos/1';
    const options = redisOptions({ REDIS_URL, REDIS_SENTINEL_PASSWORD: 'sp', REDIS_SENTINEL_USERNAME: 'su' });
    assert.deepEqual(options, {
      sentinels: [
        { host: 's1.example.com', port: 26380 },
        { host: 's2', port: 26379 },
        { host: 'fd00::1', port: 26379 },
      ],
      name: 'demos',
      username: 'u',
      password: 'p',
      db: 1,
      sentinelUsername: 'su',
      sentinelPassword: 'sp',
    });
  });

  it('uses TLS to servers and sentinels if it says so, with its own CAs', () => {
    assert.deepEqual(redisOptions({ REDIS_URL: 'rediss://r', REDIS_CA: 'pem' }).tls, { ca: 'pem' });
    const { tls, sentinelTLS, enableTLSForSentinelMode } = redisOptions({ REDIS_URL: 'rediss+sentinel://s/m' });
    assert.deepEqual([tls, sentinelTLS, enableTLSForSentinelMode], [{}, {}, true]);
    assert.equal(redisOptions({ REDIS_URL: 'redis://r' }).tls, undefined);
  });

  for (const url of [
    'redis://r',
    'rediss://:p%25@r:6380/1',
    'redis://r/',
    'redis+sentinel://a,b:1/m',
    'rediss+sentinel://:p@[::1]:1/m/3',
  ])
    it(`may be ${url}`, () => assert.equal(redisUrlProblem(url), undefined));
  for (const url of [
    'http://r',
    'r:6379',
    'redis://',
    'redis+sentinel://a',
    'redis+sentinel:///m',
    'redis+sentinel://a b/m',
    'redis+sentinel://a:65536/m',
    'redis://r/jobs',
  ])
    it(`may not be ${url}`, () => assert.match(redisUrlProblem(url) ?? '', /^expected redis:/));
  for (const url of ['redis://:50%off@r', 'redis+sentinel://:50%off@r/m', 'redis+sentinel://r/m%zz'])
    it(`may not have a lone %, as in ${url}`, () => assert.match(redisUrlProblem(url) ?? '', /write it as %25/));
});
