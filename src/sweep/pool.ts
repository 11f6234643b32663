/** Runs tasks in order, at most `jobs` at a time; stops taking new ones once `closed` says so. */
export async function pool<T>(
  items: readonly T[],
  jobs: number,
  closed: () => boolean,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      if (closed()) return;
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker));
}
