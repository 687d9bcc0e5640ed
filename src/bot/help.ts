import { commandNames, commands, usageOf, type CommandName } from '../commands/table.js';
import { joinMrkdwn, mrkdwn, plain } from '../mrkdwn.js';
import { messageOfParagraphs, type SlackMessage } from '../slack-message.js';
import { capitalised } from '../text.js';

/** All commands, or one of them with its example, from the table of commands. */
export function helpReply(clusters: readonly string[], topic?: CommandName): SlackMessage {
  if (topic !== undefined) {
    const { summary, example } = commands[topic];
    return messageOfParagraphs([
      mrkdwn`*${code(usageOf(topic, clusters))}*\n${capitalised(summary)}.`,
      mrkdwn`For example ${code(example)}`,
    ]);
  }
  const lines = commandNames.map((name) => mrkdwn`• ${code(usageOf(name, clusters))}: ${commands[name].summary}`);
  const reply = messageOfParagraphs([
    mrkdwn`*Demos: two virtual clusters joined by one Istio mesh*`,
    joinMrkdwn(lines, '\n'),
  ]);
  return { ...reply, text: plain(mrkdwn`Commands: ${commandNames.join(', ')}`) };
}

const code = (commandLine: string) => mrkdwn`\`/vcdemo ${commandLine}\``;
