/** Several requests at once, with a limit. */
import PQueue from "p-queue";

const AT_ONCE = 4;

/** Answers in order. After the first failure nothing new starts, and what runs is waited for. */
export async function concurrently<Item, Answer>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  const answers = items.map((item) =>
    queue.add(() => {
      signal.throwIfAborted();
      return work(item);
    }),
  );
  try {
    return await Promise.all(answers);
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    throw error;
  }
}
