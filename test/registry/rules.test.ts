// What a repository's settings, its organization's quota and a mirror's ownership refuse (issue 4; design, "Core of the data").
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { issueOrganizationToken } from '../../src/access/organization-tokens.ts'
import { measureLinked } from '../../src/db/content/usage.ts'
import { recordSyncedTags } from '../../src/db/mirrors/mirror-tags.ts'
import { createMirror } from '../../src/db/mirrors/mirrors.ts'
import { createUpstream } from '../../src/db/mirrors/upstreams.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { streamOf } from '../support/blob-checks.ts'
import {
  contentOf,
  freshContent,
  locationOf,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
  withQuery,
} from '../support/oci-requests.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { upstreamRow } from '../support/upstream-row.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const in_ = (repository: string) => ociRequests(server.url, repository, OWNER)
const putTag = (client: OciRequests, tag: string, bytes: Uint8Array<ArrayBuffer>) =>
  client.send('PUT', `manifests/${tag}`, { headers: { 'content-type': OCI_MANIFEST }, body: bytes })

/** All rows that a refused request must leave as they were. */
async function snapshot(): Promise<string> {
  const tables = ['tags', 'tag_history', 'events', 'repositories', 'repository_manifests', 'repository_blobs', 'blobs']
  const rows = await Promise.all(
    tables.map((table) =>
      server.db.read
        .selectFrom(table as 'tags')
        .selectAll()
        .execute(),
    ),
  )
  return JSON.stringify(rows)
}

describe('Immutable tags', () => {
  test('all: a tag may be made, and pushed again as it is, but neither moved nor deleted, by tag or by digest', async () => {
    const client = in_('acme/immutable')
    const [first, second] = [await pushImage(client, { tag: 'v1' }), await pushImage(client)]
    await server.setRepository('acme/immutable', { immutable_tags: 'all' })
    expect((await putTag(client, 'v1', first.manifest.bytes)).status).toBe(201)
    expect((await putTag(client, 'v2', second.manifest.bytes)).status).toBe(201)
    const before = await snapshot()
    const refused = [
      await putTag(client, 'v1', second.manifest.bytes),
      await client.send('PUT', `manifests/${second.manifest.digest}?tag=new&tag=v1`, {
        headers: { 'content-type': OCI_MANIFEST },
        body: second.manifest.bytes,
      }),
      await client.send('DELETE', 'manifests/v1'),
      await client.send('DELETE', `manifests/${first.manifest.digest}`),
    ]
    for (const answer of refused) {
      expect([answer.status, answer.code]).toEqual([403, 'DENIED'])
      expect(answer.text).toContain('v1')
    }
    expect(await snapshot()).toBe(before)
  })

  test('patterns bind the tags that they match as a whole, in linear time', async () => {
    const client = in_('acme/patterns')
    const [first, second] = [await pushImage(client), await pushImage(client)]
    const evil = '(a+)+$|(a|aa)+b|[0-9]+\\.[0-9]+'
    await server.setRepository('acme/patterns', {
      immutable_tags: 'patterns',
      immutable_patterns: JSON.stringify(['v[0-9]+', evil]),
    })
    const moved = async (tag: string) => {
      await putTag(client, tag, first.manifest.bytes)
      return (await putTag(client, tag, second.manifest.bytes)).status
    }
    expect(await moved('v1')).toBe(403)
    expect(await moved('1.2')).toBe(403)
    expect(await moved('v1-rc')).toBe(201)
    expect(await moved('latest')).toBe(201)
    // A backtracking matcher needs 2^127 steps for this one.
    expect(await moved(`${'a'.repeat(127)}c`)).toBe(201)
  })
})

test('An archived repository is read-only and says since when', async () => {
  const client = in_('acme/archived')
  const { manifest, layers } = await pushImage(client, { tag: 'v1' })
  const session = locationOf(await client.send('POST', 'blobs/uploads/'))
  await server.setRepository('acme/archived', { archived_at: '2026-01-02T03:04:05.000Z' })
  const before = await snapshot()
  const blob = freshContent(10)
  const refused = [
    await client.send('POST', 'blobs/uploads/'),
    await client.send('POST', `blobs/uploads/?digest=${blob.digest}`, { body: blob.bytes }),
    await client.send('PUT', withQuery(session, { digest: blob.digest }), { body: blob.bytes }),
    await putTag(client, 'v2', manifest.bytes),
    await client.send('DELETE', 'manifests/v1'),
    await client.send('DELETE', `manifests/${manifest.digest}`),
    await client.send('DELETE', `blobs/${layers[0]?.digest}`),
  ]
  for (const answer of refused) {
    expect([answer.status, answer.code]).toEqual([403, 'DENIED'])
    expect(answer.text).toContain('archived since 2026-01-02T03:04:05.000Z')
  }
  expect(await snapshot()).toBe(before)
  expect((await client.send('GET', 'manifests/v1')).status).toBe(200)
})

describe('The organization’s quota of distinct bytes', () => {
  test('refuses at the start when the size is known, else as it comes, and counts what is there once', async () => {
    const used = await measureLinked(server.db.read, server.organization.id)
    const client = in_('acme/quota')
    await server.setQuota(used + 10_000)
    try {
      const fits = await client.pushBlob(freshContent(9000))
      const before = await snapshot()
      const big = freshContent(2000)
      const post = await client.send('POST', `blobs/uploads/?digest=${big.digest}`, { body: big.bytes })
      expect([post.status, post.code]).toEqual([403, 'DENIED'])
      const begun = locationOf(await client.send('POST', 'blobs/uploads/'))
      const patch = await client.send('PATCH', begun, { body: big.bytes })
      expect([patch.status, patch.code]).toEqual([403, 'DENIED'])
      expect((await client.send('GET', begun)).headers.get('range')).toBe('0-0')
      // In chunked encoding the size is known only as it comes.
      const streamed = await client.send('PATCH', begun, { body: streamOf(big.bytes) })
      expect([streamed.status, streamed.code]).toEqual([403, 'DENIED'])
      expect(streamed.text).toContain('quota')
      expect((await client.send('GET', begun)).headers.get('range')).toBe('0-0')
      expect(await snapshot()).toBe(before)

      // What the organization has already costs nothing: another repository, a mount, the same content again.
      const other = in_('acme/quota-too')
      await other.pushBlob(fits)
      expect((await in_('acme/q3').send('POST', `blobs/uploads/?mount=${fits.digest}&from=acme/quota`)).status).toBe(
        201,
      )
      const small = freshContent(1000)
      const last = locationOf(await client.send('POST', 'blobs/uploads/'))
      expect((await client.send('PUT', withQuery(last, { digest: small.digest }), { body: small.bytes })).status).toBe(
        201,
      )
    } finally {
      await server.setQuota(null)
    }
  })
})

describe('A repository that a mirror keeps', () => {
  const repository = 'acme/dhi-python'
  let mirrorId: string
  let mirrored: Awaited<ReturnType<typeof pushImage>>
  beforeAll(async () => {
    const client = in_(repository)
    mirrored = await pushImage(client, { tag: '3.13' })
    const row = await server.getRepository(repository)
    mirrorId = await server.db.write(async (tx) => {
      const upstream = await createUpstream(tx, upstreamRow({ organization_id: server.organization.id }))
      const { id } = await createMirror(tx, {
        organization_id: server.organization.id,
        repository_id: row.id,
        upstream_id: upstream.id,
        source_repository: 'dhi/python',
        at: '2026-01-01T00:00:00.000Z',
      })
      const synced = { tag: '3.13' as Tag, digest: mirrored.manifest.digest as Digest }
      await recordSyncedTags(tx, id, [synced], '2026-01-01T00:00:00.000Z')
      await tx
        .updateTable('repository_manifests')
        .set({ mirrored_at: '2026-01-01T00:00:00.000Z' })
        .where('digest', '=', mirrored.manifest.digest)
        .execute()
      return id
    })
  })
  const setState = (state: 'active' | 'stopped') =>
    server.db.write((tx) => tx.updateTable('mirrors').set({ state }).where('id', '=', mirrorId).execute())

  test('denies pushes to the tags that the mirror has published, with its name; other tags and referrers may be pushed', async () => {
    const client = in_(repository)
    const own = await pushImage(client)
    const before = await snapshot()
    const refused = await putTag(client, '3.13', own.manifest.bytes)
    expect([refused.status, refused.code]).toEqual([403, 'DENIED'])
    expect(refused.text).toContain('mirror acme/dhi-python (of hub/dhi/python)')
    expect(await snapshot()).toBe(before)
    expect((await putTag(client, '3.13', mirrored.manifest.bytes)).status).toBe(201)
    expect((await putTag(client, '3.13-ours', own.manifest.bytes)).status).toBe(201)
    await pushImage(client, { extra: { subject: mirrored.descriptor } })
  })

  test('once stopped it owns nothing', async () => {
    const client = in_(repository)
    await setState('stopped')
    const own = await pushImage(client, { tag: '3.13' })
    expect((await client.send('HEAD', 'manifests/3.13')).headers.get('etag')).toBe(`"${own.manifest.digest}"`)
    expect((await putTag(client, '3.13', mirrored.manifest.bytes)).status).toBe(201)
    await setState('active')
  })

  test('a tag deleted by a person is excluded, a digest with its tags is recorded', async () => {
    const client = in_(repository)
    expect((await client.send('DELETE', 'manifests/3.13')).status).toBe(202)
    const tag = await server.db.read.selectFrom('mirror_tags').selectAll().where('tag', '=', '3.13').executeTakeFirst()
    expect(tag?.state).toBe('excluded')
    await setState('stopped')
    await putTag(client, 'again', mirrored.manifest.bytes)
    expect((await client.send('DELETE', `manifests/${mirrored.manifest.digest}`)).status).toBe(202)
    const exclusions = await server.db.read.selectFrom('mirror_exclusions').selectAll().execute()
    expect(exclusions.map((row) => [row.mirror_id, row.digest, row.tags])).toEqual([
      [mirrorId, mirrored.manifest.digest, '["again"]'],
    ])
    // What people pushed themselves is theirs to delete: the mirror need not know.
    const own = await pushImage(client)
    expect((await client.send('DELETE', `manifests/${own.manifest.digest}`)).status).toBe(202)
    expect((await server.db.read.selectFrom('mirror_exclusions').selectAll().execute()).length).toBe(1)
  })
})

describe('Staged content (published_at NULL) is absent from /v2 in every way (invariant 1)', () => {
  test('GET, HEAD, DELETE, mount, tags, referrers and the checks of a push', async () => {
    const client = in_('acme/staged')
    const subject = await pushImage(client)
    const staged = await pushImage(client, { extra: { subject: subject.descriptor } })
    const [layer] = staged.layers
    if (layer === undefined) throw new Error('the image has a layer')
    await server.db.write(async (tx) => {
      for (const digest of [staged.manifest.digest, layer.digest, staged.config.digest]) {
        await tx.updateTable('repository_manifests').set({ published_at: null }).where('digest', '=', digest).execute()
        await tx.updateTable('repository_blobs').set({ published_at: null }).where('digest', '=', digest).execute()
      }
    })
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      expect((await client.send(method, `blobs/${layer.digest}`)).status).toBe(404)
      expect((await client.send(method, `manifests/${staged.manifest.digest}`)).status).toBe(404)
    }
    expect((await client.send('GET', `referrers/${subject.manifest.digest}`)).text).not.toContain(
      staged.manifest.digest,
    )
    const other = in_('acme/staged-not')
    for (const query of [`mount=${layer.digest}&from=acme/staged`, `mount=${layer.digest}`]) {
      expect((await other.send('POST', `blobs/uploads/?${query}`)).status).toBe(202)
    }
    const put = await putTag(client, 'v1', staged.manifest.bytes)
    expect([put.status, put.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    // Uploading the same content publishes that one item, not its closure.
    await client.pushBlob(layer)
    expect((await client.send('HEAD', `blobs/${layer.digest}`)).status).toBe(200)
    expect((await client.send('HEAD', `blobs/${staged.config.digest}`)).status).toBe(404)
    expect((await putTag(client, 'v1', staged.manifest.bytes)).code).toBe('MANIFEST_BLOB_UNKNOWN')
    await client.pushBlob(staged.config)
    expect((await putTag(client, 'v1', staged.manifest.bytes)).status).toBe(201)
  })
})

test('A refused single POST makes no repository', async () => {
  const blob = contentOf('x')
  const wrong = `sha256:${'0'.repeat(64)}`
  const answer = await in_('acme/never-made').send('POST', `blobs/uploads/?digest=${wrong}`, { body: blob.bytes })
  expect(answer.code).toBe('DIGEST_INVALID')
  const manifest = await in_('acme/never-made').send('PUT', 'manifests/x', {
    headers: { 'content-type': OCI_MANIFEST },
    body: '{}',
  })
  expect(manifest.code).toBe('MANIFEST_INVALID')
  expect((await in_('acme/never-made').send('GET', 'tags/list')).code).toBe('NAME_UNKNOWN')
})

describe('Upload sessions', () => {
  test('are of the token that began them, not of another with its label', async () => {
    const tokenOf = async (label: string) => {
      const { row, text } = await server.db.write((tx) =>
        issueOrganizationToken(tx, {
          ...{ organizationId: server.organization.id, label, createdBy: 'user:owner', expiresAt: null },
          ...{ allow: ['pull', 'push'], repositories: ['*'] },
        }),
      )
      expect(row.label).toBe('ci')
      return ociRequests(server.url, 'acme/sessions', { username: 'acme', password: text.reveal() })
    }
    const [first, second] = [await tokenOf('ci'), await tokenOf('ci')]
    const begun = await first.send('POST', 'blobs/uploads/')
    expect(begun.status).toBe(202)
    const location = locationOf(begun)
    const chunk = freshContent(100)
    for (const method of ['GET', 'PATCH', 'PUT', 'DELETE'] as const) {
      const path = method === 'PUT' ? withQuery(location, { digest: chunk.digest }) : location
      const body = method === 'PATCH' || method === 'PUT' ? { body: chunk.bytes } : {}
      const answer = await second.send(method, path, body)
      expect([method, answer.status, answer.code]).toEqual([method, 404, 'BLOB_UPLOAD_UNKNOWN'])
    }
    expect((await first.send('PATCH', location, { body: chunk.bytes })).status).toBe(202)
    expect((await first.send('PUT', withQuery(location, { digest: chunk.digest }))).status).toBe(201)
  })
})
