import { commandNames, commands, usageOf, type CommandName, type HelpTopic } from '../commands/table.js';
import { helpTopics, isTopic, type Topic } from '../commands/topics.js';
import { joinMrkdwn, mrkdwn, plain, type Mrkdwn } from '../mrkdwn.js';
import { buttons, messageOfParagraphs, type CommandButton, type SlackMessage } from '../slack-message.js';
import { capitalised } from '../text.js';
import { keysOf } from '../records.js';

/** All commands by topic, those of one topic, or one of them with its example, from the table of commands. */
export function helpReply(clusters: readonly string[], topic?: HelpTopic): SlackMessage {
  if (topic === undefined) return overview(clusters);
  return isTopic(topic) ? topicReply(topic, clusters) : commandReply(topic, clusters);
}

function overview(clusters: readonly string[]): SlackMessage {
  const topics = topicNames().map((topic) => topicText(topic, clusters));
  const reply = messageOfParagraphs(
    [mrkdwn`*Demos: two virtual clusters joined by one Istio mesh*`, ...topics],
    mrkdwn`${code('')} on its own opens a form; \`@vcdemo verify\` in the thread of a demo's card verifies that demo; ${code('help create')} explains one command.`,
  );
  const create: CommandButton = { label: 'Create a demo', value: 'create', action: 'form', style: 'primary' };
  return {
    text: plain(mrkdwn`Commands: ${commandNames.join(', ')}`),
    blocks: [...reply.blocks, buttons([create, ...topicNames().map(topicButton)])],
  };
}

const topicNames = (): Topic[] =>
  keysOf(helpTopics).filter((topic) => commandNames.some((name) => commands[name].topic === topic));

const topicButton = (topic: Topic): CommandButton => ({ label: capitalised(topic), value: `help ${topic}` });

function topicText(topic: Topic, clusters: readonly string[]): Mrkdwn {
  const names = commandNames.filter((name) => commands[name].topic === topic);
  const lines = names.map((name) => mrkdwn`• ${code(usageOf(name, clusters))}: ${commands[name].summary}`);
  return joinMrkdwn([mrkdwn`*${helpTopics[topic]}*`, ...lines], '\n');
}

function topicReply(topic: Topic, clusters: readonly string[]): SlackMessage {
  const examples = commandNames
    .filter((name) => commands[name].topic === topic)
    .map((name) => code(commands[name].example));
  return messageOfParagraphs([topicText(topic, clusters), mrkdwn`For example ${joinMrkdwn(examples, ', ')}`]);
}

function commandReply(name: CommandName, clusters: readonly string[]): SlackMessage {
  const { summary, example } = commands[name];
  return messageOfParagraphs([
    mrkdwn`*${code(usageOf(name, clusters))}*\n${capitalised(summary)}.`,
    mrkdwn`For example ${code(example)}`,
  ]);
}

const code = (commandLine: string) => mrkdwn`\`/vcdemo${commandLine && ` ${commandLine}`}\``;
