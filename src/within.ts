/**
 * The result of the work, or NoAnswer if it takes too long; `isLate` then tells the work to stop. It uses a plain timer
 * because an AbortSignal for each command would cost more than everything else here.
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
