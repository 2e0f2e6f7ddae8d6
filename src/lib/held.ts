/**
 * Bytes of manifests that are kept between the walk and the copy. All passes of a process have one budget: what goes beyond it is read again,
 * which costs a request more.
 */

/** Manifests have about a kilobyte, and 4 MiB at most. */
const MAX_HELD_BYTES = 16 * 1024 * 1024

/** What one pass holds of the budget. */
export interface Held {
  /** @returns whether so many bytes more may be kept */
  take(bytes: number): boolean
  /** They are kept no longer. */
  giveBack(bytes: number): void
  /** The pass is over: whatever it has left is given back, and nothing more may be kept. */
  end(): void
}

export interface HeldBudget {
  open(): Held
  /** Of all passes together, in bytes. */
  readonly held: number
}

/** For what is read here: once more costs no request. */
export const NOTHING_HELD: Held = { take: () => false, giveBack() {}, end() {} }

/** @param maxBytes of all passes together */
export function createHeldBudget(maxBytes: number = MAX_HELD_BYTES): HeldBudget {
  let held = 0
  return {
    get held() {
      return held
    },
    open() {
      let own = 0
      let isOver = false
      const giveBack = (bytes: number) => {
        // After the end all is given back already.
        const given = Math.min(bytes, own)
        own -= given
        held -= given
      }
      return {
        take(bytes) {
          if (isOver || held + bytes > maxBytes) return false
          own += bytes
          held += bytes
          return true
        },
        giveBack,
        end() {
          isOver = true
          giveBack(own)
        },
      }
    },
  }
}
