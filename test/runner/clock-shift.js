/**
 * Preloaded (`--import`) into a real runner and its stages: the clock is CLOCK_SHIFT milliseconds off, as after somebody
 * set it. File times stay those of the kernel, so to the program they come from the future or from long ago.
 */
/* eslint-disable @typescript-eslint/no-unsafe-return -- it passes on what a Date has, of whatever type */
const shiftMs = Number(process.env["CLOCK_SHIFT"] ?? "0");
const RealDate = Date;

globalThis.Date = /** @type {DateConstructor} */ (
  new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      /** @type {object} */ (
        Reflect.construct(target, args.length === 0 ? [RealDate.now() + shiftMs] : args, newTarget)
      ),
    apply: () => new RealDate(RealDate.now() + shiftMs).toString(),
    get: (target, name) =>
      name === "now" ? () => RealDate.now() + shiftMs : /** @type {unknown} */ (Reflect.get(target, name)),
  })
);
