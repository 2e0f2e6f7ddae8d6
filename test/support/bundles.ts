// Bundles between two servers, by the command line; and bundles with other things in them than `kagami export` writes.
import { readFileSync, writeFileSync } from 'node:fs'
import { extract, pack } from 'tar-stream'
import type { BundleManifest } from '../../src/copy/bundle/bundle-manifest.ts'
import type { ExportReport } from '../../src/copy/bundle/export-bundle.ts'
import type { ImportReport } from '../../src/copy/bundle/import-report.ts'
import type { CommandLineUser } from './command-line.ts'

/** @throws Error when it ends otherwise than it should */
export async function exportFor(user: CommandLineUser, ...args: string[]): Promise<ExportReport> {
  const { status, stdout, stderr } = await user.run(['export', ...args, '--json'])
  if (status !== 0) throw new Error(`kagami export ${args.join(' ')}: ${status} ${stderr} ${stdout}`)
  return JSON.parse(stdout)
}

export async function importFor(user: CommandLineUser, args: readonly string[], want = 0): Promise<ImportReport> {
  const { status, stdout, stderr } = await user.run(['import', ...args, '--json'])
  if (status !== want) throw new Error(`kagami import ${args.join(' ')}: ${status} ${stderr} ${stdout}`)
  return JSON.parse(stdout)
}

interface Entry {
  name: string
  type: 'file' | 'symlink'
  linkname?: string
  bytes: Uint8Array
}

export async function readEntries(file: string): Promise<Entry[]> {
  const entries: Entry[] = []
  const tar = extract()
  const ended = new Promise<void>((resolve, reject) => {
    tar.on('finish', () => resolve())
    tar.on('error', reject)
  })
  tar.on('entry', ({ name }, stream, next) => {
    const chunks: Uint8Array[] = []
    stream.on('data', (chunk) => void chunks.push(chunk as Uint8Array))
    stream.on('end', () => {
      entries.push({ name, type: 'file', bytes: Buffer.concat(chunks) })
      next()
    })
  })
  tar.end(readFileSync(file))
  await ended
  return entries
}

/** The archive with its entries changed. */
export async function rewritten(file: string, to: string, change: (entries: Entry[]) => Entry[]): Promise<void> {
  const tar = pack()
  for (const { name, type, linkname, bytes } of change(await readEntries(file))) {
    if (type === 'symlink') tar.entry({ name, type, linkname: linkname ?? '' })
    else tar.entry({ name, type }, Buffer.from(bytes))
  }
  tar.finalize()
  writeFileSync(to, new Uint8Array(await new Response(tar as unknown as ReadableStream).arrayBuffer()))
}

/** Of what `kagami-bundle.json` says. */
export const withManifest = (change: (manifest: BundleManifest) => unknown) => (entries: Entry[]) =>
  entries.map((entry) => {
    if (entry.name !== 'kagami-bundle.json') return entry
    const changed = change(JSON.parse(Buffer.from(entry.bytes).toString()))
    return { ...entry, bytes: Buffer.from(JSON.stringify(changed)) }
  })

export async function manifestOf(file: string): Promise<BundleManifest> {
  const found = (await readEntries(file)).find(({ name }) => name === 'kagami-bundle.json')
  return JSON.parse(Buffer.from(found?.bytes ?? []).toString())
}
