// A database with people in it, and the parts of `access/` over it, with a clock that stands still until told.
import { randomBytes } from 'node:crypto'
import { type AccessParts, openAccess } from '../../src/access/open.ts'
import type { Authenticated } from '../../src/access/principal.ts'
import { createToken } from '../../src/access/tokens.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { addMember } from '../../src/db/people/members.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { makeOperator, type User } from '../../src/db/people/users.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import type { Role, TokenScope } from '../../src/db/schema.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { createSealer, type Sealer } from '../../src/lib/seal.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'

export interface TestClock extends Clock {
  advance(ms: number): void
}

export function createTestClock(start = Date.parse('2026-11-24T08:00:00Z')): TestClock {
  let ms = start
  return {
    now: () => new Date(ms),
    advance: (by) => {
      ms += by
    },
  }
}

export const PASSWORD = 'correct horse battery'

export interface AccessInstance extends AccessParts {
  readonly db: Database
  readonly clock: TestClock
  readonly sealer: Sealer
  user(name: string, roles?: Readonly<Record<string, Role>>): Promise<User & { who: Authenticated }>
  operator(name: string): Promise<User & { who: Authenticated }>
  organization(name: string): Promise<string>
  repository(name: string, visibility?: 'private' | 'public'): Promise<void>
  token(userId: string, scope: TokenScope, expires?: string): Promise<{ id: string; text: string }>
}

const at = '2026-11-24T00:00:00.000Z'

export async function openAccessInstance(db: Database): Promise<AccessInstance> {
  const clock = createTestClock()
  const sealer = createSealer(randomBytes(32))
  const parts = await openAccess(db, sealer, clock)
  const organization = (name: string) => db.write(async (tx) => (await createOrganization(tx, { name, at })).row.id)
  const whoOf = (user: User): Authenticated => ({
    principal: { kind: 'user', userId: user.id, username: user.username, isOperator: user.isOperator },
  })
  const user: AccessInstance['user'] = async (username, roles = {}) => {
    const made = await parts.accounts.createUser({ username, password: createSecret(PASSWORD) })
    for (const [name, role] of Object.entries(roles)) {
      const organizationId = await organization(name)
      await db.write((tx) => addMember(tx, { organizationId, userId: made.id, role, at }))
    }
    return { ...made, who: whoOf(made) }
  }
  return {
    ...parts,
    db,
    clock,
    sealer,
    user,
    organization,
    async operator(name) {
      const { who: _who, ...made } = await user(name)
      await db.write((tx) => makeOperator(tx, made.id))
      const operator = { ...made, isOperator: true }
      return { ...operator, who: whoOf(operator) }
    },
    async repository(text, visibility = 'private') {
      const name = parseRepositoryName(text)
      const organizationId = await organization(text.slice(0, text.indexOf('/')))
      await db.write((tx) => createRepository(tx, { organizationId, name, visibility, actor: 'system', at }))
    },
    async token(userId, scope, expires = 'never') {
      const { row, text } = await createToken(db, clock, { userId, label: 'test', scope, expires })
      return { id: row.id, text: text.reveal() }
    },
  }
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
