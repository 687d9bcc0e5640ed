/**
 * The result of the work, unless it takes too long; then `isLate` tells it to stop. A plain timer, because an
 * AbortSignal for each command costs more than the rest of it.
 */
export async function within<Result>(
  timeoutMs: number,
  work: (isLate: () => boolean) => Promise<Result>,
): Promise<Result> {
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new NoAnswer());
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(() => late), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

export class NoAnswer extends Error {
  override readonly message = 'it does not answer';
}
