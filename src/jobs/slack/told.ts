import type { Slack } from './slack.js';

/** Wraps Slack to record whether anything was said: no job may end without a message. */
export function watchTelling(slack: Slack): { slack: Slack; hasTold: () => boolean; passOn: () => void } {
  let told = false;
  const noting =
    <Args extends unknown[], Result>(say: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const result = await say(...args);
      told = true;
      return result;
    };
  const { post, update, reply, whisper, shareFile, sendFile, publishHome } = slack;
  return {
    slack: {
      ...slack,
      post: noting(post),
      update: noting(update),
      reply: noting(reply),
      whisper: noting(whisper),
      shareFile: noting(shareFile),
      sendFile: noting(sendFile),
      publishHome: noting(publishHome),
    },
    hasTold: () => told,
    /** A worker of another host cluster will say it instead. */
    passOn: () => void (told = true),
  };
}
