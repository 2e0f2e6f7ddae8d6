/**
 * The bundle of the web page: out of the executable, which `scripts/build` has packed it into; from a clone it is made from the sources at
 * the first request for it.
 */
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { PageBundle, PageFile } from '../http/page/bundle.ts'

/** Name of the packed bundle among the files of the executable. */
export const PACK_NAME = 'page-pack'
/** What gets no smaller is sent as it is. */
const MIN_COMPRESSED = 512

/** What React asks for; put in its place here, and read nowhere. */
const NODE_ENV = ['process', 'env', 'NODE_ENV'].join('.')

interface Packed extends Omit<PageBundle, 'files'> {
  readonly files: readonly { readonly path: string; readonly type: string; readonly base64: string }[]
}

type Outputs = NonNullable<Bun.BuildOutput['metafile']>['outputs']

export function createPageLoader(): () => Promise<PageBundle> {
  let loading: Promise<PageBundle> | undefined
  return () => {
    loading ??= load().catch((error) => {
      loading = undefined
      throw error
    })
    return loading
  }
}

async function load(): Promise<PageBundle> {
  const pack = Bun.embeddedFiles.find((file) => (file as File).name?.startsWith(PACK_NAME))
  return bundleOf(pack === undefined ? await packPage() : ((await pack.json()) as Packed), pack === undefined ? 6 : 11)
}

/** Bundles the page from the sources. */
export async function packPage(): Promise<Packed> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, '..', 'web', 'main.tsx')],
    target: 'browser',
    splitting: true,
    minify: true,
    metafile: true,
    naming: { entry: '[name]-[hash].[ext]', chunk: '[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: { [NODE_ENV]: '"production"' },
  })
  const files = await Promise.all(
    built.outputs.map(async (output) => ({
      path: `/assets/${output.path.split('/').at(-1)}`,
      kind: output.kind,
      type: output.type,
      base64: Buffer.from(await output.arrayBuffer()).toString('base64'),
    })),
  )
  const script = files.find(({ kind }) => kind === 'entry-point')?.path
  if (script === undefined) throw new Error('the bundle of the page has no entry')
  const styles = files.flatMap(({ path }) => (path.endsWith('.css') ? [path] : []))
  const preloads = importsOf(built.metafile?.outputs ?? {}, script.slice('/assets/'.length))
  return { script, styles, preloads, files: files.map(({ path, type, base64 }) => ({ path, type, base64 })) }
}

/** Paths of all that a script imports before it runs, and what those do. */
function importsOf(outputs: Outputs, script: string, found = new Set<string>()): string[] {
  for (const { path, kind } of outputs[`./${script}`]?.imports ?? []) {
    const name = path.replace('./', '')
    if (kind !== 'import-statement' || found.has(name)) continue
    found.add(name)
    importsOf(outputs, name, found)
  }
  return [...found].map((name) => `/assets/${name}`)
}

function bundleOf({ files, ...named }: Packed, quality: number): PageBundle {
  return {
    ...named,
    files: new Map(files.map(({ path, type, base64 }) => [path, fileOf(type, base64, quality)])),
  }
}

function fileOf(type: string, base64: string, quality: number): PageFile {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
  if (bytes.length < MIN_COMPRESSED) return { type, bytes }
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } })
  return { type, bytes, brotli: new Uint8Array(brotli), gzip: new Uint8Array(gzipSync(bytes)) }
}
