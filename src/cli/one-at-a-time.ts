/** Does a piece of work on request, never twice at once; requests during the work make one more turn after it. */
export interface OneAtATime {
  request(): void;
  /** Resolves when nothing runs and nothing more is to come; requests that came before are dropped. */
  idle(): Promise<void>;
}

export function oneAtATime(work: () => Promise<void>): OneAtATime {
  let running: Promise<void> | undefined;
  let again = false;
  const turn = async (): Promise<void> => {
    do {
      again = false;
      await work();
      // `again` is set by requests that come while the work is being done.
    } while (again as boolean);
    running = undefined;
  };
  return {
    request() {
      if (running === undefined) running = turn();
      else again = true;
    },
    async idle() {
      again = false;
      await running;
    },
  };
}
