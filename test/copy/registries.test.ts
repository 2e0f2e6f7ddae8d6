// Copies between registries, folders and archives: real registries of two kinds, compared digest by digest.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareMirror } from '../support/compare.ts'
import { compareLayoutFolder } from '../support/compare-layout.ts'
import { copyForReport, runCopyCommand } from '../support/copy.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const credentials = { username: 'writer', password: 'correct horse' }
const LAYOUTS = [
  'dhi-python/release-1',
  'cosign-tags',
  'cosign-bundle',
  'notation',
  'helm-chart',
  'oras-tree',
  'referrers-fallback-tags',
]
/** What a registry does not take is told for that tag, and everything else is copied. */
const REFUSED_BY_US = ['sparse-index']

describeWithFixtures('copies through registries', () => {
  const directory = temporaryDirectory('copy-registries')
  const at = (...parts: string[]) => join(directory.path, ...parts)
  let registry: DockerRegistry
  let proxy: CountingProxy
  let kagami: WholeServer
  let logins: readonly string[]
  beforeAll(async () => {
    registry = await startDockerRegistry({ credentials })
    proxy = await countingProxy(registry.url)
    kagami = await startWholeServer()
    await kagami.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    const auth = ({ username, password }: typeof credentials) => ({
      auth: Buffer.from(`${username}:${password}`).toString('base64'),
    })
    const auths = {
      [new URL(registry.url).host]: auth(credentials),
      [proxy.host]: auth(credentials),
      [new URL(kagami.url).host]: auth(OWNER),
    }
    mkdirSync(at('docker'))
    writeFileSync(at('docker', 'config.json'), JSON.stringify({ auths }))
    logins = [at('docker', 'config.json')]
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
    await kagami?.stop()
    directory.remove()
  })
  const there = (name: string) => `docker://${new URL(registry.url).host}/team/${name}`
  const here = (name: string) => `${new URL(kagami.url).host}/acme/${name}`

  for (const name of LAYOUTS) {
    test(`${name}: folder → docker-registry → archive → Kagami → folder`, async () => {
      const layout = fixtureLayout(name)
      const short = name.replace('/', '-')
      const all = async (from: string, to: string) => {
        const report = await copyForReport([from, to, '--all-tags'], { logins })
        expect(report).toMatchObject({ outcome: 'done', failures: [] })
      }
      await all(`oci:${fixturePath(name)}`, there(short))
      const first = { url: registry.url, repository: `team/${short}`, credentials }
      expect(await compareMirror(layout, first, { referrers: 'either' })).toEqual([])
      await all(there(short), `tar:${at(`${short}.tar`)}`)
      await all(`tar:${at(`${short}.tar`)}`, here(short))
      const second = { url: kagami.url, repository: `acme/${short}`, credentials: OWNER }
      expect(await compareMirror(layout, second)).toEqual([])
      await all(here(short), `oci:${at(short)}`)
      expect(compareLayoutFolder(layout, at(short))).toEqual([])
    })
  }

  test('formats: what a registry refuses is told for its tag, and all else is copied', async () => {
    const layout = fixtureLayout('formats')
    const report = await copyForReport([`oci:${fixturePath('formats')}`, here('formats'), '--all-tags'], {
      logins,
      status: 1,
    })
    expect(report.outcome).toBe('partial')
    expect(report.failures.map(({ tag }) => tag)).toEqual(REFUSED_BY_US)
    const target = { url: kagami.url, repository: 'acme/formats', credentials: OWNER }
    expect(await compareMirror(withoutTags(layout, REFUSED_BY_US), target)).toEqual([])
  })

  test('one tag brings its referrers at every level and its digest tags, and nothing else; the second time nothing is sent', async () => {
    await copyForReport([`oci:${fixturePath('cosign-tags')}`, there('one'), '--all-tags'], { logins })
    const source = `docker://${proxy.host}/team/one:1.4.0`
    const [tar, repository] = [`tar:${at('one.tar')}`, `${proxy.host}/team/two:stable`]
    expect(await copyForReport([source, tar], { logins })).toMatchObject({ outcome: 'done' })
    const copied = await copyForReport([source, repository], { logins })
    const layout = fixtureLayout('cosign-tags')
    const index = layout.tags.get('1.4.0') ?? ''
    const attached = [index, ...(layout.manifests.get(index)?.children ?? [])].map((one) => one.replace(':', '-'))
    const wanted = [...layout.tags.keys()].filter((tag) => attached.some((one) => tag.startsWith(`${one}.`)))
    expect(copied.tags.map(({ tag }) => tag).sort()).toEqual([...wanted, 'stable'].sort())
    expect(copied.tags.find(({ tag }) => tag === 'stable')?.digest).toBe(index)
    // From a repository of the same registry, blobs are mounted.
    expect(copied.counts).toMatchObject({ mounted: copied.counts.blobs + copied.counts.mounted, blobs: 0 })
    expect(copied.counts.mounted).toBeGreaterThan(3)
    proxy.reset()
    const again = await copyForReport([source, repository], { logins })
    expect(again.counts).toMatchObject({ tagsMoved: 0, manifests: 0, blobs: 0, sentBytes: 0 })
    expect(proxy.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([])
    expect(proxy.count('blob-get') + proxy.count('blob-head')).toBe(0)
  })

  test('by digest, to a tag and to none', async () => {
    await copyForReport([`oci:${fixturePath('oras-tree')}`, here('tree'), '--all-tags'], { logins })
    const layout = fixtureLayout('oras-tree')
    const [, digest] = [...layout.tags][0] ?? []
    const tagged = await copyForReport([`${here('tree')}@${digest}`, `oci:${at('by-digest')}:mine`], { logins })
    expect(tagged.tags).toMatchObject([{ tag: 'mine', digest, result: 'moved' }])
    const bare = await copyForReport([`${here('tree')}@${digest}`, `oci:${at('bare')}`], { logins })
    expect(bare.tags).toMatchObject([{ tag: null, digest }])
    // The only image of a layout needs no name.
    const other = await copyForReport([`oci:${at('by-digest')}`, here('renamed')], { logins })
    expect(other.tags).toMatchObject([{ tag: 'mine', digest }])
    const bareAgain = await copyForReport([`${here('tree')}@${digest}`, here('by-digest')], { logins })
    expect(bareAgain).toMatchObject({ outcome: 'done', tags: [{ tag: null, digest, result: 'moved' }] })
    const third = await copyForReport([`${here('tree')}@${digest}`, here('by-digest')], { logins })
    expect(third).toMatchObject({ tags: [{ tag: null, result: 'unchanged' }], counts: { manifests: 0, referrers: 0 } })
  })

  test('of one platform: the index stays as it is where the target takes it, else its image comes, and is told', async () => {
    const source = `oci:${fixturePath('dhi-python/release-1')}:3.13`
    const index = fixtureLayout('dhi-python/release-1').tags.get('3.13')
    const sparse = await copyForReport([source, `oci:${at('sparse')}`, '--platform', 'linux/amd64'])
    expect(sparse.tags).toMatchObject([{ tag: '3.13', digest: index }])
    const image = await copyForReport([source, there('amd64'), '--platform', 'linux/amd64'], { logins })
    expect(image.tags).toMatchObject([{ tag: '3.13', insteadOf: index }])
    expect(image.tags[0]?.digest).not.toBe(index)
    expect(image.outcome).toBe('done')
    const again = await copyForReport([source, there('amd64'), '--platform', 'linux/amd64'], { logins })
    expect(again.tags).toMatchObject([{ tag: '3.13', insteadOf: index, result: 'unchanged' }])
    expect(again.counts).toMatchObject({ manifests: 0, referrers: 0, blobs: 0, sentBytes: 0 })
    const text = await runCopyCommand([source, there('amd64-text'), '--platform', 'linux/amd64'], { logins })
    expect(text.stdout).toContain(`in place of the index ${index}`)
  })

  test('globs choose tags, --no-referrers leaves attestations away, --dry-run sends nothing', async () => {
    const source = `oci:${fixturePath('dhi-python/release-1')}`
    const planned = await copyForReport([source, here('some'), '--tag', '3.12*', '--dry-run'], { logins })
    expect(planned.tags.map(({ tag, result }) => [tag, result])).toEqual(
      [...fixtureLayout('dhi-python/release-1').tags.keys()]
        .filter((tag) => tag.startsWith('3.12'))
        .sort()
        .map((tag) => [tag, 'planned']),
    )
    expect((await fetch(`${kagami.url}/v2/acme/some/tags/list`)).status).not.toBe(200)
    const bare = await copyForReport([source, here('some'), '--tag', '3.12*', '--no-referrers'], { logins })
    expect(bare.counts).toMatchObject({ referrers: 0, manifests: 3 })
    const late = await copyForReport([source, here('some'), '--tag', '3.12*'], { logins })
    expect(late.counts).toMatchObject({ tagsMoved: 0, manifests: 0, blobs: planned.counts.blobs - bare.counts.blobs })
    expect(late.counts.referrers).toBe(planned.counts.referrers)
  })

  test('attestations may come from another repository', async () => {
    const source = fixturePath('dhi-python/release-1')
    await copyForReport([`oci:${source}:3.13`, there('images'), '--no-referrers'], { logins })
    await copyForReport([`oci:${source}:3.13`, there('attested')], { logins })
    const both = [`${there('images')}:3.13`, `oci:${at('both')}`, '--referrers-from', there('attested')]
    const report = await copyForReport(both, { logins })
    const direct = await copyForReport([`oci:${source}:3.13`, `oci:${at('direct')}`])
    expect(report.counts.referrers).toBe(direct.counts.referrers)
    expect(report.counts.referrers).toBeGreaterThan(50)
  })

  test('what is wrong is told, with its exit status', async () => {
    const ended = async (...args: string[]) => {
      const { status, stderr } = await runCopyCommand(args, { logins: [] })
      return [status, stderr.split('\n').find((one) => one.startsWith('error'))]
    }
    expect(await ended(`${there('one')}:absent`, `oci:${at('no')}`)).toEqual([
      1,
      expect.stringContaining('UPSTREAM_DENIED'),
    ])
    expect(await ended(here('one'), 'oci:x')).toEqual([2, expect.stringContaining('--all-tags')])
    expect(await ended('https://example.com/app:1', 'oci:x')).toEqual([2, expect.stringContaining('want no scheme')])
    expect(await ended('oci-archive:/x.tar', 'oci:x')).toEqual([2, expect.stringContaining('tar:FILE')])
    expect(await ended(`oci:${at('absent')}:1`, 'oci:x')).toEqual([1, expect.stringContaining('no OCI image layout')])
    expect(await ended(`tar:${at('absent.tar')}:1`, `oci:${at('no')}`)).toEqual([
      1,
      expect.stringContaining('no such file'),
    ])
    const missing = await copyForReport([`oci:${fixturePath('oras-tree')}:absent`, `oci:${at('no')}`], { status: 1 })
    expect(missing).toMatchObject({ outcome: 'failed', failures: [{ tag: 'absent', code: 'MANIFEST_UNKNOWN' }] })
    writeFileSync(at('password'), `${credentials.password}\n`)
    const login = ['--dst-username', credentials.username, '--dst-password-file']
    await copyForReport([`oci:${fixturePath('oras-tree')}`, there('login'), '--all-tags', ...login, at('password')])
    await copyForReport([`oci:${fixturePath('oras-tree')}`, there('login'), '--all-tags', ...login, '-'], {
      input: credentials.password,
    })
    const refused = await runCopyCommand(
      [`oci:${fixturePath('oras-tree')}`, there('login'), '--all-tags', ...login, '-'],
      {
        input: 'wrong secret',
      },
    )
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain('TARGET_DENIED')
    expect(refused.stderr + refused.stdout).not.toContain('wrong secret')
  })
})
