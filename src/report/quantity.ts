/** Figures as a person reads them: counts, bytes, durations. English notation, no locale of the machine. */

/** `1234567` → `1,234,567`, as `Intl.NumberFormat("en-US")` writes it, whose loading takes longer than planning a run. */
export const formatCount = (value: number): string => value.toFixed(0).replace(/\B(?=(?:\d{3})+$)/g, ",");

const scales = [
  { from: 1e12, divisor: 1e12, suffix: "T" },
  { from: 1e9, divisor: 1e9, suffix: "B" },
  { from: 1e6, divisor: 1e6, suffix: "M" },
  { from: 1e3, divisor: 1e3, suffix: "k" },
] as const;

/** Three significant digits with a suffix: `117723456` → `118M`, `10512` → `10.5k`, `999999` → `1M`. */
export function formatCompact(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude < 999.5) return formatFigure(value);
  // 999,500 and more would print as 1000k: the next scale takes over where rounding reaches it.
  const scale = scales.find(({ from }) => magnitude >= from * 0.9995) ?? scales[3];
  return `${String(Number((value / scale.divisor).toPrecision(3)))}${scale.suffix}`;
}

/** Four significant digits, exponents only where a plain number would be unreadable: `0.0012`, `3.412`, `1e-6`. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const rounded = Number(value.toPrecision(4));
  const magnitude = Math.abs(rounded);
  if (rounded !== 0 && (magnitude < 1e-4 || magnitude >= 1e7)) {
    const [mantissa, exponent] = value.toExponential(2).split("e");
    return `${String(Number(mantissa))}e${String(Number(exponent))}`;
  }
  return Number.isInteger(rounded) ? formatCount(rounded) : String(rounded);
}

/** SI units, as disks and downloads are sold: `35200000` → `35.2 MB`. */
export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 999.5) return `${formatCount(bytes)} B`;
  const scale = scales.find(({ from }) => Math.abs(bytes) >= from * 0.9995) ?? scales[3];
  const suffix = { T: "TB", B: "GB", M: "MB", k: "kB" }[scale.suffix];
  return `${String(Number((bytes / scale.divisor).toPrecision(3)))} ${suffix}`;
}

/** Floating-point operations a second: `78200000000` → `78.2 GFLOP/s`. */
export function formatFlops(perSecond: number): string {
  const [, figure = "", suffix = ""] = /^(.*?)([TBMk]?)$/.exec(formatCompact(perSecond)) ?? [];
  return `${figure} ${suffix === "B" ? "G" : suffix}FLOP/s`;
}

/** `12` → `12 ms`, `420` → `0.4 s`, `83000` → `1 min 23 s`, `5400000` → `1 h 30 min`, `180000000` → `2 d 2 h`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds > 0 && seconds < 0.0995) return `${Math.max(1, Math.round(milliseconds))} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1 stage`, `2 stages`. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
