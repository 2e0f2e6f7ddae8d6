/** Time as a value that tests can hold still. */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }

/** ISO 8601 in UTC, as every time column and every answer has it. */
export function isoTime(date: Date): string {
  return date.toISOString()
}
