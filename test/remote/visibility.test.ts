// Whether everybody may read what is written somewhere: by the registry's own API and by a question without a login, on doubt not known.
import { describe, expect, test } from 'bun:test'
import type { RegistryKind } from '../../src/api/targets.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { openSession } from '../../src/remote/session.ts'
import { findVisibility } from '../../src/remote/visibility.ts'
import { ociRequests, pushImage } from '../support/oci-requests.ts'
import { type QuirkRegistry, type Quirks, REGISTRIES, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { failed, loopbackNetwork } from './scripted-registry.ts'

const NAME = parseRepositoryName('team/app')

/** @param made the repository: with a tag, without one, or not at all */
async function start(quirks: Quirks, made: 'tag' | 'empty' | 'absent' = 'tag') {
  const registry = await startQuirkRegistry(quirks)
  if (made !== 'absent') registry.repository(NAME)
  if (made === 'tag') {
    // By whoever it lets in: a registry in front of the same content would be more than this test needs.
    const open = await startQuirkRegistry()
    const { manifest } = await pushImage(ociRequests(open.url, NAME, null), { tag: '1.0' })
    for (const part of ['blobs', 'manifests', 'tags'] as const) {
      for (const [key, value] of open.repository(NAME)[part]) registry.repository(NAME)[part].set(key, value as never)
    }
    expect(registry.repository(NAME).tags.get('1.0')).toBe(manifest.digest)
    await open[Symbol.asyncDispose]()
  }
  return registry
}

async function ask(registry: QuirkRegistry, kind: RegistryKind, more: { reference?: { tag: never } } = {}) {
  const network = loopbackNetwork()
  const endpoint = { url: registry.url, ...USER }
  const session = openSession(network, endpoint)
  return await findVisibility(network, endpoint, { session, kind, name: NAME, ...more })
}

const bearer = { signIn: 'bearer' } as const

describe('a question without a login', () => {
  test.each([
    ['is denied', { signIn: 'basic' }, 'tag', 'private'],
    ['is denied by its token', bearer, 'tag', 'private'],
    ['is answered', { ...bearer, isPublic: true }, 'tag', 'public'],
    ['is answered where there is no tag', { ...bearer, isPublic: true }, 'empty', 'public'],
    ['is answered at a registry that asks nobody', {}, 'tag', 'public'],
    ['is answered by GET alone', { ...bearer, isPublic: true, noHead: ['manifests'] }, 'tag', 'public'],
    ['is denied for what is not there yet', bearer, 'absent', 'private'],
    ['is of no use for what is not there yet, at a registry that asks nobody', {}, 'absent', 'public'],
    ['finds nothing where everybody might', { ...bearer, isPublic: true }, 'absent', 'unknown'],
  ] as const)('%s', async (_, quirks, made, want) => {
    await using registry = await start(quirks, made)
    expect(await ask(registry, 'other')).toBe(want)
  })

  test('that gets no answer has taught nothing', async () => {
    const limit = { kind: 'manifest-head', after: 0, refusals: 99, retryAfter: '1' } as const
    await using registry = await start({ ...bearer, limit })
    expect((await failed(ask(registry, 'other'))).code).toBe('UPSTREAM_RATE_LIMITED')
  })

  test('does not hide that our own login is refused', async () => {
    await using registry = await start(bearer)
    const network = loopbackNetwork()
    const endpoint = { url: registry.url, username: 'robot', password: 'another' }
    const session = openSession(network, endpoint)
    const error = await failed(findVisibility(network, endpoint, { session, kind: 'other', name: NAME }))
    expect(error.code).toBe('UPSTREAM_DENIED')
  })

  test('looks at what is known to be there, and looks for it where it no longer is', async () => {
    await using registry = await start({ ...bearer, isPublic: true })
    expect(await ask(registry, 'other', { reference: { tag: '1.0' as never } })).toBe('public')
    const lists = () => registry.requests.filter(({ kind, status }) => kind === 'tags' && status === 200).length
    expect(lists()).toBe(0)
    expect(await ask(registry, 'other', { reference: { tag: 'gone' as never } })).toBe('public')
    expect(lists()).toBe(1)
  })
})

describe('by API', () => {
  test.each(['harbor', 'quay', 'gitlab', 'ghcr', 'docker-hub'] as const)('%s', async (kind) => {
    const quirks: Quirks = REGISTRIES[kind]
    await using secret = await start(quirks)
    expect(await ask(secret, kind)).toBe('private')
    await using open = await start({ ...quirks, isPublic: true })
    expect(await ask(open, kind)).toBe('public')
    // What the API says counts where the question without a login is not answered.
    const busy = { limit: { kind: 'manifest-head', after: 0, refusals: 99, retryAfter: '1' } } as const
    await using told = await start({ ...quirks, ...busy, isPublic: true })
    expect(await ask(told, kind)).toBe('public')
    expect(told.count('management')).toBeGreaterThan(0)
  })

  test('what a push to Docker Hub would make is not known', async () => {
    await using registry = await start(REGISTRIES['docker-hub'], 'absent')
    expect(await ask(registry, 'docker-hub')).toBe('unknown')
  })

  test('a project tells of what is not in it yet', async () => {
    await using registry = await startQuirkRegistry({ ...REGISTRIES.harbor, isPublic: true })
    registry.repository('team/other')
    expect(await ask(registry, 'harbor')).toBe('public')
  })

  test('ECR Public is public', async () => {
    await using registry = await start(REGISTRIES['ecr-public'])
    expect(await ask(registry, 'ecr-public')).toBe('public')
    expect(registry.count()).toBe(0)
  })

  test('a password goes to no API that shows what is public to everybody', async () => {
    for (const kind of ['quay', 'docker-hub'] as const) {
      await using registry = await start(REGISTRIES[kind])
      await ask(registry, kind)
      const asked = registry.requests.filter((one) => one.kind === 'management')
      expect(asked.map(({ authorization }) => authorization)).toEqual(['none'])
    }
  })
})
