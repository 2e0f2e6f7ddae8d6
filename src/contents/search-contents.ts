/** Which tags of the caller's organizations hold a package, or have a vulnerability. */
import type { FoundPackage, FoundVulnerability } from '../api/image-search.ts'
import { listStatements } from '../db/content/image-lists.ts'
import {
  type FoundFinding,
  listTagsTo,
  type Place,
  searchFindings,
  searchPackages,
} from '../db/content/image-search.ts'
import type { Queries } from '../db/engine/engine.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import { AppError } from '../errors.ts'
import type { Page } from '../lib/weighed-page.ts'
import type { Digest } from '../oci/digest.ts'
import { type StoredStatement, termOf, vulnerabilityTerm } from './image-rows.ts'
import { nameOf, parsePurl } from './read-entries.ts'

export interface SearchQuery {
  readonly organizationIds: readonly string[]
  readonly viewer: Viewer
  readonly q: string
  readonly after: string | undefined
  readonly limit: number
}

/** Each hit asks for its tags. */
const MAX_HITS = 200
const MAX_TAGS = 20

/** By the beginning of a name (or of the source's), by `NAME@VERSION`, or by a package URL, with its version or without. */
export async function findPackages(db: Queries, o: SearchQuery): Promise<Page<FoundPackage>> {
  const limit = Math.min(o.limit, MAX_HITS)
  const { items, next } = await searchPackages(db, { ...o, ...wantedOf(o.q), after: placeOf(o.after), limit })
  const tags = await tagsOf(db, items)
  return {
    next: next === undefined ? null : cursorOf(next),
    items: items.map((row) => ({
      repository: row.repository,
      digest: row.digest,
      platform: row.platform,
      tags: tags(row),
      name: row.name,
      version: row.version,
      type: row.type,
      purl: row.purl || null,
      source: row.source || null,
      licence: row.licence || null,
    })),
  }
}

export async function findVulnerabilities(db: Queries, o: SearchQuery): Promise<Page<FoundVulnerability>> {
  const limit = Math.min(o.limit, MAX_HITS)
  const term = vulnerabilityTerm(o.q)
  const { items, next } = await searchFindings(db, { ...o, term, after: placeOf(o.after), limit })
  const tags = await tagsOf(db, items)
  const statementOf = await statementsOf(db, items)
  return {
    next: next === undefined ? null : cursorOf(next),
    items: items.map((row) => {
      const statement = statementOf(row)
      return {
        repository: row.repository,
        digest: row.digest,
        platform: row.platform,
        tags: tags(row),
        id: row.vulnerability,
        severity: row.severity as FoundVulnerability['severity'],
        score: row.score === '' ? null : Number(row.score),
        package: row.package,
        version: row.version || null,
        fixedIn: row.fixedIn || null,
        status: row.status as FoundVulnerability['status'],
        justification: statement?.justification ?? null,
      }
    }),
  }
}

function wantedOf(q: string) {
  if (q.startsWith('pkg:')) {
    const purl = parsePurl(q)
    if (purl === undefined) {
      throw new AppError(
        'INVALID_REQUEST',
        `q: got ${JSON.stringify(q.slice(0, 80))}, want a package URL such as pkg:deb/debian/openssl`,
        { about: { reason: 'invalid', where: 'q' } },
      )
    }
    return {
      term: termOf(nameOf(purl)),
      isPrefix: false,
      type: purl.type ?? undefined,
      version: purl.version ?? undefined,
    }
  }
  // The first sign belongs to a name such as `@scope/name`.
  const at = q.indexOf('@', 1)
  if (at === -1) return { term: termOf(q), isPrefix: true }
  return { term: termOf(q.slice(0, at)), isPrefix: false, version: q.slice(at + 1) }
}

async function statementsOf(db: Queries, items: readonly FoundFinding[]) {
  const found = new Map<number, Map<number, string>>()
  for (const [seq, rows] of Map.groupBy(items, ({ imageSeq }) => imageSeq)) {
    const places = rows.map(({ statement }) => statement)
    found.set(seq, await listStatements(db, seq, places))
  }
  return ({ imageSeq, statement }: FoundFinding): StoredStatement | undefined => {
    const text = statement === null ? undefined : found.get(imageSeq)?.get(statement)
    return text === undefined ? undefined : (JSON.parse(text) as StoredStatement)
  }
}

async function tagsOf(db: Queries, items: readonly { repositoryId: string; digest: string }[]) {
  const found = new Map<string, Map<string, string[]>>()
  for (const [id, rows] of Map.groupBy(items, ({ repositoryId }) => repositoryId)) {
    const digests = rows.map(({ digest }) => digest as Digest)
    found.set(id, await listTagsTo(db, id, digests, MAX_TAGS))
  }
  return ({ repositoryId, digest }: { repositoryId: string; digest: string }) =>
    found.get(repositoryId)?.get(digest) ?? []
}

function cursorOf({ term, imageSeq, position }: Place): string {
  return `${Buffer.from(term).toString('base64url')}.${imageSeq}.${position}`
}

/** @throws AppError INVALID_REQUEST */
function placeOf(after: string | undefined): Place | undefined {
  if (after === undefined) return undefined
  const [, term, seq, position] = /^([\w-]{1,900})\.(\d{1,15})\.(\d{1,9})$/.exec(after) ?? []
  if (term !== undefined) {
    const text = Buffer.from(term, 'base64url').toString('utf8')
    if (!text.includes('\0')) return { term: text, imageSeq: Number(seq), position: Number(position) }
  }
  throw new AppError(
    'INVALID_REQUEST',
    `after: got ${JSON.stringify(after.slice(0, 80))}, want the \`next\` of the page before`,
  )
}
