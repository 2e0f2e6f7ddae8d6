/**
 * How many requests of one kind one account may have under way: as many as make its registry no slower (record 53). It starts at 8, and goes up
 * by one whenever as many as it allows were answered in a row, at least once it was full, and nothing was refused or became slow.
 */

/** What a window begins with, and comes back to with time when nobody uses it. */
export const FIRST_REQUESTS = 8
/** What a rise of the time of answers ends in at least: it may be the line, or somebody else. */
const LEAST_REQUESTS = 2
/** Refusals within this time are one: they answer requests that were sent together. */
const EPOCH_MS = 100
const SHRINK = 0.8
/** How long the least of what answers took is held against them; then it is measured anew. */
const BASE_MS = 30_000
/** What is known of a registry is worth half after this. */
const HALF_LIFE_MS = 24 * 60 * 60 * 1000
const IDLE_MS = 60 * 60 * 1000
/** Bodies below this tell nothing of the line. */
const PACED_BYTES = 256 * 1024
const MIN_PACES = 3

/** From where on an answer counts as slow: more than `times` of the least, and `moreMs` besides, for what takes next to no time. */
const HOLDS = { times: 1.5, moreMs: 5 }
const SHRINKS = { times: 2, moreMs: 10 }

/** One request that is under way. */
export interface Trip {
  readonly generation: number
  readonly isFull: boolean
}

export interface RequestWindow {
  /** Requests that may be under way. */
  readonly size: number
  /** Of the last answers, in milliseconds; undefined: there were none. */
  readonly answerMs: number | undefined
  /** When the size was last changed or found to be right, as `nowMs` tells; 0: it is what windows begin with. */
  readonly changedMs: number
  /** @param isFull no more could be under way */
  begin(isFull: boolean): Trip
  /** The headers have come. @param ms since it was sent */
  answered(trip: Trip, ms: number): void
  /** Its body has come. @param ms since its headers */
  brought(trip: Trip, bytes: number, ms: number): void
  /**
   * It was refused (429, 503), or its connection was broken. @returns whether the window is halved: once for all that were sent before
   */
  refused(trip: Trip): boolean
  /** It is halved because of another kind, unless it has just been. */
  halve(): void
  /** Something went wrong that says nothing of how much the registry can bear. */
  failed(): void
  /** What was learned before a restart, or by another process, where that is newer. */
  adopt(size: number, atMs: number): void
}

export interface WindowOptions {
  readonly most: number
  readonly nowMs: () => number
  /** The size has changed, or stands for a while: time to keep it. */
  onJudged(): void
}

/** The least median of the present and the last half minute: a single fast answer is no measure. */
function createGauge() {
  let [present, before] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  return {
    see(ms: number) {
      present = Math.min(present, ms)
    },
    isAbove(ms: number, { times, moreMs }: typeof HOLDS) {
      return ms > Math.min(present, before) * times + moreMs
    },
    turn() {
      before = present
      present = Number.POSITIVE_INFINITY
    },
    forget() {
      before = Number.POSITIVE_INFINITY
    },
  }
}

export function createRequestWindow({ most, nowMs, onJudged }: WindowOptions): RequestWindow {
  let size = Math.min(FIRST_REQUESTS, most)
  let changedMs = 0
  let usedMs = nowMs()
  let halvedMs = Number.NEGATIVE_INFINITY
  let turnedMs = nowMs()
  /** Answers to what was sent before the size fell tell of the size before. */
  let generation = 0
  let isLooking = false
  let wasFull = false
  let answerMs: number | undefined
  let answers: number[] = []
  let paces: number[] = []
  const answer = createGauge()
  const pace = createGauge()
  const present = () => (isLooking ? Math.max(1, Math.floor(size / 2)) : size)

  function restart(): void {
    wasFull = false
    answers = []
    paces = []
  }

  function fall(to: number): void {
    size = Math.max(1, Math.min(size, to))
    changedMs = nowMs()
    generation++
    isLooking = false
    restart()
    onJudged()
  }

  /** The time that each MiB takes on one connection is weighed as the time of an answer is. */
  function isSlow(limit: typeof HOLDS): boolean {
    const [one, other] = [median(answers), median(paces)]
    const isPaced = paces.length >= MIN_PACES && other !== undefined
    return (one !== undefined && answer.isAbove(one, limit)) || (isPaced && pace.isAbove(other, limit))
  }

  function judge(): void {
    answerMs = median(answers)
    const paceMs = paces.length >= MIN_PACES ? median(paces) : undefined
    if (answerMs !== undefined) answer.see(answerMs)
    if (paceMs !== undefined) pace.see(paceMs)
    if (isLooking) {
      // What was the least until now may be of another day: this is what there is with half as many.
      answer.forget()
      pace.forget()
      isLooking = false
      generation++
    } else if (isSlow(SHRINKS)) {
      fall(Math.max(Math.min(LEAST_REQUESTS, size), Math.floor(size * SHRINK)))
    } else if (Math.abs(nowMs() - turnedMs) >= BASE_MS) {
      turnedMs = nowMs()
      answer.turn()
      pace.turn()
      // Where answers have become slower, the least would be forgotten and the slow ones be the measure: fewer show what it is now.
      isLooking = wasFull && isSlow(HOLDS)
      if (isLooking) generation++
    } else if (wasFull && size < most && !isSlow(HOLDS)) {
      size++
    }
    changedMs = nowMs()
    restart()
    onJudged()
  }

  return {
    get size() {
      return present()
    },
    get answerMs() {
      return answerMs
    },
    get changedMs() {
      return changedMs
    },
    begin(isFull) {
      const idleMs = nowMs() - usedMs
      if (idleMs >= IDLE_MS) size = aged(size, idleMs, most)
      usedMs = nowMs()
      return { generation, isFull }
    },
    answered(trip, ms) {
      if (trip.generation !== generation) return
      wasFull ||= trip.isFull
      answers.push(Math.max(0, ms))
      if (answers.length >= present()) judge()
    },
    brought(trip, bytes, ms) {
      if (trip.generation === generation && bytes >= PACED_BYTES) paces.push((Math.max(0, ms) * 1024 * 1024) / bytes)
    },
    refused(trip) {
      if (trip.generation !== generation || nowMs() - halvedMs < EPOCH_MS) return false
      halvedMs = nowMs()
      fall(Math.floor(size / 2))
      return true
    },
    halve() {
      if (nowMs() - halvedMs < EPOCH_MS) return
      halvedMs = nowMs()
      fall(Math.floor(size / 2))
    },
    failed: restart,
    adopt(other, atMs) {
      if (atMs <= changedMs) return
      const next = aged(other, Math.max(0, nowMs() - atMs), most)
      changedMs = atMs
      if (next === size) return
      if (next < size) generation++
      size = next
      restart()
    },
  }
}

/** Comes nearer to what windows begin with, by half a day. */
function aged(size: number, ms: number, most: number): number {
  const kept = Math.round(FIRST_REQUESTS + (size - FIRST_REQUESTS) * 2 ** (-ms / HALF_LIFE_MS))
  return Math.max(1, Math.min(most, kept))
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}
