// A backup of a server that is at work, restored to the other engine: the same content, history, people, secrets and settings.
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { imagesLayout } from '../e2e/small-layout.ts'
import { backUpTo, locationOf, locationOfServer, restoreFrom } from '../support/backups.ts'
import { compareMirror } from '../support/compare.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

const layout = imagesLayout({ images: 3, layers: 2, layerBytes: 40_000, signed: true })
const LISTS = [
  '/repositories/acme/app/history',
  '/repositories/acme/app/tags',
  '/upstreams',
  '/targets',
  '/organizations/acme/members',
  '/organizations/acme/teams',
  '/organizations/acme/webhooks',
  '/organizations/acme/audit',
]

async function fill(server: WholeServer): Promise<{ member: Login; token: string }> {
  const member = await server.addUser('ada', { acme: 'editor' })
  const make = async (path: string, body: object) => {
    const made = await server.call('POST', path, { login: OWNER, body })
    if (made.status >= 300) throw new Error(`${path}: ${made.text}`)
    return JSON.parse(made.text)
  }
  const place = {
    url: 'https://registry.example.com',
    username: 'bot',
    password: 'sealed secret',
    organization: 'acme',
  }
  await make('/upstreams', { name: 'there', ...place, check: false })
  await make('/organizations/acme/teams', { name: 'builders' })
  await make('/organizations/acme/webhooks', { name: 'ci', url: 'https://receiver.example.com/in', enabled: false })
  await pushLayout(layout, server.url, 'acme/app', { credentials: OWNER })
  const made = await make('/tokens', { label: 'ci', scope: 'read' })
  return { member, token: made.token }
}

async function allOf(server: WholeServer): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const path of LISTS) {
    const answer = await server.call('GET', path, { login: OWNER })
    expect([path, answer.status]).toEqual([path, 200])
    // Asking is being seen.
    found[path] = JSON.parse(answer.text, (name, value) => (name === 'lastSeenAt' ? null : value))
  }
  return found
}

const differences = (server: WholeServer, credentials: Login) =>
  compareMirror(layout, { url: server.url, repository: 'acme/app', credentials }, { fallbackTags: 'tags' })

if (!havePostgres) console.warn('\n*** SKIPPED, NO POSTGRESQL: backups (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('a backup, restored to the other engine', () => {
  test.each([
    ['sqlite', 'postgres'],
    ['postgres', 'sqlite'],
  ] as const)('%s to %s: all of it is there, and a backup of the new one writes next to nothing', async (from, to) => {
    const directory = temporaryDirectory('backup')
    const at = (...parts: string[]) => join(directory.path, ...parts)
    const envOf = async (engine: string) =>
      engine === 'postgres' ? { KAGAMI_DATABASE: await (await postgres()).freshDatabase() } : {}
    const source = await startWholeServer({ env: await envOf(from) })
    try {
      const { member, token } = await fill(source)
      const pushing = pushLayout(
        imagesLayout({ images: 2, layers: 1, layerBytes: 9000, seed: 'meanwhile' }),
        source.url,
        'acme/other',
        { credentials: OWNER },
      )
      const report = await backUpTo(locationOfServer(source), at('backups'))
      await pushing
      expect(report).toMatchObject({ newBlobs: report.blobs, newBytes: report.bytes })
      expect(report.blobs).toBeGreaterThanOrEqual(layout.blobs.size)
      expect(readdirSync(at('backups', 'sets'))).toEqual([report.set])
      expect(statSync(at('backups')).mode & 0o077).toBe(0)
      const before = await allOf(source)
      const last = await backUpTo(locationOfServer(source), at('backups'))
      expect(last.newBlobs).toBe(last.blobs - report.blobs)
      await source.stop()

      const env = await envOf(to)
      const there = locationOf(at('data'), env.KAGAMI_DATABASE)
      const restored = await restoreFrom(there, at('backups'))
      expect(restored).toMatchObject({ set: last.set, rows: last.rows, blobs: last.blobs, withoutKey: false })
      const server = await startWholeServer({ directory: at('data'), env })
      try {
        expect(await differences(server, OWNER)).toEqual([])
        expect(await differences(server, { username: OWNER.username, password: token })).toEqual([])
        expect((await server.call('GET', '/user', { login: member })).status).toBe(200)
        expect(await allOf(server)).toEqual(before)
        const again = await backUpTo(locationOfServer(server), at('backups'), { keep: 1, isVerifying: true })
        expect(again).toMatchObject({ newBlobs: 0, blobs: last.blobs })
        // What both engines hold of unchanged tables is the same to the byte.
        expect(again.newBytes).toBeLessThan(again.bytes / 10)
        expect(readdirSync(at('backups', 'sets'))).toEqual([again.set])
        const refused = restoreFrom(there, at('backups'))
        await expect(refused).rejects.toThrow('another server is running on the data directory')
      } finally {
        await server.stop()
      }
      await expect(restoreFrom(there, at('backups'))).rejects.toThrow('has data already: restore to an empty one')
      await expect(restoreFrom(locationOf(at('fresh')), at('backups'))).resolves.toMatchObject({ blobs: last.blobs })
    } finally {
      await source.stop().catch(() => {})
      directory.remove()
    }
  })
})
