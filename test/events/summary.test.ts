// What stands for many tags, or for one that is tried out, is a tag that the webhook takes: a receiver that knows Docker Hub alone deploys it.
import { afterAll, expect, test } from 'bun:test'
import { openFileBlobStore } from '../../src/blobs/fs.ts'
import { moveTag } from '../../src/db/content/tags.ts'
import { followEvents } from '../../src/events/follow.ts'
import { deliveredEvent } from '../../src/events/payload/event.ts'
import { createFactsLoader } from '../../src/events/payload/load-facts.ts'
import { renderDelivery } from '../../src/events/payload/render.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { digestOf, openOutbox } from '../support/outbox.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('summary')
afterAll(() => directory.remove())

describeOnEachEngine('A tag that stands for others', (openFresh) => {
  async function place() {
    const one = await openOutbox(await openFresh())
    const { organization, repository } = one.scope
    if (repository === undefined) throw new Error('want a repository')
    let minute = 10
    const put = async (tag: string, letter: string) => {
      const at = `2026-01-31T12:${minute++}:00.000Z`
      const of = { organizationId: organization.id, repositoryId: repository.id, repositoryName: repository.name }
      const change = { ...of, reason: 'x', actor: 'user:o', at, tag: tag as Tag, to: digestOf(letter) as Digest }
      await one.db.write((tx) => moveTag(tx, change))
    }
    const facts = createFactsLoader({ db: one.db, blobs: await openFileBlobStore(directory.path) })
    /** The body that a delivery of a webhook would have. */
    const bodyOf = async (name: string) => {
      const [delivery] = await one.list(name)
      const query = one.db.read
        .selectFrom('events')
        .selectAll()
        .where('id', '=', delivery?.eventId ?? '')
      const event = deliveredEvent(await query.executeTakeFirstOrThrow())
      const tag = delivery?.tag === null ? {} : { tag: delivery?.tag }
      const told = { ...event, payload: { ...event.payload, ...tag } }
      const { body } = renderDelivery(told, await facts.load(told, { publicUrl: 'http://kagami' }), 'hub')
      const { push_data: push, kagami } = JSON.parse(body)
      return [push?.tag, kagami.kind, kagami.tag, kagami.digest]
    }
    return { ...one, put, facts, bodyOf }
  }

  test('the summary of a first pass', async () => {
    const one = await place()
    for (const [tag, letter] of ['3.13:a', '3.14:b', '3.14-dev:c'].map((text) => text.split(':'))) {
      await one.put(tag ?? '', letter ?? '')
    }
    await one.hook('all')
    await one.hook('stable', { tags: ['3.*', '!*-dev'] })
    await one.hook('none', { tags: ['4.*'] })
    await one.happen(['mirror.synced', { runId: 'r', tags: 3 }])
    expect(await one.bodyOf('all')).toEqual(['3.14-dev', 'mirror.synced', '3.14-dev', digestOf('c')])
    expect(await one.bodyOf('stable')).toEqual(['3.14', 'mirror.synced', '3.14', digestOf('b')])
    expect(await one.bodyOf('none')).toEqual([undefined, 'mirror.synced', null, null])

    // The same for whoever asks for the event, and for whoever listens.
    await one.hook('late', { tags: ['3.13'] })
    const [{ eventId = '' } = {}] = await one.list('all')
    await one.webhooks.redeliver(one.scope, 'late', { event: eventId })
    expect(await one.bodyOf('late')).toEqual(['3.13', 'mirror.synced', '3.13', digestOf('a')])
    await one.webhooks.test(one.scope, 'stable', 'user:o')
    const heard = async (tags: string[] | undefined) => {
      const scope = { organizationId: one.scope.organization.id }
      const events = ['mirror.synced', 'webhook.test']
      const signal = new AbortController().signal
      const o = { scope, events, tags, after: 0, publicUrl: 'http://kagami', format: 'hub', signal } as const
      const { value } = await followEvents(one, o).next()
      return `${value?.kind} ${value?.tag}`
    }
    expect(await heard(['3.13'])).toBe('mirror.synced 3.13')
    expect(await heard(undefined)).toBe('mirror.synced 3.14-dev')
    // Where none is wanted, what comes next is the try-out.
    await one.db.write((tx) => tx.deleteFrom('tags').where('name', '=', '3.14').execute())
    expect(await heard(['3.14'])).toBe('webhook.test 3.14')
  })

  test('it is the same delivery when it is read again after the tags have moved', async () => {
    const one = await place()
    await one.put('v1', 'a')
    await one.hook('ci')
    await one.happen(['mirror.synced', { tags: 1 }])
    const [before] = await one.list('ci')
    await one.put('v2', 'b')
    await one.db.write((tx) => tx.updateTable('event_cursors').set({ seq: 0 }).execute())
    await one.happen()
    expect((await one.list('ci')).map(({ id, tag }) => [id, tag])).toEqual([[before?.id ?? '', 'v1']])
  })

  test('the try-out of a webhook', async () => {
    const one = await place()
    const tryOut = async (name: string, o: object = {}) => {
      await one.hook(name, o)
      await one.webhooks.test(one.scope, name, 'user:o')
      return one.bodyOf(name)
    }
    expect(await tryOut('empty')).toEqual(['test', 'webhook.test', 'test', null])
    expect(await tryOut('empty-stable', { tags: ['3.*'] })).toEqual([undefined, 'webhook.test', null, null])
    await one.put('3.13', 'a')
    await one.put('3.13-dev', 'b')
    expect(await tryOut('all')).toEqual(['3.13-dev', 'webhook.test', '3.13-dev', digestOf('b')])
    expect(await tryOut('stable', { tags: ['3.*', '!*-dev'] })).toEqual(['3.13', 'webhook.test', '3.13', digestOf('a')])
    expect(await tryOut('none', { tags: ['4.*'] })).toEqual([undefined, 'webhook.test', null, null])
  })

  test('is found among thousands of newer ones', async () => {
    const one = await place()
    await one.put('wanted', 'a')
    const repositoryId = one.scope.repository?.id ?? ''
    const rows = Array.from({ length: 4500 }, (_, i) => ({
      name: `n${i}`,
      moved_at: `2026-02-01T00:00:0${i % 3}.000Z`,
    }))
    for (let at = 0; at < rows.length; at += 500) {
      const values = rows
        .slice(at, at + 500)
        .map((row) => ({ ...row, repository_id: repositoryId, digest: digestOf('b') }))
      await one.db.write((tx) => tx.insertInto('tags').values(values).execute())
    }
    await one.hook('ci', { tags: ['w*'] })
    await one.hook('last', { tags: ['n0'] })
    await one.happen(['mirror.synced', { tags: 4501 }])
    expect([(await one.list('ci'))[0]?.tag, (await one.list('last'))[0]?.tag]).toEqual(['wanted', 'n0'])
  })
})
