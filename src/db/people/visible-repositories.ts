/** Which repositories a list shows, to whom: what `access/authorize.ts` says of each by itself, said of all at once. */
import { type ExpressionBuilder, sql } from 'kysely'
import type { Schema } from '../schema.ts'
import { hasGrant, managesMirrors } from './team-rights.ts'

/** Whose eyes a list is for. */
export type Viewer = {
  /** What is public is seen by everybody. */
  readonly isPublicSeen: boolean
} & (
  | { readonly kind: 'anybody' }
  | {
      readonly kind: 'user'
      readonly userId: string
      /** Who manages mirrors sees all of the organization's. */
      readonly isManagerSeen: boolean
      /** Only what one administers: members need a team that does. */
      readonly isForAdmins?: boolean
    }
  | {
      readonly kind: 'token'
      readonly organizationId: string
      /** For LIKE, over full names; as many as a token names (`MAX_REPOSITORIES`). */
      readonly patterns: readonly string[]
    }
)

/** For a query with a row `repository`. */
export function isVisibleTo(viewer: Viewer) {
  return (eb: ExpressionBuilder<Schema & { repository: Schema['repositories'] }, 'repository'>) => {
    const isPublic = viewer.isPublicSeen ? eb('repository.visibility', '=', 'public') : sql<boolean>`1 = 0`
    switch (viewer.kind) {
      case 'anybody':
        return isPublic
      case 'user': {
        const isManager = viewer.isManagerSeen ? sql<boolean>`${managesMirrors} = 1` : sql<boolean>`1 = 0`
        return eb.or([
          isPublic,
          eb.exists(
            eb
              .selectFrom('members')
              .innerJoin('organizations', 'organizations.id', 'members.organization_id')
              .select('members.role')
              .whereRef('members.organization_id', '=', 'repository.organization_id')
              .where('members.user_id', '=', viewer.userId)
              .where((one) =>
                one.or([
                  one('members.role', '!=', 'member'),
                  ...(viewer.isForAdmins === true
                    ? [hasGrant(eb.ref('repository.name'), 'admin')]
                    : [one('organizations.members_pull', '=', 'all'), hasGrant(eb.ref('repository.name'))]),
                  isManager,
                ]),
              ),
          ),
        ])
      }
      case 'token':
        return eb.or([
          isPublic,
          eb.and([
            eb('repository.organization_id', '=', viewer.organizationId),
            eb.or([
              ...viewer.patterns.map((like) => sql<boolean>`${eb.ref('repository.name')} like ${like} escape '\\'`),
            ]),
          ]),
        ])
    }
  }
}
