/** Sizes that others claim add up to more than a number holds exactly; what is shown stops at the last one that readers accept. */
export function saturate(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER)
}
