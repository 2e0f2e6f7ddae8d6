/**
 * What a registry is asked most: GET and HEAD of manifests and blobs that are granted and found, for a bearer token that was verified before
 * or without one. Rights and content are read by one statement at each request, and on SQLite the answer is there at once. Whatever is not
 * so plain gives undefined and goes the whole way (`app.ts`), which alone refuses (docs/decisions/0054).
 */
import { noteOrganizationTokenUse } from '../../access/organization-tokens.ts'
import type { Claimed } from '../../access/principal.ts'
import { mayPull, subjectOf } from '../../access/rights.ts'
import {
  type Pulled,
  type PulledBlob,
  type PulledManifest,
  readPulledBlob,
  readPulledManifest,
} from '../../db/content/pulled.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName, Tag } from '../../oci/reference.ts'
import { touchBlob } from '../../registry/blobs.ts'
import { plainPath } from '../target.ts'
import { bodyHeaders, lookHeaders, SEND_IDLE_SECONDS } from './blobs.ts'
import type { OciDependencies, ServerHandle } from './call.ts'
import { manifestHeaders } from './manifests.ts'

/** An answer, at once or soon; undefined: this is for the whole way. */
export type ShortAnswer = Response | undefined | Promise<Response | undefined>

export type ShortDependencies = Pick<OciDependencies, 'db' | 'blobs' | 'pulls' | 'clock' | 'recall' | 'graceMs'>

interface Asked {
  readonly request: Request
  readonly isLook: boolean
  readonly server: ServerHandle | undefined
  readonly name: RepositoryName
  readonly last: string
  readonly now: Date
}

/** Never throws, nor rejects: what fails here fails on the whole way too, and is told there. */
export function takeShortWay(deps: ShortDependencies, request: Request, server: ServerHandle | undefined): ShortAnswer {
  try {
    const answer = answerShortly(deps, request, server)
    return answer instanceof Promise ? answer.catch(() => undefined) : answer
  } catch {
    return undefined
  }
}

function answerShortly(deps: ShortDependencies, request: Request, server: ServerHandle | undefined): ShortAnswer {
  const { method } = request
  const isLook = method === 'HEAD'
  if (!isLook && method !== 'GET') return undefined
  const path = PLAIN.exec(plainPath(request.url) ?? '')?.[1]
  if (path === undefined) return undefined
  const beforeLast = path.lastIndexOf('/')
  const beforeKind = path.lastIndexOf('/', beforeLast - 1)
  const kind = path.slice(beforeKind + 1, beforeLast)
  const isBlob = kind === 'blobs'
  // Without a name in front, what stands there is nobody's.
  if (beforeKind <= 0 || (!isBlob && kind !== 'manifests')) return undefined
  const { headers } = request
  if (headers.has('if-none-match') || (isBlob && headers.has('range'))) return undefined
  const who = deps.recall(headers.get('authorization'))
  if (who === undefined) return undefined
  // Not judged: what was found has such a name and such a reference, and nothing else is answered here.
  const name = path.slice(0, beforeKind) as RepositoryName
  const last = path.slice(beforeLast + 1)
  const organization = name.slice(0, Math.max(0, name.indexOf('/')))
  const asked = { request, isLook, server, name, last, now: deps.clock.now() }
  const of = { subject: subjectOf(who), organization, repository: name, reference: last }
  return isBlob
    ? granted(deps, who, asked, readPulledBlob(deps.db.read, of), answerBlob)
    : granted(deps, who, asked, readPulledManifest(deps.db.read, of), answerManifest)
}

/** A path in which nothing is escaped; what follows `/v2/`. */
const PLAIN = /^\/v2\/([\w./:-]+)$/

function granted<Found>(
  deps: ShortDependencies,
  who: Claimed,
  asked: Asked,
  pulled: Pulled<Found> | Promise<Pulled<Found>>,
  answer: (deps: ShortDependencies, asked: Asked, found: Found) => Response | undefined,
): ShortAnswer {
  if (pulled instanceof Promise) return pulled.then((one) => granted(deps, who, asked, one, answer))
  const { facts, found, tokenUsedAt } = pulled
  if (!mayPull(who, facts, asked.name, asked.now) || found === undefined) return undefined
  const answered = answer(deps, asked, found)
  if (answered !== undefined && who.principal.kind === 'organization-token') {
    const token = { id: who.principal.tokenId, last_used_at: tokenUsedAt ?? null }
    noteOrganizationTokenUse(deps.db, token, asked.now)
  }
  return answered
}

function answerManifest(deps: ShortDependencies, { isLook, last }: Asked, found: PulledManifest): Response {
  const tag = last.includes(':') ? undefined : (last as Tag)
  deps.pulls.noteManifest(found.repositoryId, found, { tag, isLook, bytes: isLook ? 0 : found.sizeBytes })
  return new Response(isLook ? null : found.bytes, { headers: manifestHeaders(found) })
}

function answerBlob(deps: ShortDependencies, asked: Asked, found: PulledBlob): Response | undefined {
  const { repositoryId, sizeBytes, storageKey, touchedAt } = found
  const digest = asked.last as Digest
  const body = asked.isLook ? null : deps.blobs.findBody(storageKey, sizeBytes)
  if (body === undefined) return undefined
  touchBlob(deps, { digest, repositoryId, touchedAt })
  if (body === null) return new Response(null, { headers: lookHeaders(digest, sizeBytes) })
  if (body instanceof Blob) asked.server?.timeout(asked.request, SEND_IDLE_SECONDS)
  deps.pulls.noteBytes(repositoryId, sizeBytes)
  return new Response(body, { headers: bodyHeaders(digest) })
}
