/** How often or how much, as people write it: `10/s`, `100/h`, `50MB/s`. */
export interface Rate {
  /** Requests, or bytes of bodies. */
  readonly of: 'requests' | 'bytes'
  readonly amount: number
  readonly perMs: number
}

const PER = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const
const RATE = /^(\d{1,9})(B|KB|MB|GB|KiB|MiB|GiB)?\/(s|m|h|d)$/

/** Undefined when the text is none. */
export function findRate(text: string): Rate | undefined {
  const [, number, unit, per] = RATE.exec(text) ?? []
  const count = Number(number)
  if (number === undefined || count === 0) return undefined
  const perMs = PER[per as keyof typeof PER]
  if (unit === undefined) return { of: 'requests', amount: count, perMs }
  return { of: 'bytes', amount: count * BYTES[unit as keyof typeof BYTES], perMs }
}
