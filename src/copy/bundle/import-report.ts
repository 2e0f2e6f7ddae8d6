import type { RunFailure } from '../../api/runs.ts'

export interface ImportCounts {
  /** Tags that have moved, and how often all of them together. */
  readonly tagsMoved: number
  readonly moves: number
  readonly tagsUnchanged: number
  readonly conflicts: number
  readonly manifests: number
  readonly blobs: number
  readonly sentBytes: number
  /** Places of the past whose content the bundle does not have. */
  readonly skipped: number
  readonly failed: number
}

/** What an import has done, as the command line prints it by `--json`. Of a dry run: what it would do. */
export interface ImportReport {
  readonly outcome: 'done' | 'partial' | 'failed'
  readonly bundle: {
    readonly file: string
    readonly digest: string
    readonly repository: string
    readonly madeAt: string
  }
  readonly repository: string
  readonly created: boolean
  readonly dryRun: boolean
  readonly counts: ImportCounts
  readonly tags: readonly { readonly tag: string; readonly from: string | null; readonly to: string | null }[]
  readonly failures: readonly RunFailure[]
}
