// `kagami gc` against a real server: what goes, why, and what that frees (issue 13).
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { collectionPlanAnswerSchema } from '../../src/api/collections.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/process.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

let kagami: WholeServer
let user: CommandLineUser
let admin: Login
const directory = temporaryDirectory('gc-cli')
beforeAll(async () => {
  kagami = await startWholeServer({ directory: directory.path })
  user = await signInOwner(kagami)
  admin = OWNER
})
afterAll(async () => {
  await kagami.stop()
  directory.remove()
})

const headers = (more: Record<string, string> = {}) => ({ authorization: authorization(admin), ...more })
const registry = (path: string, init: RequestInit = {}) => fetch(`${kagami.url}/v2/acme/app/${path}`, init)

async function pushBlob(text: string) {
  const bytes = new TextEncoder().encode(text)
  const digest = digestOf(bytes)
  const made = await registry(`blobs/uploads/?digest=${digest}`, { method: 'POST', headers: headers(), body: bytes })
  expect(made.status).toBe(201)
  return { mediaType: 'application/octet-stream', digest, size: bytes.byteLength }
}

async function pushImage(tag: string, content: string): Promise<string> {
  const config = await pushBlob('{}')
  const layer = await pushBlob(content)
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [layer],
  })
  const type = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  const put = await registry(`manifests/${tag}`, { method: 'PUT', headers: headers(type), body })
  expect(put.status).toBe(201)
  return put.headers.get('docker-content-digest') ?? ''
}

const gc = async (...args: string[]) => {
  const run = await user.run(['gc', '--json', ...args])
  return { status: run.status, document: run.stdout === '' ? undefined : JSON.parse(run.stdout), notes: run.stderr }
}

test('what a person deleted goes with its blobs; what a tag holds stays, and the grace time holds until --now', async () => {
  const gone = await pushImage('old', 'a layer that only the old image has')
  const kept = await pushImage('new', 'another layer')
  expect((await registry(`manifests/${gone}`, { method: 'DELETE', headers: headers() })).status).toBe(202)
  const layer = digestOf(new TextEncoder().encode('a layer that only the old image has'))

  const early = await gc('--dry-run')
  // Nobody can name its bytes any more; its blobs are still told of.
  expect(early.document).toMatchObject({
    plan: { items: [{ kind: 'manifest', digest: gone, repository: null }], totals: { objects: 1 } },
    freedBytes: 0,
  })

  const plan = (await gc('--dry-run', '--now')).document.plan
  expect(collectionPlanAnswerSchema.parse({ plan }).plan.totals.objects).toBe(2)
  const items: { kind: string; digest: string; repository: string | null; sizeBytes: number; reason: string }[] =
    plan.items
  expect(items.find(({ kind }) => kind === 'blob')).toMatchObject({
    digest: layer,
    repository: 'acme/app',
    sizeBytes: 35,
    reason: expect.stringContaining('no manifest of the repository needs it'),
  })
  expect(items.find(({ kind }) => kind === 'manifest')).toMatchObject({ digest: gone, reason: 'no repository has it' })

  const refused = await gc('--now')
  expect([refused.status, refused.notes]).toEqual([2, expect.stringContaining('--yes')])
  const done = await gc('--now', '--yes')
  expect(done.status).toBe(0)
  expect(done.document.freedBytes).toBe(plan.totals.bytes)

  expect((await registry(`blobs/${layer}`, { headers: headers() })).status).toBe(404)
  expect((await registry(`manifests/${kept}`, { headers: headers() })).status).toBe(200)
  expect((await gc('--dry-run', '--now')).document.plan.items).toEqual([])
  const audit = await kagami.call('GET', '/audit?action=collection.start', { login: OWNER })
  expect(JSON.parse(audit.text).entries).toMatchObject([{ action: 'collection.start', object: 'collection' }])
})

test('a repository has a rule of its own, and its plan', async () => {
  const set = await user.run([
    'repository',
    'change',
    'acme/app',
    '--keep-superseded-newest',
    '3',
    '--keep-superseded-days',
    '30',
    '--json',
  ])
  expect(JSON.parse(set.stdout).repository.keepSuperseded).toEqual({ newest: 3, days: 30, daysAfterPull: null })
  const back = await user.run(['repository', 'change', 'acme/app', '--keep-superseded-days', 'default', '--json'])
  expect(JSON.parse(back.stdout).repository.keepSuperseded).toEqual({ newest: 3, days: null, daysAfterPull: null })
  const wrong = await user.run(['repository', 'change', 'acme/app', '--keep-superseded-days', 'soon'])
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('want a whole number, or default')])
  expect((await gc('--dry-run', '--repository', 'acme/app')).document.plan.items).toEqual([])
})
