/** What a copy has done, as people read it. */
import type { CopyReport } from '../copy/report.ts'
import { parseDigestTag } from '../oci/reference.ts'
import { count, size } from './format.ts'
import { lines } from './table.ts'

const MAX_SHOWN = 20

export function copyText({ target, dryRun, counts, tags, failures, notes }: CopyReport): string {
  const images = tags.filter(({ tag }) => tag === null || parseDigestTag(tag) === undefined)
  const moved = images.filter(({ result }) => result !== 'unchanged')
  const rows = moved.slice(0, MAX_SHOWN).map(({ tag, digest, from, insteadOf }) => {
    const before = from === null ? '' : `, was ${from}`
    const instead = insteadOf === undefined ? '' : `, the image of the platform in place of the index ${insteadOf}`
    return `${tag ?? '(no tag)'}  ${digest}${before}${instead}`
  })
  const more = moved.length > MAX_SHOWN ? [`and ${moved.length - MAX_SHOWN} more`] : []
  const unchanged = images.length - moved.length
  const parts = [
    count(counts.manifests, 'manifest'),
    count(counts.referrers, 'referrer'),
    `${count(counts.blobs, 'blob')}${counts.mounted === 0 ? '' : ` (${counts.mounted} mounted)`}`,
    `${size(counts.sentBytes)}`,
  ]
  const requests = counts.sourceRequests + counts.targetRequests
  const verb = dryRun ? 'would copy' : 'copied'
  const total = `${verb} ${count(moved.length, 'tag')} to ${target}: ${parts.join(', ')}`
  return lines([
    ...rows,
    ...more,
    `${total}${unchanged === 0 ? '' : `; ${unchanged} unchanged`}${failures.length === 0 ? '' : `; ${failures.length} failed`}${requests === 0 ? '' : `; ${count(requests, 'request')}`}`,
    ...notes.slice(0, MAX_SHOWN).map(({ digest, message }) => `note: ${digest ?? ''} ${message}`),
  ])
}

export function failureLines({ failures }: Pick<CopyReport, 'failures'>): string[] {
  const shown = failures.slice(0, MAX_SHOWN)
  const more = failures.length > shown.length ? [`and ${failures.length - shown.length} more; all of them: --json`] : []
  return [
    ...shown.map(({ tag, code, message }) => `failed: ${tag === null ? '' : `${tag}: `}${message} (${code})`),
    ...more,
  ]
}
