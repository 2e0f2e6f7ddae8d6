import type { RepositoryName } from '../../oci/reference.ts'
import type { Queries } from '../engine/engine.ts'

/** Names of the repositories that a user may pull, in order: those of the user's organizations, and public ones. */
export async function listReadableRepositories(
  db: Queries,
  userId: string | undefined,
  o: { readonly after?: string | undefined; readonly limit: number },
): Promise<RepositoryName[]> {
  let query = db
    .selectFrom('repositories as repository')
    .select('repository.name')
    .where((eb) =>
      eb.or([
        eb('repository.visibility', '=', 'public'),
        eb(
          'repository.organization_id',
          'in',
          eb
            .selectFrom('members')
            .select('members.organization_id')
            .where('members.user_id', '=', userId ?? ''),
        ),
      ]),
    )
    .orderBy('repository.name')
    .limit(o.limit)
  if (o.after !== undefined) query = query.where('repository.name', '>', o.after)
  const rows = await query.execute()
  return rows.map((row) => row.name as RepositoryName)
}
