/** What has to be true before a mirror begins, and the rows that it begins with. */
import { changedSettings, type MirrorChange, mirrorSettingsSchema } from '../../api/mirror-settings.ts'
import { isSameSelection } from '../../api/selection.ts'
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import { forgetSubjects } from '../../db/mirrors/mirror-subjects.ts'
import { createMirror, findMirrorOfRepository, type MirrorRecord, restartMirror } from '../../db/mirrors/mirrors.ts'
import { findUpstream } from '../../db/mirrors/upstreams.ts'
import { findOrganization } from '../../db/people/organizations.ts'
import { createRepository, findRepository } from '../../db/repositories/repositories.ts'
import type { MirrorRow, OrganizationRow, RepositoryRow, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import type { Abortable } from '../../oci/repository.ts'
import type { Source, StartRequest } from '../engine.ts'

/** A request to start, checked against what is here. */
export interface StartTarget {
  readonly organization: OrganizationRow
  readonly upstream: UpstreamRow
  readonly source: RepositoryName
  readonly destination: RepositoryName
  readonly repository: RepositoryRow | undefined
  /** The stopped mirror that is put to work again. */
  readonly stopped: MirrorRecord | undefined
}

/** Nested names flatten, behind the upstream's prefix: `a/b` → `dhi-a-b`; a given name is literal. @throws AppError NAME_INVALID */
export function destinationOf(
  o: Pick<StartRequest, 'organization' | 'repository' | 'as'>,
  upstream: Pick<UpstreamRow, 'prefix'>,
): RepositoryName {
  return parseRepositoryName(`${o.organization}/${o.as ?? `${upstream.prefix}${o.repository.replaceAll('/', '-')}`}`)
}

/** The line that puts a stopped mirror to work again. */
export function restartOf(mirror: MirrorRecord): string {
  return `mirror restart ${mirror.repository}`
}

/** A stopped mirror, or one that changes its source. @throws AppError NOT_FOUND, NAME_INVALID, CONFLICT (public, archived) */
export async function findRestartTarget(
  db: Queries,
  mirror: MirrorRecord,
  from: { readonly upstream: string; readonly repository: string },
): Promise<StartTarget> {
  const upstream = await findUpstream(db, mirror.organization_id, from.upstream)
  if (upstream === undefined)
    throw new AppError('NOT_FOUND', `${mirror.organization} has no upstream ${from.upstream}`, {
      about: { reason: 'absent', what: 'upstream', name: from.upstream },
    })
  const organization = await findOrganization(db, mirror.organization)
  const repository = await findRepository(db, mirror.repository)
  if (organization === undefined || repository === undefined)
    throw new AppError('NOT_FOUND', 'there is no such mirror', { about: { reason: 'absent', what: 'mirror' } })
  refuseClosed(repository)
  const source = parseRepositoryName(from.repository)
  return { organization, upstream, source, destination: mirror.repository, repository, stopped: mirror }
}

/** @throws AppError NOT_FOUND, NAME_INVALID, CONFLICT (with `detail.suggestion` when another name would do) */
export async function findStartTarget(db: Queries, request: StartRequest): Promise<StartTarget> {
  const organization = await findOrganization(db, request.organization)
  if (organization === undefined)
    throw new AppError('NOT_FOUND', `there is no organization ${request.organization}`, {
      about: { reason: 'absent', what: 'organization', name: request.organization },
    })
  const upstream = await findUpstream(db, organization.id, request.upstream)
  if (upstream === undefined) {
    throw new AppError('NOT_FOUND', `${request.organization} has no upstream ${request.upstream}: add it first`, {
      about: { reason: 'absent', what: 'upstream', name: request.upstream },
    })
  }
  const source = parseRepositoryName(request.repository)
  const destination = destinationOf(request, upstream)
  const repository = await findRepository(db, destination)
  const mirror = repository === undefined ? undefined : await findMirrorOfRepository(db, destination)
  if (repository !== undefined) await refuseTaken(db, request, repository, mirror)
  return { organization, upstream, source, destination, repository, stopped: mirror }
}

async function refuseTaken(
  db: Queries,
  request: StartRequest,
  repository: RepositoryRow,
  mirror: MirrorRecord | undefined,
): Promise<void> {
  const isActive = mirror !== undefined && mirror.state !== 'stopped'
  if (isActive || request.adopt !== true) {
    const suggestion = await findFreeName(db, repository.name, request.organization)
    const what = isActive ? `is a mirror of ${mirror.upstream}/${mirror.source_repository} already` : 'exists already'
    const adopt = isActive
      ? ''
      : mirror === undefined
        ? ', or --adopt to take it'
        : ', or --adopt to restart its mirror'
    throw new AppError('CONFLICT', `${repository.name} ${what}: choose another name, --as ${suggestion}${adopt}`, {
      about: { reason: 'taken', what: 'repository', name: repository.name },
      detail: { suggestion, mirror: mirror?.id ?? null },
    })
  }
  refuseClosed(repository)
}

function refuseClosed(repository: RepositoryRow): void {
  if (repository.visibility !== 'private') {
    throw new AppError('CONFLICT', `${repository.name} is public: a mirror updates private repositories only`, {
      about: { reason: 'private-only', what: 'repository', name: repository.name },
    })
  }
  if (repository.archived_at !== null) {
    throw new AppError('CONFLICT', `${repository.name} is archived: take it out of the archive first`, {
      about: { reason: 'archived', what: 'repository', name: repository.name },
    })
  }
}

/** `dhi-python` → `dhi-python-2`, the first that is free. */
async function findFreeName(db: Queries, taken: string, organization: string): Promise<string> {
  for (let n = 2; ; n++) {
    const name = `${taken}-${n}`
    if ((await findRepository(db, name as RepositoryName)) === undefined) return name.slice(organization.length + 1)
  }
}

/**
 * Asks upstream for the first page of tags: an absent repository, a refused login or a dead host is known before anything is made.
 * @throws AppError UPSTREAM_NOT_FOUND and the other UPSTREAM_* codes
 */
export async function requireReachable(source: Source, o: Abortable = {}): Promise<void> {
  for await (const _ of source.reader.listTags(o)) break
}

function describe(upstream: string, source: string): string {
  return `Mirror of ${upstream}/${source}`
}

/** Words of people stay. */
async function describeAnew(tx: Transaction, mirror: MirrorRecord, description: string): Promise<void> {
  await tx
    .updateTable('repositories')
    .set({ description })
    .where('id', '=', mirror.repository_id)
    .where('description', '=', describe(mirror.upstream, mirror.source_repository))
    .execute()
}

/** Makes repository and mirror, or puts the stopped mirror to work again. @throws AppError CONFLICT when somebody was faster */
export async function insertStart(
  tx: Transaction,
  target: StartTarget,
  o: { readonly adopt: boolean; readonly by: string; readonly at: string; readonly settings: MirrorChange },
): Promise<MirrorRow> {
  const { organization, upstream, source, destination } = target
  const made = await createRepository(tx, {
    organizationId: organization.id,
    name: destination,
    visibility: 'private',
    description: describe(upstream.name, source),
    actor: o.by,
    at: o.at,
  })
  const mirror = made.isNew ? undefined : await findMirrorOfRepository(tx, destination)
  if ((!made.isNew && !o.adopt) || (mirror !== undefined && mirror.state !== 'stopped')) {
    throw new AppError('CONFLICT', `${destination} was made by somebody else just now`, {
      about: { reason: 'taken', what: 'repository', name: destination },
    })
  }
  // It was private when it was looked at, and upstream may have taken its time since.
  refuseClosed(made.row)
  const before = mirror === undefined ? {} : mirrorSettingsSchema.parse(JSON.parse(mirror.settings))
  const after = changedSettings(before, o.settings)
  const settings = JSON.stringify(after)
  const columns = { upstream_id: upstream.id, source_repository: source, settings, at: o.at }
  if (mirror !== undefined) {
    if (!isSameSelection(before.selection, after.selection)) await forgetSubjects(tx, mirror.id)
    await describeAnew(tx, mirror, describe(upstream.name, source))
    return restartMirror(tx, mirror, columns)
  }
  return createMirror(tx, { organization_id: organization.id, repository_id: made.row.id, ...columns })
}
