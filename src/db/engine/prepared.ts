/** Queries that run at every request: put together and compiled once, then only given their values. */
import type { Compilable, CompiledQuery } from 'kysely'
import type { Queries } from './engine.ts'

type RunNow = <Row>(query: CompiledQuery<Row>) => Row[]

const direct = new WeakMap<Queries, RunNow>()

/**
 * From now on prepared queries on `db` run by `run`, past the query builder's turns and promises: where no transaction and no
 * connection has to be waited for, these take as long as the query.
 */
export function runDirectly(db: Queries, run: RunNow): void {
  direct.set(db, run)
}

/** No value of ours begins so. */
const MARK = '\0value:'

/**
 * @param build puts the query together; wherever a value belongs it uses what `value` gives for the value's name
 * @returns a function that runs it with the values; compiled once for each `db.read`
 */
export function prepareQuery<Name extends string, Row>(
  build: (db: Queries, value: (name: Name) => string) => Compilable<Row>,
): (db: Queries, values: Readonly<Record<Name, string>>) => Promise<Row[]> {
  const compiled = new WeakMap<Queries, CompiledQuery<Row>>()
  return async (db, values) => {
    let query = compiled.get(db)
    if (query === undefined) {
      query = build(db, (name) => MARK + name).compile()
      compiled.set(db, query)
    }
    const parameters = query.parameters.map((parameter) =>
      typeof parameter === 'string' && parameter.startsWith(MARK)
        ? values[parameter.slice(MARK.length) as Name]
        : parameter,
    )
    const run = direct.get(db)
    if (run !== undefined) return run({ ...query, parameters })
    return (await db.executeQuery<Row>({ ...query, parameters })).rows
  }
}
