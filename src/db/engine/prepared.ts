/** Queries that run at every request or for every item of a pass: put together and compiled once, then only given their values. */
import type { Compilable, CompiledQuery } from 'kysely'
import { LRUCache } from 'lru-cache'
import { type Chunk, inChunks, rowChunks } from './chunks.ts'
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

const onePlan = new Set<string>()

/** Whether a statement is one of those that are the same each time: worth a plan that its connection keeps. */
export function isSameEachTime(text: string): boolean {
  return onePlan.has(text)
}

/** Stands for the value of that name while a query is put together. */
export type Value<Values extends object> = <Name extends keyof Values & string>(name: Name) => Values[Name]

/** What stands there until it is compiled; no value of ours is such a text. */
const MARK = '\0value:'

interface Compiled<Row> {
  readonly query: CompiledQuery<Row>
  /** Of each parameter: the name of its value; undefined: it is the same each time. */
  readonly names: readonly (string | undefined)[]
}

function compile<Row>(query: Compilable<Row>): Compiled<Row> {
  const compiled = query.compile()
  const isMark = (parameter: unknown): parameter is string =>
    typeof parameter === 'string' && parameter.startsWith(MARK)
  return {
    query: compiled,
    names: compiled.parameters.map((parameter) => (isMark(parameter) ? parameter.slice(MARK.length) : undefined)),
  }
}

/** Compiled once for each engine's dialect, whatever transaction it runs in. */
function once<Row>(make: () => Compiled<Row>, known: WeakMap<object, Compiled<Row>>, db: Queries): Compiled<Row> {
  const { adapter } = db.getExecutor()
  const found = known.get(adapter)
  if (found !== undefined) return found
  const compiled = make()
  known.set(adapter, compiled)
  return compiled
}

/** At once where it can be had at once. */
function run<Row>(
  db: Queries,
  { query, names }: Compiled<Row>,
  get: (name: string) => unknown,
): Row[] | Promise<Row[]> {
  const parameters = names.map((name, index) => (name === undefined ? query.parameters[index] : get(name)))
  const now = direct.get(db)
  // Spelled out: this is for every request, and a spread copies by looking for what there is.
  if (now !== undefined) return now({ query: query.query, queryId: query.queryId, sql: query.sql, parameters })
  return db.executeQuery<Row>({ ...query, parameters }).then(({ rows }) => rows)
}

/**
 * @param build puts the query together; wherever a value belongs it uses what `value` gives for the value's name
 * @returns a function that runs it with the values, on `db.read` or in a transaction
 */
export function prepareQuery<Values extends object, Row>(
  build: (db: Queries, value: Value<Values>) => Compilable<Row>,
): (db: Queries, values: Values) => Promise<Row[]> {
  const soon = prepareSoon(build)
  return async (db, values) => soon(db, values)
}

/** As `prepareQuery`, but on SQLite's `db.read` the rows are there at once: for what answers a request without a turn of the event loop. */
export function prepareSoon<Values extends object, Row>(
  build: (db: Queries, value: Value<Values>) => Compilable<Row>,
): (db: Queries, values: Values) => Row[] | Promise<Row[]> {
  const known = new WeakMap<object, Compiled<Row>>()
  const value: Value<Values> = (name) => (MARK + name) as never
  const make = (db: Queries) => {
    const compiled = compile(build(db, value))
    onePlan.add(compiled.query.sql)
    return compiled
  }
  return (db, values) => {
    const compiled = once(() => make(db), known, db)
    return run(db, compiled, (name) => values[name as keyof Values])
  }
}

/**
 * The same for a list of texts, of which the query takes a slice at a time.
 * @param build puts the query of one slice together: the texts stand in `chunk` as marks, and `value` gives what is the same for all slices
 * @returns a function that runs it for all slices, and gives what they give
 */
export function prepareIn<Item extends string, Values extends object, Result>(
  build: (db: Queries, chunk: Chunk<Item>, value: Value<Values>) => Compilable<Result>,
): (db: Queries, items: readonly Item[], values: Values) => Promise<Result[]> {
  const byLength = new LRUCache<number, WeakMap<object, Compiled<Result>>>({ max: KEPT_LENGTHS })
  const value: Value<Values> = (name) => (MARK + name) as never
  return async (db, items, values) => {
    const results: Result[] = []
    for (const slice of inChunks(items)) {
      const known = byLength.get(slice.length) ?? new WeakMap()
      byLength.set(slice.length, known)
      const marked = () => slice.map((_, index) => `${MARK}${index} `)
      const compiled = once(() => compile(build(db, marked() as never, value)), known, db)
      const found = await run(db, compiled, (name) =>
        name.endsWith(' ') ? slice[Number(name.slice(0, -1))] : values[name as keyof Values],
      )
      for (const one of found) results.push(one)
    }
    return results
  }
}

/** Lengths of slices whose statements are kept: nearly all are short. */
const KEPT_LENGTHS = 16

/**
 * The same for rows, of which the query takes a slice at a time.
 * @param build puts the query of one slice together; each row has every property, and their values stand in `chunk` as marks
 * @returns a function that runs it for all slices, and gives what they give
 */
export function prepareRows<Row extends object, Result>(
  build: (db: Queries, chunk: Chunk<Row>) => Compilable<Result>,
): (db: Queries, rows: readonly Row[]) => Promise<Result[]> {
  const byLength = new LRUCache<number, WeakMap<object, Compiled<Result>>>({ max: KEPT_LENGTHS })
  return async (db, rows) => {
    const results: Result[] = []
    for (const slice of rowChunks(rows)) {
      const known = byLength.get(slice.length) ?? new WeakMap()
      byLength.set(slice.length, known)
      const mark = (index: number, name: string) => `${MARK}${index} ${name}`
      const marked = () =>
        slice.map((row, index) => Object.fromEntries(Object.keys(row).map((name) => [name, mark(index, name)])))
      const compiled = once(() => compile(build(db, marked() as never)), known, db)
      const found = await run(db, compiled, (name) => {
        const space = name.indexOf(' ')
        return slice[Number(name.slice(0, space))]?.[name.slice(space + 1) as keyof Row]
      })
      for (const one of found) results.push(one)
    }
    return results
  }
}
