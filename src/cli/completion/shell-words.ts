/** Texts inside shell scripts, and the parts that the scripts of several shells share. */
import type { CommandEntry, Offer } from "./command-table.ts";

/** For POSIX shells. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** One line, as short as a menu needs it. */
export const menuText = (text: string): string => (text.split("\n")[0] ?? "").replace(/\s+/g, " ");

/** `@targets @files local slurm`: what begins with @ is looked up. */
const offerText = ({ kinds, choices, files }: Offer): string =>
  [...kinds.map((kind) => `@${kind}`), ...(files ? ["@files"] : []), ...choices].join(" ");

/**
 * Lines of a `case` that finds what may follow: `run|--force` for the value of an option, `diff|2` for the second
 * argument, `run|*` for all the others. An option that takes no value is not in it.
 */
export function offerCases(table: readonly CommandEntry[]): readonly string[] {
  return table.flatMap((entry) => {
    const { path, options, repeats } = entry;
    const values = options.flatMap(({ flag, value }) => (value ? [[`${path}|${flag}`, value] as const] : []));
    const places = entry.arguments.map((offer, index, all) => {
      const place = repeats && index === all.length - 1 ? "*" : String(index + 1);
      return [`${path}|${place}`, offer] as const;
    });
    return [...values, ...places].map(
      ([key, offer]) => `    ${quoted(key)}) _pipeline_found=${quoted(offerText(offer))} ;;`,
    );
  });
}
