import type { Progress } from '../../api/progress.ts'
import type { RunOutcome } from '../../api/runs.ts'
import type { CurrentWork } from './current.ts'
import type { ExecutionObserver } from './execute.ts'

/** What a run counts while it works; totals are undefined until they are known. */
export interface RunMeter {
  phase: Progress['phase']
  outcome: RunOutcome
  tagsDone: number
  tagsTotal: number | undefined
  manifestsDone: number
  manifestsTotal: number | undefined
  bytesDone: number
  bytesTotal: number | undefined
  failed: number
  /** Tags of upstream that people keep for themselves. */
  leftOut: number
  readonly current: CurrentWork
}

/** What every run counts of its execution, shown by the meter as it goes. @param counts what was copied, which grows */
export function countingObserver(
  meter: RunMeter,
  counts: { blobs: number; manifests: number; referrers: number },
  changed: () => void,
): ExecutionObserver {
  return {
    onBytes(bytes) {
      meter.bytesDone += bytes
      changed()
    },
    onBlob(isCopied) {
      if (isCopied) counts.blobs++
    },
    onManifest(node) {
      counts[node.isAttached ? 'referrers' : 'manifests']++
      meter.manifestsDone++
      meter.bytesDone += node.descriptor.size
      changed()
    },
    onPublished(_work, tagsMoved) {
      meter.tagsDone += tagsMoved
      changed()
    },
    onFailed(work) {
      meter.failed += work.tags.length
      changed()
    },
    onUntagged() {},
    onUnlinked() {},
  }
}
