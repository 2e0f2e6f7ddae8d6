// Tags move last, are compared before and after, and what a registry refuses is said in its words.
import { describe, expect, test } from 'bun:test'
import type { RegistryKind } from '../../../src/api/targets.ts'
import type { TagMove } from '../../../src/oci/repository.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { APP, type Content, failed, image, loopbackNetwork, tagOf } from '../scripted-registry.ts'
import { type Quirks, type SmallRegistry, smallRegistry } from './small-registry.ts'
import { noSleep, targetMemory } from './target-memory.ts'

const one = image({ annotations: { n: '1' } })
const two = image({ annotations: { n: '2' } })

const open = (
  registry: SmallRegistry,
  o: { kind?: RegistryKind; endpoint?: object; network?: ReturnType<typeof loopbackNetwork> } = {},
) =>
  openRemoteTarget(o.network ?? loopbackNetwork(), { url: registry.url, ...o.endpoint }, APP, {
    memory: targetMemory(),
    sleep: noSleep,
    kind: o.kind,
  })

function holding(quirks: Quirks, tags: Readonly<Record<string, Content>>): SmallRegistry {
  const registry = smallRegistry(quirks)
  for (const { descriptor, bytes } of [one, two])
    registry.manifests.set(descriptor.digest, { bytes, type: descriptor.mediaType })
  for (const [tag, { descriptor }] of Object.entries(tags)) registry.tags.set(tag, descriptor.digest)
  return registry
}

const move = (tag: string, to: Content | undefined, expected?: Content): TagMove => ({
  tag: tagOf(tag),
  to: to?.descriptor,
  expect: expected?.descriptor.digest,
})

const publish = (registry: SmallRegistry, tags: readonly TagMove[], o: Parameters<typeof open>[1] = {}) =>
  open(registry, o).writer.publish({ roots: [], tags }, async ({ digest }) =>
    digest === one.descriptor.digest ? one.bytes : two.bytes,
  )

describe('a tag', () => {
  test('that is there already is not put; one that somebody else has moved is a conflict', async () => {
    await using registry = holding({}, { same: two, theirs: one, mine: one })
    expect(
      await publish(registry, [
        move('same', two),
        move('theirs', two),
        move('mine', two, one),
        move('new', two),
        move('gone', two, one),
      ]),
    ).toEqual([
      { tag: tagOf('same'), result: 'unchanged' },
      { tag: tagOf('theirs'), result: 'conflict', found: one.descriptor.digest },
      { tag: tagOf('mine'), result: 'moved' },
      { tag: tagOf('new'), result: 'moved' },
      { tag: tagOf('gone'), result: 'conflict' },
    ])
    expect(registry.lines().filter((line) => line.startsWith('PUT') && line.includes('same'))).toEqual([])
    expect(Object.fromEntries(registry.tags)).toMatchObject({
      mine: two.descriptor.digest,
      theirs: one.descriptor.digest,
    })
  })

  test('on a digest comes before those of images', async () => {
    await using registry = holding({}, {})
    const sig = `sha256-${'a'.repeat(64)}.sig`
    await publish(registry, [move('v1', one), move(sig, two), move('latest', one)], { kind: 'harbor' })
    const puts = registry.lines().filter((line) => line.startsWith('PUT'))
    expect(puts.map((line) => line.split('/').at(-1))).toEqual([sig, 'v1', 'latest'])
  })

  test('goes with its aliases by one PUT where the registry is known to set them, and alone elsewhere', async () => {
    const tags = ['1', '1.2', '1.2.3'].map((tag) => move(tag, one))
    await using modern = holding({ hasTagParameter: true }, {})
    const kagami = { kind: 'kagami' } as const
    expect((await publish(modern, tags, kagami)).map(({ result }) => result)).toEqual(['moved', 'moved', 'moved'])
    expect(modern.lines().filter((line) => line.startsWith('PUT'))).toEqual([
      `PUT /v2/app/manifests/${one.descriptor.digest}?tag=1&tag=1.2&tag=1.2.3`,
    ])
    await using plain = holding({}, {})
    expect((await publish(plain, tags)).map(({ result }) => result)).toEqual(['moved', 'moved', 'moved'])
    expect(plain.lines().filter((line) => line.startsWith('PUT') && line.includes('?'))).toEqual([])
    // One that turns out not to is asked once.
    await using old = holding({}, {})
    const network = loopbackNetwork()
    for (const [some, of] of [
      [['1', '1.0'], one],
      [['2', '2.0'], two],
    ] as const) {
      const moves = some.map((tag) => move(tag, of))
      const outcomes = await publish(old, moves, { network, ...kagami })
      expect(outcomes.map(({ result }) => result)).toEqual(['moved', 'moved'])
    }
    expect(old.lines().filter((line) => line.startsWith('PUT') && line.includes('?'))).toHaveLength(1)
  })

  for (const [status, body] of [
    [403, { errors: [{ code: 'DENIED', message: 'the tag is immutable' }] }],
    [409, { errors: [{ code: 'CONFLICT', message: 'exists' }] }],
    [412, { errors: [{ code: 'PRECONDITION', message: 'matched an immutable rule' }] }],
    [400, { errors: [{ code: 'TAG_INVALID', message: 'The image tag v1 already exists and cannot be overwritten' }] }],
  ] as const) {
    test(`that may not be moved (${status}) is refused in the registry's words; the others move`, async () => {
      const quirks: Quirks = {
        before: ({ method, path }) =>
          method === 'PUT' && path.endsWith('/v1') ? Response.json(body, { status }) : undefined,
      }
      await using registry = holding(quirks, { v1: one })
      const outcomes = await publish(registry, [move('v1', two, one), move('v2', two)], { kind: 'harbor' })
      expect(outcomes).toEqual([
        {
          tag: tagOf('v1'),
          result: 'refused',
          found: one.descriptor.digest,
          reason: expect.stringContaining(body.errors[0].message),
        },
        { tag: tagOf('v2'), result: 'moved' },
      ])
      await using none = holding(quirks, {})
      const error = await failed(publish(none, [move('v1', two)], { kind: 'harbor' }))
      expect(['TARGET_DENIED', 'TARGET_INVALID']).toContain(error.code)
    })
  }

  test('that reads back as another is an error', async () => {
    await using registry = holding(
      { before: ({ method }) => (method === 'PUT' ? new Response(null, { status: 201 }) : undefined) },
      { v1: one },
    )
    const error = await failed(publish(registry, [move('v1', two, one)]))
    expect([error.code, error.message]).toEqual(['TARGET_INVALID', expect.stringContaining('when it is read back')])
  })

  test('is removed where the registry removes tags', async () => {
    await using registry = holding({}, { v1: one, v2: two })
    expect(
      await publish(registry, [move('v1', undefined, one), move('v2', undefined, one), move('v3', undefined)]),
    ).toEqual([
      { tag: tagOf('v1'), result: 'moved' },
      { tag: tagOf('v2'), result: 'conflict', found: two.descriptor.digest },
      { tag: tagOf('v3'), result: 'unchanged' },
    ])
    await using keeps = holding(
      { before: ({ method }) => (method === 'DELETE' ? new Response(null, { status: 405 }) : undefined) },
      { v1: one },
    )
    expect(await publish(keeps, [move('v1', undefined, one)])).toMatchObject([{ result: 'unsupported' }])
    expect(keeps.tags.has('v1')).toBe(true)
  })
})

describe('whether everybody may read it', () => {
  const me = { username: 'me', password: 'hunter2hunter2' }
  const wanting = (isWanted: (path: string) => boolean): Quirks => ({
    before: ({ headers, path }) =>
      headers.has('authorization') || !isWanted(path)
        ? undefined
        : new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
  })

  test('is asked without the login', async () => {
    await using open_ = holding({}, { v1: one })
    expect(await open(open_, { endpoint: me }).findVisibility()).toBe('public')
    expect(open_.seen.every(({ headers }) => !headers.has('authorization'))).toBe(true)
    await using closed = holding(
      wanting(() => true),
      { v1: one },
    )
    expect(await open(closed, { endpoint: me }).findVisibility()).toBe('private')
    await using half = holding(
      wanting((path) => path.includes('/tags/')),
      { v1: one },
    )
    expect(await open(half, { endpoint: me }).findVisibility()).toBe('public')
    await using odd = holding({ before: () => new Response(null, { status: 418 }) }, {})
    expect(await open(odd, { endpoint: me }).findVisibility()).toBe('unknown')
    await using down = holding({ before: () => new Response(null, { status: 500 }) }, {})
    expect((await failed(open(down, { endpoint: me }).findVisibility())).code).toBe('TARGET_UNAVAILABLE')
  })
})

test('head, and errors of a target without its secrets', async () => {
  await using registry = holding({}, { v1: one })
  const target = open(registry)
  expect(await target.head({ tag: tagOf('v1') })).toBe(one.descriptor.digest)
  expect(await target.head({ tag: tagOf('none') })).toBeUndefined()
  expect(await target.head({ digest: two.descriptor.digest })).toBe(two.descriptor.digest)
  const secret = 'hunter2hunter2'
  await using telling = holding({ before: () => new Response(`no ${secret}`, { status: 403 }) }, {})
  const told = open(telling, { endpoint: { username: 'me', password: secret } })
  const errors = await Promise.all([
    failed(told.head({ tag: tagOf('v1') })),
    failed(told.writer.writeManifest({ descriptor: one.descriptor, bytes: one.bytes })),
    failed(told.writer.stageBlob({ ...one.descriptor })),
    failed(told.writer.publish({ roots: [], tags: [move('v1', one)] }, async () => one.bytes)),
    failed(Array.fromAsync(told.reader.listTags())),
  ])
  for (const error of errors) {
    expect(error.code).toBe('TARGET_DENIED')
    expect(JSON.stringify([error.message, error.detail, String(error.cause)])).not.toContain(secret)
  }
})
