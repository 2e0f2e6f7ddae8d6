// No read waits for a writer (invariant 8): every route that reads is asked while somebody else holds SQLite's write lock.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { catalogIsRead } from '../support/catalog.ts'
import { type QuirkRegistry, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

/**
 * Steps of protocols that people reach by a link: a sign-in is begun or ended, a guess of a code is counted. And a provider, which is
 * read as a rule is, but has to be there to be added.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  '/sign-in/{provider}/start',
  '/sign-in/{provider}/callback',
  '/device',
  '/identities/{identity}',
])

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
}

let kagami: WholeServer
let personal: string
let machine: Login
let refresh: string
let tag: string
let registry: QuirkRegistry
let replicationRun: string
let names: Readonly<Record<string, string>>
/** By what has the webhook. */
let deliveries: Record<string, string>
const inRegistry = (path: string) =>
  fetch(`${kagami.url}/v2/acme/mirrored/${path}`, { headers: { authorization: authorization(OWNER) } })
const readJson = async (path: string) => (await inRegistry(path)).json()

/** One that hangs on the tag's image. */
async function attestation(): Promise<string> {
  const path = `/repositories/acme/mirrored/images/${tag}/attestations`
  return JSON.parse((await kagami.call('GET', path, { login: OWNER })).text).attached[0].digest
}

beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  const make = async (path: string, body: unknown) => {
    const answer = await kagami.call('POST', path, { login: OWNER, body })
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    return JSON.parse(answer.text)
  }
  const source = { organization: 'acme', upstream: 'sample' }
  const { run } = await make('/mirrors', { ...source, repository: 'nginx', as: 'mirrored' })
  await kagami.server.mirrors.wait(run.id)
  const { subscription } = await make('/subscriptions', { ...source, match: ['nothing'] })
  const made = await make('/tokens', { label: 'reads', scope: 'admin' })
  await make('/organizations/acme/teams', { name: 'readers' })
  const all = { label: 'ci', allow: ['pull'], repositories: ['*'] }
  machine = { username: 'acme', password: (await make('/organizations/acme/tokens', all)).token }
  const login = { authorization: authorization(OWNER) }
  const granted = await (
    await fetch(`${kagami.url}/token?service=kagami&offline_token=true`, { headers: login })
  ).json()
  personal = made.token
  refresh = granted.refresh_token
  tag = (await readJson('tags/list')).tags[0]
  const rule = { kind: 'rule', name: 'ci', issuer: 'https://a.example', audience: 'a', subject: 'a' }
  await make('/organizations/acme/identities', rule)
  deliveries = {}
  for (const base of ['/repositories/acme/mirrored', '/organizations/acme']) {
    await make(`${base}/webhooks`, { name: 'reads', url: 'https://receiver.example.com/in' })
    deliveries[base] = (await make(`${base}/webhooks/reads/test`, undefined)).delivery.id
  }
  const target = 'beside'
  await make('/targets', { name: target, organization: null, url: 'https://registry.example.com', check: false })
  registry = await startQuirkRegistry({ signIn: 'basic' })
  await make('/targets', { name: 'private', organization: 'acme', url: registry.url, ...USER, check: false })
  const to = { target: 'private', repository: 'mirrored' }
  const sent = await make('/replications', { repository: 'acme/mirrored', target: to })
  await kagami.server.replications.wait(sent.run.id)
  replicationRun = sent.run.id
  const globs = { organization: 'acme', target: 'private', match: ['nothing-*'] }
  const { rule: ofReplications } = await make('/replication-rules', globs)
  const { collection } = await make('/collections', {})
  const [user, upstream] = [OWNER.username, 'sample']
  names = {
    organization: 'acme',
    name: 'mirrored',
    user,
    team: 'readers',
    upstream,
    target,
    tag,
    reference: tag,
    digest: await attestation(),
    token: made.id,
    run: run.id,
    subscription: subscription.id,
    identity: 'ci',
    webhook: 'reads',
    repository: 'nginx',
    replication: sent.replication.id,
    rule: ofReplications.id,
    collection: collection.id,
  }
  await catalogIsRead(kagami, 'sample')
})
afterAll(async () => {
  await kagami.stop()
  await registry[Symbol.asyncDispose]()
})

/** What is asked while the lock is held; a write that it waited for would end in a failure, or never. */
async function besideWriter(ask: () => Promise<readonly (readonly [what: string, status: number])[]>) {
  const writer = new Database(join(kagami.directory, 'kagami.sqlite'))
  await begun(writer)
  try {
    const answers = await ask()
    expect(answers.filter(([, status]) => status !== 200 && status !== 206)).toEqual([])
    return answers.length
  } finally {
    writer.exec('ROLLBACK')
    writer.close()
  }
}

/** The server is of this process and may be writing: whoever waited without giving way would wait for ever. */
async function begun(writer: Database): Promise<void> {
  for (;;) {
    try {
      writer.exec('BEGIN IMMEDIATE')
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

async function status(path: string, init: RequestInit): Promise<number> {
  const answer = await fetch(`${kagami.url}${path}`, init)
  // Streams of progress and events go on for as long as somebody reads them.
  if (answer.headers.get('content-type') === 'application/json') await answer.arrayBuffer()
  else await answer.body?.cancel()
  return answer.status
}

test('every GET of the management API, by password and by token', async () => {
  const document = JSON.parse((await kagami.call('GET', '/openapi.json')).text)
  const reads = Object.entries<{ get?: Described }>(document.paths).flatMap(([path, { get }]) => {
    if (get === undefined || LEFT_OUT.has(path.replace(/^\/api\/v1/, ''))) return []
    const wanted = (get.parameters ?? []).filter((one) => one.in === 'query' && one.required)
    const query = new URLSearchParams(wanted.map(({ name }) => [name, names[name] ?? tag]))
    const own = path.includes('{replication}') ? { ...names, run: replicationRun } : names
    const filled = path.replace(/\{(\w+)\}/g, (_, key: string) => own[key] ?? key)
    const [base = ''] = filled.replace(/^\/api\/v1/, '').split('/webhooks/')
    return [`${filled.replace(/delivery$/, deliveries[base] ?? 'delivery')}?${query}`]
  })
  const asked = await besideWriter(async () => {
    const answers: [string, number][] = []
    for (const login of [OWNER, personal]) {
      const headers = { authorization: authorization(login) }
      for (const path of reads) answers.push([path, await status(path, { headers })])
    }
    return answers
  })
  expect(asked).toBeGreaterThan(40)
})

test('every pull, and the tokens for it', async () => {
  const index = await readJson(`manifests/${tag}`)
  const image = await readJson(`manifests/${index.manifests[0].digest}`)
  const paths = ['/v2/', '/v2/_catalog', '/metrics', '/healthz']
  const below = [
    'tags/list',
    `manifests/${tag}`,
    `referrers/${index.manifests[0].digest}`,
    `blobs/${image.layers[0].digest}`,
  ]
  const forms = [
    { grant_type: 'password', username: OWNER.username, password: OWNER.password },
    { grant_type: 'refresh_token', refresh_token: refresh },
  ]
  await besideWriter(async () => {
    const answers: [string, number][] = []
    for (const login of [OWNER, personal, machine]) {
      const headers = { authorization: authorization(login) }
      const own = login === machine ? paths.filter((path) => path !== '/metrics') : paths
      for (const path of [...own, ...below.map((one) => `/v2/acme/mirrored/${one}`)]) {
        for (const method of ['GET', 'HEAD'])
          answers.push([`${method} ${path}`, await status(path, { method, headers })])
      }
    }
    for (const login of [OWNER, machine]) {
      const headers = { authorization: authorization(login) }
      const asked = '/token?scope=repository:acme/mirrored:pull&offline_token=false'
      answers.push(['GET /token', await status(asked, { headers })])
    }
    for (const form of forms) {
      const body = new URLSearchParams({ ...form, service: 'kagami', client_id: 'test' })
      answers.push([`POST /token ${form.grant_type}`, await status('/token', { method: 'POST', body })])
    }
    return answers
  })
})
