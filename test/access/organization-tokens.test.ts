import { expect, test } from 'bun:test'
import { issueOrganizationToken, MAX_TOKENS, type NewOrganizationToken } from '../../src/access/organization-tokens.ts'
import type { Authenticated } from '../../src/access/principal.ts'
import { decideAcross, decideInstance, decideOrganization, decideRepository } from '../../src/access/rights.ts'
import {
  removeOrganizationToken,
  removeTokensOfRule,
  setOrganizationTokenActive,
} from '../../src/db/people/organization-tokens.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, basic, openAccessInstance } from './access-instance.ts'

async function issue(on: AccessInstance, o: Partial<NewOrganizationToken> = {}) {
  const organizationId = await on.organization('acme')
  const all = { organizationId, label: 'ci', allow: ['pull'], repositories: ['*'], expiresAt: null } as const
  const { row, text } = await on.db.write((tx) =>
    issueOrganizationToken(tx, { ...all, createdBy: 'user:boss', ...o }, on.clock),
  )
  return { id: row.id, organizationId, text: text.reveal() }
}

const bearerOf = async (on: AccessInstance, id: string): Promise<string> => {
  const access = [{ type: 'repository', name: 'acme/app', actions: ['pull'] }] as const
  return `Bearer ${(await on.signBearer({ subject: { username: 'acme', organizationTokenId: id }, access })).token}`
}

describeOnEachEngine('tokens of organizations', (openFresh) => {
  test('sign in under the name of their organization, as Basic and as Bearer, and stand for nobody', async () => {
    const on = await openAccessInstance(await openFresh())
    const { id, text } = await issue(on)
    expect(text).toMatch(/^kgm_oat_[0-9A-Za-z]{42}$/)
    for (const header of [basic('acme', text), basic('ACME', text), `Bearer ${text}`]) {
      const { principal } = await on.authenticator.authenticate(header)
      expect(principal).toMatchObject({ kind: 'organization-token', tokenId: id, label: 'ci' })
    }
    const stored = await on.db.read.selectFrom('organization_tokens').selectAll().execute()
    expect(JSON.stringify(stored)).not.toContain(text)
  })

  test('a wrong pair is told in words that are the same whatever is wrong with it', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.organization('beta')
    const { text } = await issue(on)
    const ended = await issue(on, { expiresAt: '2020-01-01T00:00:00.000Z' })
    const messages = new Set<string>()
    for (const [username, password] of [
      ['boss', text],
      ['beta', text],
      ['acme', `${text.slice(0, -1)}!`],
      ['acme', `kgm_oat_${'x'.repeat(42)}`],
      ['acme', ended.text],
    ] as const) {
      const error = await on.authenticator.authenticate(basic(username, password)).catch((thrown: Error) => thrown)
      messages.add(error instanceof Error ? error.message : 'let in')
    }
    expect([...messages]).toEqual([expect.stringContaining('the user name is the name of the organization')])
  })

  test('revoked, deactivated or expired, or its rule gone: the next request is refused, by a bearer token of it too', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.repository('acme/app')
    const ends: Record<string, (id: string, organizationId: string) => Promise<unknown>> = {
      revoked: (id, organizationId) => on.db.write((tx) => removeOrganizationToken(tx, organizationId, id)),
      deactivated: (id, organizationId) =>
        on.db.write((tx) => setOrganizationTokenActive(tx, organizationId, id, false)),
      'rule deleted': () => on.db.write((tx) => removeTokensOfRule(tx, 'rule-1')),
      expired: async () => on.clock.advance(60_000),
    }
    for (const [how, end] of Object.entries(ends)) {
      const expiresAt = new Date(on.clock.now().getTime() + 30_000).toISOString()
      const token = await issue(on, { ruleId: 'rule-1', expiresAt })
      const headers = [basic('acme', token.text), `Bearer ${token.text}`, await bearerOf(on, token.id)]
      const callers: Authenticated[] = []
      for (const header of headers) callers.push(await on.authenticator.authenticate(header))
      const name = parseRepositoryName('acme/app')
      for (const who of callers) {
        expect((await decideRepository(on.db.read, who, name, 'pull', on.clock.now())).allowed).toBe(true)
      }
      await end(token.id, token.organizationId)
      for (const header of headers) await expect(on.authenticator.authenticate(header)).rejects.toThrow()
      // What was let in before the end is judged by what is there now.
      for (const who of callers) {
        const decision = await decideRepository(on.db.read, who, name, 'pull', on.clock.now())
        expect([how, decision]).toEqual([how, { allowed: false, reason: 'unauthenticated' }])
      }
    }
  })

  test('a deactivated token serves again once it is activated', async () => {
    const on = await openAccessInstance(await openFresh())
    const { id, text, organizationId } = await issue(on)
    await on.db.write((tx) => setOrganizationTokenActive(tx, organizationId, id, false))
    await expect(on.authenticator.authenticate(basic('acme', text))).rejects.toThrow()
    await on.db.write((tx) => setOrganizationTokenActive(tx, organizationId, id, true))
    expect((await on.authenticator.authenticate(basic('acme', text))).principal.kind).toBe('organization-token')
  })

  test('it may what it allows on what it names, and nothing anywhere else', async () => {
    const on = await openAccessInstance(await openFresh())
    for (const name of ['acme/app', 'acme/dhi-python', 'beta/app']) await on.repository(name)
    await on.repository('beta/open', 'public')
    const { text } = await issue(on, { allow: ['pull', 'push'], repositories: ['dhi-*', 'acme/new'] })
    const who = await on.authenticator.authenticate(basic('acme', text))
    const may = async (name: string, action: 'pull' | 'push' | 'delete' | 'admin') => {
      const decision = await decideRepository(on.db.read, who, parseRepositoryName(name), action, on.clock.now())
      return decision.allowed ? (decision.repository === undefined ? 'absent' : 'allowed') : decision.reason
    }
    expect(await may('acme/dhi-python', 'pull')).toBe('allowed')
    expect(await may('acme/dhi-python', 'push')).toBe('allowed')
    expect(await may('acme/dhi-python', 'delete')).toBe('denied')
    expect(await may('acme/dhi-python', 'admin')).toBe('denied')
    // A push makes what the token names, and nothing else.
    expect(await may('acme/new', 'push')).toBe('absent')
    expect(await may('acme/dhi-none', 'push')).toBe('absent')
    for (const name of ['acme/app', 'acme/none', 'beta/app', 'nobody/app']) {
      expect([name, await may(name, 'pull'), await may(name, 'push')]).toEqual([name, 'denied', 'denied'])
    }
    expect(await may('beta/open', 'pull')).toBe('allowed')
    expect(await may('beta/open', 'push')).toBe('denied')
    const onlyPush = await issue(on, { allow: ['push'], repositories: ['*'] })
    const pusher = await on.authenticator.authenticate(basic('acme', onlyPush.text))
    const open = parseRepositoryName('beta/open')
    expect((await decideRepository(on.db.read, pusher, open, 'pull', on.clock.now())).allowed).toBe(false)
  })

  test('it has no account, manages no people, and subscribes only where it names everything', async () => {
    const on = await openAccessInstance(await openFresh())
    const as = async (o: Partial<NewOrganizationToken>) =>
      on.authenticator.authenticate(basic('acme', (await issue(on, o)).text))
    const narrow = await as({ allow: ['mirrors'], repositories: ['dhi-*'] })
    const wide = await as({ allow: ['mirrors'], repositories: ['*'] })
    const inAcme = async (who: Authenticated, action: Parameters<typeof decideOrganization>[3]) =>
      (await decideOrganization(on.db.read, who, 'acme', action, on.clock.now())).allowed
    for (const action of ['account.read', 'token.manage', 'user.create', 'metrics.read'] as const) {
      expect(await decideInstance(on.db.read, wide, action, on.clock.now())).toMatchObject({ reason: 'denied' })
    }
    for (const action of ['member.read', 'member.manage', 'team.read', 'organization-token.manage'] as const) {
      expect([action, await inAcme(wide, action)]).toEqual([action, false])
    }
    expect([await inAcme(narrow, 'subscription.manage'), await inAcme(wide, 'subscription.manage')]).toEqual([
      false,
      true,
    ])
    expect([await inAcme(narrow, 'mirror.start'), await inAcme(wide, 'mirror.start')]).toEqual([false, true])
    const start = (who: Authenticated, name: string) =>
      decideRepository(on.db.read, who, parseRepositoryName(name), 'mirror.start', on.clock.now())
    expect([(await start(narrow, 'acme/dhi-x')).allowed, (await start(narrow, 'acme/x')).allowed]).toEqual([
      true,
      false,
    ])
    expect(await decideAcross(on.db.read, narrow, 'organization.read', on.clock.now())).toMatchObject({
      organizations: [{ name: 'acme', seesAll: false }],
    })
  })

  test('wrong ones are refused by name, and an organization has a bounded number', async () => {
    const on = await openAccessInstance(await openFresh())
    await expect(issue(on, { label: ' ' })).rejects.toThrow('label')
    await expect(issue(on, { label: 'a\u0007' })).rejects.toThrow('label')
    await expect(issue(on, { allow: [] })).rejects.toThrow('allow')
    await expect(issue(on, { repositories: [] })).rejects.toThrow('repositories: got 0')
    await expect(issue(on, { repositories: ['A*'] })).rejects.toThrow('got "A*"')
    await expect(issue(on, { repositories: Array.from({ length: 51 }, (_, n) => `r${n}`) })).rejects.toThrow('got 51')
    const organizationId = await on.organization('acme')
    const most = { label: 'x', allow: ['pull'], repositories: ['*'], createdBy: 'user:boss' } as const
    await on.db.write(async (tx) => {
      for (let n = 0; n < MAX_TOKENS; n++) {
        await issueOrganizationToken(tx, { ...most, organizationId, expiresAt: '2020-01-01T00:00:00.000Z' }, on.clock)
      }
    })
    await expect(issue(on)).rejects.toThrow('100 tokens')
    // CI jobs' are counted by themselves, and expired ones go.
    const expiresAt = new Date(on.clock.now().getTime() + 60_000).toISOString()
    const first = await issue(on, { ruleId: 'r', expiresAt })
    on.clock.advance(120_000)
    await issue(on, { ruleId: 'r', expiresAt: null })
    const ids = await on.db.read.selectFrom('organization_tokens').select('id').where('rule_id', '=', 'r').execute()
    expect(ids.map(({ id }) => id)).not.toContain(first.id)
  })

  test('use is noted', async () => {
    const on = await openAccessInstance(await openFresh())
    const { id, text } = await issue(on)
    await on.authenticator.authenticate(await bearerOf(on, id))
    await on.authenticator.authenticate(basic('acme', text))
    await on.db.later.settled()
    const row = await on.db.read.selectFrom('organization_tokens').selectAll().where('id', '=', id).executeTakeFirst()
    expect(row?.last_used_at).toBe(on.clock.now().toISOString())
  })
})
