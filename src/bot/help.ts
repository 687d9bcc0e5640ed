import { commandNames, commands, usageOf, type CommandName } from '../commands/table.js';
import { escapeMrkdwn, messageOfParagraphs, type SlackMessage } from '../slack-message.js';

/** All commands, or one of them with its example, from the table of commands. */
export function helpReply(clusters: readonly string[], topic?: CommandName): SlackMessage {
  if (topic !== undefined) {
    const { summary, example } = commands[topic];
    return messageOfParagraphs([
      `*${code(usageOf(topic, clusters))}*\n${escapeMrkdwn(capitalised(summary))}.`,
      `For example ${code(example)}`,
    ]);
  }
  const lines = commandNames.map(
    (name) => `• ${code(usageOf(name, clusters))}: ${escapeMrkdwn(commands[name].summary)}`,
  );
  const reply = messageOfParagraphs(['*Demos: two virtual clusters joined by one Istio mesh*', lines.join('\n')]);
  return { ...reply, text: `Commands: ${commandNames.join(', ')}` };
}

const code = (commandLine: string) => `\`/vcdemo ${escapeMrkdwn(commandLine)}\``;
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
