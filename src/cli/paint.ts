/** Colour, decided once per stream. Text is laid out first and painted last, so widths never see escape codes. */
import { styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Paint = (style: Style, text: string) => string;

export const noPaint: Paint = (_style, text) => text;

/** The stream is not asked again (`validateStream`): the caller has decided. */
export const ansiPaint: Paint = (style, text) =>
  text === "" ? "" : styleText(style, text, { validateStream: false });

/**
 * `--no-color` and NO_COLOR (https://no-color.org: present and not empty) switch colour off, FORCE_COLOR
 * switches it on, otherwise a terminal has it and a pipe has not.
 */
export function choosePaint(options: {
  readonly isTty: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly noColorFlag: boolean;
}): Paint {
  const { NO_COLOR = "", FORCE_COLOR, TERM } = options.env;
  if (options.noColorFlag || NO_COLOR !== "") return noPaint;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR === "0" || FORCE_COLOR === "false" ? noPaint : ansiPaint;
  return options.isTty && TERM !== "dumb" ? ansiPaint : noPaint;
}
