import { escapeMrkdwn } from '../slack-text.js';
import { commands, usageOf, type CommandName } from './commands.js';
import { replyOf, type Reply } from './reply.js';

/** Every command, or one with its example, from the table of commands. */
export function helpReply(clusters: readonly string[], topic?: CommandName): Reply {
  if (topic !== undefined) {
    const { summary, example } = commands[topic];
    return replyOf([
      `*${code(usageOf(topic, clusters))}*\n${escapeMrkdwn(capitalised(summary))}.`,
      `For example ${code(example)}`,
    ]);
  }
  const names = Object.keys(commands) as CommandName[];
  const lines = names.map((name) => `• ${code(usageOf(name, clusters))}: ${escapeMrkdwn(commands[name].summary)}`);
  const reply = replyOf(['*Demos of two virtual clusters with one Istio mesh*', lines.join('\n')]);
  return { ...reply, text: `Commands: ${names.join(', ')}` };
}

const code = (commandLine: string) => `\`/vcdemo ${escapeMrkdwn(commandLine)}\``;
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
