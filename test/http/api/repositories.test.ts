import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { repositoryAnswerSchema, repositoryListSchema } from '../../../src/api/repositories.ts'
import { tagListSchema } from '../../../src/api/tags.ts'
import { registryClient } from '../../support/registry-client.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

const digestOf = (bytes: Uint8Array) => `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`

describeOnEachDatabase('repositories over the API', (startServer) => {
  let kagami: WholeServer
  let editor: Login
  let member: Login
  let stranger: Login
  beforeAll(async () => {
    kagami = await startServer()
    editor = await kagami.addUser('editor', { acme: 'editor' })
    member = await kagami.addUser('member', { acme: 'member' })
    stranger = await kagami.addUser('stranger', { beta: 'owner' })
  })
  afterAll(() => kagami.stop())

  const create = (body: object, login: Login = editor) => kagami.call('POST', '/repositories', { login, body })
  const show = async (name: string, login: Login = editor) =>
    (await kagami.call('GET', `/repositories/${name}`, { login })).as(repositoryAnswerSchema).repository
  const change = (name: string, body: object, login: Login = editor) =>
    kagami.call('PATCH', `/repositories/${name}`, { login, body })

  describe('repositories', () => {
    test('are created by editors with their settings, private unless said otherwise', async () => {
      const made = await create({ name: 'acme/plain' })
      expect(made.status).toBe(201)
      expect(made.as(repositoryAnswerSchema).repository).toMatchObject({
        name: 'acme/plain',
        visibility: 'private',
        mirror: null,
        tags: 0,
        sizeBytes: 0,
        immutableTags: { mode: 'none' },
        allowSparse: false,
        archivedAt: null,
      })
      const settings = {
        visibility: 'public',
        description: 'for all',
        allowSparse: true,
        immutableTags: { mode: 'patterns', patterns: ['v[0-9]+'] },
      }
      expect((await create({ name: 'acme/a/b', ...settings })).status).toBe(201)
      expect(await show('acme/a%2Fb')).toMatchObject({ name: 'acme/a/b', ...settings })
      expect((await create({ name: 'acme/plain' })).code).toBe('CONFLICT')
      expect((await create({ name: 'acme/other' }, member)).code).toBe('DENIED')
      expect((await create({ name: 'beta/other' })).code).toBe('DENIED')
    })

    test('refuse a pattern that RE2 cannot read, and change nothing', async () => {
      await create({ name: 'acme/patterns' })
      const bad = await change('acme/patterns', {
        description: 'new',
        immutableTags: { mode: 'patterns', patterns: ['(?=x)'] },
      })
      expect([bad.status, bad.code]).toEqual([400, 'INVALID_REQUEST'])
      expect((await show('acme/patterns')).description).toBe('')
    })

    test('are archived and restored; archived ones refuse a push and can still be read', async () => {
      await create({ name: 'acme/old' })
      const push = async (text: string) => {
        const bytes = new TextEncoder().encode(text)
        await registryClient(kagami.url, 'acme/old', { credentials: OWNER }).pushBlob(digestOf(bytes), bytes)
      }
      await push('before')
      await change('acme/old', { archived: true })
      expect((await show('acme/old', member)).archivedAt).not.toBeNull()
      await expect(push('after')).rejects.toThrow('403')
      await change('acme/old', { archived: false })
      expect((await show('acme/old')).archivedAt).toBeNull()
      await push('after')
    })

    test('are deleted only with their name as confirmation, and by those who may', async () => {
      await create({ name: 'acme/gone' })
      const path = '/repositories/acme/gone'
      expect((await kagami.call('DELETE', path, { login: editor })).code).toBe('INVALID_REQUEST')
      expect((await kagami.call('DELETE', `${path}?confirm=acme/gon`, { login: editor })).code).toBe('INVALID_REQUEST')
      expect((await kagami.call('DELETE', `${path}?confirm=acme/gone`, { login: member })).code).toBe('DENIED')
      expect((await kagami.call('DELETE', `${path}?confirm=acme/gone`, { login: editor })).status).toBe(204)
      const answer = await kagami.call('GET', path, { login: editor })
      expect([answer.status, answer.code]).toEqual([404, 'NOT_FOUND'])
    })

    test('are listed to the members of their organization, page by page', async () => {
      for (const name of ['p1', 'p2', 'p3']) await create({ name: `acme/${name}` })
      const seen: string[] = []
      let next: string | null = null
      do {
        const after: string = next === null ? '' : `&after=${encodeURIComponent(next)}`
        const page = (await kagami.call('GET', `/repositories?limit=2${after}`, { login: member })).as(
          repositoryListSchema,
        )
        seen.push(...page.repositories.map(({ name }) => name))
        next = page.next
      } while (next !== null)
      expect(seen).toEqual(expect.arrayContaining(['acme/p1', 'acme/p2', 'acme/p3']))
      expect(seen).toEqual([...new Set(seen)].sort())
      const foreign = (await kagami.call('GET', '/repositories', { login: stranger })).as(repositoryListSchema)
      expect(foreign.repositories).toEqual([])
    })

    test('that are public are shown to anybody, anonymous callers too; private ones are not', async () => {
      await create({ name: 'acme/open', visibility: 'public' })
      await create({ name: 'acme/closed' })
      expect((await kagami.call('GET', '/repositories/acme/open')).status).toBe(200)
      expect((await kagami.call('GET', '/repositories/acme/open/tags')).status).toBe(200)
      expect((await kagami.call('GET', '/repositories/acme/closed')).status).toBe(401)
      const [closed, absent] = [
        await kagami.call('GET', '/repositories/acme/closed', { login: stranger }),
        await kagami.call('GET', '/repositories/acme/absent', { login: stranger }),
      ]
      expect([closed.status, absent.status]).toEqual([403, 403])
      expect(closed.text.replaceAll('closed', 'X')).toBe(absent.text.replaceAll('absent', 'X'))
    })
  })

  describe('tags', () => {
    test('are listed with size, platforms and digest, and deleted one by one', async () => {
      const client = registryClient(kagami.url, 'acme/tagged', { credentials: OWNER })
      const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
      const config = json({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } })
      const digest = digestOf(config)
      await client.pushBlob(digest, config)
      const type = 'application/vnd.oci.image.manifest.v1+json'
      const manifest = json({
        schemaVersion: 2,
        mediaType: type,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.byteLength },
        layers: [],
      })
      await client.putManifest('child', manifest, type)
      const child = digestOf(manifest)
      const indexType = 'application/vnd.oci.image.index.v1+json'
      const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }
      const index = json({
        schemaVersion: 2,
        mediaType: indexType,
        manifests: [{ mediaType: type, digest: child, size: manifest.byteLength, platform }],
      })
      await client.putManifest('latest', index, indexType)
      const root = digestOf(index)

      const list = (await kagami.call('GET', '/repositories/acme/tagged/tags', { login: member })).as(tagListSchema)
      expect(list.next).toBeNull()
      expect(list.tags.map(({ name }) => name)).toEqual(['child', 'latest'])
      // A single image's platform is what its config says.
      expect(list.tags[0]).toMatchObject({ digest: child, platforms: ['linux/arm64'] })
      expect(list.tags[1]).toMatchObject({
        digest: root,
        mediaType: indexType,
        platforms: ['linux/arm64/v8'],
        sizeBytes: config.byteLength + manifest.byteLength + index.byteLength,
        referrers: 0,
        mirrored: false,
        pinned: false,
      })
      const sbom = json({
        schemaVersion: 2,
        mediaType: type,
        artifactType: 'application/spdx+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: config.byteLength },
        layers: [],
        subject: { mediaType: indexType, digest: root, size: index.byteLength },
      })
      await client.putManifest(digestOf(sbom), sbom, type)
      const asked = async (query: string) => {
        const answer = await kagami.call('GET', `/repositories/acme/tagged/tags?${query}`, { login: member })
        return answer.as(tagListSchema).tags.map(({ name, attested }) => [name, ...attested])
      }
      expect(await asked('')).toEqual([['child'], ['latest', 'sbom']])
      expect(await asked('attested=sbom')).toEqual([['latest', 'sbom']])
      expect(await asked('lacks=sbom')).toEqual([['child']])
      expect(await asked('lacks=sbom&attested=sbom')).toEqual([])
      const wrong = await kagami.call('GET', '/repositories/acme/tagged/tags?lacks=bom', { login: member })
      expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('sbom')])
      const path = '/repositories/acme/tagged/tags/child'
      expect((await kagami.call('DELETE', path, { login: member })).code).toBe('DENIED')
      expect((await kagami.call('DELETE', path, { login: editor })).status).toBe(204)
      expect((await kagami.call('DELETE', path, { login: editor })).status).toBe(404)
      const left = (await kagami.call('GET', '/repositories/acme/tagged/tags', { login: member })).as(tagListSchema)
      expect(left.tags.map(({ name }) => name)).toEqual(['latest'])
    })
  })
})
