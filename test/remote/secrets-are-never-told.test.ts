// Whatever an upstream says in an error, and wherever, the reader of the error hears no secret: not the password, no token, in no encoding.
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import type { AppError } from '../../src/errors.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { openRemoteRegistry } from '../../src/remote/remote-registry.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { APP, collect, failed, loopbackNetwork, scriptedRegistry, tagOf } from './scripted-registry.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const ENCODINGS: readonly ((text: string) => string)[] = [
  (text) => text,
  base64,
  (text) => base64(`a${text}`),
  (text) => base64(`ab${text}`),
  (text) => Buffer.from(text).toString('base64url'),
  (text) => Buffer.from(text).toString('hex'),
  encodeURIComponent,
  (text) => encodeURIComponent(text).toLowerCase(),
  (text) => new URLSearchParams({ '': text }).toString().slice(1),
  (text) => JSON.stringify(text).slice(1, -1),
  (text) => encodeURIComponent(base64(text)),
]
const BLOB = { mediaType: 'application/octet-stream', digest: digestOf('x'), size: 100 }

/** All that an error tells people, the log and the database. */
function told(error: AppError): string {
  const parts: unknown[] = []
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    parts.push(one.message, one.stack, (one as Partial<AppError>).detail ?? null)
  }
  return JSON.stringify(parts)
}

/** A client for which no name exists. */
const namelessHttp = () =>
  createHttpClient({
    policy: { allowLoopback: true, allowNetworks: [] },
    lookup: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
  })

interface Echo {
  /** In a header it cannot hold what is no visible ASCII. */
  readonly text: string
  readonly origin: string
}

/** Ways in which a registry answers a request with what it was asked with. */
const WAYS: Readonly<Record<string, (echo: Echo) => Response>> = {
  body: ({ text }) => new Response(`you sent ${text}!`, { status: 400 }),
  'JSON error': ({ text }) => Response.json({ errors: [{ code: 'DENIED', message: text }] }, { status: 403 }),
  'JSON details': ({ text }) => Response.json({ details: `a ${text}` }, { status: 401 }),
  'JSON with code units': ({ text }) =>
    new Response(
      `{"message":"${Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"}`,
      { status: 400 },
    ),
  'body that goes on': ({ text }) => new Response(`${'x'.repeat(190)}${text}${'y'.repeat(20_000)}`, { status: 500 }),
  'late in the body': ({ text }) => new Response(`${' '.repeat(1015)}${text}`, { status: 400 }),
  'not JSON, cut': ({ text }) => new Response(`<html>${'-'.repeat(64)}${text}`),
  'not JSON': ({ text }) => new Response(text),
  'Content-Type': ({ text }) => new Response('?', { headers: { 'content-type': `x/${encodeURIComponent(text)}` } }),
  'Content-Encoding': ({ text }) => new Response('?', { headers: { 'content-encoding': encodeURIComponent(text) } }),
  'Content-Range': ({ text }) =>
    new Response('?', { status: 206, headers: { 'content-range': `bytes ${encodeURIComponent(text)}` } }),
  'link to the next page': ({ text, origin }) =>
    Response.json(
      { name: 'app', tags: [], repositories: [] },
      { headers: { link: `<${origin}/elsewhere?${encodeURIComponent(text)}>; rel="next"` } },
    ),
  'redirect to a host of that name': ({ text }) =>
    new Response(null, {
      status: 307,
      headers: { location: `https://x${Buffer.from(text).toString('hex').slice(0, 60)}.invalid./` },
    }),
  'redirect off http': ({ text }) =>
    new Response(null, {
      status: 307,
      headers: { location: `x-${encodeURIComponent(text).replace(/[^A-Za-z0-9]/g, '')}://x` },
    }),
}

const password = fc.stringMatching(/^[!-~]{8,24}$/)
const token = fc.stringMatching(/^[!-~]{12,30}$/)

describe.each(Object.keys(WAYS))('an echo in the %s', (way) => {
  test('by the registry or its token service', async () => {
    const echo = WAYS[way]
    if (echo === undefined) throw new Error('no such way')
    const who = fc.record({
      password,
      token,
      by: fc.constantFrom('registry', 'token service'),
      encode: fc.constantFrom(...ENCODINGS),
    })
    await fc.assert(
      fc.asyncProperty(who, async ({ password: secret, token: bearer, by, encode }) => {
        await using registry = scriptedRegistry((asked, origin) => {
          const sent = asked.headers.get('authorization')?.replace(/^\w+ /, '')
          const isToken = asked.path.startsWith('/token')
          // In one of the two forms that it knows: as it was sent, and what that says.
          const text = encode(isToken ? secret : (sent ?? ''))
          if (isToken)
            return by === 'token service'
              ? echo({ text, origin })
              : Response.json({ token: bearer, refresh_token: secret })
          if (sent === undefined) {
            return new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="${origin}/token"` } })
          }
          return echo({ text, origin })
        })
        const endpoint = { url: registry.url, username: 'me', password: secret }
        const network = { ...loopbackNetwork(), http: namelessHttp() }
        const reader = openRemoteRepository(network, endpoint, APP)
        const works = [
          () => collect(reader.listTags()),
          () => reader.resolve({ tag: tagOf('1') }),
          () => reader.readManifest({ ...BLOB, mediaType: 'application/vnd.oci.image.manifest.v1+json' }),
          () => reader.openBlob(BLOB, { offset: 1, length: 5 }).then(({ stream }) => new Response(stream).text()),
          () => collect(openRemoteRegistry(network, endpoint).listRepositories()),
        ]
        for (const work of works) {
          const error = await failed(
            work().then((answer) => {
              // Some ways are no error for some questions.
              if (answer !== undefined) throw Object.assign(new Error(), { isAnswer: true })
            }),
          ).catch((thrown) => {
            if (thrown?.isAnswer || thrown?.message === 'want a failure, got an answer') return undefined
            throw thrown
          })
          if (error === undefined) continue
          const text = told(error)
          for (const hidden of [secret, bearer, base64(`me:${secret}`)]) {
            const quoted = JSON.stringify(hidden).slice(1, -1)
            for (const form of [hidden, quoted, base64(hidden).replace(/.?=*$/, ''), encodeURIComponent(hidden)]) {
              expect(text).not.toContain(form)
            }
            expect(text.toLowerCase()).not.toContain(Buffer.from(hidden).toString('hex').slice(0, 60))
          }
        }
      }),
      { numRuns: 12 },
    )
  })
})

test('an ETag that repeats a secret is not kept', async () => {
  await using registry = scriptedRegistry(({ headers, path }) => {
    if (!headers.has('authorization'))
      return new Response('', { status: 401, headers: { 'www-authenticate': 'Basic' } })
    if (!path.includes('/referrers/')) return undefined
    const etag = `"${headers.get('authorization')?.slice('Basic '.length)}"`
    const body = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }
    return Response.json(body, { headers: { 'content-type': 'application/vnd.oci.image.index.v1+json', etag } })
  })
  const reader = openRemoteRepository(
    loopbackNetwork(),
    { url: registry.url, username: 'me', password: 'hunter2' },
    APP,
  )
  const list = await reader.listReferrers(BLOB)
  expect(list === 'unchanged' ? list : list.version).toBeUndefined()
})

test('a token that is longer than any header is refused', async () => {
  await using registry = scriptedRegistry((asked, origin) =>
    asked.path.startsWith('/token')
      ? Response.json({ token: 'x'.repeat(20_000) })
      : new Response('', { status: 401, headers: { 'www-authenticate': `Bearer realm="${origin}/token"` } }),
  )
  const error = await failed(collect(openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP).listTags()))
  expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining('20000 characters')])
})

test('no message cuts the words of others without the mark by which a secret in them is still known', () => {
  const rooms = ['net', 'remote'].map((room) => join(import.meta.dir, '../../src', room))
  const texts = rooms.flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(room, name), 'utf8')),
  )
  expect(texts.length).toBeGreaterThan(20)
  expect(texts.flatMap((text) => text.match(/\$\{[^}]*\.(?:slice|substring|substr)\([^}]*\}/g) ?? [])).toEqual([
    // What is cut there was redacted just before.
    expect.stringContaining('clean.slice(0, MESSAGE_EXCERPT_LENGTH)'),
  ])
})
