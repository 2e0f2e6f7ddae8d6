/** Tags that people keep a mirror from: asked for, and as people read them. */
import { type Exclusion, exclusionSchema } from '../api/exclusions.ts'
import type { Mirror } from '../api/mirrors.ts'
import { isAppError } from '../errors.ts'
import { type ApiClient, repositoryPath } from './client.ts'
import { age, shortDigest } from './format.ts'
import { lines, table } from './table.ts'

/** Exclusions that are told in passing; the rest is a number. */
const TOLD = 10

/** Those of a repository; none where no mirror writes to it, or the caller may not see its mirror. */
export async function findExclusions(client: ApiClient, repository: string): Promise<Exclusion[]> {
  try {
    return await client.listAll(`/mirrors/${repositoryPath(repository)}/exclusions`, 'exclusions', exclusionSchema)
  } catch (error) {
    if (isAppError(error, 'NOT_FOUND') || isAppError(error, 'DENIED') || isAppError(error, 'UNAUTHORIZED')) return []
    throw error
  }
}

/** What `tag release` takes. */
function handleOf({ tag, digest }: Exclusion): string {
  return tag ?? digest ?? ''
}

export function exclusionTable(exclusions: readonly Exclusion[]): string {
  return table(
    ['excluded', 'digest', 'reason', 'by', 'since'],
    exclusions.map((one) => [
      one.tag ?? '-',
      one.digest === null ? '-' : one.tag === null ? one.digest : shortDigest(one.digest),
      one.reason,
      one.by ?? '-',
      age(one.at, '-'),
    ]),
    '',
  )
}

/** What stays away, and the line that brings it back; undefined when nothing does. */
export function stillExcludedText(
  repository: string,
  exclusions: readonly Exclusion[],
  program: string,
): string | undefined {
  const [first] = exclusions
  if (first === undefined) return undefined
  const told = exclusions.slice(0, TOLD).map((one) => `  ${handleOf(one)}: ${one.reason}`)
  const rest =
    exclusions.length > TOLD ? [`  and ${exclusions.length - TOLD} more: ${program} tag list ${repository}`] : []
  const only = exclusions.length === 1
  return lines([
    `Excluded here, so the mirror does not bring ${only ? 'it' : 'them'} back:`,
    ...told,
    ...rest,
    `Bring ${only ? 'it' : 'one'} back: ${program} tag release ${repository} ${only ? handleOf(first) : 'TAG'}`,
  ])
}

/** What happens after a release. */
export function nextPassText(mirror: Mirror, tag: string, program: string): string {
  if (mirror.state === 'stopped') {
    return `Its mirror is stopped. Restarted, it takes what upstream has then: ${program} ${mirror.remedy}`
  }
  if (mirror.state === 'paused' && mirror.nextRunAt === null) {
    return `Its mirror is paused: ${mirror.reason}. To go on: ${program} ${mirror.remedy}`
  }
  const next = mirror.nextRunAt === null ? '' : ` (${age(mirror.nextRunAt, '')})`
  const now = tag.includes(':') ? `mirror sync ${mirror.repository}` : `mirror sync ${mirror.repository} --tag ${tag}`
  return `The next pass${next} takes what upstream has. Now: ${program} ${now}`
}
