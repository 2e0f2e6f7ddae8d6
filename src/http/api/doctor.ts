import { createRoute } from '@hono/zod-openapi'
import { type DoctorReport, doctorAnswerSchema } from '../../api/doctor.ts'
import type { Database } from '../../db/engine/engine.ts'
import { allowOnInstance } from './decide.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const examine = createRoute({
  method: 'get',
  path: '/operator/doctor',
  tags: ['operator'],
  summary: 'Look at storage, database, clock, upstreams, targets and logins, each finding with its mend (operators)',
  description:
    'Writes a probe to the storage and removes it, and asks the oldest 100 upstreams and targets with their logins.',
  responses: ok('Findings; those that are `ok` too', doctorAnswerSchema),
})

export function doctorRoutes({
  db,
  doctor,
}: {
  readonly db: Database
  readonly doctor: () => Promise<DoctorReport>
}): Routes {
  return newRoutes().serve(
    examine,
    (who) => allowOnInstance(db, who, 'instance.read', 'look at the server as its doctor'),
    async (c) => c.json(await doctor(), 200),
  )
}
