// History, restore, release and explain on the command line, against a registry that serves real images.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.ts'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const REPOSITORY = 'acme/app'
const [TAG, OTHER] = ['bundle', 'current']

describeWithFixtures('taking a tag back', () => {
  let kagami: WholeServer
  let upstream: MemoryRegistry
  let owner: CommandLineUser
  let old: string
  let fresh: string
  beforeAll(async () => {
    upstream = startMemoryRegistry(fixtureLayout('oras-tree'))
    old = upstream.tags.get(TAG) ?? ''
    fresh = upstream.tags.get(OTHER) ?? ''
    kagami = await startWholeServer()
    owner = await signInOwner(kagami)
    await owner.run(['upstream', 'add', 'hub', upstream.url])
    await owner.run(['mirror', 'start', 'hub/app', '--wait'])
    upstream.tags.set(TAG, fresh)
    await owner.run(['mirror', 'sync', REPOSITORY, '--wait'])
  })
  afterAll(async () => {
    await kagami?.stop()
    await upstream?.stop()
  })

  async function json(...args: string[]) {
    const ended = await owner.run([...args, '--json'])
    expect([args, ended.status, ended.stderr]).toEqual([args, 0, ''])
    return JSON.parse(ended.stdout)
  }
  const text = async (...args: string[]) => {
    const ended = await owner.run(args)
    expect([args, ended.status, ended.stderr]).toEqual([args, 0, ''])
    return ended.stdout
  }
  const digestNow = async () => (await json('tag', 'show', REPOSITORY, TAG)).tag.digest
  const sync = () => owner.run(['mirror', 'sync', REPOSITORY, '--wait'])

  test('the history says from where to where, when, by which run and why; the digest of a time is printed alone', async () => {
    const { history, next } = await json('tag', 'history', REPOSITORY, TAG)
    const by = expect.stringMatching(/^mirror:/)
    const run = expect.any(String)
    expect([history, next]).toEqual([
      [
        {
          tag: TAG,
          from: old,
          to: fresh,
          at: expect.any(String),
          by,
          run,
          cause: 'mirrored',
          reason: 'moved at upstream',
        },
        {
          tag: TAG,
          from: null,
          to: old,
          at: expect.any(String),
          by,
          run,
          cause: 'mirrored',
          reason: 'new at upstream',
        },
      ],
      null,
    ])
    const [second, first] = history
    expect((await text('tag', 'show', REPOSITORY, TAG, '--at', first.at)).trim()).toBe(old)
    expect((await text('tag', 'show', REPOSITORY, TAG, '--at', second.at)).trim()).toBe(fresh)
    expect((await text('tag', 'show', REPOSITORY, TAG, '--at', '0s')).trim()).toBe(fresh)
    const was = await json('tag', 'show', REPOSITORY, TAG, '--at', first.at)
    expect(was.tag).toEqual({
      name: TAG,
      digest: old,
      at: first.at,
      since: first.at,
      until: second.at,
      available: true,
      pinned: false,
      pulls: 0,
      lastPulledAt: null,
      digestPulledAt: null,
    })
    expect(await text('tag', 'history', REPOSITORY)).toContain(`${TAG}  `)
    for (const [at, message] of [
      ['2000-01-01', 'begins at'],
      ['2999-01-01', 'want a time that has come'],
      ['yesterday', 'want a date or an ISO 8601 time'],
    ] as const) {
      const refused = await owner.run(['tag', 'show', REPOSITORY, TAG, '--at', at])
      expect([refused.status, refused.stdout, refused.stderr]).toEqual([1, '', expect.stringContaining(message)])
    }
    expect((await owner.run(['tag', 'show', REPOSITORY, 'no-such'])).status).toBe(1)
  })

  test('restored, it is pinned, says so everywhere, and stays; released, it goes on', async () => {
    const restored = await text('tag', 'restore', REPOSITORY, TAG, old, '--reason', 'the new one breaks the build')
    expect(restored).toContain(`${REPOSITORY}:${TAG} points at ${old} again`)
    expect(restored).toContain(`kagami tag release ${REPOSITORY} ${TAG}`)
    expect((await sync()).status).toBe(0)
    expect(await digestNow()).toBe(old)

    const list = await json('tag', 'list', REPOSITORY)
    expect(list.tags.find(({ name }: { name: string }) => name === TAG)).toMatchObject({ digest: old, pinned: true })
    const reason = 'the new one breaks the build'
    expect(list.pins).toEqual([{ tag: TAG, digest: old, reason, by: 'user:owner', since: expect.any(String) }])
    expect(await text('tag', 'list', REPOSITORY)).toMatch(new RegExp(`^${TAG} +sha256:.{12} +${reason} +owner`, 'm'))
    expect(await text('tag', 'show', REPOSITORY, TAG)).toContain(`by owner`)
    expect(await text('mirror', 'show', REPOSITORY)).toContain(`${TAG}: pinned, ${reason}`)
    const { tags } = await json('mirror', 'explain', REPOSITORY)
    expect(tags).toMatchObject([{ name: TAG, state: 'pinned', upstream: fresh, local: old }])
    const explained = await text('mirror', 'explain', REPOSITORY)
    expect(explained).toContain(`${TAG}: pinned, checked`)
    expect(explained).toContain(`next: nothing, until: kagami tag release ${REPOSITORY} ${TAG}`)

    expect(await text('tag', 'release', REPOSITORY, TAG)).toContain('is released.')
    expect((await sync()).status).toBe(0)
    expect(await digestNow()).toBe(fresh)
    expect(await text('mirror', 'explain', REPOSITORY)).toContain(`Every tag of ${REPOSITORY} is in step`)
    expect(await json('mirror', 'explain', REPOSITORY)).toEqual({ tags: [], next: null })
    const [move] = (await json('tag', 'history', REPOSITORY, TAG)).history.slice(1)
    expect([move.by, move.run, move.reason]).toEqual(['user:owner', null, `restored to ${old} by owner: ${reason}`])
  })

  test('--at restores what was there; --take-upstream begins a run of the tag at once', async () => {
    const first = (await json('tag', 'history', REPOSITORY, TAG)).history.at(-1)
    expect((await json('tag', 'restore', REPOSITORY, TAG, '--at', first.at)).to).toBe(old)
    const released = await json('tag', 'release', REPOSITORY, TAG, '--take-upstream')
    expect([released.wasPinned, released.run.tags]).toEqual([true, [TAG]])
    await kagami.server.mirrors.wait(released.run.id)
    expect(await digestNow()).toBe(fresh)
  })

  test('what cannot be meant is refused before anything is asked', async () => {
    for (const [args, status, message] of [
      [[TAG], 2, 'either a digest or --at'],
      [[TAG, old, '--at', '1h'], 2, 'either a digest or --at'],
      [[TAG, 'sha256:abc'], 2, 'want a whole digest'],
      [[TAG, `sha256:${'0'.repeat(64)}`], 1, 'has no manifest'],
      [['no-such', '--at', '1s'], 1, 'there is no tag acme/app:no-such, and no history of one'],
    ] as const) {
      const refused = await owner.run(['tag', 'restore', REPOSITORY, ...args])
      expect([args, refused.status, refused.stderr]).toEqual([args, status, expect.stringContaining(message)])
    }
  })

  test('a repository without a mirror is restored without a pin', async () => {
    const headers = { authorization: authorization(OWNER), 'content-type': 'application/vnd.oci.image.index.v1+json' }
    const digests: string[] = []
    for (const note of ['one', 'two']) {
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: headers['content-type'],
        manifests: [],
        annotations: { note },
      })
      const answer = await fetch(`${kagami.url}/v2/acme/own/manifests/v1`, { method: 'PUT', headers, body })
      expect(answer.status).toBe(201)
      digests.push(answer.headers.get('docker-content-digest') ?? '')
    }
    const done = await json('tag', 'restore', 'acme/own', 'v1', digests[0] ?? '')
    expect(done).toMatchObject({ from: digests[1], to: digests[0], pin: null })
    expect((await json('tag', 'show', 'acme/own', 'v1')).tag.digest).toBe(digests[0])
    const { history } = await json('tag', 'history', 'acme/own')
    expect(history.map(({ reason, by }: { reason: string; by: string }) => [reason, by])).toEqual([
      [`restored to ${digests[0]} by owner`, 'user:owner'],
      ['pushed', 'user:owner'],
      ['pushed', 'user:owner'],
    ])
    await owner.run(['tag', 'delete', 'acme/own', 'v1'])
    const after = (await json('tag', 'history', 'acme/own', 'v1')).history
    expect(after[0]).toMatchObject({ to: null, reason: 'deleted by owner' })
    expect((await owner.run(['tag', 'show', 'acme/own', 'v1', '--at', '0s'])).stderr).toContain('it was deleted at')
  })

  test('explains what it was asked about, seen or not; too many or no tags at all are refused by the API', async () => {
    const { tags } = await json('mirror', 'explain', REPOSITORY, OTHER, 'no-such')
    expect(tags.map(({ name, state }: { name: string; state: string }) => [name, state])).toEqual([
      [OTHER, 'synced'],
      ['no-such', 'absent'],
    ])
    const many = Array.from({ length: 21 }, (_, i) => `t${i}`)
    expect((await json('mirror', 'explain', REPOSITORY, ...many)).tags).toHaveLength(21)
    const ask = (query: string) => kagami.call('GET', `/mirrors/${REPOSITORY}/explain?${query}`, { login: OWNER })
    expect((await ask(`tag=${many.join(',')}`)).status).toBe(400)
    expect((await ask('tag=not%20a%20tag')).code).toBe('TAG_INVALID')
    expect((await ask(`tag=${OTHER}&tag=${TAG}`)).text).toContain(`"${TAG}"`)
  })

  test('what would become free is said before tags go, who may do what with it, and what was done', async () => {
    const plan = await json('tag', 'delete', REPOSITORY, TAG, OTHER, '--dry-run')
    expect(plan).toMatchObject({ deleted: false, tags: [{ name: TAG }, { name: OTHER }] })
    const said = await text('tag', 'delete', REPOSITORY, TAG, OTHER, '--dry-run')
    expect(said).toContain('would be')
    expect(said).toMatch(/Nothing else of acme\/app needs .* in \d+ manifests and \d+ blobs/)
    expect(said).toContain('The mirror brings none of them back')
    expect((await json('repository', 'access', REPOSITORY)).access.allowed).toContain('mirror.stop')
    expect(await text('repository', 'access', REPOSITORY)).toMatch(/^You may +pull push /m)
    const { entries } = await json('repository', 'activity', REPOSITORY, '--action', 'tag.*')
    expect(entries.map(({ action }: { action: string }) => action)).toContain('tag.restore')
    expect(await text('webhook', 'list', 'acme', '--all')).toContain('No webhooks.')
  })

  test('history names people, so only members see it; who may not delete tags may not restore', async () => {
    await owner.run(['repository', 'change', 'acme/own', '--visibility', 'public', '--yes'])
    const member = await kagami.addUser('reader', { acme: 'member' })
    const stranger = await kagami.addUser('elsewhere', { beta: 'owner' })
    const history = '/repositories/acme/own/history'
    expect((await kagami.call('GET', history, { login: member })).status).toBe(200)
    expect((await kagami.call('GET', history, { login: stranger })).code).toBe('DENIED')
    expect((await kagami.call('GET', '/repositories/acme/own/tags/v1?at=2999-01-01', {})).code).toBe('INVALID_REQUEST')
    const path = `/repositories/${REPOSITORY}/tags/${TAG}/restore`
    for (const login of [member, stranger]) {
      expect((await kagami.call('POST', path, { login, body: { digest: old } })).code).toBe('DENIED')
    }
    for (const body of [{}, { digest: old, at: '2026-01-01' }, { digest: 'sha256:1' }, { at: 'now' }]) {
      expect((await kagami.call('POST', path, { login: OWNER, body })).status).toBe(400)
    }
  })
})
