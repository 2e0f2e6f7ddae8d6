/** What a registry has said of how often it may be asked: its pauses and what is left of its allowances. */
import { type Allowance, allowanceOf } from './rate-headers.ts'

export interface LearnedPause {
  /** What it is about: see `registry-windows.ts`. */
  readonly kind: string
  /** 0: it has ended before its time. */
  readonly untilMs: number
  readonly reason: string
  /** When it was said, or ended. */
  readonly atMs: number
}

export interface LearnedAllowance extends Allowance {
  readonly kind: string
  readonly atMs: number
  /** Since when its window is counted; a rolling one is renewed one window later at the latest. */
  readonly sinceMs: number
}

/** How many requests of a kind were found to be good to have under way (`request-window.ts`). */
export interface LearnedWindow {
  readonly kind: string
  readonly requests: number
  readonly atMs: number
}

/** Plain data, as it is kept. */
export interface Learned {
  readonly pauses: readonly LearnedPause[]
  readonly allowances: readonly LearnedAllowance[]
  /** Absent in what earlier versions kept. */
  readonly windows?: readonly LearnedWindow[]
}

/** Clocks of servers differ by a little. */
const SKEW_MS = 60_000
const NOTHING: Learned = { pauses: [], allowances: [], windows: [] }
/** A window that has changed by this part of itself is kept at once. */
const WINDOW_CHANGE = 0.25

/** Keeps what was learned, for restarts and other processes, by account (see `accountKey`): together with what is kept already. Neither throws. */
export interface LearnedStore {
  load(account: string): Promise<Learned | undefined>
  save(account: string, learned: Learned): void
}

/** Allowances change with each request: they are kept this often. */
const SAVE_EVERY_MS = 10_000
/** How often it is looked what other processes were told. */
const LOAD_EVERY_MS = 1_000
/** No pause is longer than this: an end of one says nothing after it. */
const LONGEST_MS = 24 * 60 * 60 * 1000
/** A hostile registry names no more kinds than there are, but pauses of before this are of no use to anybody. */
const MAX_KINDS = 20

export interface BudgetMemory {
  /** Resolves when what was kept has been read, a second ago at most. */
  ready(): Promise<void>
  pause(pause: Omit<LearnedPause, 'atMs'>): void
  endPause(kind: string): void
  /** From the headers of an answer to a request that counts as `kind`. @param redact takes secrets out of what is kept */
  see(kind: string, headers: Headers, redact: (text: string) => string): void
  keepWindow(window: LearnedWindow): void
  windowOf(kind: string): LearnedWindow | undefined
  /** When requests of one of these kinds may go on; 0: now. */
  pausedUntilMs(kinds: readonly string[]): number
  present(): Learned
}

export function createBudgetMemory(
  account: string,
  { nowMs, store }: { readonly nowMs: () => number; readonly store: LearnedStore | undefined },
): BudgetMemory {
  let learned = NOTHING
  let loadedMs = 0
  let savedMs = Number.NEGATIVE_INFINITY
  let loading: Promise<void> | undefined

  const present = (): Learned => {
    const { pauses, allowances, windows } = mergeLearned(learned, NOTHING, nowMs())
    return {
      windows: windows ?? [],
      pauses: pauses.filter(({ untilMs }) => untilMs > nowMs()),
      allowances: allowances.filter((one) => (renewedMs(one) ?? Number.POSITIVE_INFINITY) > nowMs()),
    }
  }
  const savedWindows = new Map<string, number>()
  const save = () => {
    savedMs = nowMs()
    for (const { kind, requests } of learned.windows ?? []) savedWindows.set(kind, requests)
    store?.save(account, learned)
  }
  const add = (more: Learned) => {
    learned = mergeLearned(learned, more, nowMs())
  }
  const load = async () => {
    loadedMs = nowMs()
    if (store === undefined) return
    const kept = await store.load(account)
    if (kept === undefined) return
    add(kept)
    // Once, or it would last from now on at each look.
    if (kept.pauses.some((one) => isAhead(one, nowMs()))) save()
  }
  const findPause = (kind: string) => {
    if (learned.pauses.some((one) => isAhead(one, nowMs()))) add(NOTHING)
    return learned.pauses.find((one) => one.kind === kind)
  }
  return {
    async ready() {
      if (loading === undefined || Math.abs(nowMs() - loadedMs) >= LOAD_EVERY_MS) loading = load()
      await loading
    },
    pause(pause) {
      add({ pauses: [{ ...pause, atMs: nowMs() }], allowances: [] })
      save()
    },
    endPause(kind) {
      const pause = findPause(kind)
      if (pause === undefined || pause.untilMs <= nowMs()) return
      add({ pauses: [{ ...pause, untilMs: 0, atMs: nowMs() }], allowances: [] })
      save()
    },
    see(kind, headers, redact) {
      const told = allowanceOf(headers, nowMs())
      if (told === undefined) return
      const before = learned.allowances.find((one) => one.kind === kind)
      // More is left than before: a new window, or a part of a rolling one has come back.
      const isSame = before !== undefined && told.remaining <= before.remaining && (renewedMs(before) ?? 0) > nowMs()
      const source = told.source === undefined ? undefined : redact(told.source)
      const seen = { ...told, source, kind, atMs: nowMs(), sinceMs: isSame ? before.sinceMs : nowMs() }
      add({ pauses: [], allowances: [seen] })
      if (Math.abs(nowMs() - savedMs) >= SAVE_EVERY_MS) save()
    },
    keepWindow(window) {
      const { kind, requests } = window
      add({ ...NOTHING, windows: [window] })
      const change = Math.abs(requests - (savedWindows.get(kind) ?? 0))
      const isDue = Math.abs(nowMs() - savedMs) >= SAVE_EVERY_MS
      if (isDue || change >= requests * WINDOW_CHANGE) save()
    },
    windowOf: (kind) => learned.windows?.find((one) => one.kind === kind),
    pausedUntilMs(kinds) {
      const untils = kinds.map((kind) => findPause(kind)?.untilMs ?? 0)
      return Math.max(0, ...untils)
    },
    present,
  }
}

/**
 * What two processes have learned of one account. Of pauses of one kind the longest counts, unless it has been ended since it was said; of
 * allowances what was seen last. In whatever order things come together, nothing of another kind is lost.
 */
export function mergeLearned(one: Learned, other: Learned, nowMs: number): Learned {
  const pauses = new Map<string, LearnedPause>()
  for (const said of [...one.pauses, ...other.pauses]) {
    const pause = heldBack(said, nowMs)
    const isOver = pause.untilMs === 0 ? pause.atMs + LONGEST_MS <= nowMs : pause.untilMs <= nowMs
    const before = pauses.get(pause.kind)
    if (isOver || (before === undefined && pauses.size >= MAX_KINDS)) continue
    pauses.set(pause.kind, before === undefined ? pause : laterPause(before, pause))
  }
  const allowances = new Map<string, LearnedAllowance>()
  for (const seen of [...one.allowances, ...other.allowances]) {
    const before = allowances.get(seen.kind)
    if (before === undefined && allowances.size >= MAX_KINDS) continue
    if (before === undefined || seen.atMs >= before.atMs) allowances.set(seen.kind, seen)
  }
  const windows = new Map<string, LearnedWindow>()
  for (const { kind, requests, atMs } of [...(one.windows ?? []), ...(other.windows ?? [])]) {
    const window = { kind, requests, atMs: Math.min(atMs, nowMs) }
    const before = windows.get(kind)
    if (before === undefined ? windows.size < MAX_KINDS : atMs >= before.atMs) windows.set(kind, window)
  }
  return { pauses: [...pauses.values()], allowances: [...allowances.values()], windows: [...windows.values()] }
}

/** When it was said; the earliest that it can have been where a version kept it that did not note it. */
function saidMs({ atMs, untilMs }: LearnedPause): number {
  return atMs ?? untilMs - LONGEST_MS
}

function isAhead(pause: LearnedPause, nowMs: number): boolean {
  return saidMs(pause) > nowMs + SKEW_MS
}

/** What a clock wrote that has been set back since lasts as long as was asked for, from now on. */
function heldBack(pause: LearnedPause, nowMs: number): LearnedPause {
  const atMs = saidMs(pause)
  if (!isAhead(pause, nowMs)) return { ...pause, atMs }
  return { ...pause, atMs: nowMs, untilMs: pause.untilMs === 0 ? 0 : nowMs + pause.untilMs - atMs }
}

function laterPause(one: LearnedPause, other: LearnedPause): LearnedPause {
  const [atOne, atOther] = [one.atMs, other.atMs]
  const isEnded = one.untilMs === 0 || other.untilMs === 0
  if (isEnded && atOne !== atOther) return atOne > atOther ? one : other
  // Both at one moment: what asks for silence is not overheard.
  const longer = one.untilMs >= other.untilMs ? one : other
  return { ...longer, atMs: Math.max(atOne, atOther) }
}

/** When an allowance is whole again, as far as it is known. */
export function renewedMs({ resetMs, windowMs, sinceMs }: LearnedAllowance): number | undefined {
  return resetMs ?? (windowMs === undefined ? undefined : sinceMs + windowMs)
}
