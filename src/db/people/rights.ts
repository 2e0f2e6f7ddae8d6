/** What a decision about rights is made of, read in one query: it runs at every request. */
import { sql } from 'kysely'
import type { RepositoryName } from '../../oci/reference.ts'
import type { Queries } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type {
  MembersPull,
  OrganizationRow,
  RepositoryRow,
  Role,
  TeamPermission,
  TokenRight,
  TokenScope,
} from '../schema.ts'
import { tokenLists } from './organization-tokens.ts'
import { grantRanks, managesMirrors, permissionOf } from './team-rights.ts'

/**
 * Whose rights are asked for: a user, and the personal access token behind the request when there is one; or an organization's token,
 * which stands for no user.
 */
export type Subject =
  | {
      readonly userId: string
      readonly tokenId?: string | undefined
      readonly organizationTokenId?: undefined
    }
  | { readonly userId?: undefined; readonly tokenId?: undefined; readonly organizationTokenId: string }

/** A token of an organization as it is now. */
export interface OrganizationTokenFacts {
  readonly id: string
  readonly organizationId: string
  readonly allow: readonly TokenRight[]
  /** As they were given. */
  readonly repositories: readonly string[]
  readonly expiresAt: string | null
  readonly isActive: boolean
}

export interface SubjectFacts {
  /** And is not disabled. */
  readonly userExists: boolean
  readonly isOperator: boolean
  /** The personal token as it is now; undefined when it is revoked, somebody else's, or none was asked about. */
  readonly token: { readonly scope: TokenScope; readonly expiresAt: string | null } | undefined
  /** Undefined when it is revoked, or none was asked about. */
  readonly organizationToken: OrganizationTokenFacts | undefined
}

export interface OrganizationFacts extends SubjectFacts {
  readonly organization: OrganizationRow | undefined
  readonly role: Role | undefined
  /** One of the user's teams there manages mirrors. */
  readonly managesMirrors: boolean
}

export interface RepositoryFacts extends OrganizationFacts {
  readonly repository: RepositoryRow | undefined
  /** The most that a team of the user is granted on the name that was asked about, whether or not it is there. */
  readonly teamPermission: TeamPermission | undefined
}

// No row has the empty id, so a caller without user or token joins nothing.
const NOBODY = ''

export type Asked = Record<'userId' | 'tokenId' | 'organizationTokenId' | 'organization' | 'repository', string>

/** Nobody is both, and what the other kind has would be read at every request. */
export type Kind = 'person' | 'machine'

function subjectQuery(kind: Kind) {
  return (db: Queries, value: Value<Asked>) =>
    db
      .selectFrom(db.selectNoFrom(sql<number>`1`.as('one')).as('asked'))
      .$if(kind === 'person', (query) =>
        query
          .leftJoin('users', (join) => join.on('users.id', '=', value('userId')).on('users.disabled_at', 'is', null))
          .leftJoin('tokens', (join) =>
            join.on('tokens.id', '=', value('tokenId')).on('tokens.user_id', '=', value('userId')),
          )
          .select(['users.id as user_id', 'users.is_operator', 'tokens.scope as token_scope', 'tokens.expires_at']),
      )
      .$if(kind === 'machine', (query) =>
        query
          .leftJoin('organization_tokens as ot', (join) => join.on('ot.id', '=', value('organizationTokenId')))
          .select(['ot.id as ot_id', 'ot.organization_id as ot_organization_id', 'ot.allow as ot_allow'])
          .select([
            'ot.repositories as ot_repositories',
            'ot.expires_at as ot_expires_at',
            'ot.is_active as ot_is_active',
          ]),
      )
}

function organizationQuery(kind: Kind) {
  return (db: Queries, value: Value<Asked>) =>
    subjectQuery(kind)(db, value)
      .leftJoin('organizations', (join) =>
        join.on('organizations.name', '=', value('organization')).on('organizations.deleted_at', 'is', null),
      )
      .select([
        'organizations.id as o_id',
        'organizations.name as o_name',
        'organizations.quota_bytes as o_quota_bytes',
        'organizations.members_pull as o_members_pull',
        'organizations.display_name as o_display_name',
        'organizations.created_at as o_created_at',
      ])
      .$if(kind === 'person', (query) =>
        query
          .leftJoin('members', (join) =>
            join.onRef('members.organization_id', '=', 'organizations.id').on('members.user_id', '=', value('userId')),
          )
          .select(['members.role as role', managesMirrors.as('manages_mirrors')]),
      )
}

export function repositoryQuery(kind: Kind) {
  return (db: Queries, value: Value<Asked>) =>
    organizationQuery(kind)(db, value)
      .leftJoin('repositories', (join) => join.on('repositories.name', '=', value('repository')))
      .$if(kind === 'person', (query) => query.select(grantRanks(value('repository'))))
      .select([
        'repositories.id as r_id',
        'repositories.organization_id as r_organization_id',
        'repositories.visibility as r_visibility',
        'repositories.description as r_description',
        'repositories.allow_sparse as r_allow_sparse',
        'repositories.keep_superseded_newest as r_keep_superseded_newest',
        'repositories.keep_superseded_days as r_keep_superseded_days',
        'repositories.keep_superseded_days_after_pull as r_keep_superseded_days_after_pull',
        'repositories.immutable_tags as r_immutable_tags',
        'repositories.immutable_patterns as r_immutable_patterns',
        'repositories.archived_at as r_archived_at',
        'repositories.created_at as r_created_at',
        'repositories.updated_at as r_updated_at',
      ])
}

const ofEach = <Query>(prepare: (kind: Kind) => Query): Readonly<Record<Kind, Query>> => ({
  person: prepare('person'),
  machine: prepare('machine'),
})
const readSubject = ofEach((kind) => prepareQuery(subjectQuery(kind)))
const readOrganization = ofEach((kind) => prepareQuery(organizationQuery(kind)))
const readRepository = ofEach((kind) => prepareQuery(repositoryQuery(kind)))

export function kindOf(subject: Subject | undefined): Kind {
  return subject?.organizationTokenId === undefined ? 'person' : 'machine'
}

export function valuesOf(subject: Subject | undefined, organization = NOBODY, repository = NOBODY) {
  return {
    userId: subject?.userId ?? NOBODY,
    tokenId: subject?.tokenId ?? NOBODY,
    organizationTokenId: subject?.organizationTokenId ?? NOBODY,
    organization,
    repository,
  }
}

/** Those of a kind; the others are absent. */
export interface SubjectColumns {
  user_id?: string | null
  is_operator?: number | null
  token_scope?: TokenScope | null
  expires_at?: string | null
  ot_id?: string | null
  ot_organization_id?: string | null
  ot_allow?: string | null
  ot_repositories?: string | null
  ot_expires_at?: string | null
  ot_is_active?: number | null
}

interface OrganizationColumns extends SubjectColumns {
  o_id: string | null
  o_name: string | null
  o_quota_bytes: number | null
  o_members_pull: MembersPull | null
  o_display_name: string | null
  o_created_at: string | null
  role?: Role | null
  manages_mirrors?: number | null
}

export function subjectFacts(row: SubjectColumns): SubjectFacts {
  return {
    userExists: row.user_id != null,
    isOperator: row.is_operator === 1,
    token: row.token_scope == null ? undefined : { scope: row.token_scope, expiresAt: row.expires_at ?? null },
    organizationToken: organizationTokenFacts(row),
  }
}

function organizationTokenFacts(row: SubjectColumns): OrganizationTokenFacts | undefined {
  const { ot_id: id, ot_organization_id: organizationId, ot_allow: allow, ot_repositories: repositories } = row
  if (id == null || organizationId == null || allow == null || repositories == null) return undefined
  return {
    id,
    organizationId,
    ...tokenLists({ allow, repositories }),
    expiresAt: row.ot_expires_at ?? null,
    isActive: row.ot_is_active === 1,
  }
}

function organizationFacts(row: OrganizationColumns): OrganizationFacts {
  const { o_id: id, o_name: name, o_members_pull: membersPull, o_created_at: createdAt } = row
  const displayName = row.o_display_name
  return {
    ...subjectFacts(row),
    organization:
      id === null || name === null || membersPull === null || displayName === null || createdAt === null
        ? undefined
        : {
            id,
            name,
            quota_bytes: row.o_quota_bytes,
            members_pull: membersPull,
            display_name: displayName,
            created_at: createdAt,
          },
    role: row.role ?? undefined,
    managesMirrors: row.manages_mirrors === 1,
  }
}

/** The left joins start from one row, so there is always exactly one. */
function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('want one row of facts, got none')
  return row
}

export async function readSubjectFacts(db: Queries, subject: Subject | undefined): Promise<SubjectFacts> {
  return subjectFacts(only(await readSubject[kindOf(subject)](db, valuesOf(subject))))
}

export async function readOrganizationFacts(
  db: Queries,
  subject: Subject | undefined,
  organization: string,
): Promise<OrganizationFacts> {
  return organizationFacts(only(await readOrganization[kindOf(subject)](db, valuesOf(subject, organization))))
}

/** `organization` is the first component of `name`. */
export async function readRepositoryFacts(
  db: Queries,
  subject: Subject | undefined,
  organization: string,
  name: RepositoryName,
): Promise<RepositoryFacts> {
  const row = only(await readRepository[kindOf(subject)](db, valuesOf(subject, organization, name)))
  const teamPermission = permissionOf(row.exact_rank ?? null, row.pattern_rank ?? null)
  return { ...organizationFacts(row), repository: repositoryOf(name, row), teamPermission }
}

type Prefixed<T> = { [K in keyof T & string as `r_${K}`]: T[K] | null }

/** A left join that met nothing has NULL in every column; the columns that are NOT NULL tell it apart. */
function repositoryOf(name: RepositoryName, row: Prefixed<Omit<RepositoryRow, 'name'>>): RepositoryRow | undefined {
  if (
    row.r_id === null ||
    row.r_organization_id === null ||
    row.r_visibility === null ||
    row.r_description === null ||
    row.r_allow_sparse === null ||
    row.r_immutable_tags === null ||
    row.r_immutable_patterns === null ||
    row.r_created_at === null ||
    row.r_updated_at === null
  ) {
    return undefined
  }
  return {
    id: row.r_id,
    organization_id: row.r_organization_id,
    name,
    visibility: row.r_visibility,
    description: row.r_description,
    allow_sparse: row.r_allow_sparse,
    immutable_tags: row.r_immutable_tags,
    immutable_patterns: row.r_immutable_patterns,
    archived_at: row.r_archived_at,
    keep_superseded_newest: row.r_keep_superseded_newest,
    keep_superseded_days: row.r_keep_superseded_days,
    keep_superseded_days_after_pull: row.r_keep_superseded_days_after_pull,
    created_at: row.r_created_at,
    updated_at: row.r_updated_at,
  }
}
