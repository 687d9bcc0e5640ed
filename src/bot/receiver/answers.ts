/** What a request was answered with. */
export interface Answer {
  status: number;
  /** A text, or an object that is sent as JSON; nothing, if not given. */
  body?: string | object | undefined;
}

/** More than Slack sends a bot in the ten minutes for which a signature may hold. */
const mostRemembered = 2_000;

/** Answers by the signature of their requests, so that a request that is sent again is not carried out again. */
export interface AnswerMemory {
  /** What `answer` gives, or gave when the same signature was met first; until `until`, in milliseconds. */
  once(signature: string, until: number, answer: () => Promise<Answer>): Promise<Answer>;
}

export function createAnswerMemory(limit: number = mostRemembered): AnswerMemory {
  const remembered = new Map<string, { answer: Promise<Answer>; until: number }>();
  return {
    once(signature, until, answer) {
      const known = remembered.get(signature);
      if (known !== undefined) return known.answer;
      // The first was remembered first, so that those that are over gather in front.
      for (const [oldest, entry] of remembered) {
        if (entry.until > Date.now() && remembered.size < limit) break;
        remembered.delete(oldest);
      }
      const given = answer();
      remembered.set(signature, { answer: given, until });
      return given;
    },
  };
}
