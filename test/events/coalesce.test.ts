// Of several moves of a tag only the last is delivered, where a webhook asks for that: nothing is dropped that nothing stands for.
import { expect, test } from 'bun:test'
import { describeOnEachEngine } from '../support/engines.ts'
import { digestOf, openOutbox } from '../support/outbox.ts'

const [A, B, C] = [digestOf('a'), digestOf('b'), digestOf('c')]
const LATER = 'tag.moved dead a later move of the tag is delivered instead'
const WAITS = 'tag.moved pending it waits until the receiver of scan says success'
const move = (from: string | null, to: string | null, tag = 'v1') => ['tag.moved', { tag, from, to }] as const
const push = (to: string, tag = 'v1') => ['tag.pushed', { tag, from: to, to }] as const
const removed = (from: string, tag = 'v1') => ['tag.removed', { tag, from, to: null }] as const

describeOnEachEngine('Coalescing', (openFresh) => {
  const fromOf = async (one: Awaited<ReturnType<typeof openOutbox>>, id: string | undefined) =>
    (
      await one.db.read
        .selectFrom('webhook_deliveries')
        .select('from_digest')
        .where('id', '=', id ?? '')
        .executeTakeFirstOrThrow()
    ).from_digest

  test('the last move stands for those before it, from where the first began', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('ci', { coalesce: true })
    await one.happen(move(A, B))
    const { superseded } = await one.happen(move(B, C))
    expect(await one.shown('ci')).toEqual([LATER, 'tag.moved pending'])
    const [first, second] = await one.list('ci')
    expect([superseded, await fromOf(one, second?.id)]).toEqual([[first?.id ?? ''], A])
  })

  test('a push that leaves the tag where it is ends no move: the move that is to be delivered stands for it', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('ci', { coalesce: true })
    const all = [move(A, B), push(B), move(A, B, 'v2'), push(B, 'v3'), push(B, 'v3')]
    const dropped = 'tag.pushed dead an earlier delivery of the tag tells of the same digest'
    // At once, and one after the other.
    await one.happen(...all, push(B, 'v2'))
    const want = ['tag.moved pending', dropped, 'tag.moved pending', 'tag.pushed pending', dropped, dropped]
    expect(await one.shown('ci')).toEqual(want)
    await one.happen(push(B, 'v2'))
    expect(await one.shown('ci')).toEqual([...want, dropped])
    // Where what is to be delivered tells of another digest, both go out.
    await one.happen(push(C))
    expect((await one.shown('ci')).at(-1)).toBe('tag.pushed pending')
    // A move stands for pushes too.
    await one.happen(move(B, C, 'v3'))
    expect((await one.shown('ci'))[3]).toBe('tag.pushed dead a later move of the tag is delivered instead')
  })

  test('what will not start ends nothing', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan', coalesce: true, events: ['tag.moved', 'tag.removed'] })
    await one.happen(move(null, A))
    await one.happen(removed(A))
    const dead = 'tag.removed dead not started, because scan takes no such event'
    expect(await one.shown('deploy')).toEqual([WAITS, dead])
    await one.say('scan', 0, 'success')
    expect(await one.shown('deploy')).toEqual(['tag.moved pending', dead])
  })

  test('what only waits ends nothing: the first image passes the gate, the second does not', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan', coalesce: true })
    await one.happen(move(A, B))
    await one.happen(move(B, C))
    expect(await one.shown('deploy')).toEqual([WAITS, WAITS])
    await one.say('scan', 0, 'success')
    await one.say('scan', 1, 'failure')
    expect(await one.shown('deploy')).toEqual([
      'tag.moved pending',
      'tag.moved dead not started, because scan had no success: its receiver said failure',
    ])
  })

  test('once a later move has passed its gate, nothing of before it goes out', async () => {
    const one = await openOutbox(await openFresh())
    await one.hook('scan')
    await one.hook('deploy', { after: 'scan', coalesce: true })
    await one.hook('report', { after: 'scan' })
    await one.hook('last', { after: 'deploy' })
    await one.happen(move(A, B), move(B, C))
    await one.say('scan', 1, 'success')
    expect(await one.shown('deploy')).toEqual([LATER, 'tag.moved pending'])
    expect(await fromOf(one, (await one.list('deploy'))[1]?.id)).toBe(A)
    // Who waits for what was ended is not left waiting.
    expect(await one.shown('last')).toEqual([
      'tag.moved dead not started, because deploy had no success: a later move of the tag is delivered instead',
      'tag.moved pending it waits until the receiver of deploy says success',
    ])
    // The slower word comes too late; a webhook that wants every move has it all the same.
    await one.say('scan', 0, 'success')
    expect(await one.shown('deploy')).toEqual([LATER, 'tag.moved pending'])
    expect(await one.shown('report')).toEqual(['tag.moved pending', 'tag.moved pending'])
  })
})
