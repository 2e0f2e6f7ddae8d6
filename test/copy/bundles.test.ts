// Bundles over an air gap: two real servers, a whole bundle and two deltas, with history, conflicts, and another program that reads them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportFor, importFor, manifestOf, readEntries } from '../support/bundles.ts'
import { runCommand, succeed } from '../support/command.ts'
import { type CommandLineUser, commandLineUser, signInOwner } from '../support/command-line.ts'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, digestOf, fixtureLayout } from '../support/fixtures.ts'
import { splitReferrers } from '../support/layout-selection.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { registryClient } from '../support/registry-client.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const SOURCE = 'acme/python'
const THERE = 'vault/python'
const credentials = OWNER
const releases = ['dhi-python/release-1', 'dhi-python/release-2'] as const

describeWithFixtures('bundles between two servers', () => {
  const directory = temporaryDirectory('bundles')
  const at = (...parts: string[]) => join(directory.path, ...parts)
  let source: WholeServer
  let vault: WholeServer
  let here: CommandLineUser
  let there: CommandLineUser
  beforeAll(async () => {
    source = await startWholeServer()
    vault = await startWholeServer()
    await source.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    await vault.call('POST', '/organizations', { login: OWNER, body: { name: 'vault' } })
    here = await signInOwner(source)
    there = await signInOwner(vault)
    await here.run(['repository', 'create', SOURCE, '--description', 'Python, hardened'])
    await pushLayout(fixtureLayout(releases[0]), source.url, SOURCE, { credentials })
  })
  afterAll(async () => {
    await source?.stop()
    await vault?.stop()
    directory.remove()
  })

  const json = async (user: CommandLineUser, ...args: string[]) => {
    const { status, stdout, stderr } = await user.run([...args, '--json'])
    if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout)
  }
  const waysOf = async (user: CommandLineUser, repository: string, tag?: string) => {
    const { history } = await json(user, 'tag', 'history', repository, ...(tag === undefined ? [] : [tag]))
    const ways = new Map<string, (string | null)[]>()
    for (const move of history.reverse()) ways.set(move.tag, [...(ways.get(move.tag) ?? []), move.to])
    return [...ways].sort(([a], [b]) => (a < b ? -1 : 1))
  }
  const compare = (name: string, otherTags: readonly string[] = []) =>
    compareMirror(
      fixtureLayout(name),
      { url: vault.url, repository: THERE, credentials },
      { fallbackTags: 'tags', otherTags },
    )

  test('a whole bundle makes the same repository, private, with its history; again it changes nothing', async () => {
    const exported = await exportFor(here, SOURCE, at('full.tar'))
    expect(exported).toMatchObject({ repository: SOURCE, since: null, counts: { leftOut: 0, gone: 0 } })
    expect(readdirSync(directory.path).filter((name) => name.startsWith('full'))).toEqual(['full.tar'])

    const dry = await importFor(there, [at('full.tar'), '--as', THERE, '--dry-run'])
    expect(dry).toMatchObject({ outcome: 'done', dryRun: true, created: true })
    expect((await vault.call('GET', '/repositories/vault/python', { login: OWNER })).code).toBe('NOT_FOUND')

    const { counts, ...report } = await importFor(there, [at('full.tar'), '--as', THERE])
    expect(report).toMatchObject({ outcome: 'done', repository: THERE, created: true, failures: [] })
    expect(report.bundle.digest).toBe(exported.digest)
    expect([counts.manifests, counts.blobs]).toEqual([exported.counts.manifests, exported.counts.blobs])
    expect(counts).toEqual({ ...dry.counts, sentBytes: counts.sentBytes })
    expect(await compare(releases[0])).toEqual([])
    expect(await waysOf(there, THERE)).toEqual(await waysOf(here, SOURCE))
    const { repository } = await json(there, 'repository', 'show', THERE)
    expect(repository).toMatchObject({ visibility: 'private', description: 'Python, hardened' })

    const again = await importFor(there, [at('full.tar'), '--as', THERE])
    expect(again).toMatchObject({ created: false, outcome: 'done' })
    expect(again.counts).toMatchObject({ moves: 0, manifests: 0, blobs: 0, sentBytes: 0, failed: 0 })
    expect(again.counts.tagsUnchanged).toBe(exported.counts.tags)
  }, 60_000)

  test('skopeo reads a bundle as the archive of a layout that it is', async () => {
    const [tag, digest] = [...fixtureLayout(releases[0]).tags].find(([name]) => !name.startsWith('sha256-')) ?? []
    const from = `oci-archive:${at('full.tar')}:${tag}`
    const read = await succeed(runCommand(['skopeo', 'inspect', '--raw', from]))
    expect(digestOf(Buffer.from(read.stdout))).toBe(digest ?? '')
    await succeed(runCommand(['skopeo', 'copy', '--all', from, `oci:${at('skopeo')}:out`]))
    const { manifests } = JSON.parse(readFileSync(at('skopeo', 'index.json'), 'utf8'))
    expect(manifests).toMatchObject([{ digest }])
  }, 60_000)

  test('two deltas hold only what is new, and want what they are since first', async () => {
    const old = fixtureLayout(releases[0])
    await pushLayout(fixtureLayout(releases[1]), source.url, SOURCE, { credentials })
    const first = await exportFor(here, SOURCE, at('delta-1.tar'), '--since', at('full.tar'))
    const client = registryClient(source.url, SOURCE, { credentials })
    const [name, digest] = [...old.tags][0] ?? ['', '']
    const manifest = old.manifests.get(digest)
    if (manifest === undefined) throw new Error('the fixture has no tags')
    // One that was seen before, one that is new, and one that comes and goes.
    await client.putManifest('brief', manifest.bytes, manifest.mediaType)
    await here.run(['tag', 'delete', SOURCE, 'brief'])
    await client.putManifest('kept', manifest.bytes, manifest.mediaType)
    const second = await exportFor(here, SOURCE, at('delta-2.tar'), '--since', at('delta-1.tar'))
    const [bundle] = [await manifestOf(at('delta-2.tar'))]
    expect(first.counts.leftOut).toBeGreaterThan(0)
    expect(first.counts.sizeBytes).toBeGreaterThan(0)
    expect(second.counts).toMatchObject({ manifests: 0, blobs: 0, sizeBytes: 0 })
    expect(bundle.since?.digest).toBe(first.digest)

    const early = await there.run(['import', at('delta-1.tar'), '--as', 'vault/empty', '--json'])
    expect([early.status, JSON.parse(early.stdout).error.code]).toEqual([1, 'CONFLICT'])
    expect(early.stdout).toContain(
      bundle.since === null ? '' : ((await manifestOf(at('delta-1.tar'))).since?.digest ?? '?'),
    )
    expect((await vault.call('GET', '/repositories/vault/empty', { login: OWNER })).code).toBe('NOT_FOUND')
    const skipped = await there.run(['import', at('delta-2.tar'), '--as', THERE])
    expect([skipped.status, skipped.stderr]).toEqual([1, expect.stringContaining(first.digest)])

    await importFor(there, [at('delta-1.tar'), '--as', THERE])
    await importFor(there, [at('delta-2.tar'), '--as', THERE])
    expect(await waysOf(there, THERE)).toEqual(await waysOf(here, SOURCE))
    const tags = async (user: CommandLineUser, repository: string) =>
      (await json(user, 'tag', 'list', repository)).tags.map((tag: { name: string; digest: string }) => [
        tag.name,
        tag.digest,
      ])
    expect(await tags(there, THERE)).toEqual(await tags(here, SOURCE))
    for (const file of ['delta-1.tar', 'delta-2.tar']) {
      const again = await importFor(there, [at(file), '--as', THERE])
      expect(again.counts).toMatchObject({ moves: 0, manifests: 0, blobs: 0 })
    }
    // An older bundle takes nothing back.
    const older = await importFor(there, [at('full.tar'), '--as', THERE], 1)
    expect(older.counts).toMatchObject({ moves: 0, conflicts: older.failures.length })
    // The past came with it.
    const [, moved] = (await waysOf(there, THERE)).find(([, ways]) => new Set(ways).size > 1) ?? []
    expect(moved).toBeDefined()
    const [tag] = (await waysOf(there, THERE)).find(([, ways]) => new Set(ways).size > 1 && !ways.includes(null)) ?? [
      '',
    ]
    const [past] = (await waysOf(there, THERE, tag))[0]?.[1] ?? []
    const restored = await there.run(['tag', 'restore', THERE, tag, past ?? ''])
    expect([restored.status, restored.stderr]).toEqual([0, ''])
    expect(name).not.toBe('')

    // Now somebody has moved it there.
    const conflict = await importFor(there, [at('delta-2.tar'), '--as', THERE], 1)
    expect(conflict).toMatchObject({ outcome: 'partial', counts: { conflicts: 1, moves: 0 } })
    expect(conflict.failures).toMatchObject([{ tag, code: 'CONFLICT', digest: past }])
    const forced = await importFor(there, [at('delta-2.tar'), '--as', THERE, '--force'])
    expect(forced.counts).toMatchObject({ conflicts: 0, moves: 1 })
    expect(await tags(there, THERE)).toEqual(await tags(here, SOURCE))
    expect((await importFor(there, [at('delta-2.tar'), '--as', THERE])).counts).toMatchObject({ moves: 0, failed: 0 })
  }, 90_000)

  test('what may not be moved is told; what is public gets nothing that was private', async () => {
    await pushLayout(fixtureLayout('oras-tree'), source.url, 'acme/tree', { credentials })
    await there.run(['repository', 'create', 'vault/fixed', '--immutable-tags', 'all'])
    await exportFor(here, 'acme/tree', at('tree.tar'))
    expect((await importFor(there, [at('tree.tar'), '--as', 'vault/fixed'])).outcome).toBe('done')
    const { tags } = fixtureLayout('oras-tree')
    const [[tag], [, digest]] = [[...tags][0] ?? [''], [...tags].find(([, to]) => to !== [...tags][0]?.[1]) ?? ['', '']]
    const manifest = fixtureLayout('oras-tree').manifests.get(digest)
    if (manifest === undefined) throw new Error('the fixture has one image')
    await registryClient(source.url, 'acme/tree', { credentials }).putManifest(tag, manifest.bytes, manifest.mediaType)
    await exportFor(here, 'acme/tree', at('tree-2.tar'))
    const refused = await importFor(there, [at('tree-2.tar'), '--as', 'vault/fixed'], 1)
    expect(refused).toMatchObject({ outcome: 'partial', failures: [{ tag, code: 'DENIED' }] })

    await there.run(['repository', 'create', 'vault/open', '--visibility', 'public'])
    const open = await there.run(['import', at('tree.tar'), '--as', 'vault/open', '--json'])
    expect([open.status, JSON.parse(open.stdout).error.code]).toEqual([1, 'TARGET_PUBLIC'])
    expect((await json(there, 'repository', 'show', 'vault/open')).repository).toMatchObject({ tags: 0, sizeBytes: 0 })
  }, 60_000)

  test('an attestation that came alone is not lost with the delta that brought it', async () => {
    const layout = fixtureLayout('cosign-bundle')
    const { images, referrers } = splitReferrers(layout)
    const target = { url: vault.url, repository: 'vault/signed', credentials }
    await pushLayout(images, source.url, 'acme/signed', { credentials })
    await exportFor(here, 'acme/signed', at('images.tar'))
    await pushLayout(referrers, source.url, 'acme/signed', { credentials })
    const second = await exportFor(here, 'acme/signed', at('signatures.tar'), '--since', at('images.tar'))
    await exportFor(here, 'acme/signed', at('nothing.tar'), '--since', at('signatures.tar'))
    await importFor(there, [at('images.tar'), '--as', target.repository])
    const early = await there.run(['import', at('nothing.tar'), '--as', target.repository])
    expect([early.status, early.stderr]).toEqual([1, expect.stringContaining(second.digest)])
    await importFor(there, [at('signatures.tar'), '--as', target.repository])
    await importFor(there, [at('nothing.tar'), '--as', target.repository])
    expect(await compareMirror(layout, target, { fallbackTags: 'tags' })).toEqual([])
  }, 60_000)

  test('connections that break are gone on with; where they break always, nothing is left', async () => {
    const { token } = JSON.parse(readFileSync(here.credentialsPath, 'utf8')).servers[source.url]
    const cut = new Set<string>()
    const proxy = await countingProxy(source.url, {
      onRequest({ kind, path }) {
        if (kind !== 'blob-get' || cut.has(path)) return undefined
        cut.add(path)
        return { cutAfterBytes: 20 }
      },
    })
    const user = commandLineUser(proxy.url, source.directory, token)
    await exportFor(user, 'acme/tree', at('broken.tar'))
    expect(cut.size).toBeGreaterThan(0)
    const blobsOf = async (file: string) => (await readEntries(file)).filter(({ name }) => name.startsWith('blobs/'))
    expect((await blobsOf(at('broken.tar'))).map(({ name }) => name)).toEqual(
      (await blobsOf(at('tree-2.tar'))).map(({ name }) => name),
    )
    await proxy.stop()
    const failed = await user.run(['export', 'acme/tree', at('never.tar')])
    expect(failed.status).toBe(1)
    expect(readdirSync(directory.path).filter((name) => name.startsWith('never'))).toEqual([])
  }, 60_000)

  test('wrong use ends with 2, and the configuration is exported as before', async () => {
    expect((await here.run(['export', SOURCE])).status).toBe(2)
    expect((await here.run(['export', SOURCE, at('x.tar'), '--org', 'acme'])).status).toBe(2)
    expect((await here.run(['export', '--since', at('full.tar')])).status).toBe(2)
    expect((await here.run(['export', SOURCE, at('full.tar'), '--since', at('full.tar')])).status).toBe(2)
    expect((await here.run(['export', SOURCE, at('none', 'x.tar')])).status).toBe(2)
    expect(existsSync(at('none'))).toBe(false)
    expect((await there.run(['import', at('full.tar'), '--as', 'nothing'])).status).toBe(2)
    expect((await there.run(['import', at('absent.tar')])).status).toBe(1)
    const state = await here.run(['export', '--org', 'acme'])
    expect([state.status, state.stdout]).toEqual([0, expect.stringContaining('organization: acme')])
    const help = await here.run(['export', '--help'])
    expect(help.stdout).toContain('file for apply')
    expect(help.stdout).toContain('--since <bundle>')
  })
})
