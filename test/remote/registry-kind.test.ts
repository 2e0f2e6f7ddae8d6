// What registry stands somewhere: by its name, or by what it shows at /v2/ to whoever asks.
import { expect, test } from 'bun:test'
import { findRegistryKind } from '../../src/remote/registry-kind.ts'
import { kindOfAddress, traitsOf } from '../../src/remote/registry-traits.ts'
import { parseUpstreamUrl } from '../../src/remote/upstream.ts'
import { REGISTRIES, startQuirkRegistry } from '../support/quirk-registry.ts'
import { loopbackNetwork } from './scripted-registry.ts'

test.each([
  ['docker.io', 'docker-hub'],
  ['registry-1.docker.io', 'docker-hub'],
  ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'ecr'],
  ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'ecr'],
  ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'ecr'],
  ['public.ecr.aws', 'ecr-public'],
  ['europe-west1-docker.pkg.dev/project/repo', 'google'],
  ['eu.gcr.io', 'google'],
  ['acme.azurecr.io', 'azure'],
  ['ghcr.io/acme', 'ghcr'],
  ['quay.io', 'quay'],
  ['registry.gitlab.com', 'gitlab'],
  ['acme.jfrog.io', 'artifactory'],
  ['ghcr.io.example', 'other'],
  ['notghcr.io', 'other'],
  ['evilgcr.io', 'other'],
  ['dkr.ecr.eu-west-1.amazonaws.com.example', 'other'],
])('%s: %s', (url, kind) => {
  expect(kindOfAddress(parseUpstreamUrl(url))).toBe(kind as never)
})

test.each([
  ['harbor', REGISTRIES.harbor],
  ['gitlab', REGISTRIES.gitlab],
  ['quay', REGISTRIES.quay],
  ['artifactory', REGISTRIES.artifactory],
  ['kagami', { signIn: 'bearer', realm: { path: '/token', service: 'kagami' } }],
  ['other', REGISTRIES.plain],
  ['other', { signIn: 'basic' }],
] as const)('%s by its answer to a question without a login', async (kind, quirks) => {
  await using registry = await startQuirkRegistry(quirks)
  const network = loopbackNetwork()
  const endpoint = { url: registry.url, username: 'robot', password: 'never-sent' }
  expect(await findRegistryKind(network, endpoint)).toBe(kind)
  expect(registry.requests.map(({ path, authorization }) => `${path} ${authorization}`)).toEqual(['/v2/ none'])
})

test('where nothing answers, nothing is known', async () => {
  const registry = await startQuirkRegistry()
  await registry[Symbol.asyncDispose]()
  expect(await findRegistryKind(loopbackNetwork(), { url: registry.url })).toBe('other')
})

test('what is not known to go on is begun anew, and nobody mounts where it never works', () => {
  expect(traitsOf('ecr')).toMatchObject({ isResumable: false, mounts: 'committed', repositories: 'by-api' })
  expect(traitsOf('ghcr')).toMatchObject({ upload: 'put', isResumable: false, mounts: 'any' })
  expect(traitsOf('google').mounts).toBe('none')
  expect(traitsOf('azure').largestBodyBytes).toBeLessThanOrEqual(20_000_000)
  expect(traitsOf('azure').chunkBytes).toBeLessThanOrEqual(20_000_000)
})
