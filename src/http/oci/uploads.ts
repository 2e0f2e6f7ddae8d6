/** `/v2/<name>/blobs/uploads/…`: distribution-spec end-4a … end-6, end-11, end-13 and end-14. */
import { accountOf } from '../../access/principal.ts'
import { decideRepository } from '../../access/rights.ts'
import type { UploadKey } from '../../db/content/upload-sessions.ts'
import { AppError, isAppError } from '../../errors.ts'
import { type Digest, parseDigest } from '../../oci/digest.ts'
import { formatUploadRange } from '../../oci/range.ts'
import { findRepositoryName, type RepositoryName, splitRepositoryName } from '../../oci/reference.ts'
import { listMountSources, mountBlob } from '../../registry/blobs.ts'
import type { UploadStatus } from '../../registry/uploads.ts'
import { type Granted, type GrantedPresent, refusal, scopeOf } from './authorize.ts'
import type { Call, OciDependencies } from './call.ts'
import { withHeaders } from './refusal.ts'
import { contentLength, uploadBody } from './request-body.ts'

/** POST: a mount, a whole blob, or a new session. */
export async function startUpload(deps: OciDependencies, call: Call, granted: Granted): Promise<Response> {
  const { query } = call.route
  const mount = query.get('mount')
  if (mount !== null && (await mounted(deps, call, granted, parseDigest(mount)))) {
    return blobCreated(granted.name, parseDigest(mount))
  }
  const digest = query.get('digest')
  if (digest !== null && mount === null) {
    const wanted = parseDigest(digest)
    await deps.uploads.uploadWhole(granted.destination, wanted, uploadBody(call, deps.idleTimeoutMs))
    return blobCreated(granted.name, wanted)
  }
  const algorithm = query.get('digest-algorithm')
  const status = await deps.uploads.begin(
    granted.destination,
    accountOf(call.who),
    algorithm === 'sha512' ? 'sha512' : 'sha256',
  )
  return sessionAnswer(202, granted.name, status)
}

/** Tries to mount `digest`; false means that the client uploads (never an error for content that is not there). */
async function mounted(deps: OciDependencies, call: Call, granted: Granted, digest: Digest): Promise<boolean> {
  const from = call.route.query.get('from')
  const names = from === null ? await sourcesOf(deps, granted, digest) : [findRepositoryName(from)]
  let tooNarrow: RepositoryName | undefined
  for (const name of names) {
    if (name === undefined || splitRepositoryName(name)?.organization !== granted.organization.name) continue
    const decision = await decideRepository(deps.db.read, call.who, name, 'pull')
    if (decision.allowed && decision.repository !== undefined) {
      if (await mountBlob(deps, granted.destination, digest, decision.repository)) return true
    } else if (from !== null && !decision.allowed && decision.reason === 'insufficient_scope') tooNarrow = name
  }
  // Its subject may pull the source that it names, only this token does not say so: with a wider one the client saves the upload.
  // Where the client names none it asks for no more than its own repository, and uploads (distribution-spec end-11).
  if (tooNarrow !== undefined) {
    throw refusal(deps, call, 'insufficient_scope', [scopeOf(granted.name, 'push'), scopeOf(tooNarrow, 'pull')])
  }
  return false
}

async function sourcesOf(deps: OciDependencies, { organization }: Granted, digest: Digest): Promise<RepositoryName[]> {
  const rows = await listMountSources(deps.db.read, organization.id, digest)
  return rows.flatMap((row) => findRepositoryName(row.name) ?? [])
}

/** PATCH: one chunk, or a stream. */
export async function appendUpload(deps: OciDependencies, call: Call, granted: GrantedPresent): Promise<Response> {
  const key = keyOf(call, granted)
  const status = await inSession(deps, granted.name, key, () =>
    deps.uploads.append(key, granted.destination, uploadBody(call, deps.idleTimeoutMs)),
  )
  return sessionAnswer(202, granted.name, status)
}

/** PUT: the last body, if any, and the digest. */
export async function finishUpload(deps: OciDependencies, call: Call, granted: GrantedPresent): Promise<Response> {
  const key = keyOf(call, granted)
  const digest = parseDigest(call.route.query.get('digest') ?? '')
  const hasBody = call.request.body !== null && contentLength(call.request) !== 0
  await inSession(deps, granted.name, key, () => {
    const body = hasBody ? uploadBody(call, deps.idleTimeoutMs) : undefined
    return deps.uploads.complete(key, granted.destination, digest, body)
  })
  return blobCreated(granted.name, digest)
}

/** GET: how far the session is. */
export async function showUpload(deps: OciDependencies, call: Call, granted: GrantedPresent): Promise<Response> {
  const key = keyOf(call, granted)
  return sessionAnswer(204, granted.name, await deps.uploads.getStatus(key))
}

/** DELETE: cancels the session. Needs `push`, not `delete`: who may begin may stop. */
export async function cancelUpload(deps: OciDependencies, call: Call, granted: GrantedPresent): Promise<Response> {
  const key = keyOf(call, granted)
  await inSession(deps, granted.name, key, () => deps.uploads.cancel(key))
  return new Response(null, { status: 204 })
}

/** The answer where the repository itself is absent. */
export function absentUpload({ route }: Call): AppError {
  return new AppError('BLOB_UPLOAD_UNKNOWN', `there is no upload session ${JSON.stringify(route.last.slice(0, 80))}`)
}

function keyOf({ route, who }: Call, { repository }: GrantedPresent): UploadKey {
  return { id: route.last, repositoryId: repository.id, subject: accountOf(who) }
}

/** A refused chunk is answered with where the session is, so that the client goes on from there. */
async function inSession<T>(
  deps: OciDependencies,
  name: RepositoryName,
  key: UploadKey,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isAppError(error, 'RANGE_INVALID')) throw error
    throw withHeaders(error, sessionHeaders(name, await deps.uploads.getStatus(key)))
  }
}

function sessionHeaders(name: RepositoryName, { id, offsetBytes }: UploadStatus): Record<string, string> {
  return {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: formatUploadRange(offsetBytes),
    'Docker-Upload-UUID': id,
  }
}

function sessionAnswer(status: 202 | 204, name: RepositoryName, session: UploadStatus): Response {
  return new Response(null, { status, headers: sessionHeaders(name, session) })
}

function blobCreated(name: RepositoryName, digest: Digest): Response {
  const headers = { Location: `/v2/${name}/blobs/${digest}`, 'Docker-Content-Digest': digest }
  return new Response(null, { status: 201, headers })
}
