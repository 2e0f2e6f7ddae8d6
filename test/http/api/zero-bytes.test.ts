// Every text that the OpenAPI document lets anybody send, with a byte in it that PostgreSQL cannot hold: told by its name, and never a bug.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { bodyOf, formOf, type Names, operationsOf, parameterOf } from '../../support/valid-requests.ts'
import { describeOnEachDatabase, OWNER, type WholeServer } from '../../support/whole-server.ts'

const ID = '00000000-0000-4000-8000-000000000000'
const NAMES: Names = {
  ...{
    organization: 'acme',
    name: 'app',
    user: 'owner',
    upstream: 'vault',
    target: 'vault',
    tag: 'v1',
    team: 'ops',
    identity: 'ci',
  },
  ...{ webhook: 'hook', token: ID, run: ID, subscription: ID, invitation: ID, session: ID, provider: ID },
  ...{ delivery: ID, link: ID, replication: ID, rule: ID, collection: ID },
}

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly [union: string]: unknown
}

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** The bodies that differ from `valid` in one text, by where it is. */
function* withZeroByte(
  document: Document,
  schema: Schema,
  valid: unknown,
  place = '',
): Generator<readonly [string, unknown]> {
  const of = schema.$ref === undefined ? schema : document.components.schemas[schema.$ref.split('/').at(-1) ?? '']
  if (of === undefined) throw new Error(`${place}: ${schema.$ref} is not in the document`)
  for (const union of ['anyOf', 'oneOf', 'allOf']) {
    for (const one of (of[union] ?? []) as readonly Schema[]) yield* withZeroByte(document, one, valid, place)
  }
  if ([of.type].flat().includes('string')) yield [place, 'a\0b']
  const object = typeof valid === 'object' && valid !== null && !Array.isArray(valid) ? valid : {}
  for (const [name, property] of Object.entries(of.properties ?? {})) {
    const inner = withZeroByte(document, property, (object as Record<string, unknown>)[name], `${place}.${name}`)
    for (const [where, value] of inner) yield [where, { ...object, [name]: value }]
  }
  if (of.items !== undefined) {
    for (const [where, value] of withZeroByte(document, of.items, undefined, `${place}[]`)) yield [where, [value]]
  }
  if (typeof of.additionalProperties === 'object') {
    for (const [where, value] of withZeroByte(document, of.additionalProperties, undefined, `${place}{}`)) {
      yield [where, { x: value }]
    }
    yield [`${place}{name}`, { 'a\0b': 'x' }]
  }
}

describeOnEachDatabase('a zero byte', (start) => {
  let kagami: WholeServer
  let document: Document
  beforeAll(async () => {
    kagami = await start()
    document = JSON.parse((await kagami.call('GET', '/openapi.json')).text)
  })
  afterAll(() => kagami?.stop())

  const refusedOnly = (what: string, { status, text }: { readonly status: number; readonly text: string }) =>
    expect([what, status >= 400 && status < 500, text]).toEqual([what, true, text])

  test('is refused in every text of every body', async () => {
    const tried: string[] = []
    for (const operation of operationsOf(document)) {
      const { method, path } = operation
      const content = document.paths[`/api/v1${path}`]?.[method]?.requestBody?.content ?? {}
      const form = formOf(operation, 'a.b.c')
      const [type, described] = Object.entries(content)[0] ?? []
      if (type === undefined || described === undefined) continue
      const to = path.replace(/\{(\w+)\}/g, (_, key: keyof Names) => NAMES[key])
      for (const [where, value] of withZeroByte(document, described.schema, form ?? bodyOf(operation, NAMES))) {
        const what = `${method} ${path} ${where}`
        tried.push(what)
        const body = form === undefined ? value : new URLSearchParams(value as Record<string, string>).toString()
        const headers = { 'content-type': form === undefined ? 'application/json' : type }
        refusedOnly(what, await kagami.call(method.toUpperCase(), to, { login: OWNER, body, headers }))
      }
    }
    for (const known of ['post /tokens .label', 'patch /organizations/{organization}/teams/{team} .description']) {
      expect(tried).toContain(known)
    }
    expect(tried).toContain('post /organizations/{organization}/identities .audience')
    expect(tried.length).toBeGreaterThan(150)
  })

  test('is refused in every parameter', async () => {
    for (const operation of operationsOf(document)) {
      const { method, path } = operation
      for (const { name, in: place } of document.paths[`/api/v1${path}`]?.[method]?.parameters ?? []) {
        const textOf = (one: string) => (one === name ? 'a%00b' : encodeURIComponent(parameterOf(one, NAMES)))
        const to = path.replace(/\{(\w+)\}/g, (_, key: string) => textOf(key))
        const names = [...new Set([...operation.query, ...(place === 'query' ? [name] : [])])]
        const query = names.map((one) => `${one}=${textOf(one)}`).join('&')
        const form = formOf(operation, 'a.b.c')
        const answer = await kagami.call(method.toUpperCase(), `${to}?${query}`, {
          login: OWNER,
          body: form === undefined ? bodyOf(operation, NAMES) : new URLSearchParams(form).toString(),
          ...(form === undefined ? {} : { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
        })
        refusedOnly(`${method} ${path} ${name}`, answer)
      }
    }
  })
})
