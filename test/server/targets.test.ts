// A target as replications open it: the login of the moment for as long as a pass takes, and the API of its cloud.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { TargetRow } from '../../src/db/schema.ts'
import { createSealer, SEAL_KEY_BYTES } from '../../src/lib/seal.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { createRegistryNetwork } from '../../src/remote/network.ts'
import { createSignIns } from '../../src/remote/sign-in/sign-in.ts'
import { createTargets } from '../../src/server/targets.ts'
import { pushThrough, targetMemory } from '../remote/target/target-memory.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { clientTo, fakeCloud, withEnvironment } from '../support/fake-clouds.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { withoutTags } from '../support/layout-selection.ts'

const sealer = createSealer(new Uint8Array(SEAL_KEY_BYTES).fill(7))
const JSON_TYPE = { headers: { 'content-type': 'application/x-amz-json-1.1' } }
const LIFE_MS = 100_000

let nowMs = Date.now()
const clock = { now: () => new Date(nowMs) }

function rowOf(url: string): TargetRow {
  return {
    ...{ id: 'target', organization_id: 'acme', name: 'amazon', url, kind: 'ecr', ca: null, plain_http: 0 },
    ...{ sign_in: 'ecr', sign_in_settings: '{"region":"eu-west-1"}', username: 'AKIA', max_rate: '[]' },
    sealed_password: sealer.seal(createSecret('secret access key'), 'target password'),
    created_at: '2026-01-01T00:00:00.000Z',
  }
}

function targetsOver() {
  const http = clientTo()
  const signIns = createSignIns({ http, ambientHttp: http, clock, dockerConfig: '/nowhere' })
  return createTargets({ network: createRegistryNetwork({ http }), sealer, signIns, lock: undefined })
}

/** Before a registry: lets in whoever has a password that has not ended, and time flies. */
function gate(registry: DockerRegistry, endOf: (password: string) => number) {
  let refused = 0
  let late = 0
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    maxRequestBodySize: 1 << 30,
    async fetch(request) {
      const url = new URL(request.url)
      const basic = Buffer.from((request.headers.get('authorization') ?? '').slice(6), 'base64').toString()
      if (!basic.startsWith('AWS:')) {
        refused++
        return new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="ecr"' } })
      }
      if (endOf(basic.slice(4)) <= nowMs) {
        late++
        return new Response('', { status: 403 })
      }
      nowMs += 2000
      const { method, headers, body } = request
      const to = `${registry.url}${url.pathname}${url.search}`
      return fetch(to, { method, headers, body, redirect: 'manual', decompress: false })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, counts: () => ({ refused, late }), stop: () => server.stop(true) }
}

describeWithFixtures('a target that is signed in to by a cloud', () => {
  let registry: DockerRegistry
  beforeAll(async () => {
    registry = await startDockerRegistry()
  })
  afterAll(async () => await registry?.stop())

  test('a pass that takes longer than logins last goes through: none is used after its end, and the secret key goes nowhere', async () => {
    const ends = new Map<string, number>()
    await using aws = fakeCloud(() => {
      const password = `password ${ends.size + 1}`
      ends.set(password, nowMs + LIFE_MS)
      const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64')
      return Response.json(
        { authorizationData: [{ authorizationToken, expiresAt: (nowMs + LIFE_MS) / 1000 }] },
        JSON_TYPE,
      )
    })
    using _ = withEnvironment({ AWS_ENDPOINT_URL_ECR: aws.url })
    const door = gate(registry, (password) => ends.get(password) ?? 0)
    try {
      const layout = withoutTags(fixtureLayout('dhi-python/release-1'), [])
      const o = { organization: 'acme', memory: targetMemory() }
      const target = await targetsOver().openTarget(rowOf(door.url), parseRepositoryName('team/python'), o)
      const outcomes = await pushThrough(target, layout)
      expect(outcomes.filter(({ result }) => result !== 'moved')).toEqual([])
      expect(
        await compareMirror(layout, { url: registry.url, repository: 'team/python' }, { referrers: 'either' }),
      ).toEqual([])
      expect(door.counts().late).toBe(0)
      expect(ends.size).toBeGreaterThan(3)
      expect(target.usage().sentBytes).toBeGreaterThan(0)
      expect(JSON.stringify(aws.asked)).not.toContain('secret access key')
      // Whether everybody may read it is asked without the login.
      const before = door.counts().refused
      expect(await target.findVisibility()).toBe('private')
      expect(door.counts().refused).toBeGreaterThan(before)
    } finally {
      await door.stop()
    }
  })
})

test('Amazon ECR makes repositories and says which blobs it has, for the account that the address names', async () => {
  const here = parseDigest(`sha256:${'1'.repeat(64)}`)
  const gone = parseDigest(`sha256:${'2'.repeat(64)}`)
  const seen: [string, Record<string, unknown>][] = []
  await using aws = fakeCloud(({ headers, body }) => {
    const action = headers.get('x-amz-target')?.split('.').at(-1) ?? ''
    const asked = JSON.parse(body)
    seen.push([action, asked])
    if (asked.repositoryName === 'forbidden') {
      return Response.json({ __type: 'AccessDeniedException', message: 'no' }, { status: 400, ...JSON_TYPE })
    }
    if (action === 'CreateRepository') {
      if (asked.repositoryName === 'team/new') return Response.json({ repository: {} }, JSON_TYPE)
      return Response.json({ __type: 'RepositoryAlreadyExistsException' }, { status: 400, ...JSON_TYPE })
    }
    if (asked.repositoryName !== 'team/new') {
      return Response.json({ __type: 'RepositoryNotFoundException' }, { status: 400, ...JSON_TYPE })
    }
    const layers = [
      { layerDigest: here, layerAvailability: 'AVAILABLE' },
      { layerDigest: gone, layerAvailability: 'UNAVAILABLE' },
    ]
    return Response.json({ layers, failures: [] }, JSON_TYPE)
  })
  using _ = withEnvironment({ AWS_ENDPOINT_URL_ECR: aws.url })
  const http = clientTo()
  const { apiOf } = createSignIns({ http, ambientHttp: clientTo({}, false), clock, dockerConfig: '/nowhere' })
  const wanted = {
    ...{ signIn: { by: 'ecr' } as const, kind: 'ecr' as const, sealedPassword: 'sealed', isShared: false },
    endpoint: { url: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com' },
    given: { username: 'AKIA', password: 'secret access key' },
  }
  const api = apiOf(wanted)
  const name = parseRepositoryName
  await api?.createRepository?.(name('team/new'), {})
  await api?.createRepository?.(name('team/old'), {})
  expect(await api?.hasBlobs?.(name('team/new'), [here, gone], {})).toEqual([here])
  expect(await api?.hasBlobs?.(name('team/absent'), [here], {})).toEqual([])
  await expect(api?.createRepository?.(name('forbidden'), {})).rejects.toMatchObject({
    code: 'TARGET_DENIED',
    message: expect.stringContaining('ecr:CreateRepository'),
  })
  expect(seen[0]).toEqual(['CreateRepository', { registryId: '123456789012', repositoryName: 'team/new' }])
  expect(apiOf({ ...wanted, signIn: { by: 'google' }, kind: 'google' })).toBeUndefined()
  // What only a shared target may is refused here too.
  const ambient = apiOf({ ...wanted, given: undefined })
  await expect(ambient?.createRepository?.(name('team/new'), {})).rejects.toMatchObject({ code: 'TARGET_DENIED' })
})
