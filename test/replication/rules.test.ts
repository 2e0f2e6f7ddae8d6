// Rules of many organizations: one whose targets do not answer holds up no other, in this round or the next.
import { afterEach, expect, test } from 'bun:test'
import type { Database } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { createTarget } from '../../src/db/replication/targets.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { AppError } from '../../src/errors.ts'
import { createLogger } from '../../src/lib/logger.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'
import type { Replications } from '../../src/replication/engine.ts'
import { createReplicationRules, type ReplicationRules } from '../../src/replication/rules.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('rules of replications', (openFresh) => {
  let rules: ReplicationRules
  afterEach(() => rules.close())

  async function organization(db: Database, name: string, targets: number) {
    const at = new Date().toISOString()
    await db.write(async (tx) => {
      const { row } = await createOrganization(tx, { name, at })
      for (let i = 0; i < targets; i++) {
        await createTarget(tx, {
          ...{ organization_id: row.id, name: `hub-${i}`, url: 'https://hub.example', kind: null },
          ...{ sign_in: 'password', sign_in_settings: '{}', username: null, sealed_password: null, ca: null },
          ...{ plain_http: 0, max_rate: '[]', created_at: at },
        })
      }
      await createRepository(tx, {
        ...{ organizationId: row.id, name: `${name}/app` as RepositoryName, actor: 'user:test', at },
      })
    })
    for (let i = 0; i < targets; i++) {
      await rules.start({ organization: name, target: `hub-${i}`, match: ['*'], as: 'to/{name}', by: 'user:test' })
    }
  }

  test('an organization with twenty targets that hang has one place, and others are looked at in each round', async () => {
    const db = await openFresh()
    const begun: string[] = []
    let told = () => {}
    const start: Replications['start'] = async ({ repository, target, signal }) => {
      begun.push(`${repository} ${target}`)
      told()
      if (repository.startsWith('slow/')) {
        await new Promise<void>((_, reject) => {
          signal?.addEventListener('abort', () => reject(new AppError('CANCELLED', 'closed')))
        })
      }
      throw new AppError('TARGET_UNAVAILABLE', 'it does not answer')
    }
    rules = createReplicationRules({ db, replications: { start }, logger: createLogger('silent'), everyMs: 20 })
    const until = async (isSo: () => boolean) => {
      while (!isSo()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        told = resolve
        await promise
      }
    }
    await organization(db, 'slow', 20)
    await until(() => begun.some((one) => one.startsWith('slow/')))
    await organization(db, 'quick', 3)
    rules.begin()
    await until(() => begun.filter((one) => one.startsWith('quick/')).length === 3)
    // A round of later: what comes then is not behind those that hang.
    await organization(db, 'late', 1)
    await until(() => begun.includes('late/app hub-0'))
    expect(begun.filter((one) => one.startsWith('slow/'))).toHaveLength(1)
  })
})
