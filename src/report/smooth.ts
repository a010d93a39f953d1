/**
 * The trend of a noisy curve: locally weighted linear regression with tricube weights. Unlike a running
 * average it does not lag behind a falling loss and does not bend at the ends.
 * Source: Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots", JASA 74 (1979); one pass.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Smoothing {
  /** How far the neighbourhood reaches to each side, as a share of all points. Default 0.04. */
  readonly span?: number;
  /**
   * Reach less far near the start (an eighth of what came before), where a loss falls too steeply for a
   * straight line. Default false.
   */
  readonly steepStart?: boolean;
}

/** `points` by rising x; the same x come back. */
export function smooth(
  points: readonly Point[],
  { span = 0.04, steepStart = false }: Smoothing = {},
): readonly Point[] {
  const reach = Math.max(1, Math.round(points.length * span));
  return points.map(({ x }, index) => {
    const side = steepStart ? Math.min(reach, Math.max(1, Math.round(index / 8))) : reach;
    const neighbours = points.slice(Math.max(0, index - side), index + side + 1);
    return { x, y: fitAt(x, neighbours) };
  });
}

function fitAt(x: number, neighbours: readonly Point[]): number {
  const farthest = Math.max(...neighbours.map((point) => Math.abs(point.x - x)));
  let weight = 0;
  let offset = 0;
  let value = 0;
  let offsetSquared = 0;
  let offsetValue = 0;
  for (const point of neighbours) {
    const distance = point.x - x;
    // Slightly past the farthest point, so that it still counts.
    const relative = farthest === 0 ? 0 : Math.abs(distance) / (farthest * 1.01);
    const w = (1 - relative ** 3) ** 3;
    weight += w;
    offset += w * distance;
    value += w * point.y;
    offsetSquared += w * distance * distance;
    offsetValue += w * distance * point.y;
  }
  const determinant = weight * offsetSquared - offset * offset;
  // All neighbours at one x: their weighted mean.
  if (determinant <= 1e-12 * weight * offsetSquared) return value / weight;
  return (offsetSquared * value - offset * offsetValue) / determinant;
}
