/**
 * Statements that are the same each time are planned once a connection: planning the joins of a pull takes PostgreSQL ten times as long as
 * running them (docs/scaling.md).
 */
import { createHash } from 'node:crypto'
import type { PoolClient, QueryResult } from 'pg'
import { isSameEachTime } from './prepared.ts'

/** feature_not_supported, which is what PostgreSQL says where a migration has changed the columns of what was planned before it. */
const PLAN_IS_OLD = '0A000'

/** What a transaction ends with where a statement in it was planned before a migration; the next try plans anew. */
export function isOldPlan(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === PLAN_IS_OLD && /cached plan/.test(error.message)
}

export function createKeptPlans(): { readonly keep: (client: PoolClient) => void } {
  const names = new Map<string, string>()
  /** Part of every name: what was planned before it grew is never run again. */
  let generation = 0
  const nameOf = (text: string): string => {
    let name = names.get(text)
    if (name === undefined) {
      name = createHash('sha256').update(text).digest('hex').slice(0, 24)
      names.set(text, name)
    }
    return `${name}-${generation}`
  }
  return {
    keep(client) {
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<QueryResult>
      const kept = async (text: string, values: unknown[]): Promise<QueryResult> => {
        try {
          return await query({ name: nameOf(text), text, values })
        } catch (error) {
          if (!isOldPlan(error)) throw error
          generation++
          // In a transaction nothing can be done any more: `db.write` runs it again.
          if (client.getTransactionStatus() !== 'I') throw error
          return query({ name: nameOf(text), text, values })
        }
      }
      client.query = ((...args: unknown[]) => {
        const [text, values] = args
        const isKept = args.length === 2 && typeof text === 'string' && Array.isArray(values) && isSameEachTime(text)
        return isKept ? kept(text, values) : query(...args)
      }) as typeof client.query
    },
  }
}
