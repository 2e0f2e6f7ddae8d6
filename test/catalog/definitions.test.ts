// Hardened-image definitions as they are published (the fixtures), and as somebody would write them who means harm.

import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { YAML } from 'bun'
import { type Header, pack } from 'tar-stream'
import { readArchive } from '../../src/catalog/definitions/archive.ts'
import { type DefinedEntry, definedEntries, type UselessFolders } from '../../src/catalog/definitions/entries.ts'
import { type DefinitionFiles, wantedPath } from '../../src/catalog/definitions/files.ts'
import { readDefinitionsAt } from '../../src/catalog/definitions/folder.ts'
import { sampleDefinitionFiles } from '../../src/sample/catalog.ts'
import { describeWithFixtures, fixturePath } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'

const signal = new AbortController().signal
const directory = temporaryDirectory('definitions')
afterAll(() => directory.remove())

const DEFINITION = 'name: App\nimage: dhi.io/app\ntags: ["1"]\n'

async function entriesOf(files: DefinitionFiles, known: ReadonlyMap<string, string> = new Map()) {
  const notes = [...files.notes]
  const entries: DefinedEntry[] = []
  for await (const entry of definedEntries(files, known, (note) => notes.push(note))) entries.push(entry)
  return { entries, notes, of: (name: string) => entries.find(({ repository }) => repository === name)?.said }
}

function filesOf(texts: Readonly<Record<string, string>>): DefinitionFiles {
  const files = new Map(Object.entries(texts).map(([path, text]) => [path, new TextEncoder().encode(text)]))
  return { files, notes: [] }
}

async function tarOf(entries: readonly (Partial<Header> & { name: string; text?: string })[]): Promise<Buffer> {
  const tar = pack()
  for (const { text = '', ...header } of entries) tar.entry({ ...header }, text)
  tar.finalize()
  const parts: Buffer[] = []
  for await (const part of tar) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const read = (bytes: Uint8Array, limits?: Parameters<typeof readArchive>[3]) =>
  readArchive(new Blob([new Uint8Array(bytes)]).stream(), 'the archive', signal, limits)

describeWithFixtures('definitions as they are published', () => {
  test('are read out of a folder: images and charts, joined by what they call themselves', async () => {
    const files = await readDefinitionsAt(fixturePath('catalog'), signal)
    expect(files.notes).toEqual([])
    const { entries, notes, of } = await entriesOf(files)
    expect(notes).toEqual([])
    expect(entries.map(({ repository }) => repository)).toEqual([
      ...['alertmanager', 'alpine-base', 'cosign', 'debian-base', 'golang', 'kube-state-metrics', 'kubectl', 'node'],
      ...['oauth2-proxy', 'python', 'traefik', 'trivy', 'argocd-chart', 'cert-manager-chart', 'external-dns-chart'],
    ])
    const python = of('python')
    expect(python?.summary).toEqual({
      title: 'Python',
      description: 'Python is an interpreted, interactive, object-oriented, open-source programming language.',
      kind: 'image',
      categories: ['languages-and-frameworks'],
      distributions: ['alpine-3.24', 'debian-13'],
      compliance: [],
      endOfSupport: '2030-10-31',
      endOfLife: '2030-10-31',
      released: '2025-10-07',
      words: 'sfw ent dev',
    })
    expect(python?.detail.overview).toStartWith('## About Python')
    expect(python?.detail.tools.map(({ name }) => name)).toEqual(['python', 'pip', 'sfw'])
    expect(python?.logo?.byteLength).toBeGreaterThan(0)
    expect(python?.detail.variants.map((one) => [one.definition, one.packageManager, one.shell, one.user])).toEqual([
      ['image/python/alpine-3.24/3.14', 'none', 'none', 'nonroot (65532)'],
      ['image/python/debian-13/3.14', 'none', 'none', 'nonroot (65532)'],
      ['image/python/debian-13/3.14-sfw-ent-dev', 'apt', 'bash', 'root (0)'],
      ['image/python/debian-13/3.14-dev', 'apt', 'bash', 'root (0)'],
    ])
    expect(of('argocd-chart')?.summary).toMatchObject({ kind: 'chart', title: 'Argo CD Helm Chart', distributions: [] })
    expect(of('argocd-chart')?.detail.variants).toMatchObject([{ variant: 'helm', tags: ['10.4.0'], shell: null }])
  })

  test('are the same out of an archive below a folder, packed or not, and are not read again while they are', async () => {
    const { files } = await readDefinitionsAt(fixturePath('catalog'), signal)
    const tar = await tarOf(
      [...files].map(([path, bytes]) => ({ name: `catalog-main/${path}`, text: Buffer.from(bytes) as never })),
    )
    const folder = await entriesOf({ files, notes: [] })
    for (const bytes of [tar, gzipSync(tar)]) {
      const archive = await entriesOf(await read(bytes))
      expect(archive.entries.map(({ digest }) => digest)).toEqual(folder.entries.map(({ digest }) => digest))
    }
    const known = new Map(folder.entries.map(({ digest, repository }) => [digest, repository]))
    const again = await entriesOf({ files, notes: [] }, known)
    expect(again.entries.map(({ repository, said }) => [repository, said])).toEqual(
      folder.entries.map(({ repository }) => [repository, undefined]),
    )
  })

  test('the sample has its own, of the release that it serves', async () => {
    const { entries, notes, of } = await entriesOf({ files: sampleDefinitionFiles(2), notes: [] })
    expect(notes).toEqual([])
    expect(entries.map(({ repository }) => repository).sort()).toEqual(['nginx', 'nginx-chart', 'node', 'python'])
    expect(of('python')?.summary.compliance).toEqual(['cis'])
    expect(of('python')?.detail.variants.map(({ tags }) => tags.length)).toEqual([7, 7, 7])
    expect(of('nginx-chart')?.detail.variants[0]?.tags).toEqual(['1.1.0'])
  })
})

describe('definitions that mean harm', () => {
  test('a path that leads elsewhere is not wanted', () => {
    for (const path of [
      '../image/app/info.yaml',
      'image/../../etc/info.yaml',
      '/image/app/info.yaml',
      'a/b/image/app/info.yaml',
      'image/app/../info.yaml',
      'image/./x/info.yaml',
      'image/app\\..\\x/info.yaml',
      'image/app/\u0000/1.yaml',
      'chart/app/config/values.yaml',
      'image/app/logo.svg/x',
      `image/${'a'.repeat(200)}/info.yaml`,
    ]) {
      expect([path, wantedPath(path)]).toEqual([path, undefined])
    }
    expect(wantedPath('./image/app/debian-13/1.yaml')).toBe('image/app/debian-13/1.yaml')
  })

  test('links, devices and paths out of an archive give nothing; a name that is there twice counts once', async () => {
    const { files, notes } = await read(
      await tarOf([
        { name: 'image/app/debian-13/1.yaml', text: 'name: first' },
        { name: 'image/app/debian-13/1.yaml', text: DEFINITION },
        { name: '../image/evil/info.yaml', text: 'x' },
        { name: 'image/evil/info.yaml', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'image/evil/logo.svg', type: 'link', linkname: 'image/app/debian-13/1.yaml' },
        { name: 'image/evil/overview.md', type: 'character-device' },
      ]),
    )
    expect([...files.keys()]).toEqual(['image/app/debian-13/1.yaml'])
    expect(notes).toEqual(['image/app/debian-13/1.yaml is there twice: the last one counts'])
    expect((await entriesOf({ files, notes })).entries[0]?.repository).toBe('app')
  })

  test('a link in a folder of the server is not followed', async () => {
    const secret = join(directory.path, 'secret.yaml')
    writeFileSync(secret, DEFINITION)
    const folder = join(directory.path, 'linked/image/app/debian-13')
    mkdirSync(folder, { recursive: true })
    symlinkSync(secret, join(folder, '1.yaml'))
    symlinkSync(dirname(secret), join(directory.path, 'linked/image/other'))
    expect((await readDefinitionsAt(join(directory.path, 'linked'), signal)).files.size).toBe(0)
    const failed = readDefinitionsAt(join(directory.path, 'absent'), signal)
    await expect(failed).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  })

  test('a file that is too large is left out and told, and so is an archive that unpacks to too much', async () => {
    const large = await read(await tarOf([{ name: 'image/app/overview.md', text: 'x'.repeat(200_000) }]))
    expect(large.files.size).toBe(0)
    expect(large.notes).toEqual(['image/app/overview.md has 200000 bytes, want at most 131072: it was left out'])
    const bomb = gzipSync(await tarOf([{ name: 'zeros', text: '\0'.repeat(8 * 1024 * 1024) }]))
    expect(bomb.byteLength).toBeLessThan(20_000)
    const limits = { packedBytes: 1024 * 1024, bytes: 1024 * 1024, entries: 3 }
    await expect(read(bomb, limits)).rejects.toMatchObject({
      code: 'UPSTREAM_INVALID',
      message: 'the archive unpacks to more than 1048576 bytes',
    })
    const many = await tarOf([1, 2, 3, 4].map((n) => ({ name: `${n}`, text: '' })))
    await expect(read(many, limits)).rejects.toMatchObject({ message: 'the archive has more than 3 entries' })
    await expect(read(gzipSync(many), { ...limits, packedBytes: 10 })).rejects.toMatchObject({
      message: 'the archive has more than 10 bytes',
    })
  })

  test('what is no archive, or breaks off, is told as such', async () => {
    const tar = await tarOf([{ name: 'image/app/debian-13/1.yaml', text: DEFINITION.repeat(100) }])
    const packed = gzipSync(tar)
    for (const bytes of [
      Buffer.from('<html>'.repeat(200)),
      tar.subarray(0, 1500),
      packed.subarray(0, packed.length / 2),
    ]) {
      await expect(read(bytes)).rejects.toMatchObject({
        code: 'UPSTREAM_INVALID',
        message: 'the archive is no .tar or .tar.gz archive that can be read',
      })
    }
    await expect(read(new Uint8Array())).rejects.toMatchObject({ message: 'the archive is empty' })
  })

  test('a bomb of aliases, a deep nest and a broken document cost their own file alone', async () => {
    const level = (n: number) =>
      `a${n}: &a${n} [${Array(10)
        .fill(n === 0 ? 'x' : `*a${n - 1}`)
        .join(', ')}]`
    const bomb = Array.from({ length: 12 }, (_, n) => level(n)).join('\n')
    const { entries, notes } = await entriesOf(
      filesOf({
        'image/app/debian-13/1.yaml': DEFINITION,
        'image/app/debian-13/2.yaml': bomb,
        'image/app/debian-13/3.yaml': `x: ${'['.repeat(60_000)}`,
        'image/app/debian-13/4.yaml': '- a list',
        'image/app/info.yaml':
          'metadata: {display-name: [not, a, text], categories: {a: 1}, home-url: "javascript:alert(1)"}',
        'image/none/info.yaml': 'metadata: {display-name: None}',
      }),
    )
    expect(entries.map(({ repository, said }) => [repository, said?.detail.variants.length])).toEqual([['app', 1]])
    expect(entries[0]?.said?.summary).toMatchObject({ title: null, categories: [] })
    expect(entries[0]?.said?.detail.homeUrl).toBeNull()
    expect(notes.map((note) => note.split(/ (cannot|was)/)[0])).toEqual([
      ...['image/app/debian-13/2.yaml', 'image/app/debian-13/3.yaml', 'image/app/debian-13/4.yaml', 'image/none'],
    ])
  })

  test('many files hold up nothing else, are not all read, and not again while they are the same', async () => {
    // Long to read, and no image.
    const text = `x: [${Array(9000).fill('{a: b}').join(',')}]`
    const folder = (name: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`image/${name}/debian-13/${n}.yaml`, text]))
    const files = filesOf(folder('none', 310))
    const useless: UselessFolders = new Map()
    const notes: string[] = []
    const read = async () => {
      for await (const _ of definedEntries(files, new Map(), (note) => notes.push(note), useless)) expect.unreachable()
    }
    const parse = spyOn(YAML, 'parse')
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    await read()
    clearInterval(timer)
    expect(turns).toBeGreaterThan(10)
    const said = [
      '10 definitions of image/none were left out: it has more than 300',
      'image/none was left out: none of its definitions names an image',
    ]
    expect(notes).toEqual(said)
    expect([useless.size, parse.mock.calls.length]).toEqual([1, 300])
    await read()
    expect([parse.mock.calls.length, notes]).toEqual([300, [...said, ...said]])
    parse.mockRestore()
  })

  test('aliases that say a text many times make nothing that is larger than its files', async () => {
    const long = 'é'.repeat(290)
    const tools = Array.from({ length: 100 }, (_, n) => `{name: t${n}, description: *d}`)
    const info = (tools: readonly string[]) =>
      `d: &d "${long}"\nt: &t {name: same, description: *d}\nmetadata: {included-tools: [${tools}]}`
    const { notes, of } = await entriesOf(
      filesOf({
        'image/app/debian-13/1.yaml': DEFINITION,
        'image/app/info.yaml': info(Array(100).fill('*t')),
        'image/bomb/debian-13/1.yaml': DEFINITION.replace('dhi.io/app', 'dhi.io/bomb'),
        'image/bomb/info.yaml': info(tools),
      }),
    )
    expect(of('app')?.detail.tools.map(({ name }) => name)).toEqual(['same'])
    expect(of('bomb')).toBeUndefined()
    expect(notes).toEqual([
      expect.stringMatching(/^image\/bomb was left out: its texts have more than \d{4} bytes together$/),
    ])
  })

  test('two folders that define one repository: the first has it, and the other is told', async () => {
    const { entries, notes } = await entriesOf(
      filesOf({
        'chart/app/helm/1.yaml': DEFINITION,
        'image/app/debian-13/1.yaml': DEFINITION,
        'image/zebra/debian-13/1.yaml': DEFINITION,
        'image/zebra/debian-13/2.yaml': DEFINITION.replace('dhi.io/app', 'dhi.io/zebra'),
        'image/bad/debian-13/1.yaml': 'image: "dhi.io/../Bad Name"',
      }),
    )
    expect(entries.map(({ repository, said }) => [repository, said?.summary.kind])).toEqual([['app', 'image']])
    expect(notes).toEqual([
      'image/bad was left out: none of its definitions names an image',
      'image/zebra/debian-13/2.yaml was left out: it defines zebra, not app',
      'image/zebra was left out: image/app defines app already',
      'chart/app was left out: image/app defines app already',
    ])
  })

  test('texts are cut to one line without control characters', async () => {
    const info = `metadata: {display-name: "A\\u0000\\u202e\\nB", short-description: "${'long '.repeat(400)}"}`
    const { of } = await entriesOf(filesOf({ 'image/app/debian-13/1.yaml': DEFINITION, 'image/app/info.yaml': info }))
    expect(of('app')?.summary.title).toBe('A B')
    expect([...(of('app')?.summary.description ?? '')].length).toBeLessThanOrEqual(120)
    expect([...(of('app')?.detail.description ?? '')].length).toBeLessThanOrEqual(1000)
  })
})
