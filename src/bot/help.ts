import { escapeMrkdwn } from '../slack-text.js';
import { commands, type CommandName } from './commands.js';
import { replyOf, type Reply } from './reply.js';

/** Every command, or one with its example, from the table of commands. */
export function helpReply(topic?: CommandName): Reply {
  if (topic !== undefined) {
    const { usage, summary, example } = commands[topic];
    return replyOf([`*${code(usage)}*\n${escapeMrkdwn(capitalised(summary))}.`, `For example ${code(example)}`]);
  }
  const lines = Object.values(commands).map(({ usage, summary }) => `• ${code(usage)}: ${escapeMrkdwn(summary)}`);
  const reply = replyOf(['*Demos of two virtual clusters with one Istio mesh*', lines.join('\n')]);
  return { ...reply, text: `Commands: ${Object.keys(commands).join(', ')}` };
}

const code = (commandLine: string) => `\`/vcdemo ${escapeMrkdwn(commandLine)}\``;
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
