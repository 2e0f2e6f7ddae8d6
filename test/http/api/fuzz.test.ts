import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

setDefaultTimeout(120_000)

const CASES = 1000

let kagami: WholeServer
let operations: { method: string; path: string }[]
let token: string
beforeAll(async () => {
  kagami = await startWholeServer()
  const document = JSON.parse((await kagami.call('GET', '/openapi.json')).text)
  type Described = { responses?: Record<string, { content?: Record<string, unknown> }> }
  // An answer that goes on for ever is tried elsewhere.
  const isEndless = ({ responses = {} }: Described) => responses[200]?.content?.['text/event-stream'] !== undefined
  operations = Object.entries<Record<string, Described>>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => !isEndless(methods[method] ?? {}))
      .map((method) => ({ method: method.toUpperCase(), path: path.replace('/api/v1', '') })),
  )
  const made = await kagami.call('POST', '/tokens', { login: OWNER, body: { label: 'fuzz', scope: 'read' } })
  token = JSON.parse(made.text).token
})
afterAll(() => kagami.stop())

const word = fc.oneof(
  fc.constantFrom(
    'acme',
    'owner',
    'sample',
    'a/b',
    '..',
    '%',
    '%2F',
    '\0',
    "'; DROP TABLE tags; --",
    '𝕏',
    '-1',
    'null',
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const key = fc.constantFrom(
  'name',
  'label',
  'scope',
  'expires',
  'organization',
  'upstream',
  'repository',
  'url',
  'role',
)
const body = fc.oneof(
  fc.dictionary(fc.oneof(key, word), fc.oneof(word, fc.jsonValue())),
  fc.jsonValue(),
  fc.string().map((text) => text as unknown),
)

/** A lone surrogate cannot be written in a URL at all. */
const encode = (text: string) => encodeURIComponent(text.toWellFormed())

test(`${CASES} requests of any shape are answered, never by a bug, and change nothing for a token that may only read`, async () => {
  const before = await snapshot()
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.infiniteStream(word),
      fc.option(body, { nil: undefined }),
      fc.dictionary(fc.oneof(fc.constantFrom('limit', 'after', 'confirm', 'run', 'organization'), word), word, {
        maxKeys: 3,
      }),
      fc.constantFrom('application/json', 'text/plain', 'application/json; charset=utf-7', ''),
      async (index, words, sent, query, type) => {
        const operation = operations[index % operations.length]
        if (operation === undefined) throw new Error('the document has no operations')
        const path = operation.path.replace(/\{[^}]+\}/g, () => encode(String(words.next().value)))
        const search = new URLSearchParams(
          Object.entries(query).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
        )
        const answer = await kagami.call(operation.method, `${path}?${search}`, {
          login: token,
          ...(sent === undefined || operation.method === 'GET' ? {} : { body: sent }),
          headers: { 'content-type': type },
        })
        expect(answer.status).toBeLessThan(500)
        if (answer.status >= 400) expect(answer.code).toBeString()
        expect(answer.text).not.toMatch(/\n +at |SQLITE|syntax error/)
      },
    ),
    { numRuns: CASES },
  )
  expect(await snapshot()).toEqual(before)
})

async function snapshot(): Promise<unknown> {
  const lists = ['/organizations', '/organizations/acme/members', '/repositories', '/mirrors', '/upstreams']
  const answers = []
  // When somebody was last seen is no change of theirs.
  const seen = (key: string, value: unknown) => (key === 'lastSeenAt' ? undefined : value)
  for (const path of lists) answers.push(JSON.parse((await kagami.call('GET', path, { login: OWNER })).text, seen))
  const { tokens } = JSON.parse((await kagami.call('GET', '/tokens', { login: OWNER })).text)
  return [...answers, tokens.map(({ id }: { id: string }) => id)]
}
