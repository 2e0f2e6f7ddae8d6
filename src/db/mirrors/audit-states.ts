/** What the audit log shows of each kind of object, before and after a change. No secret is among it, nor what passes of mirrors change. */
import { createHash } from 'node:crypto'
import type { RepositoryName } from '../../oci/reference.ts'
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { findCatalog } from './catalogs.ts'
import { findMirrorOfRepository } from './mirrors.ts'
import { findSubscription } from './subscriptions.ts'
import { findHook } from './upstream-hooks.ts'
import { findUpstream } from './upstreams.ts'

type Read = Promise<Snapshot | undefined>

const SHOWN_NAMES = 20

export async function organizationState(db: Queries, name: string): Read {
  const row = await db
    .selectFrom('organizations')
    .select(['quota_bytes as quotaBytes', 'members_pull as membersPull', 'display_name as displayName'])
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row && { state: row }
}

/** @param named name or id of the user */
export async function memberState(db: Queries, organizationId: string, named: string): Read {
  const row = await db
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select(['members.role', 'users.username', 'users.id'])
    .where('members.organization_id', '=', organizationId)
    .where((eb) => eb.or([eb('users.username', '=', named.toLowerCase()), eb('users.id', '=', named)]))
    .executeTakeFirst()
  return row && { object: `user:${row.username ?? row.id}`, key: row.id, state: { role: row.role } }
}

export async function tokenState(db: Queries, userId: string, id: string): Read {
  const row = await db
    .selectFrom('tokens')
    .select(['label', 'scope', 'expires_at'])
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row && { state: { label: row.label, scope: row.scope, expiresAt: row.expires_at } }
}

async function findRepositoryRow(db: Queries, name: string) {
  return db.selectFrom('repositories').selectAll().where('name', '=', name).executeTakeFirst()
}

export async function repositoryState(db: Queries, name: string): Read {
  const row = await findRepositoryRow(db, name)
  if (row === undefined) return undefined
  const { visibility, description, archived_at: archivedAt } = row
  const immutableTags =
    row.immutable_tags === 'patterns' ? { patterns: JSON.parse(row.immutable_patterns) as unknown } : row.immutable_tags
  return {
    key: row.id,
    state: { visibility, description, immutableTags, allowSparse: row.allow_sparse === 1, archivedAt, ...keptOf(row) },
  }
}

/** Where the repository has a rule of its own. */
function keptOf(row: {
  readonly keep_superseded_newest: number | null
  readonly keep_superseded_days: number | null
  readonly keep_superseded_days_after_pull: number | null
}) {
  const kept = {
    newest: row.keep_superseded_newest,
    days: row.keep_superseded_days,
    daysAfterPull: row.keep_superseded_days_after_pull,
  }
  const isOwn = kept.newest !== null || kept.days !== null || kept.daysAfterPull !== null
  return isOwn ? { keepSuperseded: kept } : {}
}

/** What people decide of a mirror; a pass changes none of it but the pauses that upstream brings about. */
export async function mirrorState(db: Queries, name: RepositoryName): Read {
  const row = await findMirrorOfRepository(db, name)
  if (row === undefined) return undefined
  const pauses = await db
    .selectFrom('mirror_pauses')
    .select('cause')
    .where('mirror_id', '=', row.id)
    .orderBy('cause')
    .execute()
  const state = {
    upstream: row.upstream,
    source: row.source_repository,
    stopped: row.state === 'stopped',
    paused: pauses.map(({ cause }) => cause),
    settings: JSON.parse(row.settings) as unknown,
  }
  return { object: name, state }
}

/** That a mirror is at work; one that is gone with its repository does not differ from a stopped one. */
export async function workState(db: Queries, name: RepositoryName): Read {
  const row = await findMirrorOfRepository(db, name)
  return { object: name, state: { stopped: row === undefined || row.state === 'stopped' } }
}

/** The newest run. */
export async function runState(db: Queries, name: RepositoryName): Read {
  const row = await db
    .selectFrom('sync_runs')
    .innerJoin('mirrors', 'mirrors.id', 'sync_runs.mirror_id')
    .innerJoin('repositories', 'repositories.id', 'mirrors.repository_id')
    .select(['sync_runs.id', 'sync_runs.full', 'sync_runs.tags'])
    .where('repositories.name', '=', name)
    .orderBy('sync_runs.started_at', 'desc')
    .orderBy('sync_runs.id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const tags = row.tags === null ? null : (JSON.parse(row.tags) as unknown)
  return { key: row.id, state: { run: row.id, full: row.full === 1, tags } }
}

export async function upstreamState(db: Queries, organizationId: string | null, name: string): Read {
  const row = await findUpstream(db, organizationId, name)
  if (row === undefined || row.organization_id !== organizationId) return undefined
  const source =
    row.referrers_from === null
      ? undefined
      : await db.selectFrom('upstreams').select('name').where('id', '=', row.referrers_from).executeTakeFirst()
  const state = {
    url: row.url,
    username: row.username,
    password: row.sealed_password === null ? null : 'set',
    ca: row.ca === null ? null : `sha256:${createHash('sha256').update(row.ca).digest('hex')}`,
    plainHttp: row.plain_http === 1,
    referrersFrom: source?.name ?? null,
    prefix: row.prefix,
    maxRate: row.has_own_rate === 1 ? (JSON.parse(row.max_rate) as unknown) : null,
  }
  return { key: row.id, state, hidden: row.sealed_password }
}

export async function hookState(db: Queries, organizationId: string | null, upstream: string): Read {
  const row = await findUpstream(db, organizationId, upstream)
  const hook = row === undefined || row.organization_id !== organizationId ? undefined : await findHook(db, row.id)
  return hook && { state: { since: hook.created_at } }
}

export async function subscriptionState(db: Queries, id: string): Read {
  const row = await findSubscription(db, id)
  if (row === undefined) return undefined
  const pending = JSON.parse(row.pending ?? '{}') as { readonly stop?: unknown }
  const state = {
    upstream: row.upstream,
    match: JSON.parse(row.match_globs) as unknown,
    except: JSON.parse(row.except_globs) as unknown,
    repositories: row.repositories === null ? null : (JSON.parse(row.repositories) as unknown),
    adopt: row.adopt === 1,
    settings: JSON.parse(row.settings) as unknown,
    stopped: row.state === 'stopped',
    stopsMirrors: pending.stop === true,
    paused: row.cause,
  }
  return { state }
}

/** Of one upstream, that people began last. */
export async function newestSubscription(db: Queries, organizationId: string, upstream: string): Read {
  const row = await db
    .selectFrom('subscriptions')
    .innerJoin('upstreams', 'upstreams.id', 'subscriptions.upstream_id')
    .select('subscriptions.id')
    .where('subscriptions.organization_id', '=', organizationId)
    .where('upstreams.name', '=', upstream)
    .orderBy('subscriptions.created_at', 'desc')
    .orderBy('subscriptions.id', 'desc')
    .limit(1)
    .executeTakeFirst()
  const found = row && (await subscriptionState(db, row.id))
  return found && row && { ...found, object: `subscription:${row.id}`, key: row.id }
}

/** When its catalog is read next, and how. */
export async function readingState(db: Queries, id: string): Read {
  const row = await findSubscription(db, id)
  return row && { state: { nextReadAt: row.next_read_at, acceptShrink: row.accept_shrink === 1 } }
}

/** Where a tag points, and people's word on it. */
export async function tagState(db: Queries, repository: RepositoryName, tag: string): Read {
  const row = await findRepositoryRow(db, repository)
  if (row === undefined) return undefined
  const here = await db
    .selectFrom('tags')
    .select('digest')
    .where('repository_id', '=', row.id)
    .where('name', '=', tag)
    .executeTakeFirst()
  const mirror = await db.selectFrom('mirrors').select('id').where('repository_id', '=', row.id).executeTakeFirst()
  const told = mirror === undefined ? {} : await tagOfMirror(db, mirror.id, tag)
  const state = { digest: here?.digest ?? null, ...told }
  return Object.entries(state).every(([, value]) => !value) ? undefined : { state }
}

async function tagOfMirror(db: Queries, mirrorId: string, tag: string) {
  const of = { mirror_id: mirrorId, tag }
  const excluded = await db
    .selectFrom('mirror_tag_exclusions')
    .select('reason')
    .where('mirror_id', '=', of.mirror_id)
    .where('tag', '=', of.tag)
    .executeTakeFirst()
  const pin = await db
    .selectFrom('tag_pins')
    .select('digest')
    .where('mirror_id', '=', of.mirror_id)
    .where('tag', '=', of.tag)
    .executeTakeFirst()
  const synced = await db
    .selectFrom('mirror_tags')
    .select('synced_digest')
    .where('mirror_id', '=', of.mirror_id)
    .where('tag', '=', of.tag)
    .executeTakeFirst()
  const deleted = await db
    .selectFrom('mirror_exclusions')
    .select('tags')
    .where('mirror_id', '=', of.mirror_id)
    .where('tags', 'like', `%"${tag}"%`)
    .execute()
  return {
    excluded: excluded?.reason ?? null,
    pinned: pin?.digest ?? null,
    mirrored: synced?.synced_digest ?? null,
    deletedByDigest: deleted.some(({ tags }) => (JSON.parse(tags) as string[]).includes(tag)),
  }
}

/** Content by its digest: whether it is here, its tags, and whether a mirror is kept from it. */
export async function contentState(db: Queries, repository: RepositoryName, digest: string): Read {
  const row = await findRepositoryRow(db, repository)
  if (row === undefined) return undefined
  const manifest = await db
    .selectFrom('repository_manifests')
    .select('digest')
    .where('repository_id', '=', row.id)
    .where('digest', '=', digest)
    .executeTakeFirst()
  const blob = await db
    .selectFrom('repository_blobs')
    .select('digest')
    .where('repository_id', '=', row.id)
    .where('digest', '=', digest)
    .executeTakeFirst()
  const kind = manifest !== undefined ? 'manifest' : blob !== undefined ? 'blob' : null
  const tags = await db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', row.id)
    .where('digest', '=', digest)
    .orderBy('name')
    .limit(100)
    .execute()
  const excluded = await db
    .selectFrom('mirror_exclusions')
    .innerJoin('mirrors', 'mirrors.id', 'mirror_exclusions.mirror_id')
    .select('mirror_exclusions.digest')
    .where('mirrors.repository_id', '=', row.id)
    .where('mirror_exclusions.digest', '=', digest)
    .executeTakeFirst()
  const state = { content: kind, tags: tags.map(({ name }) => name), excluded: excluded !== undefined }
  return kind === null && excluded === undefined ? undefined : { state }
}

/** Where names and definitions of a catalog come from; what an address asks for may be a secret. */
export async function catalogSettingsState(db: Queries, upstreamId: string): Read {
  const row = await findCatalog(db, upstreamId)
  if (row === undefined) return undefined
  const url = row.definitions_url === null ? null : new URL(row.definitions_url)
  const names = row.names === null ? null : (JSON.parse(row.names) as string[])
  return {
    state: {
      names: names === null ? null : names.slice(0, SHOWN_NAMES),
      namesCount: names === null ? null : names.length,
      definitions: url === null ? null : `${url.origin}${url.pathname}`,
      // Tells apart what is not shown.
      digest: createHash('sha256').update(`${row.names}\n${row.definitions_url}`).digest('hex').slice(0, 12),
    },
  }
}

/** When a catalog is read next, and how. */
export async function catalogReadingState(db: Queries, upstreamId: string): Read {
  const row = await findCatalog(db, upstreamId)
  return row && { state: { nextReadAt: row.next_at, acceptShrink: row.accept_shrink === 1 } }
}
