import { aclRules, redisRoles } from '../src/redis/permissions.js';

/** The users of bot, workers and KEDA, as lines of an ACL file of Redis. */
export function redisAcl(): string {
  const lines = redisRoles.map((role) => `user vcdemo-${role} on >PASSWORD ${aclRules(role).join(' ')}`);
  return `\`\`\`\n${lines.join('\n')}\n\`\`\``;
}
