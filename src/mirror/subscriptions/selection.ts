/** What a subscription takes: globs over a catalog, or names. */
import type { SubscriptionRow } from '../../db/schema.ts'
import { compileGlobs } from '../../oci/repository-globs.ts'

/** What is subscribed to. */
export interface Selection {
  /** None: everything. */
  readonly match: readonly string[]
  readonly except: readonly string[]
  /** Instead of the catalog's. */
  readonly repositories: readonly string[] | null
}

export function selectorOf({ match, except }: Pick<Selection, 'match' | 'except'>): (name: string) => boolean {
  const isIn = match.length === 0 ? () => true : compileGlobs(match)
  const isOut = compileGlobs(except)
  return (name) => isIn(name) && !isOut(name)
}

type Columns = Pick<SubscriptionRow, 'match_globs' | 'except_globs' | 'repositories'>

export function selectionOf(row: Columns): Selection {
  return {
    match: JSON.parse(row.match_globs) as string[],
    except: JSON.parse(row.except_globs) as string[],
    repositories: row.repositories === null ? null : (JSON.parse(row.repositories) as string[]),
  }
}

export function columnsOf({ match, except, repositories }: Selection): Columns {
  return {
    match_globs: JSON.stringify(match),
    except_globs: JSON.stringify(except),
    repositories: repositories === null ? null : JSON.stringify([...new Set(repositories)].sort()),
  }
}
