// The recipes of docs/webhook-recipes.md, run as they stand there: a push makes an event, `webhook listen` posts it, a receiver acts.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ToldEvent } from '../../src/api/told-events.ts'
import { type Attestation, attestedImage } from '../events/payload/attested-images.ts'
import { describeWithClients } from '../support/clients.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { readPage } from '../support/documented-commands.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { type HookReceiver, startCallbacks, startWebhookProgram } from '../support/hook-receivers.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const recipes = resolve(import.meta.dir, '../../docs/recipes')
const token = 'a secret of ours'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
  await kagami.addUser('deployer', { prod: 'owner' })
})
afterAll(() => kagami.stop())

const hostOf = () => new URL(kagami.url).host

function startReceiver(env: Record<string, string>): Promise<HookReceiver> {
  return startWebhookProgram(readFileSync(join(recipes, 'hooks.json'), 'utf8'), {
    RECIPES: recipes,
    HOOK_TOKEN: token,
    KAGAMI_HOST: hostOf(),
    KAGAMI_URL: kagami.url,
    KAGAMI_USER: OWNER.username,
    KAGAMI_TOKEN: OWNER.password,
    ...env,
  })
}

/** Posts the first event about the tag, as a developer would who tries the receiver. */
const forward = (repository: string, tag: string, url: string, header = `X-Hook-Token: ${token}`) =>
  owner.run([
    ...['webhook', 'listen', repository, '--after', '0', '--tags', tag, '--count', '1'],
    ...['--forward', url, '--header', header],
  ])

test('the page has every recipe, word for word', () => {
  const page = readPage('webhook-recipes')
  for (const file of ['promote.sh', 'scan-gate.sh', 'hooks.json']) expect(page).toContain(`recipes/${file}`)
})

describeWithFixtures('with signed images', () => {
  describeWithClients(['webhook', 'skopeo', 'jq', 'curl'], 'promote', () => {
    let receiver: HookReceiver
    const layout = fixtureLayout('cosign-bundle')
    beforeAll(async () => {
      await pushLayout(layout, kagami.url, 'acme/metrics', { credentials: OWNER })
      receiver = await startReceiver({
        PLAIN_HTTP: '1',
        TARGET: `${hostOf()}/prod`,
        TARGET_USER: 'deployer',
        TARGET_TOKEN: 'password of deployer',
      })
    })
    afterAll(() => receiver?.stop())

    test('pulls the new tag by its digest, and pushes it on with all that is attached to it', async () => {
      const ended = await forward('acme/metrics', 'stable', `${receiver.url}/promote`)
      expect([ended.status, ended.stdout.includes('→ 200 OK')]).toEqual([0, true])
      // The receiver answers before it writes to its log.
      while (!receiver.log().includes('promoted')) await Bun.sleep(5)
      const target = registryClient(kagami.url, 'prod/metrics', {
        credentials: { username: 'deployer', password: 'password of deployer' },
      })
      expect((await target.getManifest('stable')).headers.get('docker-content-digest')).toBe(
        layout.tags.get('stable') ?? '',
      )
      for (const [digest, { bytes }] of layout.manifests) {
        const found = await target.getManifest(digest)
        expect([digest, found.status, Buffer.compare(found.bytes, bytes)]).toEqual([digest, 200, 0])
      }
      expect((await target.getManifest('2')).status).toBe(404)
    })

    test('does nothing without the token', async () => {
      const ended = await forward('acme/metrics', '2', `${receiver.url}/promote`, 'X-Hook-Token: guessed')
      expect([ended.status, ended.stdout.includes('→ 403')]).toEqual([1, true])
    })
  })
})

describeWithClients(['webhook', 'jq', 'curl'], 'scan gate', () => {
  const report = (...findings: [id: string, severity: string][]): Attestation => ({
    form: 'referrer',
    predicateType: 'https://in-toto.io/attestation/vulns/v0.2',
    predicate: {
      scanner: {
        result: findings.map(([id, score]) => ({ id, severity: [{ method: 'nvd', score }], annotations: [] })),
      },
    },
  })

  /** What the gate says of an image with these attestations. */
  async function judge(name: string, attestations: readonly Attestation[], env: Record<string, string> = {}) {
    const repository = `acme/${name}`
    await pushLayout(attestedImage(name, attestations), kagami.url, repository, { credentials: OWNER })
    const told = await owner.run([
      'webhook',
      'listen',
      repository,
      '--after',
      '0',
      '--tags',
      '1',
      '--count',
      '1',
      '--json',
    ])
    const event = JSON.parse(told.stdout) as ToldEvent
    const callbacks = startCallbacks()
    const receiver = await startReceiver(env)
    try {
      // A delivery has an address for its outcome; what a developer listens to has none.
      const body = JSON.stringify({ ...JSON.parse(event.body), callback_url: callbacks.url })
      const headers = { ...event.headers, 'x-hook-token': token }
      const answer = await fetch(`${receiver.url}/scan-gate`, { method: 'POST', headers, body })
      await answer.text()
      const deadline = Date.now() + 30_000
      while (callbacks.got.length === 0 && Date.now() < deadline) await Bun.sleep(20)
      return [answer.status, callbacks.got]
    } finally {
      await receiver.stop()
      await callbacks.stop()
    }
  }
  const said = (state: string, description: unknown) => [200, [{ state, description, context: 'scan gate' }]]

  test('lets through what has no critical or high vulnerability', async () => {
    expect(await judge('clean', [report(['CVE-1', 'LOW'])])).toEqual(
      said('success', expect.stringContaining('no CRITICAL HIGH in acme/clean@sha256:')),
    )
  })

  test('refuses what has one, by name, unless it is allowed', async () => {
    const attestations = [report(['CVE-1', 'CRITICAL'], ['CVE-2', 'MEDIUM'], ['CVE-3', 'HIGH'])]
    expect(await judge('open', attestations)).toEqual(said('failure', 'vulnerable: CVE-1 CVE-3 '))
    expect(await judge('allowed', attestations, { GATE_ALLOW: 'CVE-1 CVE-3' })).toEqual(
      said('success', expect.anything()),
    )
  })

  test('refuses what nobody has scanned, and says so when it fails itself', async () => {
    expect(await judge('unscanned', [])).toEqual(
      said('failure', expect.stringContaining('no vulnerability report is attached')),
    )
    expect(await judge('unreachable', [], { KAGAMI_TOKEN: 'wrong' })).toEqual(
      said('error', expect.stringContaining('did not get through')),
    )
  })
})

test('chat: a message, posted as it is', async () => {
  await pushLayout(attestedImage('chat', []), kagami.url, 'acme/chat', { credentials: OWNER })
  const posts: { text: string; blocks: unknown[] }[] = []
  const chat = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      if (request.headers.get('content-type') !== 'application/json')
        return new Response('invalid_payload', { status: 400 })
      posts.push((await request.json()) as (typeof posts)[number])
      return new Response('ok')
    },
  })
  try {
    const url = `http://127.0.0.1:${chat.port}/services/T/B/x`
    const ended = await owner.run([
      ...['webhook', 'listen', 'acme/chat', '--after', '0', '--tags', '1', '--count', '1'],
      ...['--format', 'slack', '--forward', url],
    ])
    expect([ended.status, posts.length, posts[0]?.text]).toEqual([0, 1, '`acme/chat:1` is new'])
  } finally {
    await chat.stop(true)
  }
})
