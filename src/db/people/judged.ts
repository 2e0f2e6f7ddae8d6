/** The least that a decision about one repository is made of, for statements that read beside it what is asked for. */
import { type RawBuilder, sql } from 'kysely'
import type { Queries } from '../engine/engine.ts'
import type { Value } from '../engine/prepared.ts'
import type { MembersPull, OrganizationRow, RepositoryRow, Role, TokenScope } from '../schema.ts'
import {
  type Asked,
  type Kind,
  kindOf,
  type RepositoryFacts,
  repositoryQuery,
  type Subject,
  type SubjectColumns,
  subjectFacts,
  valuesOf,
} from './rights.ts'
import { grantRanks, permissionOf } from './team-rights.ts'

/** What `RepositoryFacts` has of it, but nothing that gives more than `pull`. */
export interface JudgedFacts extends Omit<RepositoryFacts, 'organization' | 'repository'> {
  readonly organization: Pick<OrganizationRow, 'id' | 'name' | 'members_pull'> | undefined
  readonly repository: Pick<RepositoryRow, 'id' | 'visibility'> | undefined
}

export interface JudgedColumns extends SubjectColumns {
  o_id: string | null
  o_members_pull: MembersPull | null
  role?: Role | null
  exact_rank?: number | null
  pattern_rank?: number | null
  r_id: string | null
  r_visibility: RepositoryRow['visibility'] | null
  /** Of an organization's token. */
  ot_last_used_at?: string | null
}

const column = <Of extends string = string>(name: string): RawBuilder<Of | null> => sql<Of | null>`${sql.ref(name)}`

/** The rows of a whole decision (`rights.ts`), found in the same way, with fewer columns: each is a string made at every request. */
export function judgedQuery(kind: Kind) {
  return (db: Queries, value: Value<Asked>) =>
    repositoryQuery(kind)(db, value)
      .clearSelect()
      .select([
        'organizations.id as o_id',
        'organizations.members_pull as o_members_pull',
        'repositories.id as r_id',
        'repositories.visibility as r_visibility',
      ])
      .$if(kind === 'person', (query) =>
        query
          .select([
            column('users.id').as('user_id'),
            column<TokenScope>('tokens.scope').as('token_scope'),
            column('tokens.expires_at').as('expires_at'),
            column<Role>('members.role').as('role'),
          ])
          .select(grantRanks(value('repository'))),
      )
      .$if(kind === 'machine', (query) =>
        query.select([
          column('ot.id').as('ot_id'),
          column('ot.organization_id').as('ot_organization_id'),
          column('ot.allow').as('ot_allow'),
          column('ot.repositories').as('ot_repositories'),
          column('ot.expires_at').as('ot_expires_at'),
          sql<number | null>`ot.is_active`.as('ot_is_active'),
          column('ot.last_used_at').as('ot_last_used_at'),
        ]),
      )
}

/** The rows of such a statement are of this subject. @param organization first component of `repository` */
export function judgedOf(row: JudgedColumns, organization: string): JudgedFacts {
  const { o_id, o_members_pull, r_id, r_visibility } = row
  return {
    ...subjectFacts(row),
    organization:
      o_id === null || o_members_pull === null
        ? undefined
        : { id: o_id, name: organization, members_pull: o_members_pull },
    role: row.role ?? undefined,
    managesMirrors: false,
    teamPermission: permissionOf(row.exact_rank ?? null, row.pattern_rank ?? null),
    repository: r_id === null || r_visibility === null ? undefined : { id: r_id, visibility: r_visibility },
  }
}

export { type Asked, type Kind, kindOf, type Subject, valuesOf }
