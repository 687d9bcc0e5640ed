import { minutes } from '../duration.js';
import { Refusal } from '../errors.js';

const mostPeople = 10_000;

/**
 * Counts the commands of each person over the last minute, in this process.
 * @throws Refusal `too-many-commands`
 */
export function createRateLimit(perMinute: number, now: () => number = Date.now) {
  const given = new Map<string, number[]>();
  return (userId: string): void => {
    const since = now() - minutes(1);
    const recent = (given.get(userId) ?? []).filter((at) => at > since);
    given.delete(userId);
    given.set(userId, recent);
    const [longestSilent = userId] = given.keys();
    if (given.size > mostPeople) given.delete(longestSilent);
    const [oldest] = recent;
    if (oldest !== undefined && recent.length >= perMinute) {
      const waitSeconds = Math.ceil((oldest - since) / 1000);
      throw new Refusal(
        'too-many-commands',
        `You have sent ${perMinute} commands in the last minute, which is the limit.`,
        {
          hint: `Try again in ${waitSeconds} s.`,
        },
      );
    }
    recent.push(now());
  };
}
