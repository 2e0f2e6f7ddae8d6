// How the web page is served: files that never change under their names, a document that lets in nothing but them, and only to browsers.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { createPageLoader } from '../../src/server/page-bundle.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const HTML = { accept: 'text/html,application/xhtml+xml' }

let kagami: WholeServer
beforeAll(async () => {
  kagami = await startWholeServer()
})
afterAll(() => kagami.stop())

const get = (path: string, headers: Record<string, string> = HTML, method = 'GET') =>
  fetch(`${kagami.url}${path}`, { method, headers, decompress: false } as RequestInit)

/** Paths of the files that the document names. */
async function assets(): Promise<string[]> {
  return [...(await (await get('/')).text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path)
}

test('every address of the page is the one document, which holds nothing of anybody and is kept by nobody', async () => {
  const [first, other] = [await get('/'), await get('/o/acme/repository/dhi-python?tab=tags')]
  const withoutNonce = async (answer: Response) => (await answer.text()).replace(/csp-nonce" content="[^"]+"/, '')
  expect(await withoutNonce(first)).toBe(await withoutNonce(other))
  expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-store'])
})

test('its policy lets in own files alone, and styles that have the nonce of this very answer', async () => {
  const [one, two] = [await get('/'), await get('/')]
  const policy = one.headers.get('content-security-policy') ?? ''
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? ''
  expect(await one.text()).toContain(`<meta name="csp-nonce" content="${nonce}">`)
  expect(two.headers.get('content-security-policy')).not.toContain(nonce)
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
    expect(policy.split('; ')).toContain(part)
  }
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
})

test('files are named by their content, kept for ever, and sent compressed to whoever takes that', async () => {
  const paths = await assets()
  expect(paths.length).toBeGreaterThan(1)
  let sent = 0
  for (const path of paths) {
    const sizes: number[] = []
    // What fits into a packet anyway is sent as it is.
    const isSmall = (await (await get(path, { 'accept-encoding': 'identity' })).arrayBuffer()).byteLength < 512
    for (const encoding of ['br', 'gzip', 'identity']) {
      const answer = await get(path, { 'accept-encoding': encoding })
      expect([answer.status, answer.headers.get('content-encoding')]).toEqual([
        200,
        encoding === 'identity' || isSmall ? null : encoding,
      ])
      expect(answer.headers.get('cache-control')).toContain('immutable')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      sizes.push((await answer.arrayBuffer()).byteLength)
    }
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
    sent += sizes[0] ?? 0
  }
  // What a browser loads before it shows anything.
  expect(sent).toBeLessThanOrEqual(300 * 1024)
})

test('no page brings more than 150 KiB of its own', async () => {
  const { script, preloads, files } = await createPageLoader()()
  expect([...files.keys()]).toEqual(expect.arrayContaining([script, ...preloads]))
  const sizes = [...files].map(([path, { brotli, bytes }]) => [path, (brotli ?? bytes).byteLength] as const)
  expect(sizes.filter(([, size]) => size > 150 * 1024)).toEqual([])
  // Nothing that the first script imports is found out about by it.
  const text = new TextDecoder().decode(files.get(script)?.bytes)
  const imported = [...text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)].map(([, name]) => `/assets/${name}`)
  expect(imported.length).toBeGreaterThan(0)
  expect(preloads).toEqual(expect.arrayContaining(imported))
})

const ADDRESSES = {
  'device-page': '/device',
  'invitation-page': '/invitations',
  'setup-page': '/setup',
  'enter-page': '/enter',
  'operator-page': '/operator?tab=users',
  'profile-page': '/profile/tokens',
  'home-page': '/o/acme',
  'board-page': '/o/acme/board',
  'catalog-page': '/o/acme/catalog',
  'entry-page': '/o/acme/catalog/sample/dhi/python',
  'repositories-page': '/o/acme/repositories',
  'repository-page': '/o/acme/repository/base/dhi-python?tab=tags',
  'image-page': '/o/acme/image/base/dhi-python?reference=3',
  'find-page': '/o/acme/search',
  'mirrors-page': '/o/acme/mirrors',
  'webhooks-page': '/o/acme/webhooks',
  'people-page': '/o/acme/people',
  'team-page': '/o/acme/people/teams/builders',
  'settings-page': '/o/acme/settings?section=tokens',
}

test('whoever is signed in is told with the document which files the page wants that is opened, and no more', async () => {
  const router = await Bun.file(join(import.meta.dir, '../../src/web/router.tsx')).text()
  const pages = [...router.matchAll(/import\('\.\/[a-z]+\/([a-z-]+)\.tsx'\)/g)].map(([, name = '']) => name)
  expect(pages.toSorted()).toEqual(Object.keys(ADDRESSES).toSorted())
  const preloaded = async (path: string, cookie: string) =>
    [...(await (await get(path, { ...HTML, cookie })).text()).matchAll(/modulepreload" href="\/assets\/([^"]+)"/g)].map(
      ([, name = '']) => name,
    )
  const shell = await preloaded('/o/acme', '')
  for (const [page, path] of Object.entries(ADDRESSES)) {
    const names = await preloaded(path, 'kagami_session=one')
    expect([path, names.filter((name) => /-page-/.test(name)).map((name) => name.replace(/-[^-]+$/, ''))]).toEqual([
      path,
      [page],
    ])
    expect(names).toEqual(expect.arrayContaining(shell))
    // Nothing that the page imports is found out about by it.
    for (const name of names) {
      const text = await (await get(`/assets/${name}`, { 'accept-encoding': 'identity' })).text()
      for (const [, imported] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) expect(names).toContain(`${imported}`)
    }
  }
  expect(await preloaded('/o/acme/nothing', 'kagami_session=one')).toEqual(shell)
})

test('whoever wants no page gets none, and nothing else is shadowed by it', async () => {
  expect((await get('/', { accept: '*/*' })).headers.get('content-type')).toContain('text/plain')
  expect((await get('/o/acme/catalog', { accept: 'application/json' })).status).toBe(404)
  for (const path of ['/assets/none.js', '/assets/../package.json', '/nothing', '/api/v1/nothing', '/v2/nothing']) {
    expect([path, (await get(path)).status >= 400]).toEqual([path, true])
  }
  expect((await get('/device?code=BCDF-GHJK', { accept: '*/*' })).headers.get('content-type')).toContain('text/plain')
  expect((await get('/', HTML, 'POST')).status).toBe(404)
})
