import { createRoute } from '@hono/zod-openapi'
import { type SampleRelease, sampleReleaseAnswerSchema } from '../../api/sample.ts'
import type { Database } from '../../db/engine/engine.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { AppError } from '../../errors.ts'
import { allowOnInstance } from './decide.ts'
import { created, newRoutes, type Routes } from './route.ts'

/** The sample upstream that this server runs beside itself. */
export interface SampleControl {
  /** Publishes the next release. */
  publishNext(): Promise<SampleRelease>
}

const release = createRoute({
  method: 'post',
  path: '/sample/releases',
  tags: ['sample'],
  summary: 'Publish the next release of the sample upstream (operators)',
  responses: created('What it serves now', sampleReleaseAnswerSchema),
})

interface Deps {
  readonly db: Database
  /** Undefined: the server was started without the sample. */
  readonly sample: SampleControl | undefined
}

export function sampleRoutes({ db, sample }: Deps): Routes {
  return newRoutes().change(
    release,
    (who) => allowOnInstance(db, who, 'instance.admin', 'release the sample'),
    {
      action: 'sample.release',
      on: () => ({ organization: null, object: 'sample' }),
      // What it changes is files beside the database.
      read: undefined,
    },
    async (c) => {
      if (sample === undefined) {
        throw new AppError('NOT_FOUND', 'this server runs no sample upstream: start it with kagami serve --sample')
      }
      const after = await sample.publishNext()
      const change = { organizationId: null, action: 'sample.release', object: 'sample', before: null }
      await db.write((tx) => recordAudit(tx, { ...change, after: { ...after } }))
      return c.json({ sample: after }, 201)
    },
  )
}
