// What is posted when a mirrored tag moves, made from real releases: the field list is Docker Hub's, the difference is held against the
// changelog that the release itself ships.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type HubPayload, hubPayloadSchema } from '../../../src/api/webhook-payload.ts'
import { createFactsLoader, type FactsLoader } from '../../../src/events/payload/load-facts.ts'
import { renderDelivery } from '../../../src/events/payload/render.ts'
import { type MirrorInstance, openMirrorInstance } from '../../mirror/mirror-instance.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { describeWithFixtures } from '../../support/fixtures.ts'
import { dhiReleases, lastEvent, mirrorReleases, PUBLIC_URL, predicateOf } from './releases.ts'

const CALLBACK = `${PUBLIC_URL}/hooks/callback/abc`

describeWithFixtures('payloads', () => {
  describeOnEachEngine('of two releases', (openFresh) => {
    const releases = dhiReleases()
    let instance: MirrorInstance
    let loader: FactsLoader
    beforeAll(async () => {
      instance = await openMirrorInstance({ db: await openFresh() })
      await mirrorReleases(instance, 'python', releases)
      loader = createFactsLoader(instance)
    })
    afterAll(() => instance.close())

    async function payloadOf(kind: string, tag?: string): Promise<HubPayload> {
      const event = await lastEvent(instance, kind, tag)
      const facts = await loader.load(event, { publicUrl: PUBLIC_URL, callbackUrl: CALLBACK })
      const { body, headers } = renderDelivery(event, facts, 'hub')
      expect(headers).toEqual({ 'content-type': 'application/json' })
      return hubPayloadSchema.parse(JSON.parse(body))
    }

    test('have every field of Docker Hub, in its types and units', async () => {
      const event = await lastEvent(instance, 'tag.moved', '3.13')
      const { dhi_metadata: _, kagami: __, ...hub } = await payloadOf('tag.moved', '3.13')
      const row = await instance.db.read.selectFrom('repositories').selectAll().executeTakeFirstOrThrow()
      expect(hub).toEqual({
        callback_url: CALLBACK,
        push_data: {
          images: [],
          media_type: 'application/vnd.oci.image.index.v1+json',
          pushed_at: Math.floor(Date.parse(event.at) / 1000),
          pusher: 'mirror',
          tag: '3.13',
        },
        repository: {
          comment_count: 0,
          date_created: Math.floor(Date.parse(row.created_at) / 1000),
          description: 'Mirror of hub/python',
          dockerfile: '',
          full_description: 'Mirror of hub/python',
          is_official: false,
          is_private: true,
          is_trusted: false,
          name: 'dhi-python',
          namespace: 'acme',
          owner: 'acme',
          repo_name: 'acme/dhi-python',
          repo_url: `${PUBLIC_URL}/api/v1/repositories/acme/dhi-python`,
          star_count: 0,
          status: 'Active',
        },
      })
    })

    test('tell on each platform what the changelog of the release tells', async () => {
      const [one, two] = releases
      for (const tag of ['3.13', '3-dev']) {
        const { dhi_metadata: metadata = {}, kagami } = await payloadOf('tag.moved', tag)
        const platforms = two.manifests.get(two.tags.get(tag) ?? '')?.children ?? []
        expect([tag, Object.keys(metadata).sort()]).toEqual([tag, [...platforms].sort()])
        expect(platforms.length).toBe(2)
        for (const digest of platforms) {
          const changelog = predicateOf(
            two,
            digest,
            'https://docker.com/dhi/changelog',
          ) as HubPayload['dhi_metadata'] & {
            previous_version: { digest: string }
          }
          expect(metadata[digest as keyof typeof metadata]).toEqual({
            ...changelog,
            previous_version: { tag, digest: changelog.previous_version.digest },
          } as never)
        }
        expect(kagami.changes).toEqual({ state: 'told', reason: null })
        expect(kagami.previousDigest).toBe(one.tags.get(tag) as never)
        expect(kagami.digest).toBe(two.tags.get(tag) as never)
      }
    })

    test('say what Docker Hub has no field for', async () => {
      const [, two] = releases
      const digest = two.tags.get('3.13') ?? ''
      const event = await lastEvent(instance, 'tag.moved', '3.13')
      const { kagami } = await payloadOf('tag.moved', '3.13')
      expect([kagami.eventId, kagami.seq, kagami.kind, kagami.tag]).toEqual([event.id, event.seq, 'tag.moved', '3.13'])
      expect(kagami.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64/v8'])
      const others = [...two.tags].filter(([tag, to]) => to === digest && tag !== '3.13').map(([tag]) => tag)
      expect([[...kagami.tagsMovedWith].sort(), kagami.tagsMovedWithTotal]).toEqual([others.sort(), others.length])
      expect(kagami.run).toMatchObject({ trigger: 'sync' })
      const attested = kagami.referrers.filter(({ predicateType }) => predicateType !== null)
      expect(attested.length).toBe(15)
      expect(new Set(attested.map(({ count }) => count))).toEqual(new Set([2]))
      // The signature of the index itself.
      expect(kagami.referrers.filter(({ predicateType }) => predicateType === null).map(({ count }) => count)).toEqual([
        1,
      ])
    })

    test('a new tag is a push that tells no difference; late attestations are no push', async () => {
      const added = await payloadOf('tag.moved', '3-debian')
      expect([added.push_data?.tag, added.dhi_metadata, added.kagami.previousDigest]).toEqual([
        '3-debian',
        undefined,
        null,
      ])
      expect(added.kagami.changes).toEqual({ state: 'none', reason: null })
      const late = await payloadOf('referrers.published')
      expect([late.push_data, late.dhi_metadata, late.repository?.repo_name]).toEqual([
        undefined,
        undefined,
        'acme/dhi-python',
      ])
      // What they were added to, and what is there now.
      expect(late.kagami.digest).toBe(releases[1].tags.get('3.12') as never)
      expect(late.kagami.platforms.length).toBe(2)
      expect(late.kagami.referrers.find(({ predicateType }) => predicateType?.includes('openvex'))?.count).toBe(3)
      expect(late.kagami.details.tags).toEqual(['3.12', '3.12-debian13', '3.12.12'])
    })

    test('what was found out is kept, and found out anew by another server only when it is not', async () => {
      const rows = await instance.db.read.selectFrom('image_differences').selectAll().execute()
      expect(rows.length).toBe(4)
      const event = await lastEvent(instance, 'tag.moved', '3.13')
      const opened: string[] = []
      const blobs: Pick<typeof instance.blobs, 'open'> = {
        open(key, range) {
          opened.push(key)
          return instance.blobs.open(key, range)
        },
      }
      const again = createFactsLoader({ db: instance.db, blobs })
      expect((await again.load(event, { publicUrl: PUBLIC_URL })).metadata.size).toBe(2)
      expect(opened).toEqual([])
      await instance.db.write((tx) => tx.deleteFrom('image_differences').execute())
      const once = await Promise.all([1, 2, 3].map(() => again.load(event, { publicUrl: PUBLIC_URL })))
      expect(once.map(({ metadata }) => metadata.size)).toEqual([2, 2, 2])
      expect(opened.length).toBe(new Set(opened).size)
    })

    test('when it takes too long, the payload goes without it, and says so', async () => {
      await instance.db.write((tx) => tx.deleteFrom('image_differences').execute())
      const never = { open: () => new Promise<never>(() => {}) }
      const loader = createFactsLoader({ db: instance.db, blobs: never, patience: () => AbortSignal.abort() })
      const event = await lastEvent(instance, 'tag.moved', '3.13')
      const facts = await loader.load(event, { publicUrl: PUBLIC_URL })
      expect(facts.metadata.size).toBe(0)
      const { kagami, dhi_metadata } = JSON.parse(renderDelivery(event, facts, 'hub').body) as HubPayload
      expect(dhi_metadata).toBeUndefined()
      expect(kagami.changes).toEqual({ state: 'left-out', reason: 'comparing the images took too long' })
      expect(kagami.platforms.length).toBe(2)
    })
  })

  describe('of a repository that is gone', () => {
    test('say its name, and that what the tag pointed to is not here', async () => {
      const instance = await openMirrorInstance()
      try {
        await mirrorReleases(instance, 'python', dhiReleases())
        const event = await lastEvent(instance, 'tag.moved', '3.13')
        await instance.db.write(async (tx) => {
          await tx.deleteFrom('repository_manifests').where('digest', '=', String(event.payload.from)).execute()
        })
        const loader = createFactsLoader(instance)
        const partly = await loader.load(event, { publicUrl: PUBLIC_URL })
        expect([partly.metadata.size, partly.leftOut]).toEqual([
          0,
          'the image that the tag pointed to before is not here any more',
        ])
        const orphan = { ...event, repositoryId: 'gone' }
        const facts = await createFactsLoader(instance).load(orphan, { publicUrl: PUBLIC_URL })
        const payload = hubPayloadSchema.parse(JSON.parse(renderDelivery(orphan, facts, 'hub').body))
        expect([payload.repository?.repo_name, payload.push_data?.tag, payload.kagami.platforms]).toEqual([
          'acme/dhi-python',
          '3.13',
          [],
        ])
      } finally {
        await instance.close()
      }
    })
  })
})
