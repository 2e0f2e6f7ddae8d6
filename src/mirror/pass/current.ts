/** What a run does at the moment, for whoever watches: of the many things under way, the one that takes longest. */
import type { CurrentItem } from '../../api/progress.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'

export interface Doing {
  readonly doing: CurrentItem['doing']
  readonly tag?: Tag | undefined
  readonly digest?: Digest | undefined
  readonly sizeBytes?: number | undefined
}

/** Takes down what has begun. @returns to be called once it is over */
export type Begin = (what: Doing) => () => void

export interface CurrentWork {
  readonly begin: Begin
  /** The largest of what is under way, of equals what began last; between two things the one before. Undefined: nothing has begun. */
  find(): CurrentItem | undefined
}

export function createCurrentWork(): CurrentWork {
  const underWay = new Set<Doing>()
  let last: Doing | undefined
  return {
    begin(what) {
      const one = { ...what }
      underWay.add(one)
      last = one
      return () => underWay.delete(one)
    },
    find() {
      let shown: Doing | undefined
      for (const one of underWay) if ((one.sizeBytes ?? 0) >= (shown?.sizeBytes ?? 0)) shown = one
      const { doing, tag = null, digest = null, sizeBytes = null } = shown ?? last ?? {}
      return doing === undefined ? undefined : { doing, tag, digest, sizeBytes }
    },
  }
}

/** `work`, which is taken down while it runs. */
export async function during<T>(begin: Begin | undefined, what: Doing, work: () => Promise<T>): Promise<T> {
  const end = begin?.(what)
  try {
    return await work()
  } finally {
    end?.()
  }
}
