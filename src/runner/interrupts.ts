/** Turns SIGINT and SIGTERM into abort signals: the first asks for a gentle stop, the second for an immediate one. */
export interface Interrupts {
  readonly signal: AbortSignal;
  readonly killSignal: AbortSignal;
  /** Gives the signals back to Node's defaults. */
  readonly dispose: () => void;
}

/** `onInterrupt` is told which one came, so that a terminal can say what happens next. */
export function listenForInterrupts(onInterrupt?: (which: "first" | "second") => void): Interrupts {
  const gentle = new AbortController();
  const immediate = new AbortController();
  const handle = (): void => {
    const which = gentle.signal.aborted ? "second" : "first";
    (which === "first" ? gentle : immediate).abort();
    onInterrupt?.(which);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    signal: gentle.signal,
    killSignal: immediate.signal,
    dispose: () => {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
