import { aclRules, redisRoles } from '../src/redis/permissions.js';

/** The users for bot, workers and KEDA, as lines of a Redis ACL file. */
export function redisAcl(): string {
  const lines = redisRoles.map((role) => `user vcdemo-${role} on >PASSWORD ${aclRules(role).join(' ')}`);
  return `\`\`\`\n${lines.join('\n')}\n\`\`\``;
}
