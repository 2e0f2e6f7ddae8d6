import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBearerSigner, createBearerVerifier, MAX_BEARER_LENGTH } from '../../src/access/bearer.ts'
import type { Access } from '../../src/access/principal.ts'
import { listAllowedActions } from '../../src/access/rights.ts'
import { importVerifyingKey, openSigningKey } from '../../src/access/signing-key.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { createSealer } from '../../src/lib/seal.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { describeWithFixtures, fixturePath } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'
import { createTestClock, openAccessInstance } from './access-instance.ts'

interface TokenFixtures {
  readonly service: string
  readonly issuer: string
  readonly repository: string
  readonly good: { readonly token: string }
  readonly bad: readonly { readonly name: string; readonly token: string; readonly why: string }[]
}

/** Genuine tokens that must not open more than they say. */
const LIMITED = ['other-repository', 'pull-only', 'no-access']

describeWithFixtures('bearer tokens of bad/tokens', () => {
  const fixtures: TokenFixtures = JSON.parse(readFileSync(fixturePath('bad/tokens/tokens.json'), 'utf8'))
  const jwks = JSON.parse(readFileSync(fixturePath('bad/tokens/jwks.json'), 'utf8'))
  // The names of the fixtures' users are no ids of ours, so `sub` alone is looked at here.
  const open = async () => {
    const keys = await Promise.all(jwks.keys.map(importVerifyingKey))
    const { issuer, service: audience } = fixtures
    return createBearerVerifier({ keys, issuer, audience, clock: createTestClock() })
  }
  const claimsOf = async (token: string): Promise<readonly Access[]> => (await (await open())(token)).access

  test('the good one is let through to the question whose it is', async () => {
    // Its signature, issuer, audience and times are right; what it lacks is a user id of this instance.
    await expect(claimsOf(fixtures.good.token)).rejects.toThrow('it names no user')
  })

  test.each(
    fixtures.bad
      .filter(({ name }) => !LIMITED.includes(name))
      .map(({ name, why, token }) => [name, why, token] as const),
  )('%s is refused: %s', async (_name, _why, token) => {
    const failing = claimsOf(token)
    await expect(failing).rejects.toMatchObject({ code: 'UNAUTHORIZED', detail: { error: 'invalid_token' } })
    await expect(failing).rejects.toThrow(/it was not signed here, or for something else|it has expired/)
  })

  test('the three genuine ones open no more than they carry, signed here for one who may do everything', async () => {
    const directory = temporaryDirectory('bearer')
    const db = await openDatabase(join(directory.path, 'kagami.sqlite'))
    try {
      const on = await openAccessInstance(db)
      await on.repository(fixtures.repository)
      const { id: userId } = await on.user('alice', { team: 'owner' })
      const name = parseRepositoryName(fixtures.repository)
      const opened: Record<string, string[]> = {}
      for (const { name: title, token } of [...fixtures.bad, { name: 'good', token: fixtures.good.token }]) {
        if (title !== 'good' && !LIMITED.includes(title)) continue
        const { access } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
        const signed = await on.signBearer({ subject: { userId, username: 'alice' }, access })
        const who = await on.authenticator.authenticate(`Bearer ${signed.token}`)
        opened[title] = await listAllowedActions(db.read, who, name, ['pull', 'push', 'delete', 'admin'])
      }
      expect(opened).toEqual({ 'other-repository': [], 'pull-only': ['pull'], 'no-access': [], good: ['pull', 'push'] })
    } finally {
      await db.close()
      directory.remove()
    }
  })

  test('three are genuine but limited, 20 are refused: all 23 are covered', () => {
    expect(fixtures.bad.length).toBe(23)
    expect(fixtures.bad.map(({ name }) => name)).toEqual(expect.arrayContaining(LIMITED))
  })
})

describeOnEachEngine('bearer tokens', (openFresh) => {
  const claims = { subject: undefined, access: [{ type: 'repository', name: 'acme/app', actions: ['pull'] }] } as const

  test('carry what they were given, are opaque to others, and live for 300 s', async () => {
    const { db, sealer, clock } = await openAccessInstance(await openFresh())
    const key = await openSigningKey(db, sealer)
    const { token } = await createBearerSigner(key, clock)(claims)
    const [header = '', payload = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header)).toEqual({ alg: 'ES256', typ: 'JWT', kid: key.keyId })
    const seconds = clock.now().getTime() / 1000
    expect(JSON.parse(payload)).toMatchObject({
      iss: 'kagami',
      aud: 'kagami',
      sub: '',
      iat: seconds,
      exp: seconds + 300,
    })
    const verify = createBearerVerifier({ keys: [key], issuer: 'kagami', audience: 'kagami', clock })
    expect(await verify(token)).toEqual(claims)
    clock.advance(299_000)
    expect(await verify(token)).toEqual(claims)
    clock.advance(1000)
    await expect(verify(token)).rejects.toThrow('it has expired')
  })

  test('are signed by one key on all servers of a database, which only the same sealing key opens', async () => {
    const { db, sealer } = await openAccessInstance(await openFresh())
    const keys = await Promise.all([openSigningKey(db, sealer), openSigningKey(db, sealer), openSigningKey(db, sealer)])
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(1)
    await expect(openSigningKey(db, createSealer(new Uint8Array(32)))).rejects.toThrow('sealed under another key')
    expect(JSON.stringify(await db.read.selectFrom('instance_settings').selectAll().execute())).not.toContain('"d"')
  })

  test('of another key are refused, also after a good one was remembered', async () => {
    const on = await openAccessInstance(await openFresh())
    const other = await openAccessInstance(await openFresh())
    const good = await on.signBearer(claims)
    const bad = await other.signBearer(claims)
    await on.authenticator.authenticate(`Bearer ${good.token}`)
    await expect(on.authenticator.authenticate(`Bearer ${bad.token}`)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    const [header, , signature] = good.token.split('.')
    const forged = Buffer.from(JSON.stringify({ iss: 'kagami', aud: 'kagami', sub: 'owner' })).toString('base64url')
    await expect(on.authenticator.authenticate(`Bearer ${header}.${forged}.${signature}`)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    })
  })

  test('stay under the header limits of proxies however much is asked, and say what they carry', async () => {
    const { signBearer } = await openAccessInstance(await openFresh())
    const access = Array.from({ length: 100 }, (_, index) => ({
      type: 'repository' as const,
      name: `acme/${'a'.repeat(200)}-${index}`,
      actions: ['pull', 'push', 'delete'] as const,
    }))
    const bearer = await signBearer({ subject: undefined, access })
    expect(bearer.token.length).toBeLessThanOrEqual(MAX_BEARER_LENGTH)
    expect(bearer.access.length).toBeGreaterThan(5)
    expect(bearer.access).toEqual(access.slice(0, bearer.access.length))
  })
})
