/** A rate, given out in slices: which part of the time line a number of units takes. Pure; the same for one process and for many. */

export interface Spread {
  readonly perMs: number
  /** Units that may go at once after a silence. */
  readonly burst: number
}

/**
 * The next `units` behind those that were given out up to `untilMs`: the unit at position i may go once its time, `fromMs + i / perMs`, has
 * come.
 * @param untilMs undefined: none was given out lately
 */
export function sliceOf(
  untilMs: number | undefined,
  { perMs, burst }: Spread,
  { units, nowMs }: { readonly units: number; readonly nowMs: number },
): { readonly fromMs: number; readonly untilMs: number } {
  // A clock that was set back by more than what may ever be given out ahead would stop everything.
  const fromMs = Math.max(untilMs ?? Number.NEGATIVE_INFINITY, nowMs - burst / perMs)
  return { fromMs, untilMs: fromMs + units / perMs }
}
