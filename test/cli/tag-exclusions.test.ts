// Tags that people keep a mirror from, against a registry that serves real images and Docker schema 1.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Run } from '../../src/api/runs.ts'
import { type CommandLineUser, type Ended, signInOwner } from '../support/command-line.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { type MemoryRegistry, startMemoryRegistry } from '../support/memory-registry.ts'
import { parseJson, registryClient } from '../support/registry-client.ts'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const layout = () => fixtureLayout('oras-tree')
const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
const REPOSITORY = 'acme/app'
/** A tag with a digest of its own, and one with another. */
const TAG = 'bundle'
const OTHER = 'current'

describeWithFixtures('tags that people keep a mirror from', () => {
  let kagami: WholeServer
  let upstream: MemoryRegistry
  let owner: CommandLineUser
  let tags: string[]
  beforeAll(async () => {
    upstream = startMemoryRegistry(layout())
    tags = [...upstream.tags.keys()].sort()
    const [{ dockerContentDigest }] = JSON.parse(readFileSync(fixturePath('schema1', 'about.json'), 'utf8'))
    const bytes = new Uint8Array(readFileSync(fixturePath('schema1', 'signed.json')))
    upstream.manifests.set(dockerContentDigest, { mediaType: SCHEMA_1, bytes })
    upstream.tags.set('old', dockerContentDigest)
    kagami = await startWholeServer()
    owner = await signInOwner(kagami)
    await owner.run(['upstream', 'add', 'hub', upstream.url])
  })
  afterAll(async () => {
    await kagami?.stop()
    await upstream?.stop()
  })

  /** What a command that waits for a run prints as JSON, with its status. */
  async function waited(args: readonly string[]): Promise<{ status: number; run: Run; mirror: { state: string } }> {
    const ended = await owner.run([...args, '--wait', '--json'])
    return { status: ended.status, ...JSON.parse(ended.stdout) }
  }

  async function json(args: readonly string[]) {
    const ended = await owner.run([...args, '--json'])
    expect([args, ended.status, ended.stderr]).toEqual([args, 0, ''])
    return JSON.parse(ended.stdout)
  }

  async function served(): Promise<string[]> {
    const headers = { authorization: authorization(OWNER) }
    const answer = await fetch(`${kagami.url}/v2/${REPOSITORY}/tags/list`, { headers })
    return ((await answer.json()) as { tags: string[] }).tags
  }

  const deleteManifest = async (reference: string) => {
    const headers = { authorization: authorization(OWNER) }
    const answer = await fetch(`${kagami.url}/v2/${REPOSITORY}/manifests/${reference}`, { method: 'DELETE', headers })
    expect(answer.status).toBe(202)
  }

  /** The line of `text` that begins a `kagami` command with these words, as arguments. */
  function commandIn(ended: Ended | string, words: string): string[] {
    const text = typeof ended === 'string' ? ended : `${ended.stdout}\n${ended.stderr}`
    const found = text.split('kagami ').find((part) => part.startsWith(words))
    if (found === undefined) throw new Error(`no "kagami ${words}" in ${text}`)
    return (found.split('\n')[0] ?? '')
      .replace(/ \([A-Z_]+\)$/, '')
      .trim()
      .split(' ')
  }

  test('schema 1 fails by its name with the command that accepts it; accepted, nothing alarms any more', async () => {
    const { status, run, mirror } = await waited(['mirror', 'start', 'hub/app'])
    expect([status, run.outcome, mirror.state]).toEqual([1, 'partial', 'degraded'])
    expect(run.failures.map(({ tag, code }) => [tag, code])).toEqual([['old', 'UPSTREAM_UNSUPPORTED']])
    expect(run.failures[0]?.message).toContain('schema version 1')

    const accept = commandIn(run.failures[0]?.message ?? '', 'tag exclude')
    expect(accept).toEqual(['tag', 'exclude', REPOSITORY, 'old'])
    const accepted = await owner.run(accept)
    expect([accepted.status, accepted.stdout]).toEqual([0, expect.stringContaining('schema version 1')])
    // The alarm ends with the acceptance, not with the next pass.
    const shown = (await json(['mirror', 'show', REPOSITORY])).mirror
    expect([shown.state, shown.reason]).toEqual(['active', null])
    expect(shown.tags).toEqual({
      total: 3,
      published: 3,
      failed: 0,
      held: 0,
      excluded: 1,
      diverged: 0,
      absent: 0,
      unselected: 0,
      retained: 0,
      pinned: 0,
    })
    expect(shown.leftOut).toEqual([
      { tag: 'old', state: 'excluded', reason: expect.stringContaining('schema version 1') },
    ])

    // Not even asked for: a registry that answers nonsense about it changes nothing.
    const heads = upstream.tags.get('old') ?? ''
    upstream.tags.set('old', 'sha256:not-asked-for')
    const again = await waited(['mirror', 'sync', REPOSITORY])
    upstream.tags.set('old', heads)
    expect([again.status, again.run.outcome, again.run.failures, again.mirror.state]).toEqual([0, 'done', [], 'active'])
    expect([again.run.counts.failed, again.run.counts.tagsExcluded]).toEqual([0, 1])
    expect(await served()).toEqual(tags)
    const people = await owner.run(['mirror', 'watch', REPOSITORY])
    expect(people.stdout).toContain('holds what hub/app has, without 1 tag left to people')
    expect(people.stdout).toContain('old: excluded,')
    expect((await owner.run(['mirror', 'show', REPOSITORY])).stdout).toContain('3/3 (1 excluded)')

    const release = await owner.run(commandIn(people, `tag release ${REPOSITORY}`).with(-1, 'old'))
    expect(release.status).toBe(0)
    const back = await waited(commandIn(release, 'mirror sync'))
    expect([back.status, back.run.outcome, back.run.tags]).toEqual([1, 'failed', ['old']])
    expect((await waited(['mirror', 'sync', REPOSITORY])).run.outcome).toBe('partial')
  })

  test('a reason of one own is kept and listed, also for a tag that is not there yet; nothing alarms when it comes', async () => {
    await json(['tag', 'exclude', REPOSITORY, 'old', '--reason', 'ten years old'])
    const { exclusion } = await json(['tag', 'exclude', REPOSITORY, 'nightly', '--reason', 'not for us'])
    expect(exclusion).toMatchObject({ tag: 'nightly', reason: 'not for us', by: 'user:owner', digest: null })
    upstream.tags.set('nightly', 'sha256:absent')
    const { status, run } = await waited(['mirror', 'sync', REPOSITORY])
    upstream.tags.delete('nightly')
    expect([status, run.outcome, run.counts.tagsExcluded]).toEqual([0, 'done', 2])
    const list = await json(['tag', 'list', REPOSITORY])
    expect(list.excluded.map(({ tag, reason }: { tag: string; reason: string }) => [tag, reason])).toEqual([
      ['nightly', 'not for us'],
      ['old', 'ten years old'],
    ])
    const text = (await owner.run(['tag', 'list', REPOSITORY])).stdout
    expect(text).toMatch(/^old +- +ten years old +user:owner/m)
    for (const bad of ['', 'not a tag', '../x', 'a'.repeat(129)]) {
      const refused = await owner.run(['tag', 'exclude', REPOSITORY, bad, '--json'])
      expect([bad, refused.status]).toEqual([bad, 1])
    }
  })

  test('a deleted tag stays away, says how it comes back, and does with one command', async () => {
    const tag = TAG
    const deleted = await owner.run(['tag', 'delete', REPOSITORY, tag])
    expect((await waited(['mirror', 'sync', REPOSITORY])).status).toBe(0)
    expect(await served()).not.toContain(tag)

    // Naming it is no release: the run says so, and how it is released.
    const named = await waited(['mirror', 'sync', REPOSITORY, '--tag', tag])
    expect([named.status, named.run.outcome]).toEqual([1, 'failed'])
    expect(named.run.failures).toMatchObject([{ tag, code: 'CONFLICT' }])
    expect(named.run.failures[0]?.message).toContain(`kagami tag release ${REPOSITORY} ${tag}`)
    expect(named.mirror.state).toBe('active')
    const unwaited = await owner.run(['mirror', 'sync', REPOSITORY, '--tag', tag])
    expect([unwaited.status, unwaited.stderr]).toEqual([0, expect.stringContaining('tag release')])
    const dry = await owner.run(['mirror', 'sync', REPOSITORY, '--tag', tag, '--dry-run'])
    expect(dry.stdout).toMatch(new RegExp(`^skip +${tag}: .*deleted by a person`, 'm'))

    const release = await owner.run(commandIn(deleted, 'tag release'))
    expect(release.stdout).toContain(`${REPOSITORY}:${tag} is released`)
    const synced = await waited(commandIn(release, 'mirror sync'))
    expect([synced.status, synced.run.counts.tagsMoved, synced.run.failures]).toEqual([0, 1, []])
    expect(await served()).toEqual(tags)
    const again = await owner.run(['tag', 'release', REPOSITORY, tag])
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('is not excluded')])
  })

  test('what was deleted by its digest comes back by a tag of it, with all that hangs on it; its other tags are told', async () => {
    const tag = TAG
    const digest = upstream.tags.get(tag) ?? ''
    upstream.tags.set('alias', digest)
    await waited(['mirror', 'sync', REPOSITORY])
    await deleteManifest(digest)
    upstream.tags.set('late', digest)
    expect((await waited(['mirror', 'sync', REPOSITORY])).status).toBe(0)
    expect(await served()).toEqual(tags.filter((name) => name !== tag))
    const { mirror } = await json(['mirror', 'show', REPOSITORY])
    // `late` was never here: it waits for its digest, or for upstream to move it.
    expect(mirror.leftOut.map(({ tag: name }: { tag: string }) => name)).toEqual([
      'alias',
      tag,
      'nightly',
      'old',
      'late',
    ])

    const release = await owner.run(['tag', 'release', REPOSITORY, tag])
    expect(release.stdout).toContain(digest)
    expect(release.stdout).toContain('alias, deleted with it, stays excluded')
    expect((await waited(['mirror', 'sync', REPOSITORY])).status).toBe(0)
    expect(await served()).toEqual([...tags, 'late'].sort())
    const client = registryClient(kagami.url, REPOSITORY, { credentials: OWNER })
    for (const [subject, referrers] of layout().referrers) {
      const answer = await client.send(`referrers/${subject}`, {})
      const { manifests } = parseJson<{ manifests: { digest: string }[] }>(answer)
      expect([subject, manifests.map((one) => one.digest).sort()]).toEqual([subject, [...referrers].sort()])
    }
    await owner.run(['tag', 'release', REPOSITORY, 'alias'])
    await waited(['mirror', 'sync', REPOSITORY, '--tag', 'alias'])
    expect(await served()).toContain('alias')
    for (const name of ['alias', 'late']) upstream.tags.delete(name)
  })

  test('a referrer that was deleted by its digest is listed, and released by it', async () => {
    const [subject, [digest = ''] = []] = [...layout().referrers].find(([, list]) => list.length > 0) ?? []
    await deleteManifest(digest)
    await waited(['mirror', 'sync', REPOSITORY, '--full'])
    const { excluded } = await json(['tag', 'list', REPOSITORY])
    expect(excluded.at(-1)).toMatchObject({ tag: null, digest })
    const release = await owner.run(['tag', 'release', REPOSITORY, digest])
    await waited(commandIn(release, 'mirror sync'))
    const answer = await registryClient(kagami.url, REPOSITORY, { credentials: OWNER }).send(`referrers/${subject}`, {})
    expect(JSON.stringify(parseJson(answer))).toContain(digest)
  })

  test('a mirror that starts again says what stays excluded and how to release it', async () => {
    const tag = TAG
    await owner.run(['tag', 'delete', REPOSITORY, tag])
    await owner.run(['mirror', 'stop', REPOSITORY])
    // A stopped mirror is told about too, and releases for when it starts again.
    const stopped = await owner.run(['tag', 'release', REPOSITORY, 'nightly'])
    const restart = commandIn(stopped, 'mirror restart')
    const started = await owner.run([...restart, '--wait'])
    expect(started.status).toBe(0)
    expect(started.stderr).toContain(`  ${tag}: deleted by a person`)
    expect(started.stderr).toContain('  old: ten years old')
    expect(started.stderr).toContain(`kagami tag release ${REPOSITORY} TAG`)
    expect(await served()).not.toContain(tag)
    await owner.run(['tag', 'release', REPOSITORY, tag])
    await waited(['mirror', 'sync', REPOSITORY])
    expect(await served()).toContain(tag)
  })

  test('an excluded tag that is here stays as it is and is people’s own; released, it is the mirror’s or theirs', async () => {
    const [one, two] = [TAG, OTHER]
    await owner.run(['tag', 'exclude', REPOSITORY, one])
    const before = upstream.tags.get(one) ?? ''
    const other = upstream.tags.get(two) ?? ''
    upstream.tags.set(one, other)
    expect((await waited(['mirror', 'sync', REPOSITORY])).status).toBe(0)
    const list = await json(['tag', 'list', REPOSITORY])
    const row = list.tags.find(({ name }: { name: string }) => name === one)
    expect([row.digest, row.mirrored]).toEqual([before, false])
    await owner.run(['tag', 'release', REPOSITORY, one])
    expect((await waited(['mirror', 'sync', REPOSITORY, '--tag', one])).run.counts.tagsMoved).toBe(1)
    const after = await json(['tag', 'list', REPOSITORY])
    expect(after.tags.find(({ name }: { name: string }) => name === one).digest).toBe(other)
  })

  test('--tag brings in that tag and nothing else, and names one that upstream does not list', async () => {
    const [one, two] = [TAG, OTHER]
    const [to, from] = [upstream.tags.get(one) ?? '', layout().tags.get(one) ?? '']
    upstream.tags.set(one, from)
    upstream.tags.set(two, from)
    const { run, status } = await waited(['mirror', 'sync', REPOSITORY, '--tag', one, 'no-such-tag'])
    expect([status, run.outcome, run.tags]).toEqual([1, 'partial', ['no-such-tag', one].sort()])
    expect(run.failures).toEqual([
      { tag: 'no-such-tag', digest: null, code: 'MANIFEST_UNKNOWN', message: 'upstream lists no such tag' },
    ])
    const { tags: here } = await json(['tag', 'list', REPOSITORY])
    const digestOf = (name: string) => here.find((tag: { name: string }) => tag.name === name).digest
    expect([digestOf(one), digestOf(two)]).toEqual([from, to])
    const { mirror } = await json(['mirror', 'show', REPOSITORY])
    expect([mirror.state, mirror.tags.failed]).toEqual(['active', 0])
  })

  test('only who may delete tags may exclude and release them; others are told nothing', async () => {
    const member = await kagami.addUser('member', { acme: 'member' })
    const stranger = await kagami.addUser('stranger', { beta: 'owner' })
    const editor = await kagami.addUser('editor', { acme: 'editor' })
    const minted = await kagami.call('POST', '/tokens', { login: editor, body: { label: 'w', scope: 'write' } })
    const writer = (JSON.parse(minted.text) as { token: string }).token
    for (const verb of ['exclude', 'release']) {
      const path = `/mirrors/acme/app/tags/x/${verb}`
      for (const login of [member, stranger, writer]) {
        expect([verb, (await kagami.call('POST', path, { login, body: {} })).status]).toEqual([verb, 403])
      }
      expect((await kagami.call('POST', path, { body: {} })).status).toBe(401)
      expect((await kagami.call('POST', path, { login: editor, body: {} })).status).toBe(200)
      expect((await kagami.call('POST', path.replace('app', 'none'), { login: editor, body: {} })).status).toBe(404)
    }
    const list = '/mirrors/acme/app/exclusions'
    expect((await kagami.call('GET', list, { login: member })).status).toBe(200)
    expect((await kagami.call('GET', list, { login: stranger })).status).toBe(403)
    const pages: (string | null)[] = []
    await kagami.call('POST', '/mirrors/acme/app/tags/aa/exclude', { login: editor, body: {} })
    for (let after: string | null = ''; after !== null; ) {
      const cursor: string = after === '' ? '' : `&after=${after}`
      const page = JSON.parse((await kagami.call('GET', `${list}?limit=1${cursor}`, { login: member })).text)
      pages.push(...page.exclusions.map(({ tag }: { tag: string }) => tag))
      after = page.next
    }
    expect(pages).toEqual(['aa', 'old'])
  })
})
