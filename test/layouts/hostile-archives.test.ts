// Archives and folders that are cut off, changed, or made to lead elsewhere.
import { afterAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Header, pack } from 'tar-stream'
import { isAppError } from '../../src/errors.ts'
import { openFolderFiles } from '../../src/layouts/folder-files.ts'
import { createLayoutReader } from '../../src/layouts/layout-reader.ts'
import { openTarFiles } from '../../src/layouts/tar-files.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { copyForReport } from '../support/copy.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'

const directory = temporaryDirectory('hostile-archives')
afterAll(() => directory.remove())
const at = (...parts: string[]) => join(directory.path, ...parts)
const INDEX = '{"schemaVersion":2,"manifests":[]}'

type Entry = Partial<Header> & { readonly name: string; readonly text?: string }

async function archive(name: string, entries: readonly Entry[]): Promise<string> {
  const tar = pack()
  for (const { text = '', ...header } of entries) tar.entry(header, text)
  tar.finalize()
  const parts: Uint8Array[] = []
  for await (const part of tar) parts.push(part as Uint8Array)
  writeFileSync(at(name), Buffer.concat(parts))
  return at(name)
}

async function refusal(open: () => Promise<unknown>): Promise<string> {
  try {
    await open()
  } catch (error) {
    if (isAppError(error, 'UPSTREAM_INVALID')) return error.message
    throw error
  }
  throw new Error('it was taken')
}

describe('archives', () => {
  const index: Entry = { name: 'index.json', text: INDEX }
  const cases: readonly (readonly [string, readonly Entry[], RegExp])[] = [
    ['a path that climbs', [index, { name: '../outside', text: 'x' }], /"\.\.\/outside" leads out/],
    ['a path that climbs later', [index, { name: 'blobs/../../outside', text: 'x' }], /leads out/],
    ['an absolute path', [index, { name: '/etc/passwd', text: 'x' }], /leads out/],
    ['a symbolic link', [{ name: 'index.json', type: 'symlink', linkname: '/etc/passwd' }], /of type symlink/],
    ['a hard link', [index, { name: 'blobs/sha256/aa', type: 'link', linkname: 'index.json' }], /of type link/],
    ['a device', [index, { name: 'blobs/sha256/aa', type: 'character-device' }], /of type character-device/],
    ['a pipe', [index, { name: 'oci-layout', type: 'fifo' }], /of type fifo/],
    ['a file twice', [index, { name: './index.json', text: INDEX }], /index\.json twice/],
    ['no index', [{ name: 'manifest.json', text: '[]' }], /no index\.json/],
  ]
  for (const [name, entries, message] of cases) {
    test(`with ${name} are refused`, async () => {
      const file = await archive('case.tar', entries)
      expect(await refusal(() => openTarFiles(file))).toMatch(message)
    })
  }

  test('with other files beside the layout, long names and folders are read', async () => {
    const file = await archive('others.tar', [
      { name: 'blobs/', type: 'directory' },
      { name: `blobs/sha512/${'a'.repeat(128)}`, text: 'long' },
      { name: './index.json', text: INDEX },
      { name: 'manifest.json', text: '[]' },
      { name: `${'deep/'.repeat(40)}file`, text: 'x' },
    ])
    const files = await openTarFiles(file)
    expect(files.paths).toEqual([`blobs/sha512/${'a'.repeat(128)}`, 'index.json'])
    const stream = await files.open(`blobs/sha512/${'a'.repeat(128)}`, { from: 1, to: 3 })
    expect(await new Response(stream).text()).toBe('on')
    await files.close()
  })

  test('that are compressed, empty, cut off or none are told as such', async () => {
    const file = await archive('plain.tar', [index, { name: 'blobs/sha256/aa', text: 'x'.repeat(4000) }])
    writeFileSync(at('packed.tar.gz'), Bun.gzipSync(readFileSync(file)))
    expect(await refusal(() => openTarFiles(at('packed.tar.gz')))).toMatch(/compressed by gzip.*gunzip/)
    writeFileSync(at('empty.tar'), '')
    expect(await refusal(() => openTarFiles(at('empty.tar')))).toMatch(/0 bytes/)
    writeFileSync(at('none.tar'), 'x'.repeat(2048))
    expect(await refusal(() => openTarFiles(at('none.tar')))).toMatch(/no tar archive/)
    for (const bytes of [1200, 2200, 6000]) {
      cpSync(file, at('cut.tar'))
      truncateSync(at('cut.tar'), bytes)
      expect(await refusal(() => openTarFiles(at('cut.tar')))).toMatch(/cut off/)
    }
  })
})

describe('an index', () => {
  test('of another version, of no JSON, or too large is refused', async () => {
    const folder = at('index')
    mkdirSync(folder)
    const read = () => createLayoutReader(openFolderFiles(folder)).readIndex()
    for (const [text, message] of [
      ['{', /not JSON/],
      ['[]', /no JSON object/],
      ['{"schemaVersion":1}', /schema version 2/],
      [`{"schemaVersion":2,"manifests":[${'{},'.repeat(200_001)}{}]}`, /200002 manifests/],
      [`${' '.repeat(65 * 1024 * 1024)}{}`, /want at most/],
    ] as const) {
      writeFileSync(join(folder, 'index.json'), text)
      expect(await refusal(read)).toMatch(message)
    }
    writeFileSync(join(folder, 'index.json'), INDEX)
    writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}')
    expect(await refusal(read)).toMatch(/version "2\.0\.0"/)
    rmSync(join(folder, 'oci-layout'))
    symlinkSync('/etc/hostname', join(folder, 'oci-layout'))
    expect(await refusal(read)).toMatch(/symbolic link/)
  })
})

describeWithFixtures('a layout that was changed', () => {
  const layout = fixtureLayout('oras-tree')
  const [tag = '', digest = ''] = [...layout.tags][0] ?? []
  const pathOf = (folder: string, one: string) => join(folder, 'blobs', ...one.split(':'))
  const copyOf = (name: string) => {
    cpSync(fixturePath('oras-tree'), at(name), { recursive: true })
    return at(name)
  }

  test('in a blob, or cut, fails for the tags that need it, and nothing of them is written', async () => {
    const folder = copyOf('changed')
    const blob = layout.manifests.get(layout.manifests.get(digest)?.children[0] ?? digest)?.blobs.at(-1) ?? ''
    const bytes = readFileSync(pathOf(folder, blob))
    bytes[0] = (bytes[0] ?? 0) ^ 1
    writeFileSync(pathOf(folder, blob), bytes)
    const changed = await copyForReport([`oci:${folder}:${tag}`, `oci:${at('changed-copy')}`], { status: 1 })
    expect(changed.failures[0]?.code).toBe('DIGEST_INVALID')
    truncateSync(pathOf(folder, blob), 1)
    const cut = await copyForReport([`oci:${folder}:${tag}`, `tar:${at('cut-copy.tar')}`], { status: 1 })
    expect(cut.failures[0]?.code).toBe('SIZE_INVALID')
    expect(readdirSync(directory.path).filter((name) => /^(cut|changed)-copy/.test(name))).toEqual(['changed-copy'])
    expect(readdirSync(at('changed-copy'))).not.toContain('index.json')
  })

  test('in a manifest, or by a link in the place of one, is refused', async () => {
    const folder = copyOf('manifest')
    const path = pathOf(folder, digest)
    renameSync(path, at('elsewhere'))
    symlinkSync(at('elsewhere'), path)
    const reader = createLayoutReader(openFolderFiles(folder))
    expect(await refusal(() => reader.readManifest({ digest: digest as Digest }))).toMatch(/symbolic link/)
    rmSync(path)
    writeFileSync(path, `${readFileSync(at('elsewhere'), 'utf8')} `)
    expect(await refusal(() => reader.readManifest({ digest: digest as Digest }))).toMatch(/hash to/)
    const linked = at('linked')
    mkdirSync(linked)
    cpSync(join(folder, 'index.json'), join(linked, 'index.json'))
    symlinkSync(join(folder, 'blobs'), join(linked, 'blobs'))
    const other = createLayoutReader(openFolderFiles(linked))
    expect(await refusal(() => other.readManifest({ digest: digest as Digest }))).toMatch(/no directory/)
  })

  test('so that a referrer is gone says so: nobody is told that an image has none', async () => {
    const folder = copyOf('gone')
    const [referrer = ''] = [...layout.referrers.values()]
      .flat()
      .filter((one) => ![...layout.tags.values()].includes(one))
    rmSync(pathOf(folder, referrer))
    const report = await copyForReport([`oci:${folder}:${tag}`, `oci:${at('gone-copy')}`], { status: 1 })
    expect(report.failures[0]?.message).toContain(`lists ${referrer} without a name`)
  })
})
