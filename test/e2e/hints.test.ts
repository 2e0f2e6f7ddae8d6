// A webhook at a real server: what upstream has released is here without the schedule, and kill -9 between the answer and the run loses nothing.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { PUSHES, requestOf } from '../http/hooks/payloads.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { registryClient } from '../support/registry-client.ts'
import type { Credentials } from '../support/registry-session.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, type RunDocument, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let vendor: Kagami
let vendorOperator: Operator
let proxy: CountingProxy
let kagami: Kagami
let operator: Operator
/** Upstream answers once it resolves. */
let isOpen: Promise<void> = Promise.resolve()
let hook: string
let token: Credentials
beforeAll(async () => {
  vendor = await startKagami({ withSample: true })
  vendorOperator = await signIn(vendor)
  proxy = await countingProxy(vendor.sampleUrl, { onRequest: () => ({ until: isOpen }) })
  kagami = await startKagami()
  operator = await signIn(kagami)
  await addUpstream(operator, 'vendor', `${proxy.url}/dhi`)
  expectDone(await operator.wait(['mirror', 'start', 'vendor/python', '--as', 'python', '--every', '30d']))
  token = await operator.createToken()
  hook = (await operator.json<{ url: string }>(['upstream', 'hook', 'vendor'])).url
})
afterAll(async () => {
  await kagami?.stop()
  await proxy?.stop()
  await vendor?.stop()
})

interface Release {
  readonly sample: { readonly repositories: readonly { name: string; movedTags: readonly string[] }[] }
}

/** The vendor's next release. @returns the tags of python that have moved */
async function release(): Promise<readonly string[]> {
  const { sample } = await vendorOperator.json<Release>(['sample', 'release'])
  return sample.repositories.find(({ name }) => name.endsWith('python'))?.movedTags ?? []
}

async function post(tag: string): Promise<{ status: number; repositories: unknown }> {
  const answer = await fetch(hook, {
    method: 'POST',
    ...requestOf(PUSHES['Docker Hub']({ repository: 'dhi/python', tag })),
  })
  return { status: answer.status, repositories: ((await answer.json()) as { repositories?: unknown }).repositories }
}

async function isInStep(tag: string): Promise<boolean> {
  const there = await registryClient(vendor.sampleUrl, 'dhi/python').headManifest(tag)
  const here = await registryClient(kagami.url, 'acme/python', await operator.target('acme/python')).headManifest(tag)
  const [mine, theirs] = [here, there].map(({ headers }) => headers.get('docker-content-digest'))
  return here.status === 200 && mine === theirs
}

async function hintedRuns(): Promise<RunDocument[]> {
  const { username, password } = token
  const headers = { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  const answer = await fetch(`${kagami.url}/api/v1/mirrors/acme/python/runs`, { headers })
  const { runs } = (await answer.json()) as { runs: RunDocument[] }
  return runs.filter(({ trigger }) => trigger === 'hint')
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(20)
}

test('a release, a webhook, and the tag is here', async () => {
  const [tag = ''] = await release()
  expect(await isInStep(tag)).toBe(false)
  expect(await post(tag)).toEqual({
    status: 202,
    repositories: [{ repository: 'python', tags: [tag], whole: false, mirrors: ['acme/python'], notStarted: [] }],
  })
  await until(() => isInStep(tag))
  await until(async () => (await hintedRuns()).some(({ outcome }) => outcome === 'done'))
})

test('killed after the answer and before the run, it comes back and looks', async () => {
  const before = (await hintedRuns()).length
  const [tag = ''] = await release()
  const gate = Promise.withResolvers<void>()
  isOpen = gate.promise
  expect((await post(tag)).status).toBe(202)
  await kagami.kill()
  const { dataDirectory, port } = kagami
  kagami = await startKagami({ dataDirectory, port })
  operator = await signIn(kagami)
  gate.resolve()
  await until(() => isInStep(tag))
  await until(async () => (await hintedRuns()).slice(0, -before || undefined).some(({ outcome }) => outcome === 'done'))
})
