/** What a registry has said of how often it may be asked: its pauses and what is left of its allowances. */
import { type Allowance, allowanceOf } from './rate-headers.ts'

export interface LearnedPause {
  /** What it is about: see `registry-windows.ts`. */
  readonly kind: string
  readonly untilMs: number
  readonly reason: string
}

export interface LearnedAllowance extends Allowance {
  readonly kind: string
  readonly atMs: number
  /** Since when its window is counted; a rolling one is renewed one window later at the latest. */
  readonly sinceMs: number
}

/** Plain data, as it is kept. */
export interface Learned {
  readonly pauses: readonly LearnedPause[]
  readonly allowances: readonly LearnedAllowance[]
}

/** Keeps what was learned over restarts, by account (see `accountKey`). Neither throws. */
export interface LearnedStore {
  load(account: string): Promise<Learned | undefined>
  save(account: string, learned: Learned): void
}

/** Allowances change with each request: they are kept this often. */
const SAVE_EVERY_MS = 10_000
/** A hostile registry names no more kinds than there are, but pauses of before this are of no use to anybody. */
const MAX_KINDS = 20

export interface BudgetMemory {
  /** Reads what was kept, once. */
  ready(): Promise<void>
  pause(pause: LearnedPause): void
  endPause(kind: string): void
  /** From the headers of an answer to a request that counts as `kind`. @param redact takes secrets out of what is kept */
  see(kind: string, headers: Headers, redact: (text: string) => string): void
  /** When requests of one of these kinds may go on; 0: now. */
  pausedUntilMs(kinds: readonly string[]): number
  present(): Learned
}

export function createBudgetMemory(
  account: string,
  { nowMs, store }: { readonly nowMs: () => number; readonly store: LearnedStore | undefined },
): BudgetMemory {
  const pauses = new Map<string, LearnedPause>()
  const allowances = new Map<string, LearnedAllowance>()
  let savedMs = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined

  const present = (): Learned => ({
    pauses: [...pauses.values()].filter(({ untilMs }) => untilMs > nowMs()),
    allowances: [...allowances.values()].filter((one) => (renewedMs(one) ?? Number.POSITIVE_INFINITY) > nowMs()),
  })
  const save = () => {
    savedMs = nowMs()
    store?.save(account, present())
  }
  const add = (pause: LearnedPause) => {
    const before = pauses.get(pause.kind)
    if (before !== undefined && before.untilMs >= pause.untilMs) return
    if (before === undefined && pauses.size >= MAX_KINDS) return
    pauses.set(pause.kind, pause)
  }
  return {
    ready() {
      loading ??= Promise.resolve(store?.load(account)).then((kept) => {
        for (const pause of kept?.pauses ?? []) add(pause)
        for (const one of kept?.allowances ?? []) if (!allowances.has(one.kind)) allowances.set(one.kind, one)
      })
      return loading
    },
    pause(pause) {
      add(pause)
      save()
    },
    endPause(kind) {
      if (pauses.delete(kind)) save()
    },
    see(kind, headers, redact) {
      const told = allowanceOf(headers, nowMs())
      if (told === undefined) return
      const before = allowances.get(kind)
      // More is left than before: a new window, or a part of a rolling one has come back.
      const isSame = before !== undefined && told.remaining <= before.remaining && (renewedMs(before) ?? 0) > nowMs()
      const source = told.source === undefined ? undefined : redact(told.source)
      allowances.set(kind, { ...told, source, kind, atMs: nowMs(), sinceMs: isSame ? before.sinceMs : nowMs() })
      if (nowMs() - savedMs >= SAVE_EVERY_MS) save()
    },
    pausedUntilMs(kinds) {
      const untils = kinds.map((kind) => pauses.get(kind)?.untilMs ?? 0)
      return Math.max(0, ...untils)
    },
    present,
  }
}

/** When an allowance is whole again, as far as it is known. */
export function renewedMs({ resetMs, windowMs, sinceMs }: LearnedAllowance): number | undefined {
  return resetMs ?? (windowMs === undefined ? undefined : sinceMs + windowMs)
}
