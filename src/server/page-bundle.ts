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

interface Packed extends Omit<PageBundle, 'files' | 'pages'> {
  readonly pages: Readonly<Record<string, readonly string[]>>
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

const WEB = join(import.meta.dir, '..', 'web')

/** Bundles the page from the sources. */
export async function packPage(): Promise<Packed> {
  const built = await Bun.build({
    entrypoints: [join(WEB, 'main.tsx')],
    files: await pagesWithShell(),
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
  const outputs = built.metafile?.outputs ?? {}
  const shell = importsOf(outputs, script)
  return {
    script,
    styles,
    preloads: [...shell].filter((path) => path !== script),
    pages: Object.fromEntries(
      files.flatMap(({ path }) => {
        const page = /^\/assets\/([a-z-]+-page)-[^-]+\.js$/.exec(path)?.[1]
        return page === undefined ? [] : [[page, [...importsOf(outputs, path)].filter((one) => !shell.has(one))]]
      }),
    ),
    files: files.map(({ path, type, base64 }) => ({ path, type, base64 })),
  }
}

/**
 * The sources of the router's pages, each with what the router imports. The bundler makes a file for every combination of pages that have
 * something in common; of what all have, as they have the shell, it makes one.
 */
async function pagesWithShell(): Promise<Record<string, string>> {
  const router = await Bun.file(join(WEB, 'router.tsx')).text()
  const imports = new Bun.Transpiler({ loader: 'tsx' }).scanImports(router).filter(({ path }) => path.startsWith('./'))
  const shell = imports.flatMap(({ kind, path }) =>
    kind === 'import-statement' ? [`import ${JSON.stringify(join(WEB, path))}\n`] : [],
  )
  const pages = imports.flatMap(({ kind, path }) => (kind === 'dynamic-import' ? [join(WEB, path)] : []))
  return Object.fromEntries(
    await Promise.all(pages.map(async (path) => [path, shell.join('') + (await Bun.file(path).text())] as const)),
  )
}

/** Paths of all that a script brings before it runs: itself, what it imports, and what that does. */
function importsOf(outputs: Outputs, script: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(script)) return found
  found.add(script)
  for (const { path, kind } of outputs[script.replace('/assets/', './')]?.imports ?? []) {
    if (kind === 'import-statement') importsOf(outputs, path.replace('./', '/assets/'), found)
  }
  return found
}

function bundleOf({ files, pages, ...named }: Packed, quality: number): PageBundle {
  return {
    ...named,
    pages: new Map(Object.entries(pages)),
    files: new Map(files.map(({ path, type, base64 }) => [path, fileOf(type, base64, quality)])),
  }
}

function fileOf(type: string, base64: string, quality: number): PageFile {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'))
  if (bytes.length < MIN_COMPRESSED) return { type, bytes }
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } })
  return { type, bytes, brotli: new Uint8Array(brotli), gzip: new Uint8Array(gzipSync(bytes)) }
}
