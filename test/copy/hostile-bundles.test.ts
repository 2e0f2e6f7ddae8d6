// Bundles that are not what they say: each is refused with what was got and what was wanted, and nothing of it is published.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportFor, importFor, rewritten, withManifest } from '../support/bundles.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { compareMirror } from '../support/compare.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const LAYOUT = 'cosign-bundle'
const credentials = OWNER

type Entries = Parameters<Parameters<typeof rewritten>[2]>[0]
const isBlob = ({ name }: Entries[number]) => name.startsWith('blobs/')
const other = 'b'.repeat(64)

const TAMPERED: readonly (readonly [what: string, said: RegExp, change: (entries: Entries) => Entries])[] = [
  [
    'a blob with another byte',
    /hash to sha256:[0-9a-f]{64}, want sha256:/,
    (entries) => {
      const last = entries.findLast(isBlob)
      const bytes = Buffer.from(last?.bytes ?? [])
      bytes[0] = (bytes[0] ?? 0) ^ 1
      return entries.map((entry) => (entry === last ? { ...entry, bytes } : entry))
    },
  ],
  [
    'a blob with a byte too many',
    /has \d+ bytes, kagami-bundle.json says \d+/,
    (entries) => {
      const last = entries.findLast(isBlob)
      return entries.map((entry) =>
        entry === last ? { ...entry, bytes: Buffer.concat([entry.bytes, Buffer.from('x')]) } : entry,
      )
    },
  ],
  [
    'a blob that is gone',
    /is missing, kagami-bundle.json lists it/,
    (entries) => entries.filter((one) => one !== entries.findLast(isBlob)),
  ],
  [
    'a blob that nobody lists',
    /does not list/,
    (entries) => [...entries, { name: `blobs/sha256/${other}`, type: 'file', bytes: Buffer.from('x') }],
  ],
  ['a file twice', /twice, want each file once/, (entries) => [...entries, ...entries.filter(isBlob).slice(0, 1)]],
  [
    'its manifest twice',
    /kagami-bundle.json twice/,
    (entries) => [...entries, ...entries.filter(({ name }) => name === 'kagami-bundle.json')],
  ],
  [
    'no manifest',
    /has no kagami-bundle.json/,
    (entries) => entries.filter(({ name }) => name !== 'kagami-bundle.json'),
  ],
  [
    'a path that leads out',
    /leads out of the archive/,
    (entries) => [...entries, { name: '../../etc/cron.d/x', type: 'file', bytes: Buffer.from('x') }],
  ],
  [
    'a link',
    /of type symlink, want files/,
    (entries) => [
      ...entries,
      { name: 'blobs/sha256/x', type: 'symlink', linkname: '/etc/passwd', bytes: Buffer.alloc(0) },
    ],
  ],
  [
    'JSON that nests without end',
    /kagami-bundle.json is not JSON/,
    (entries) =>
      entries.map((one) =>
        one.name === 'kagami-bundle.json' ? { ...one, bytes: Buffer.from('['.repeat(1_000_000)) } : one,
      ),
  ],
  [
    'JSON that is too large',
    /kagami-bundle.json has \d+ bytes, want at most \d+/,
    (entries) =>
      entries.map((one) =>
        one.name === 'kagami-bundle.json' ? { ...one, bytes: Buffer.alloc(129 * 1024 * 1024, 32) } : one,
      ),
  ],
  ['a newer version', /schema version 2, want 1/, withManifest((manifest) => ({ ...manifest, schemaVersion: 2 }))],
  ['another shape', /kagami-bundle.json: "tags"/, withManifest((manifest) => ({ ...manifest, tags: 'all' }))],
  [
    'a tag that can be none',
    /tags\.0\.tag/,
    withManifest((manifest) => ({
      ...manifest,
      history: [],
      tags: [{ tag: '../x', digest: manifest.tags[0]?.digest }],
    })),
  ],
  ['a tag at something else', /history ends at/, withManifest((manifest) => ({ ...manifest, tags: [] }))],
  [
    'a tag at something that is not there',
    /which it does not list/,
    withManifest((manifest) => ({ ...manifest, history: [], tags: [{ tag: 'x', digest: `sha256:${other}` }] })),
  ],
  [
    'history that is another than other programs read',
    /index.json has .* at sha256:/,
    withManifest((manifest) => ({ ...manifest, history: [], tags: manifest.tags.slice(1) })),
  ],
  [
    'a list that lacks a blob',
    /does not list/,
    withManifest((manifest) => ({ ...manifest, blobs: manifest.blobs.slice(1) })),
  ],
  [
    'content that it leaves out, and no base',
    /since no other bundle/,
    withManifest((manifest) => ({ ...manifest, leftOut: manifest.blobs.slice(0, 1).map(({ digest }) => digest) })),
  ],
]

describeWithFixtures('bundles that are not what they say', () => {
  const directory = temporaryDirectory('hostile-bundles')
  const at = (...parts: string[]) => join(directory.path, ...parts)
  let source: WholeServer
  let vault: WholeServer
  let there: CommandLineUser
  beforeAll(async () => {
    source = await startWholeServer()
    vault = await startWholeServer()
    await source.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    await vault.call('POST', '/organizations', { login: OWNER, body: { name: 'acme' } })
    there = await signInOwner(vault)
    await pushLayout(fixtureLayout(LAYOUT), source.url, 'acme/app', { credentials })
    await exportFor(await signInOwner(source), 'acme/app', at('good.tar'))
  })
  afterAll(async () => {
    await source?.stop()
    await vault?.stop()
    directory.remove()
  })

  async function refused(file: string, said: RegExp) {
    const { status, stdout } = await there.run(['import', file, '--json'])
    expect([status, JSON.parse(stdout).error.message]).toEqual([1, expect.stringMatching(said)])
    expect((await vault.call('GET', '/repositories/acme/app', { login: OWNER })).code).toBe('NOT_FOUND')
  }

  for (const [what, said, change] of TAMPERED) {
    test(`${what} is refused`, async () => {
      await rewritten(at('good.tar'), at('bad.tar'), change)
      await refused(at('bad.tar'), said)
    })
  }

  test('one that is cut off is refused, wherever', async () => {
    const bytes = readFileSync(at('good.tar'))
    const { size } = statSync(at('good.tar'))
    for (const part of [0.1, 0.5, 0.9]) {
      writeFileSync(at('cut.tar'), bytes)
      truncateSync(at('cut.tar'), Math.floor(size * part))
      await refused(at('cut.tar'), /cut off/)
    }
  })

  test('killed at any request, the next import converges; no tag ever shows less than its image', async () => {
    const { token } = JSON.parse(readFileSync(there.credentialsPath, 'utf8')).servers[vault.url]
    let count = 0
    let killed: { readonly after: number; readonly kill: () => void } | undefined
    const proxy = await countingProxy(vault.url, {
      onRequest() {
        if (++count === killed?.after) killed.kill()
        return undefined
      },
    })
    const env = { ...process.env, KAGAMI_SERVER: proxy.url, KAGAMI_TOKEN: token, HOME: directory.path }
    const begin = (as: string) =>
      Bun.spawn([kagamiProgram, 'import', at('good.tar'), '--as', as], { env, stdout: 'ignore', stderr: 'ignore' })
    expect(await begin('acme/whole').exited).toBe(0)
    const total = count
    for (const part of [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1]) {
      const after = Math.floor(total * part)
      count = 0
      const child = begin(`acme/killed-${after}`)
      killed = { after, kill: () => child.kill(9) }
      await child.exited
      killed = undefined
      expect(child.signalCode).toBe('SIGKILL')
      const target = { url: vault.url, repository: `acme/killed-${after}`, credentials }
      await importFor(there, [at('good.tar'), '--as', target.repository])
      expect(await compareMirror(fixtureLayout(LAYOUT), target, { fallbackTags: 'tags' })).toEqual([])
      const again = await importFor(there, [at('good.tar'), '--as', target.repository])
      expect(again.counts).toMatchObject({ moves: 0, manifests: 0, blobs: 0, failed: 0 })
    }
    await proxy.stop()
  }, 60_000)
})
