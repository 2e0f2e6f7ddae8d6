// An organization's end: there for nobody from the answer on, removed in portions, and nothing of it left in any table but what is named here.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { auditListSchema } from '../../../src/api/audit.ts'
import { organizationLossesSchema } from '../../../src/api/organizations.ts'
import { type Database, openDatabase } from '../../../src/db/engine/engine.ts'
import { closeOrganization, listClosedOrganizations } from '../../../src/db/mirrors/organization-ends.ts'
import { removePortion } from '../../../src/db/mirrors/organization-remains.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { emptyOrganization } from '../../../src/server/ended-organizations.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

/** Its own row, what keeps the past of the instance, and what is removed bit by bit of what is gone by itself. */
const STAYS: ReadonlySet<string> = new Set(['organizations', 'audit_entries', 'events', 'webhook_deliveries', 'leases'])

describeOnEachDatabase('the end of an organization', (startServer) => {
  let kagami: WholeServer
  let db: Database
  let mia: Login
  let machine: string
  let invitation: string
  let id: string

  const must = async (method: string, path: string, body: unknown, login: Login | string = OWNER) => {
    const answer = await kagami.call(method, path, { login, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }
  const refused = async (login: Login | string | undefined, method: string, path: string, body?: unknown) => {
    const { status, code } = await kagami.call(method, path, { login, body })
    return `${status} ${code}`
  }

  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    db = await openDatabase(kagami.database)
    mia = await kagami.addUser('mia', { gone: 'owner' })
    await kagami.addUser('tom', { gone: 'member' })
    const own = { organization: 'gone', url: 'https://registry.example.com/team', check: false }
    await must('POST', '/upstreams', { ...own, name: 'up' }, mia)
    await must('POST', '/upstreams', { ...own, name: 'signed', referrersFrom: 'up' }, mia)
    await must('POST', '/upstreams/signed/hook?organization=gone', {}, mia)
    await must('POST', '/targets', { ...own, name: 'out' }, mia)
    await must('POST', '/repositories', { name: 'gone/shown', visibility: 'public' }, mia)
    await emptyIndexPushed(kagami.url, 'gone/shown', 'one', mia)
    await emptyIndexPushed(kagami.url, 'gone/shown', 'two', mia)
    const { run } = await must(
      'POST',
      '/mirrors',
      { organization: 'gone', upstream: 'sample', repository: 'nginx', as: 'web' },
      mia,
    )
    await kagami.server.mirrors.wait(run.id)
    await must('POST', '/subscriptions', { organization: 'gone', upstream: 'sample', match: ['node'] }, mia)
    await must('POST', '/organizations/gone/teams', { name: 'readers' }, mia)
    await must('PUT', '/organizations/gone/teams/readers/members/tom', {}, mia)
    await must('PUT', '/organizations/gone/teams/readers/grants', { repository: 'shown', permission: 'admin' }, mia)
    const all = { label: 'ci', allow: ['pull', 'push'], repositories: ['*'] }
    machine = (await must('POST', '/organizations/gone/tokens', all, mia)).token
    const letter = { role: 'member', email: 'guest@example.com' }
    invitation = (await must('POST', '/organizations/gone/invitations', letter, mia)).url.split('#')[1]
    const rule = {
      kind: 'rule',
      name: 'ci',
      issuer: 'https://ci.example.com',
      audience: 'x',
      subject: 's',
    }
    await must('POST', '/organizations/gone/identities', rule, mia)
    const hook = { name: 'ci', url: 'https://receiver.example.com/in' }
    await must('POST', '/organizations/gone/webhooks', hook, mia)
    await must('POST', '/repositories/gone/shown/webhooks', hook, mia)
    await must('POST', '/organizations/gone/webhooks/ci/test', undefined, mia)
    const upload = await fetch(`${kagami.url}/v2/gone/shown/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization: authorization(mia) },
    })
    expect(upload.status).toBe(202)
    const pulled = await fetch(`${kagami.url}/v2/gone/shown/manifests/one`)
    expect(pulled.status).toBe(200)
    id = (await db.read.selectFrom('organizations').select('id').where('name', '=', 'gone').executeTakeFirstOrThrow())
      .id
  })
  afterAll(async () => {
    await db.close()
    await kagami.stop()
  })

  test('its owner is told what would be lost; without its name, or with its repositories, nothing goes', async () => {
    const { losses } = (await kagami.call('GET', '/organizations/gone/deletion', { login: mia })).as(
      organizationLossesSchema,
    )
    expect(losses).toMatchObject({ upstreams: 2, webhooks: 2, tokens: 1, teams: 1, members: 3 })
    expect(losses.repositories).toBeGreaterThanOrEqual(2)
    expect(losses.tags).toBeGreaterThan(2)
    expect(await refused({ ...mia, username: 'tom' }, 'DELETE', '/organizations/gone?confirm=gone')).toStartWith('401')
    expect(await refused(machine, 'DELETE', '/organizations/gone?confirm=gone')).toBe('403 DENIED')
    expect(await refused(mia, 'DELETE', '/organizations/gone')).toBe('400 INVALID_REQUEST')
    expect(await refused(mia, 'DELETE', '/organizations/gone?confirm=gon&withRepositories=true')).toBe(
      '400 INVALID_REQUEST',
    )
    expect(await refused(mia, 'DELETE', '/organizations/gone?confirm=gone')).toBe('409 CONFLICT')
    expect((await kagami.call('GET', '/organizations/gone', { login: mia })).status).toBe(200)
  })

  test('from the answer on it is there for nobody, and a portion at a time it is gone from every table', async () => {
    const ids = await idsOf(db, id)
    expect(ids.size).toBeGreaterThan(20)
    const deleted = await kagami.call('DELETE', '/organizations/gone?confirm=gone&withRepositories=true', {
      login: mia,
    })
    expect(deleted.status).toBe(204)
    // The session and the account of people stay.
    expect((await kagami.call('GET', '/user', { login: mia })).status).toBe(200)
    for (const login of [mia, OWNER]) {
      expect(await refused(login, 'GET', '/organizations/gone')).toBe('403 DENIED')
      expect(await refused(login, 'GET', '/repositories/gone/shown')).toBe('403 DENIED')
      expect(await refused(login, 'POST', '/repositories', { name: 'gone/new' })).toBe('403 DENIED')
      const { organizations } = await must('GET', '/organizations', undefined, login)
      expect(organizations.map(({ name }: { name: string }) => name)).not.toContain('gone')
    }
    expect(await refused(machine, 'GET', '/repositories')).toStartWith('401')
    expect((await fetch(`${kagami.url}/v2/gone/shown/manifests/one`)).status).toBe(401)
    expect(await refused(OWNER, 'POST', '/invitations/accept', { token: invitation })).toStartWith('4')
    // The server may be at it too; whoever comes goes on with what is left.
    await db.stage((tx) => removePortion(tx, id))
    await emptyOrganization({ db, clock: systemClock }, id)
    expect(await listClosedOrganizations(db.read)).toEqual([])
    expect(await leftOf(db, new Set([...ids, id]))).toEqual([])
  })

  test('the fact stays in the log of the instance, and its own log for operators', async () => {
    const log = (await kagami.call('GET', '/audit?action=organization.delete&outcome=done', { login: OWNER })).as(
      auditListSchema,
    )
    expect(log.entries).toMatchObject([{ actor: 'user:mia', object: 'gone', before: { tokens: 1 }, after: null }])
    const own = (await kagami.call('GET', '/audit?deleted=gone', { login: OWNER })).as(auditListSchema)
    expect(own.entries.map(({ action }) => action)).toContain('organization-token.create')
    expect(await refused(mia, 'GET', '/audit?deleted=gone')).toBe('403 DENIED')
    expect(await refused(OWNER, 'GET', '/audit?deleted=never')).toBe('404 NOT_FOUND')
  })

  test('its name stays taken until an operator says that they want it', async () => {
    expect(await refused(OWNER, 'POST', '/organizations', { name: 'gone' })).toBe('409 CONFLICT')
    const { organization } = await must('POST', '/organizations', { name: 'gone', reuseName: true })
    expect(organization).toMatchObject({ repositories: 0, role: 'owner' })
    expect(await refused(mia, 'GET', '/organizations/gone')).toBe('403 DENIED')
    const entries = (await kagami.call('GET', '/organizations/gone/audit?outcome=done', { login: OWNER })).as(
      auditListSchema,
    ).entries
    expect(entries).toEqual([])
  })

  test('a name that is still being emptied is not given again, and two who delete at once delete once', async () => {
    await must('POST', '/organizations', { name: 'twice' })
    const both = await Promise.all(
      [1, 2].map(() => kagami.call('DELETE', '/organizations/twice?confirm=twice', { login: OWNER })),
    )
    expect(both.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1)
    await must('POST', '/organizations', { name: 'busy' })
    const row = db.read.selectFrom('organizations').select('id').where('name', '=', 'busy')
    const { id: busy } = await row.executeTakeFirstOrThrow()
    const at = '2026-01-01T00:00:00.000Z'
    const pending = db.write(async (tx) => {
      await closeOrganization(tx, busy, { at, withRepositories: false })
      await expect(closeOrganization(tx, busy, { at, withRepositories: false })).rejects.toThrow('no such organization')
    })
    await pending
    expect(await refused(OWNER, 'POST', '/organizations', { name: 'busy' })).toBe('409 CONFLICT')
  })
})

/** Ids of all that belongs to the organization. */
async function idsOf(db: Database, organizationId: string): Promise<Set<string>> {
  const ids = new Set<string>()
  for (const [table, columns] of await tablesOf(db)) {
    if (!columns.has('organization_id') || !columns.has('id') || STAYS.has(table)) continue
    const rows = await db.read
      .selectFrom(table as 'repositories')
      .select('id')
      .where('organization_id', '=', organizationId)
      .execute()
    for (const row of rows) ids.add(row.id)
  }
  const mirrors = db.read.selectFrom('mirrors').select('id').where('organization_id', '=', organizationId)
  const runs = await db.read.selectFrom('sync_runs').select('id').where('mirror_id', 'in', mirrors).execute()
  for (const run of runs) ids.add(run.id)
  return ids
}

/** Rows in which one of the ids stands, whatever the column is called. */
async function leftOf(db: Database, ids: ReadonlySet<string>): Promise<string[]> {
  const left: string[] = []
  for (const [table] of await tablesOf(db)) {
    if (STAYS.has(table)) continue
    const rows = await db.read
      .selectFrom(table as 'repositories')
      .selectAll()
      .execute()
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (typeof value === 'string' && ids.has(value)) left.push(`${table}.${column}`)
      }
    }
  }
  return left
}

async function tablesOf(db: Database): Promise<Map<string, Set<string>>> {
  const tables = await db.read.introspection.getTables()
  return new Map(tables.map(({ name, columns }) => [name, new Set(columns.map((column) => column.name))]))
}
