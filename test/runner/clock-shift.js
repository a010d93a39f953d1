/**
 * Preloaded (`--import`) into a real runner and its stages: the clock is CLOCK_SHIFT milliseconds off, as after somebody
 * set it. File times stay those of the kernel, so to the program they come from the future or from long ago. With
 * CLOCK_FALLS it is set back by that much more at each look: between any two looks.
 */
/* eslint-disable @typescript-eslint/no-unsafe-return -- it passes on what a Date has, of whatever type */
let shiftMs = Number(process.env["CLOCK_SHIFT"] ?? "0");
const fallsMs = Number(process.env["CLOCK_FALLS"] ?? "0");
const RealDate = Date;
const now = () => RealDate.now() + (shiftMs -= fallsMs);

globalThis.Date = /** @type {DateConstructor} */ (
  new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      /** @type {object} */ (Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget)),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : /** @type {unknown} */ (Reflect.get(target, name))),
  })
);
