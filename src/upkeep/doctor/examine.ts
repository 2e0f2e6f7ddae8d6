/** Looks at an instance from all sides; a look that fails is a finding, and never ends the others. */
import type { DoctorFinding, DoctorReport } from '../../api/doctor.ts'
import { messageOf } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'

/** One look, in the words of what is looked at. */
export interface Look {
  readonly what: string
  readonly where: string
  /** What to do when the look itself fails. */
  readonly mend: string
  /** @returns findings; none: all is well */
  run(): Promise<readonly DoctorFinding[]>
}

export async function examine(clock: Clock, looks: readonly Look[]): Promise<DoctorReport> {
  const found = await Promise.all(
    looks.map(async ({ what, where, mend, run }): Promise<readonly DoctorFinding[]> => {
      try {
        const findings = await run()
        return findings.length === 0 ? [{ level: 'ok', what: `${what}: well`, where, mend: '' }] : findings
      } catch (error) {
        return [{ level: 'fail', what: `${what}: ${messageOf(error)}`, where, mend }]
      }
    }),
  )
  return { at: isoTime(clock.now()), findings: found.flat() }
}
