/** The answer to a request. */
export interface Answer {
  status: number;
  /** Text, or an object that is sent as JSON; empty if undefined. */
  body?: string | object | undefined;
}

/** More than Slack sends to a bot in the ten minutes for which a signature may be valid. */
const mostRemembered = 2_000;

/** Remembers answers by the signature of the request, so that a replayed request is not carried out again. */
interface AnswerMemory {
  /** The result of `answer`; until `until` (milliseconds) the same signature gets the same result again. */
  once(signature: string, until: number, answer: () => Promise<Answer>): Promise<Answer>;
}

export function createAnswerMemory(limit: number = mostRemembered): AnswerMemory {
  const remembered = new Map<string, { answer: Promise<Answer>; until: number }>();
  return {
    once(signature, until, answer) {
      const known = remembered.get(signature);
      if (known !== undefined) return known.answer;
      // Entries are in the order of their arrival, so the expired ones are in front.
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
