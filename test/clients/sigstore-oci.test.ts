// @sigstore/oci, the client of GitHub's attestations: attaches a bundle to an image, and asks for an image's digest.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { attachArtifactToImage, getImageDigest } from '@sigstore/oci'
import { digestOf, fallbackTagOf } from '../support/fixtures.ts'
import { type ClientRegistry, expectWhole, PRIVATE, PUBLIC, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

describe('@sigstore/oci', () => {
  let registry: ClientRegistry
  const attach = (credentials: { username: string; password: string }, repository: string, text: string) =>
    attachArtifactToImage({
      imageName: `${registry.traced.host}/${repository}`,
      imageDigest: registry.image.manifest.digest,
      credentials,
      artifact: Buffer.from(text),
      mediaType: BUNDLE,
      annotations: { 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' },
    })
  const digestOfTag = (credentials: { username: string; password: string }, imageTag: string) =>
    getImageDigest({
      imageName: `${registry.traced.host}/${PRIVATE}`,
      imageTag,
      credentials,
    })
  beforeAll(async () => {
    registry = await startClientRegistry()
  })
  afterAll(() => registry.stop())

  test('resolves a tag with a password and with a token that may push', async () => {
    const token = await registry.server.addToken('owner', 'write')
    for (const who of [registry.owner, token]) {
      expect(await digestOfTag(who, 'v1')).toBe(registry.image.manifest.digest)
    }
    await expect(digestOfTag(registry.owner, 'no-such-tag')).rejects.toThrow('Error retrieving image digest')
  })

  test('attaches an artifact: the referrers API has it, and no fallback tag is written', async () => {
    const text = '{"a":"bundle"}'
    registry.traced.reset()
    const attached = await attach(registry.owner, PRIVATE, text)
    const repository = registry.readBack(PRIVATE)
    const { digest: subject } = registry.image.manifest
    const list = await repository.listReferrers(subject, BUNDLE)
    expect(list.source).toBe('api')
    const [item] = list.items
    expect(list.items).toHaveLength(1)
    expect(item).toMatchObject({ digest: attached.digest, size: attached.size, artifactType: BUNDLE })
    expect(item?.annotations).toMatchObject({ 'dev.sigstore.bundle.predicateType': 'https://slsa.dev/provenance/v1' })
    const manifest = await expectWhole(repository, attached.digest)
    expect(manifest.layers?.map((layer) => layer.digest)).toEqual([digestOf(Buffer.from(text))])
    expect(await repository.listTags()).toEqual(['v1'])
    expect(registry.traced.requests.some(({ path }) => path.includes(fallbackTagOf(subject)))).toBe(false)
    // Its question for the API: the referrers of a digest that nothing has.
    const ping = registry.traced.requests.find(({ kind }) => kind === 'referrers')
    expect([ping?.reference, ping?.status]).toEqual([`sha256:${'0'.repeat(64)}`, 200])
  })

  test('is refused without the right: a wrong password, a stranger, a token of scope read, a revoked token', async () => {
    const { server, owner, stranger } = registry
    const revoked = await server.addToken('owner', 'write')
    await server.db.write((tx) => tx.deleteFrom('tokens').where('id', '=', revoked.id).execute())
    const before = await registry.readBack(PRIVATE).listReferrers(registry.image.manifest.digest)
    for (const who of [{ ...owner, password: 'wrong' }, stranger, await server.addToken('owner', 'read'), revoked]) {
      for (const repository of [PRIVATE, PUBLIC]) {
        await expect(attach(who, repository, 'refused')).rejects.toThrow('Error uploading artifact')
      }
    }
    expect(await registry.readBack(PRIVATE).listReferrers(registry.image.manifest.digest)).toEqual(before)
    const onPublic = await registry.readBack(PUBLIC).listReferrers(registry.image.manifest.digest)
    expect(onPublic.items).toEqual([])
  })
})
