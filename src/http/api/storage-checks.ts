import { createRoute } from '@hono/zod-openapi'
import { actorOf } from '../../access/principal.ts'
import {
  DEFAULT_CHECK_RATE,
  lastStorageCheckAnswerSchema,
  storageCheckAnswerSchema,
  storageCheckStartSchema,
} from '../../api/storage-checks.ts'
import type { Database } from '../../db/engine/engine.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import type { StorageChecks } from '../../upkeep/storage-checks.ts'
import { allowOnInstance } from './decide.ts'
import { body, created, newRoutes, ok, type Routes } from './route.ts'

const tags = ['operator']

const start = createRoute({
  method: 'post',
  path: '/operator/storage-checks',
  tags,
  summary: 'Hash again all that is stored, and repair it if asked to (operators)',
  description:
    'It goes on behind the answer, also after a restart of the server. One at a time: while one is under way, it is that one which is answered, and it repairs if this asks for it.',
  request: { body: body(storageCheckStartSchema) },
  responses: created('The check, which is under way', storageCheckAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/operator/storage-checks',
  tags,
  summary: 'How far the last check of the storage is, and what is damaged (operators)',
  responses: ok('The check that is under way, or the last one; null: there was none', lastStorageCheckAnswerSchema),
})

export function storageCheckRoutes({
  db,
  storageChecks,
}: {
  readonly db: Database
  readonly storageChecks: StorageChecks
}): Routes {
  return newRoutes()
    .serve(
      show,
      (who) => allowOnInstance(db, who, 'instance.read', 'see checks of the storage'),
      async (c) => c.json({ check: (await storageChecks.last()) ?? null }, 200),
    )
    .change(
      start,
      (who) => allowOnInstance(db, who, 'instance.admin', 'check the storage'),
      { action: 'storage.check', on: () => ({ organization: null, object: 'storage' }), read: undefined },
      async (c) => {
        const { repair, rateBytes } = c.req.valid('json')
        const by = actorOf(c.var.who)
        const change = { organizationId: null, action: 'storage.check', object: 'storage', before: null }
        const id = await storageChecks.start({ repair, rateBytes: rateBytes ?? DEFAULT_CHECK_RATE, by }, (tx, check) =>
          recordAudit(tx, { ...change, after: { check, repair } }),
        )
        return c.json({ check: await storageChecks.report(id) }, 201)
      },
    )
}
